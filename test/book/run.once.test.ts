/** What a run is judged by: expected output, quoted values, the program that types are checked in. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { programOf } from '../../book/check/program.ts';
import { valueProblems } from '../../book/check/values.ts';
import { parseLesson } from '../../book/format/parse.ts';
import { showProblem } from '../../book/format/problems.ts';
import { printedLines, unexpected } from '../../book/run/expect.ts';
import { quotedNames, spellValue, withValues } from '../../book/run/quotes.ts';

test('expected lines: words, gaps and numbers that are about right', () => {
  const fits = (pattern: string, printed: string): boolean =>
    unexpected(pattern.split('\n'), printed.split('\n')) === undefined;
  for (const [pattern, printed] of [
    ['a (b) [c]', '  a (b) [c]  '],
    ['\na\n', 'a'],
    ['loss … done', 'loss 0.1, 3 done'],
    ['first\n…\nlast', 'first\n1\n2\nlast'],
    ['first\n…', 'first'],
    ['…', ''],
    ['accuracy ≈0.85', 'accuracy 0.82'],
    ['≈-2e-3 and ≈10±2 …', '-0.00205 and 12 more'],
  ] as const)
    assert.ok(fits(pattern, printed), `${pattern} | ${printed}`);
  for (const [pattern, printed] of [
    ['a', 'b'],
    ['a', 'a\nb'],
    ['a\n…\nb', 'a'],
    ['≈0.85', '0.8'],
    ['≈0.85', 'none'],
    ['≈10±2', '12.5'],
    ['x.y', 'xzy'],
  ] as const)
    assert.not.ok(fits(pattern, printed), `${pattern} | ${printed}`);
  assert.is(unexpected(['1'], ['2', '']), 'expected output:\n    1\n  printed:\n    2');
});

test('texts, values and errors are printed; figures and records are not', () => {
  assert.equal(
    printedLines([
      { kind: 'text', stream: 'log', text: 'a\nb' },
      { kind: 'record', name: 'r', value: 1 },
      { kind: 'display', id: 'd', item: { kind: 'table', columns: [], rows: [] } },
      { kind: 'value', text: '1' },
      { kind: 'error', name: 'ShapeError', message: 'no' },
    ]),
    ['a', 'b', '1', 'ShapeError: no'],
  );
});

const LESSON = `---
id: 03-01
title: Nets
concept: One thing.
minutes: 20
---
It is <!--= ratio -->?<!--/--> times as fast.

\`\`\`ts {#one}
import { nd, type Device } from 'tigon';
import {
  Dense,
} from 'tigon/nn';
const x = 1
\`\`\`

\`\`\`ts {#two test}
import { nd } from 'tigon'; const y = 2;
\`\`\`

\`\`\`ts {#three}
[x];
\`\`\`
`;

test('values in the text are found and replaced', () => {
  const lesson = parseLesson(LESSON, '03-01-nets', 'f');
  assert.equal(quotedNames(lesson), [{ name: 'ratio', text: '?', line: 7 }]);
  const recorded = { date: '', machine: '', command: '', cells: {}, values: { ratio: 1.9512 } };
  assert.equal(
    [recorded, { ...recorded, values: {} }, undefined].flatMap((given) =>
      valueProblems(lesson, 'f', given).map(showProblem),
    ),
    [
      'f:7: the text says that "ratio" is ?, but recorded was 1.95; run npm run lesson -- 03-01 --save',
      'f:7: the text says that "ratio" is ?, but no run recorded it; run npm run lesson -- 03-01 --save',
      'f:1: nothing was recorded of this lesson; run npm run lesson -- 03-01 --save',
    ],
  );
  const values = new Map([['ratio', 1.9512]]);
  assert.ok(withValues(LESSON, values).includes('is <!--= ratio -->1.95<!--/--> times'));
  assert.is(withValues(LESSON, new Map()), LESSON);
  assert.equal([1234567, 12345.6, 0.000123456, 'text'].map(spellValue), [
    '1,234,567',
    '12,346',
    '0.000123',
    'text',
  ]);
});

test('types are checked in a program with the lines of the lesson', () => {
  const program = programOf(parseLesson(LESSON, '03-01-nets', 'f'), 'f');
  const lines = program.text.split('\n');
  assert.is(lines[8], '{');
  assert.is(lines[13], 'const x = 1');
  assert.is(lines[17]?.trim(), 'const y = 2;');
  assert.equal([lines[14], lines[18], lines[21], lines[22]], [';', ';}', '[x];', ';']);
  const imports = lines.flatMap((text, i) =>
    text.startsWith('import') ? [`${text} ${program.lineOf(i + 1)}`] : [],
  );
  assert.equal(imports, [
    "import { nd } from 'tigon'; 10",
    "import { type Device } from 'tigon'; 10",
    "import { Dense } from 'tigon/nn'; 11",
  ]);
  const twice = LESSON.replace('[x];', "import { nd } from 'tigon/nn';");
  assert.equal(programOf(parseLesson(twice, '03-01-nets', 'f'), 'f').problems, [
    {
      file: 'f',
      line: 22,
      message: 'nd is imported from two places (tigon: nd; tigon/nn: nd); rename one',
    },
  ]);
});

test.run();
