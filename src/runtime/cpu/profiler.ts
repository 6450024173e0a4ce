/**
 * How long kernels take on the CPU: the clock of the calling thread, looked at when all threads are done with a launch.
 *
 * Invariant: measuring lets launches run one at a time that might run together, which changes when they run, never what
 * they compute. A profiler measures one device, from its beginning to `rows`.
 */
import type { Program } from '../../ir/program.ts';
import type { ProfileRow } from '../profile.ts';

const NANOSECONDS = 1e6;

/** One run of a program: when it began, and when which launch was done. */
interface Run {
  readonly program: Program;
  readonly begin: number;
  readonly done: { readonly step: number; readonly at: number }[];
}

export class Profiler {
  readonly #runs: Run[] = [];

  begins(program: Program): void {
    this.#runs.push({ program, begin: performance.now(), done: [] });
  }

  /** All threads are done with this launch of the program that began last. */
  launched(step: number): void {
    this.#runs.at(-1)?.done.push({ step, at: performance.now() });
  }

  rows(): readonly ProfileRow[] {
    const first = this.#runs[0]?.begin ?? 0;
    return this.#runs.flatMap(({ program, begin, done }) =>
      done.map(({ step, at }, i): ProfileRow => {
        const start = done[i - 1]?.at ?? begin;
        return {
          kernel: program.kernels[program.steps[step]!.kernel]!.name,
          program: program.name,
          start: NANOSECONDS * (start - first),
          nanoseconds: NANOSECONDS * (at - start),
        };
      }),
    );
  }
}
