/**
 * What has run so far: programs, their kernels, and the bytes that those read and write. For measuring, not for
 * control.
 *
 * Invariant: only ever grows; every program of every device passes here, eager calls included.
 */
import { keptSteps, type Program } from '../ir/program.ts';

export interface Activity {
  /** Calls of compiled programs; an eager function is a program of its own. */
  readonly programs: number;
  /** Kernels in them. */
  readonly kernels: number;
  /** Bytes of the arrays that each kernel reads or writes. */
  readonly bytes: number;
}

/** What one run of a program adds. */
export type Work = Activity;

/** The steps of each call; those that fill what is kept from call to call are counted apart. */
export const workOf = (program: Program): Work => worksOf(program, keptSteps(program));

/** What a run adds that fills what the program keeps. */
export const fillingOf = (program: Program): Work => ({
  ...worksOf(program, 0, keptSteps(program)),
  programs: 0,
});

const worksOf = (program: Program, from: number, to?: number): Work => {
  let bytes = 0;
  const steps = program.steps.slice(from, to);
  for (const step of steps)
    for (const b of step.bindings) {
      const buffer = program.buffers[b]!;
      if (buffer.role !== 'scalar') bytes += buffer.bytes;
    }
  return { programs: 1, kernels: steps.length, bytes };
};

const total = { programs: 0, kernels: 0, bytes: 0 };

export const count = (work: Work): void => {
  total.programs += work.programs;
  total.kernels += work.kernels;
  total.bytes += work.bytes;
};

/**
 * What has run since the process began. Take the difference of two calls.
 *
 * @throws nothing
 *
 * @example
 * const before = device.activity();
 * net(x);
 * console.log(device.activity().kernels - before.kernels, 'kernels');
 */
export const activity = (): Activity => ({ ...total });
