/**
 * The launches of a program in the order in which they run, loops unrolled, and where in its buffers each of them is.
 *
 * Invariant: `counters` has one entry for each loop around the step, outermost first.
 */
import { bytesOf } from '../dtype.ts';
import type { Loop, Program, Window } from '../program.ts';

/** One launch of one step. */
export interface Launched {
  readonly step: number;
  readonly counters: readonly number[];
}

/** The loops around a step, outermost first. */
export const loopsAround = (program: Pick<Program, 'loops'>, step: number): readonly Loop[] =>
  program.loops.filter((l) => l.first <= step && step < l.end);

/** How often a step runs. */
export const timesOf = (program: Pick<Program, 'loops'>, step: number): number =>
  loopsAround(program, step).reduce((times, l) => times * l.trips, 1);

/** All launches in order; of each loop no more than `most` rounds. */
export const sequence = (
  program: Pick<Program, 'loops' | 'steps'>,
  most: number = Number.POSITIVE_INFINITY,
): readonly Launched[] => {
  const out: Launched[] = [];
  const run = (from: number, to: number, loops: readonly Loop[], counters: readonly number[]) => {
    for (let step = from; step < to; ) {
      const at = loops.findIndex((l) => l.first === step);
      const loop = loops[at];
      if (loop === undefined) {
        out.push({ step, counters });
        step++;
        continue;
      }
      const inner = loops.slice(at + 1).filter((l) => l.end <= loop.end);
      const rounds = Math.min(loop.trips, most);
      for (let t = 0; t < rounds; t++) run(loop.first, loop.end, inner, [...counters, t]);
      step = loop.end;
    }
  };
  run(0, program.steps.length, program.loops, []);
  return out;
};

/** Byte of a buffer at which a launch begins to see it. */
export const beginOf = (window: Window | undefined, counters: readonly number[]): number =>
  window === undefined
    ? 0
    : window.strides.reduce((at, stride, i) => at + stride * counters[i]!, window.offset);

/** The bytes of its buffer that binding `i` of a launch may touch: all, or what the kernel reaches of its window. */
export const rangeOf = (
  program: Pick<Program, 'steps' | 'kernels' | 'buffers'>,
  { step, counters }: Launched,
  i: number,
): readonly [begin: number, end: number] => {
  const { kernel, bindings, windows } = program.steps[step]!;
  const window = windows?.[i];
  if (window === undefined) return [0, program.buffers[bindings[i]!]!.bytes];
  const global = program.kernels[kernel]!.buffers.filter((b) => b.space === 'global')[i]!;
  const begin = beginOf(window, counters);
  return [begin, begin + global.elements * bytesOf(global.dtype)];
};
