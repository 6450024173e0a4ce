/**
 * A lesson on the terminal: its headings, what its cells say, and how it ended.
 *
 * Invariant: writes to the streams themselves, because the console belongs to the cells while they run.
 */
import type { Displayable } from 'tigon/d2l';
import type { Cell, Lesson } from '../format/lesson.ts';
import { showProblem } from '../format/problems.ts';
import type { Output } from '../kernel/output.ts';
import type { LessonRun, Watcher } from './play.ts';

const isColoured = process.stdout.isTTY === true && process.env['NO_COLOR'] === undefined;
const styled = (code: string, text: string): string =>
  isColoured ? `\u001b[${code}m${text}\u001b[0m` : text;
const write = (text: string): void => {
  process.stdout.write(`${text}\n`);
};

const headingsBefore = (lesson: Lesson): ReadonlyMap<string, readonly string[]> => {
  const headings = new Map<string, readonly string[]>();
  let waiting: string[] = [];
  for (const block of lesson.blocks)
    if (block.kind === 'prose')
      waiting.push(...[...block.markdown.matchAll(/^#{2,3} (.*)$/gm)].map((found) => found[1]!));
    else if (block.kind === 'cell') {
      headings.set(block.cell.id, waiting);
      waiting = [];
    }
  return headings;
};

/** Writes texts as they come; figures, tables and records once the cell has ended. */
export interface Terminal extends Watcher {
  output(output: Output): void;
}

export const openTerminal = (lesson: Lesson, draw: (item: Displayable) => string): Terminal => {
  const headings = headingsBefore(lesson);
  write(styled('1', `${lesson.id} ${lesson.title}`));
  write(lesson.concept);
  return {
    begin(cell: Cell) {
      for (const heading of headings.get(cell.id) ?? []) write(`\n${styled('1', `## ${heading}`)}`);
      const role = cell.role === 'code' ? '' : ` (${cell.role})`;
      write(styled('2', `[${cell.id}${role}]`));
    },
    output(output) {
      switch (output.kind) {
        case 'text':
          write(output.stream === 'log' ? output.text : styled('33', output.text));
          break;
        case 'value':
          write(output.text);
          break;
        case 'error':
          write(styled('31', `${output.name}: ${output.message}`));
          if (output.stack !== undefined) write(styled('2', output.stack));
          break;
        case 'record':
        case 'display':
          break;
        default:
          output satisfies never;
      }
    },
    end({ outputs, ending }) {
      const shown = new Map(
        outputs.flatMap((o) => (o.kind === 'display' ? [[o.id, o.item] as const] : [])),
      );
      for (const item of shown.values()) write(draw(item));
      const records = outputs.flatMap((o) => (o.kind === 'record' ? [`${o.name} ${o.value}`] : []));
      if (records.length > 0) write(styled('2', `recorded: ${records.join(', ')}`));
      if (ending.outcome === 'done' && ending.seconds >= 1)
        write(styled('2', `(${ending.seconds.toFixed(1)} s)`));
    },
  };
};

const secondsOf = ({ user, system }: NodeJS.CpuUsage): string => ((user + system) / 1e6).toFixed(1);

/** `00-01-welcome: 14 cells, 1.2 s (2.0 s of processors; cell compare 0.8 s)`, after what is wrong. */
export const summaryOf = ({ lesson, cells, problems, seconds }: LessonRun): string => {
  const ran = cells.filter(({ ending }) => ending.outcome !== 'skipped');
  const [slowest] = ran.toSorted((a, b) => b.ending.seconds - a.ending.seconds);
  const longest =
    slowest === undefined ? '' : `; cell ${slowest.cell.id} ${slowest.ending.seconds.toFixed(1)} s`;
  const times = `${seconds.toFixed(1)} s (${secondsOf(process.cpuUsage())} s of processors${longest})`;
  const counts = `${lesson.slug}: ${ran.length} ${ran.length === 1 ? 'cell' : 'cells'}, ${times}`;
  const wrong = problems.length === 0 ? '' : `, ${problems.length} failed`;
  return [...problems.map(showProblem), `${counts}${wrong}`].join('\n');
};
