/**
 * Keeps what a run of a lesson gave: outputs and values in recorded.json, values in the text.
 *
 * Invariant: written by this tool alone, from a whole run in which nothing failed; says when, where and how it was made.
 */
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import type { Seconds } from '../format/first.ts';
import type { Output } from '../kernel/output.ts';
import { fileOf, readText, root } from './library.ts';
import { type LessonRun, recordsOf } from './play.ts';
import { withValues } from './quotes.ts';

/** The content of recorded.json. */
export interface Recorded {
  readonly date: string;
  readonly machine: string;
  readonly command: string;
  readonly values: Readonly<Record<string, number | string>>;
  /** Output of each cell, and how long it took. */
  readonly cells: Readonly<Record<string, RecordedCell>>;
}

export interface RecordedCell {
  readonly seconds: number;
  readonly outputs: readonly Output[];
}

const recordedFile = (slug: string): string => `${root}lessons/${slug}/recorded.json`;

/** What was kept of a lesson, if anything was. */
export const readRecorded = (slug: string): Recorded | undefined =>
  existsSync(recordedFile(slug))
    ? (JSON.parse(readFileSync(recordedFile(slug), 'utf8')) as Recorded)
    : undefined;

/** How long cells took when their lessons were recorded; 0 for those that were not. */
export const recordedSeconds = (): Seconds => {
  const kept = new Map<string, Recorded | undefined>();
  return ({ slug }, cell) => {
    if (!kept.has(slug)) kept.set(slug, readRecorded(slug));
    return kept.get(slug)?.cells[cell]?.seconds ?? 0;
  };
};

/** Of items that were shown under one id, the last counts; values have a place of their own; texts in a row are one. */
const keptOutputs = (outputs: readonly Output[]): readonly Output[] => {
  const kept: Output[] = [];
  for (const [i, output] of outputs.entries()) {
    const before = kept.at(-1);
    if (output.kind === 'record') continue;
    if (output.kind === 'display' && isReplaced(output.id, outputs.slice(i + 1))) continue;
    if (output.kind === 'text' && before?.kind === 'text' && before.stream === output.stream)
      kept[kept.length - 1] = { ...before, text: `${before.text}\n${output.text}` };
    else kept.push(output);
  }
  return kept;
};

const isReplaced = (id: string, later: readonly Output[]): boolean =>
  later.some((output) => output.kind === 'display' && output.id === id);

const rounded = (seconds: number): number => Number(seconds.toPrecision(3));

/** Writes both files; gives what to tell. */
export const saveRun = ({ lesson, cells }: LessonRun, device: string): string => {
  const [cpu] = cpus();
  const values = recordsOf(cells);
  const recorded: Recorded = {
    date: new Date().toISOString().slice(0, 10),
    machine: `${cpu?.model.trim() ?? 'a processor'}, ${cpus().length} cores, Node ${process.version}, ${device}`,
    command: `npm run lesson -- ${lesson.id}${device === 'cpu' ? '' : ` --device ${device}`} --save`,
    values: Object.fromEntries(values),
    cells: Object.fromEntries(
      cells
        .filter(({ ending }) => ending.outcome === 'done')
        .map(({ cell, outputs, ending }) => [
          cell.id,
          { seconds: rounded(ending.seconds), outputs: keptOutputs(outputs) },
        ]),
    ),
  };
  const file = recordedFile(lesson.slug);
  writeFileSync(file, `${JSON.stringify(recorded, null, 1)}\n`);
  const text = readText(lesson.slug);
  const changed = withValues(text, values);
  if (changed !== text) writeFileSync(`${root}${fileOf(lesson.slug)}`, changed);
  return `kept in ${file.slice(root.length)}${changed === text ? '' : `, values in ${fileOf(lesson.slug)}`}`;
};
