/**
 * The least time of launches and programs: their work at the ceilings of the device.
 *
 * Invariant: a floor is the greater of what arithmetic and memory take; work is counted from the loops of a kernel.
 */

import { type Work, workOf } from '../../src/ir/loop/work.ts';
import { sequence } from '../../src/ir/program/sequence.ts';
import { keptSteps, type Program } from '../../src/ir/program.ts';
import type { Compiled } from '../../src/passes/pipeline.ts';
import { type Ceilings, speedFor } from './ceilings.ts';

/** Nanoseconds that some work takes at least. */
export const floorOf = (work: Work, ceilings: Ceilings): number => {
  const bytes = work.bytesRead + work.bytesWritten;
  return Math.max(
    work.operations / ceilings.arithmetic,
    bytes === 0 ? 0 : bytes / speedFor(ceilings, bytes),
  );
};

/** A step of a program: its kernel, how often it is launched, and the work of a launch. */
export interface StepWork {
  readonly kernel: string;
  readonly notes: readonly string[];
  readonly launches: number;
  readonly work: Work;
}

/** The steps of a compiled program, in order; those that fill what it keeps are not launched. */
export const stepsOf = ({ program, stages }: Compiled): readonly StepWork[] => {
  const loops = stages.findLast((s) => s.level === 'loop')!.kernels;
  const launches = program.steps.map(() => 0);
  const first = keptSteps(program);
  for (const { step } of sequence(program)) if (step >= first) launches[step]!++;
  return program.steps.map(({ kernel }, step) => ({
    kernel: program.kernels[kernel]!.name,
    notes: program.kernels[kernel]!.notes,
    launches: launches[step]!,
    work: workOf(loops[step]!),
  }));
};

/** Bytes that cross the border of a program: what it is given is read, what it gives is written, states are both. */
const borderOf = (program: Program): Pick<Work, 'bytesRead' | 'bytesWritten'> => {
  const used = new Set(program.steps.slice(keptSteps(program)).flatMap((s) => s.bindings));
  const bytes = (...roles: readonly string[]): number =>
    program.buffers.reduce(
      (n, b, i) => n + (used.has(i) && roles.includes(b.role) ? b.bytes : 0),
      0,
    );
  return {
    bytesRead: bytes('input', 'state', 'constant', 'kept'),
    bytesWritten: bytes('output', 'state'),
  };
};

/** The work of a program if nothing in between went through memory. */
export const wholeWork = (program: Program, steps: readonly StepWork[]): Work => ({
  operations: steps.reduce((n, s) => n + s.launches * s.work.operations, 0),
  ...borderOf(program),
});
