/**
 * Work on a WebGPU device that is measured in turns, by timestamps of the device where it offers them.
 *
 * Invariant: every subject is measured by the same clock in every round, after a launch that is not measured.
 */
import type { Profile } from '../../../src/runtime/profile.ts';
import type { WebGpuDevice } from '../../../src/runtime/webgpu/device.ts';

export interface Subject {
  readonly name: string;
  /** What bounds it: arithmetic or memory. */
  readonly bound: 'flops' | 'bytes';
  /** Floating-point operations, or bytes read and written, of one launch. */
  readonly work: number;
  /** Starts it once; it may be several kernels. */
  readonly launch: () => void;
}

export interface Measured {
  readonly subject: Subject;
  readonly clock: Profile['clock'];
  /** Of each round. */
  readonly nanoseconds: number[];
}

/** Nanoseconds that the kernels of one launch took together. */
export const nanosecondsOf = async (
  device: WebGpuDevice,
  launch: () => void,
): Promise<{ readonly clock: Profile['clock']; readonly total: number }> => {
  const { clock, rows } = await device.profile(launch);
  return { clock, total: rows.reduce((sum, row) => sum + row.nanoseconds, 0) };
};

/** All subjects, in interleaved rounds. */
export const inRounds = async (
  device: WebGpuDevice,
  subjects: readonly Subject[],
  rounds: number,
): Promise<readonly Measured[]> => {
  const measured: Measured[] = [];
  for (const subject of subjects) {
    const { clock } = await nanosecondsOf(device, subject.launch);
    measured.push({ subject, clock, nanoseconds: [] });
  }
  for (let round = 0; round < rounds; round++)
    for (const { subject, nanoseconds } of measured)
      nanoseconds.push((await nanosecondsOf(device, subject.launch)).total);
  return measured;
};

export const best = (xs: readonly number[]): number => Math.min(...xs);
export const median = (xs: readonly number[]): number =>
  [...xs].sort((a, b) => a - b)[xs.length >> 1]!;
