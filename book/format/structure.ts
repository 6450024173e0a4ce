/**
 * The shape of a lesson: the sections that all end with, exercises with solutions, links that lead somewhere.
 *
 * Invariant: looks at prose only outside of fences; every complaint names a line.
 */
import type { Lesson } from './lesson.ts';
import type { Problem } from './problems.ts';

/** Every lesson ends with these, in this order. */
export const SECTIONS = ['Imperative against compiled', 'Exercises', 'What to read next'] as const;

interface Line {
  readonly text: string;
  readonly line: number;
  /** Index of its block. */
  readonly block: number;
}

const FENCE = /^\s*(`{3,}|~{3,})/;

/** Lines of prose without those in fences. */
const linesOf = (lesson: Lesson): readonly Line[] =>
  lesson.blocks.flatMap((block, at) => {
    if (block.kind !== 'prose') return [];
    let isInside = false;
    return block.markdown.split('\n').flatMap((text, i) => {
      const isMark = FENCE.test(text);
      if (isMark) isInside = !isInside;
      return isInside || isMark ? [] : [{ text, line: block.line + i, block: at }];
    });
  });

/** Blocks between `<details>` and `</details>`. */
const solutionsIn = (lines: readonly Line[]): readonly (readonly [Line, Line])[] => {
  const opens = lines.filter(({ text }) => /^\s*<details>/.test(text));
  return opens.flatMap((open) => {
    const close = lines.find(({ line, text }) => line >= open.line && text.includes('</details>'));
    return close === undefined ? [] : [[open, close] as const];
  });
};

const sectionProblems = (headings: readonly Line[], last: number): readonly [number, string][] => {
  const titles = headings.map(({ text }) => text.replace(/^## +/, '').trim());
  const missing = SECTIONS.filter((title) => !titles.includes(title));
  if (missing.length > 0)
    return missing.map((title) => [last, `the section "## ${title}" is missing`]);
  const end = titles.slice(-SECTIONS.length);
  return SECTIONS.every((title, i) => end[i] === title)
    ? []
    : [
        [
          headings.at(-1)!.line,
          `a lesson ends with ${SECTIONS.map((t) => `"## ${t}"`).join(', ')}`,
        ],
      ];
};

/** What is wrong with the sections and exercises of a lesson. */
export const structureProblems = (lesson: Lesson, file: string): readonly Problem[] => {
  const lines = linesOf(lesson);
  const headings = lines.filter(({ text }) => text.startsWith('## '));
  const last = lines.at(-1)?.line ?? 1;
  const titles = lines.filter(({ text }) => text.startsWith('# '));
  const found: [number, string][] = [...sectionProblems(headings, last)];
  if (titles.length !== 1 || titles[0]?.text.slice(2).trim() !== lesson.title)
    found.push([titles[0]?.line ?? 1, `the lesson begins with its title: "# ${lesson.title}"`]);
  // a comment (CommonMark 4.6, condition 2) makes HTML of the whole line: no links, no code, no emphasis
  for (const { text, line } of lines)
    if (/^ *<!--=/.test(text))
      found.push([line, 'a line that begins with a value is not Markdown: let a word come first']);
  const isExercises = ({ text }: Line): boolean => text.trim() === '## Exercises';
  const from = headings.find(isExercises)?.line;
  const to = headings.find(({ line }) => from !== undefined && line > from)?.line ?? last + 1;
  const solutions = solutionsIn(lines);
  if (from !== undefined) {
    const within = lines.filter(({ line }) => line > from && line < to);
    const exercises = within.filter(({ text }) => /^\d+\. /.test(text));
    if (exercises.length === 0) found.push([from, 'there are no exercises: write "1. …"']);
    for (const [i, { line }] of exercises.entries()) {
      const end = exercises[i + 1]?.line ?? to;
      if (!solutions.some(([open]) => open.line > line && open.line < end))
        found.push([
          line,
          `exercise ${i + 1} has no solution: <details><summary>Solution</summary> … </details>`,
        ]);
    }
  }
  for (const block of lesson.blocks)
    if (block.kind === 'cell' && block.cell.role === 'solution') {
      const { line, id } = block.cell;
      if (!solutions.some(([open, close]) => open.line < line && line < close.line))
        found.push([line - 1, `the solution ${id} stands in <details> … </details>`]);
    }
  return found.map(([line, message]) => ({ file, line, message }));
};

export interface Link {
  readonly target: string;
  readonly line: number;
}

const TARGET = /\]\(([^)\s]+)(?:\s+"[^"]*")?\)|(?:src|href)="([^"]+)"/g;

/** What the prose of a lesson links to or shows, outside of code. */
export const linksOf = (lesson: Lesson): readonly Link[] =>
  linesOf(lesson).flatMap(({ text, line }) =>
    [...text.replaceAll(/`[^`]*`/g, '').matchAll(TARGET)].map((found) => ({
      target: (found[1] ?? found[2])!,
      line,
    })),
  );
