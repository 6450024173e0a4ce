/** Lessons and the book: what is read, and that everything malformed is told with its line. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { type Book, bookProblems, parseBook } from '../../book/format/book.ts';
import { firstProblems, stopAt } from '../../book/format/first.ts';
import { cellsOf, type Lesson } from '../../book/format/lesson.ts';
import { parseLesson } from '../../book/format/parse.ts';
import { FormatError, showProblem } from '../../book/format/problems.ts';
import { readingMinutes, sectionsOf } from '../../book/format/sections.ts';
import { linksOf, structureProblems } from '../../book/format/structure.ts';

const HEAD = `---
id: 03-01
title: Nets
concept: One thing.
needs: [02-05]
minutes: 20
---
`;
const parse = (text: string, slug = '03-01-nets'): Lesson => parseLesson(text, slug, 'lesson.md');

const complaints = (read: () => unknown): readonly string[] => {
  try {
    read();
    return [];
  } catch (error) {
    if (error instanceof FormatError) return error.problems.map(showProblem);
    throw error;
  }
};

test('prose, cells and expected output keep their order and their lines', () => {
  const lesson = parse(`${HEAD}
# Nets

Some *prose*.

\`\`\`ts {#one quick="n=1, sizes=[2, 3]"}
const n = 10;
\`\`\`

\`\`\`out {for=one}
10
\`\`\`

1. An exercise
   ~~~ts {#two solution throws needs=webgpu}
   if (n) {
     n;
   }
   ~~~

\`\`\`sh
npm start
\`\`\`
`);
  assert.equal(
    lesson.blocks.map((b) => [b.kind, b.kind === 'cell' ? b.cell.line : b.line]),
    [
      ['prose', 8],
      ['cell', 14],
      ['expect', 17],
      ['prose', 20],
      ['cell', 23],
      ['prose', 27],
    ],
  );
  const [one, two] = cellsOf(lesson);
  assert.equal(one?.quick, { n: '1', sizes: '[2, 3]' });
  assert.is(two?.source, 'if (n) {\n  n;\n}');
  assert.equal([two?.role, two?.throws, two?.needs], ['solution', true, 'webgpu']);
  assert.is(lesson.minutes, 20);
  assert.equal(lesson.next, []);
});

test('what is malformed is told with its line, all at once', () => {
  assert.equal(
    complaints(() => parse('# No head')),
    ['lesson.md:1: a lesson begins with a head: lines of YAML between two lines of "---"'],
  );
  assert.equal(
    complaints(() =>
      parse(
        `---
id: 3-1
title: Nets
needs: 02-05
colour: red
minutes: soon
---
\`\`\`ts
1;
\`\`\`
\`\`\`ts {#a hidden test}
\`\`\`
\`\`\`ts {#a loud quick="n"}
\`\`\`
\`\`\`out {for=b}
\`\`\`
\`\`\`sh {#c}
\`\`\`
\`\`\`ts {#Big norun throws}
\`\`\``,
      ),
    ),
    [
      'lesson.md:5: unknown entry "colour" in the head; there are id, title, concept, needs, next, data, minutes, first',
      'lesson.md:6: the head says how long it takes: write minutes: 20',
      'lesson.md:2: "3-1" is no id of a lesson; write one like 03-01',
      'lesson.md:2: the head has no "concept"',
      'lesson.md:4: "needs" in the head is a list: write needs: [one, two]',
      'lesson.md:2: the id is 3-1, but the folder 03-01-nets; folders are named id-words',
      'lesson.md:8: the cell has no id; write ```ts {#id}',
      'lesson.md:11: a cell is hidden or test, not both',
      'lesson.md:13: unknown attribute "loud"; there are hidden, test, solution, norun, throws, quick="name=value", needs=webgpu and needs=files',
      'lesson.md:13: quick holds "n"; write quick="name=value, other=value"',
      'lesson.md:13: the id a is that of the cell at line 11',
      'lesson.md:15: there is no cell b above this output',
      'lesson.md:17: a fence of "sh" is prose and has no attributes; cells are ```ts',
      'lesson.md:19: "#Big" is no id: letters a-z, digits and "-", a letter first',
      'lesson.md:19: a norun cell is not run, so it cannot throw',
    ],
  );
  assert.equal(complaints(() => parse(`---\nid: [\n---\n`))[0]?.slice(0, 14), 'lesson.md:2: F');
  assert.match(complaints(() => parse(`${HEAD}\n\`\`\`ts {#x}\n1`))[0]!, 'md:9: this fence has no');
});

const sections = (exercises: string): string => `${HEAD}# Nets
Text.
## Imperative against compiled
## Exercises
${exercises}
## What to read next
`;

test('sections, exercises and solutions', () => {
  const problems = (text: string): readonly string[] =>
    structureProblems(parse(text), 'f').map(showProblem);
  const solved = '1. One\n   <details><summary>Solution</summary>\n\n   Yes.\n   </details>';
  assert.equal(problems(sections(solved)), []);
  assert.equal(problems(sections(`${solved}\n2. Two`)), [
    'f:17: exercise 2 has no solution: <details><summary>Solution</summary> … </details>',
  ]);
  assert.equal(problems(sections('')), ['f:11: there are no exercises: write "1. …"']);
  assert.equal(problems(sections(`${solved}\n\`\`\`ts {#s solution}\n\`\`\``)), [
    'f:17: the solution s stands in <details> … </details>',
  ]);
  assert.equal(problems(sections(solved).replace('Text.', 'So\n<!--= loss -->1<!--/-->.')), [
    'f:10: a line that begins with a value is not Markdown: let a word come first',
  ]);
  assert.equal(problems(`${HEAD}\`\`\`text\n# Nets\n\`\`\`\n## Exercises`), [
    'f:11: the section "## Imperative against compiled" is missing',
    'f:11: the section "## What to read next" is missing',
    'f:1: the lesson begins with its title: "# Nets"',
    'f:11: there are no exercises: write "1. …"',
  ]);
  assert.equal(
    linksOf(parse(`${HEAD}See [a](../b.md#c) and \`[x](y)\`, <img src="p.svg">.`)).map(
      (l) => l.target,
    ),
    ['../b.md#c', 'p.svg'],
  );
});

const BOOK = `title: T
subtitle: S
parts:
  - number: "02"
    title: Two
    lessons:
      02-05: Softmax
  - number: "03"
    title: Three
    lessons:
      03-01: Nets
      03-02: More
paths:
  - id: fast
    title: Fast
    motto: Go.
    text: Do.
    lessons: [03-01]
`;

test('the book names lessons in order, and lessons fit into it', () => {
  const book: Book = parseBook(BOOK, 'book.yml');
  assert.equal(
    book.parts.map((part) => part.lessons.map(({ id }) => id)),
    [['02-05'], ['03-01', '03-02']],
  );
  assert.equal(
    complaints(() =>
      parseBook(BOOK.replace('03-02', '04-02').replace('[03-01]', '[09-09]'), 'book.yml'),
    ),
    ['book.yml:12: 04-02 is not of part 03', 'book.yml:14: path fast: there is no lesson 09-09'],
  );
  const source = (text: string, slug: string, file: string) => ({
    lesson: parse(text, slug),
    file,
    text,
  });
  const first = HEAD.replace('03-01', '02-05').replace('needs: [02-05]', 'next: [03-01, 08-08]');
  assert.equal(
    bookProblems(book, [
      source(first, '02-05-a', 'a'),
      source(HEAD.replace('[02-05]', '[02-05, 03-02, 03-01]'), '03-01-b', 'b'),
      source(HEAD.replace('id: 03-01', 'id: 07-07'), '07-07-c', 'c'),
    ]).map(showProblem),
    [
      'a:5: the next lesson 08-08 is not in lessons/book.yml',
      'b:5: it needs lesson 03-02, which does not exist',
      'b:5: it needs lesson 03-01, which comes after it',
      'c:2: lesson 07-07 is not in lessons/book.yml',
      'c:5: it needs lesson 02-05, which comes after it',
    ],
  );
});

const WALK = `${HEAD.replace('\n---\n', '\nfirst: [Nets]\n---\n')}# Nets
one two three <!--= x -->4<!--/--> [five](six.md) $a + b$
\`\`\`ts {#a}
const a = 1;
\`\`\`
\`\`\`text
## no heading
\`\`\`
## Skipped
Long.
\`\`\`ts {#b}
a;
\`\`\`
## Nets
\`\`\`ts {#c}
a + 2;
\`\`\`
## Exercises
\`\`\`ts {#d}
a;
\`\`\`
`;

test('sections, and the time that reading them takes', () => {
  const sections = sectionsOf(parse(WALK));
  assert.equal(
    sections.map(({ title, line, blocks }) => [title, line, blocks.length]),
    [
      ['', 1, 3],
      ['Skipped', 17, 2],
      ['Nets', 22, 2],
      ['Exercises', 26, 2],
    ],
  );
  // six words and the title; two letters of a formula and three names of code; one result to look at
  const words = (count: number): number => count / 220;
  const near = (actual: number, expected: number): void =>
    assert.ok(Math.abs(actual - expected) < 1e-9, `${actual}, not ${expected}`);
  near(readingMinutes(sections.slice(2, 3)), words(1) + 2 / 100 + 5 / 60);
  near(readingMinutes(sections.slice(0, 1)), words(9) + 5 / 100 + 5 / 60);
});

test('the first hour is made of sections that exist, with the cells in between, and takes an hour', () => {
  const seconds = (_: Lesson, cell: string): number => ({ a: 1, b: 60, c: 2, d: 600 })[cell] ?? 0;
  const lesson = parse(WALK);
  const read = readingMinutes(sectionsOf(lesson).filter(({ title }) => title !== 'Skipped'));
  const stop = stopAt(lesson, seconds);
  assert.equal(stop.sections, ['Nets']);
  assert.ok(stop.minutes > 63 / 60 && stop.minutes < read + 63 / 60);

  const way = (minutes: number, lessons: string): Book =>
    parseBook(
      `${BOOK}first:\n  title: F\n  text: Go.\n  minutes: ${minutes}\n  lessons: [${lessons}]\n`,
      'book.yml',
    );
  const problems = (book: Book, text = WALK): readonly string[] =>
    firstProblems(book, [{ lesson: parse(text), file: 'f', text }], seconds).map(showProblem);
  assert.equal(problems(way(60, '03-01')), []);
  assert.match(
    problems(way(1, '03-01'))[0]!,
    /book.yml:1: the first hour takes 1\.\d minutes, not 1/,
  );
  assert.equal(problems(way(60, '02-05')), [
    'f:7: lesson 03-01 is not on the way of "first" in lessons/book.yml',
  ]);
  assert.equal(problems(way(60, '03-01'), WALK.replace('[Nets]', '[Nuts]')), [
    'f:7: there is no section "## Nuts"',
  ]);
  assert.match(problems(way(60, '03-01'), HEAD)[0]!, /name its sections/);
  assert.equal(
    complaints(() => way(60, '09-09')),
    ['book.yml:19: first: there is no lesson 09-09'],
  );
});

test.run();
