/**
 * Profiles: how long each kernel took, as devices measure it, and as pictures of it.
 *
 * Invariant: plain data; rows are in the order the kernels ran.
 */
import { TigonError } from '../ir/errors.ts';

export interface ProfileRow {
  /** Where single kernels cannot be timed: how many there were. */
  readonly kernel: string;
  readonly program: string;
  /** Nanoseconds since the first row began. */
  readonly start: number;
  readonly nanoseconds: number;
}

/** A stretch of work, measured. */
export interface Profile {
  /**
   * `gpu`: timestamps of the device, kernel by kernel. `wall`: the clock of this thread, kernel by kernel on the CPU,
   * program by program elsewhere.
   */
  readonly clock: 'gpu' | 'wall';
  readonly rows: readonly ProfileRow[];
}

/**
 * A profile as JSON in Chrome's trace event format, for `chrome://tracing` and Perfetto.
 *
 * @throws {ValueError} for what is no profile
 *
 * @example
 * import { writeFile } from 'node:fs/promises';
 * const gpu = await device.webgpu();
 * const rows = await gpu.profile(() => net(x));
 * await writeFile('step.json', device.chromeTrace(rows));
 */
export const chromeTrace = (profile: Profile): string => {
  if (!Array.isArray(profile?.rows))
    throw new TigonError(
      'value',
      'device.chromeTrace: takes a profile',
      'pass await device.profile(() => …)',
    );
  return JSON.stringify({
    displayTimeUnit: 'ns',
    traceEvents: profile.rows.map(({ kernel, program, start, nanoseconds }) => ({
      name: kernel,
      cat: program,
      ph: 'X',
      ts: start / 1000,
      dur: nanoseconds / 1000,
      pid: 1,
      tid: 1,
      args: { program },
    })),
  });
};
