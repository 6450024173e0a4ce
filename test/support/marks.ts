/**
 * How a process of several test files tells the runner which one its output is about.
 *
 * Invariant: these lines are written by `together.ts` and read by the runner, and by nobody else.
 */

/** Begins the output of a file. */
export const STARTS = '\n=== next file ===\n';
/** Ends it: how many seconds it took, and 0 if its tests passed. */
export const TOOK: RegExp = /\n=== took ([\d.]+) s, code (\d+) ===\n/;
export const took = (seconds: number, code: number): string =>
  `\n=== took ${seconds.toFixed(1)} s, code ${code} ===\n`;
