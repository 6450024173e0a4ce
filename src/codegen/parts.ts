/**
 * Reductions that are cut into parts for several workgroups: devices say which, and into how many.
 *
 * Invariant: depends on the sizes and on the kind of device alone, so results do not depend on the number of threads.
 */
import type { Axis } from '../ir/dim.ts';
import type { Nest, ReduceExpr } from '../ir/loop/loop.ts';
import { freeAxes } from './analysis.ts';

export interface Cut {
  readonly of: ReduceExpr;
  /** Index among its axes of the one that is cut, in `whole` pieces of `length` and perhaps a shorter last one. */
  readonly at: number;
  readonly length: number;
  readonly whole: number;
  readonly last: number;
  /** Axes the result depends on. */
  readonly outer: readonly Axis[];
}

/** The axes that the result of a reduction depends on; `undefined` where the nest has not got them all. */
export const outerOf = (e: ReduceExpr, nest: Nest): readonly Axis[] | undefined => {
  const free = freeAxes(e);
  const outer = nest.axes.filter((a) => free.has(a));
  return outer.length === free.size ? outer : undefined;
};

/** A cut of axis `at` into about so many parts. */
export const cutAt = (
  e: ReduceExpr,
  at: number,
  parts: number,
  round: (length: number) => number,
  outer: readonly Axis[],
): Cut | undefined => {
  const { extent } = e.axes[at]!;
  const length = round(Math.ceil(extent / parts));
  const whole = Math.floor(extent / length);
  if (whole < 2) return undefined;
  return { of: e, at, length, whole, last: extent - whole * length, outer };
};

export const isPositional = (e: ReduceExpr): boolean => e.op === 'argmax' || e.op === 'argmin';

export const longestOf = (axes: readonly Axis[]): number =>
  axes.reduce((best, a, i) => (a.extent > axes[best]!.extent ? i : best), 0);
