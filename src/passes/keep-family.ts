/**
 * What decides which launches a program leaves out of most calls: it comes with devices that can keep what is made of
 * weights, so that pages without them leave it out.
 *
 * Invariant: where nobody brought it, nothing is kept; programs mean the same.
 */
import type { Kept } from '../codegen/copies.ts';
import type { LoopKernel } from '../ir/loop/loop.ts';
import type { BufferIndex } from './buffer-index.ts';
import type { Kernels } from './kernels.ts';
import type { View } from './loops.ts';

/** Decides for one program. */
export interface Keeper extends Kept {
  /** Launches that are kept, in an order that is right. */
  readonly kernels: readonly LoopKernel[];
  /** A loop is about to see a part of an array. */
  see(view: View): void;
  /** Takes those of `kernels` that are kept; gives the others. */
  take(kernels: readonly LoopKernel[]): readonly LoopKernel[];
}

const NOTHING: Keeper = {
  kernels: [],
  keeps: () => false,
  expect: () => {},
  see: () => {},
  take: (kernels) => kernels,
};

type Bringable = (lowered: Kernels, index: BufferIndex, held: readonly number[]) => Keeper;

let brought: Bringable | undefined;

/** From now on, programs of devices that can keep something do. */
export const bringKeeping = (make: Bringable): void => {
  brought = make;
};

/** `held`: the numbers of inputs that the caller holds. */
export const keeperOf: Bringable = (lowered, index, held) =>
  held.length === 0 ? NOTHING : (brought?.(lowered, index, held) ?? NOTHING);
