/**
 * Timing of work that has to be awaited, in Node and in pages.
 *
 * Invariant: the first run of a round is not timed; a sample is long enough for a coarse clock.
 */
import type { Prepared } from './protocol.ts';

/** A clock of 5 microseconds is right to a quarter of a percent then. */
const LEAST_SAMPLE_MS = 2;
const LEAST_SAMPLES = 2;

/** Milliseconds a run of several runs in a row, each of them awaited. */
const batch = async ({ run }: Prepared, runs: number): Promise<number> => {
  const start = performance.now();
  for (let i = 0; i < runs; i++) await run();
  return (performance.now() - start) / runs;
};

/** Samples for about `seconds`, in milliseconds a run. */
export const sampleAwaited = async (work: Prepared, seconds: number): Promise<number[]> => {
  const { timed } = work;
  const sample = timed ?? ((): Promise<number> => batch(work, runs));
  const samples: number[] = [];
  await work.run();
  let runs = 1;
  const end = performance.now() + 1000 * seconds;
  while (samples.length < LEAST_SAMPLES || performance.now() < end) {
    const ms = await sample();
    if (timed !== undefined || ms * runs >= LEAST_SAMPLE_MS) samples.push(ms);
    else runs *= 2;
  }
  return samples;
};
