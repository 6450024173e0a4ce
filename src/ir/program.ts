/**
 * L4 Program: launches over buffers with static offsets: what a runtime replays.
 *
 * Invariants: launches run in order; temps that are alive at the same time never overlap in the arena unless one is
 * declared to take the other's place (`inPlaceOf`); bindings match the kernel's global buffers one to one.
 */
import type { DType } from './dtype.ts';
import type { ThreadKernel } from './thread/thread.ts';
import type { Shape } from './type.ts';

/**
 * `input`: read only, bound at each call. `state`: bound at each call, read and written. `output`: bound at each call to
 * fresh memory. `scalar`: a number passed at each call. `constant`: `values`, uploaded once. `kept`: lives as long as the
 * program, written by its first steps (see {@link keptSteps}). `temp`: lives in the arena.
 */
export type BufferRole = 'input' | 'state' | 'output' | 'scalar' | 'constant' | 'kept' | 'temp';

export interface ProgramBuffer {
  readonly name: string;
  readonly dtype: DType;
  readonly shape: Shape;
  /** In elements; row-major except for inputs that are views. */
  readonly strides: readonly number[];
  readonly role: BufferRole;
  readonly bytes: number;
  /** Byte offset in the arena, for temps. */
  readonly offset: number | undefined;
  /** Index of the buffer whose bytes this temp takes over. */
  readonly inPlaceOf: number | undefined;
  readonly values: readonly number[] | undefined;
}

/** A part of a buffer that moves on as loops go round. */
export interface Window {
  /** Byte at which it begins in the first round. */
  readonly offset: number;
  /** Bytes that it moves with each round of the loops around the launch, outermost first. */
  readonly strides: readonly number[];
}

export interface Dispatch {
  readonly kernel: number;
  /** Buffer index for each global buffer of the kernel. */
  readonly bindings: readonly number[];
  /** For each binding the part that is bound; undefined (all may be): the whole buffer. */
  readonly windows?: readonly (Window | undefined)[];
  /** True when it must see the effects of launches since the last barrier. */
  readonly barrier: boolean;
}

/** Steps `first` to `end - 1` run again and again, `trips` times. It begins and ends at a barrier. */
export interface Loop {
  readonly first: number;
  readonly end: number;
  readonly trips: number;
}

export interface Program {
  readonly name: string;
  readonly buffers: readonly ProgramBuffer[];
  readonly kernels: readonly ThreadKernel[];
  readonly steps: readonly Dispatch[];
  /** By first step; a loop inside another stands behind it. */
  readonly loops: readonly Loop[];
  /** Planned size of the arena, and the most bytes of temps alive at once (which it cannot go below). */
  readonly arenaBytes: number;
  readonly lowerBoundBytes: number;
}

/**
 * Buffers bound at each call, in order: inputs and states, then scalars, then outputs, as they stand in `buffers`.
 *
 * @throws nothing
 *
 * @see {@link parseText}
 */
export const externals = (program: Program): readonly number[] =>
  program.buffers.flatMap((b, i) => (isOwn(b) ? [] : [i]));

/** Whether a buffer is the program's own, bound by no call. */
const isOwn = ({ role }: ProgramBuffer): boolean =>
  role === 'temp' || role === 'constant' || role === 'kept';

/**
 * How many steps, the first ones, do nothing but fill kept buffers from inputs and constants: a runtime leaves them out
 * as long as what they read is the same as when they ran last.
 *
 * @throws nothing
 *
 * @see {@link parseText}
 */
export const keptSteps = ({ buffers, steps }: Pick<Program, 'buffers' | 'steps'>): number => {
  const end = steps.findIndex(({ bindings }) =>
    bindings.some((b) => !['input', 'constant', 'kept'].includes(buffers[b]!.role)),
  );
  return end < 0 ? steps.length : end;
};
