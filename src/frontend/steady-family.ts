/**
 * Who chooses between a program that keeps what it makes of weights and one that does not: it comes with devices that can
 * keep something.
 *
 * Invariant: where nobody brought it, the one program runs; results are the same.
 */
import type { Callable, Loaded } from './callable.ts';
import type { Steady } from './steady.ts';

export type { Steady } from './steady.ts';

type Make = (
  keeping: Loaded,
  callable: Callable,
  load: (callable: Callable) => Loaded,
) => Steady | undefined;

let make: Make | undefined;

/** From now on, programs that keep something are chosen by `steady`. */
export const bringSteady = (steady: Make): void => {
  make = steady;
};

/** `load`: loads the program of another form of `callable`. */
export const steadyFor: Make = (keeping, callable, load) => make?.(keeping, callable, load);
