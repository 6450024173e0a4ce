/**
 * How long launches take on one thread, roughly, and in how many pieces threads take them.
 *
 * Invariant: depends on what a kernel costs, never on the machine: it decides who runs what, not what is computed.
 */
import { timesOf } from '../../ir/program/sequence.ts';
import { keptSteps, type Program } from '../../ir/program.ts';
import type { ThreadKernel } from '../../ir/thread/thread.ts';

/** A claim should be worth this much work; a launch shorter than two of them is not shared. */
const CLAIM_NANOSECONDS = 1500;

/** Multiply-adds and bytes a nanosecond, as kernels of LeNet and MLP steps were measured on one thread of 2.6 GHz. */
const PACE = 24;

/** What one thread needs for a kernel: a guess for deciding who runs it, no more. */
export const nanosecondsOf = (kernel: ThreadKernel): number =>
  10 + Math.max(kernel.cost.flops, kernel.cost.bytes) / PACE;

/** Rough duration of a program on one thread, when what it keeps from call to call is there. */
export const programNanoseconds = (program: Program): number => {
  const first = keptSteps(program);
  return program.steps.reduce(
    (sum, s, i) =>
      i < first ? sum : sum + timesOf(program, i) * nanosecondsOf(program.kernels[s.kernel]!),
    0,
  );
};

/** Launches shorter than this are claimed in few pieces: each claim costs a trip of a cache line. */
const BRIEF_NANOSECONDS = 100_000;

/** Launches between two barriers that together take less are run by one thread: sharing them costs what it saves. */
export const SOLO_NANOSECONDS = 5000;

/** Workgroups of a launch that a thread takes at a time. */
export const chunkOf = (kernel: ThreadKernel, threads: number): number => {
  const total = nanosecondsOf(kernel);
  if (total < 2 * CLAIM_NANOSECONDS) return kernel.grid;
  const worth = Math.ceil(CLAIM_NANOSECONDS / (total / kernel.grid));
  const few = total < BRIEF_NANOSECONDS ? Math.ceil(kernel.grid / (2 * threads)) : 1;
  return Math.max(1, few, Math.min(worth, Math.ceil(kernel.grid / threads)));
};
