/**
 * How an expression is evaluated: as one number, or in lanes along an axis.
 *
 * Invariant: in lanes, the binding of `along` is the axis value of lane 0.
 */
import type { Axis } from '../../ir/dim.ts';

/** One number (`along` absent), one of four consecutive lanes along an axis, or all four as a vector. */
export interface Mode {
  readonly along: Axis | undefined;
  readonly lane: 0 | 1 | 2 | 3 | 'all';
}
export const LANES = [0, 1, 2, 3] as const;
export const SCALAR: Mode = { along: undefined, lane: 0 };

/** What distinguishes values of one expression in different modes. */
export const keyOf = (mode: Mode): string =>
  mode.along === undefined ? 's' : `${mode.lane === 'all' ? 'v' : mode.lane}@${mode.along.id}:`;
