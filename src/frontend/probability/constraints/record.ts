/**
 * What a constraint is, and how those of whole vectors and matrices are made.
 *
 * Invariant: `check` is a function of arrays like any other, true where the constraint holds, with the last `eventAxes`
 * axes taken together; so it works while tracing and on every device. `allows` is the same for one number.
 */
import * as nd from '../../nd/index.ts';
import type { NDArray } from '../../ndarray.ts';

export interface Constraint {
  /** What must hold, such as `a number above 0`. */
  readonly rule: string;
  /** Axes, from the last, that are one value: 0 for numbers, 1 for vectors, 2 for matrices. */
  readonly eventAxes: number;
  /** True where values are whole numbers. */
  readonly discrete: boolean;
  /** Whether one number is allowed; absent where values are no numbers. */
  readonly allows?: (value: number) => boolean;
  readonly check: (value: NDArray) => NDArray;
  /** Where a range begins and ends; absent for other constraints. */
  readonly range?: Range;
}

/** Bounds of numbers; open ends leave the bound itself out. */
export interface Range {
  readonly low: number;
  readonly high: number;
  readonly openLow: boolean;
  readonly openHigh: boolean;
}

/** True where all of the last `axes` axes are. */
export const every = (ok: NDArray, axes: number): NDArray =>
  nd.all(ok, { axis: Array.from({ length: axes }, (_, i) => -1 - i) });

/** A constraint of values of `eventAxes` axes. */
export const shaped = (
  rule: string,
  eventAxes: number,
  check: (value: NDArray) => NDArray,
  discrete = false,
): Constraint => ({ rule, eventAxes, discrete, check });
