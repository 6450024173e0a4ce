/**
 * Runs a lesson from its first cell to its last, then its solutions, and judges what comes of it.
 *
 * Invariant: cells after one that failed still run, each judged by itself; a complaint names a line of lesson.md.
 */
import { type Cell, cellsOf, type Lesson } from '../format/lesson.ts';
import type { Problem } from '../format/problems.ts';
import type { Ending, Kernel } from '../kernel/kernel.ts';
import type { Output } from '../kernel/output.ts';
import { printedLines, unexpected } from './expect.ts';
import { fileOf } from './library.ts';
import { quotedNames } from './quotes.ts';

export interface CellRun {
  readonly cell: Cell;
  readonly outputs: readonly Output[];
  readonly ending: Ending;
}

export interface LessonRun {
  readonly lesson: Lesson;
  readonly cells: readonly CellRun[];
  readonly problems: readonly Problem[];
  readonly seconds: number;
}

/** Told while a lesson runs. */
export interface Watcher {
  begin(cell: Cell): void;
  end(run: CellRun): void;
}

/** Solutions run last: they belong to exercises that are about the whole lesson. */
const inOrder = (lesson: Lesson): readonly Cell[] => {
  const cells = cellsOf(lesson);
  const isSolution = ({ role }: Cell): boolean => role === 'solution';
  return [...cells.filter((c) => !isSolution(c)), ...cells.filter(isSolution)];
};

const problemOf = (lesson: Lesson, { cell, outputs, ending }: CellRun): Problem | undefined => {
  if (ending.outcome !== 'failed') return undefined;
  const error = outputs.findLast((output) => output.kind === 'error');
  const line = cell.line + (error?.line ?? 1) - 1;
  const message = error === undefined ? 'it failed' : `${error.name}: ${error.message}`;
  return { file: fileOf(lesson.slug), line, message: `cell ${cell.id}: ${message}` };
};

const outputProblems = (lesson: Lesson, runs: ReadonlyMap<string, CellRun>): readonly Problem[] =>
  lesson.blocks.flatMap((block) => {
    if (block.kind !== 'expect') return [];
    const run = runs.get(block.for);
    if (run === undefined || run.ending.outcome === 'skipped') return [];
    const wrong = unexpected(block.lines, printedLines(run.outputs));
    return wrong === undefined
      ? []
      : [{ file: fileOf(lesson.slug), line: block.line, message: `cell ${block.for}: ${wrong}` }];
  });

/** The values that cells recorded, the last of each name. */
export const recordsOf = (cells: readonly CellRun[]): ReadonlyMap<string, number | string> =>
  new Map(
    cells.flatMap(({ outputs }) =>
      outputs.flatMap((o) => (o.kind === 'record' ? [[o.name, o.value] as const] : [])),
    ),
  );

/** `outputs` is where the kernel posts what cells say; it is emptied for each cell. */
export const playLesson = async (
  lesson: Lesson,
  kernel: Kernel,
  outputs: Output[],
  watcher: Watcher,
): Promise<LessonRun> => {
  const start = performance.now();
  const runs = new Map<string, CellRun>();
  for (const cell of inOrder(lesson)) {
    watcher.begin(cell);
    outputs.length = 0;
    const ending = await kernel.run(cell);
    const run = { cell, outputs: [...outputs], ending };
    runs.set(cell.id, run);
    watcher.end(run);
    if (outputs.some((output) => output.kind === 'error' && output.name === 'Interrupted')) break;
  }
  const cells = [...runs.values()];
  const records = recordsOf(cells);
  const isWhole = cells.every(
    ({ ending, cell }) => ending.outcome === 'done' || cell.role === 'norun',
  );
  const unrecorded = quotedNames(lesson).flatMap(({ name, line }) =>
    records.has(name) || !isWhole
      ? []
      : [{ file: fileOf(lesson.slug), line, message: `no cell records "${name}"` }],
  );
  return {
    lesson,
    cells,
    problems: [
      ...cells.flatMap((run) => problemOf(lesson, run) ?? []),
      ...outputProblems(lesson, runs),
      ...unrecorded,
    ],
    seconds: (performance.now() - start) / 1000,
  };
};
