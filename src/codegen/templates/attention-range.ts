/**
 * Where a row of an attention meets what it may: from the bounds outside of which nothing takes part.
 *
 * Invariant: within the range of a row all bounds hold; outside of it some may.
 */
import { i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';
import { linear, type Problem } from '../gpu/attention/problem.ts';

/** An end is missing where nothing bounds it; where a bound is not linear, the range is empty. */
export interface RowRange {
  readonly from: TExpr | undefined;
  readonly to: TExpr | undefined;
}

export const rowRange = (problem: Problem, row: TExpr): RowRange => {
  let from: TExpr | undefined;
  let to: TExpr | undefined;
  for (const { idx, lo, hi } of problem.bounds) {
    const line = linear(idx, problem);
    if (line === undefined || Math.abs(line.sum) !== 1) return { from: undefined, to: i32(0) };
    // lo <= row · r + sum · s + rest < hi
    const less = (end: number): TExpr =>
      operate('sub', i32(end - line.rest), mul(row, i32(line.row)));
    const [above, below] = [idx.lo < lo, idx.hi >= hi];
    if (line.sum === 1 ? above : below)
      from = larger(from, line.sum === 1 ? less(lo) : operate('sub', i32(1), less(hi)));
    if (line.sum === 1 ? below : above)
      to = smaller(to, line.sum === 1 ? less(hi) : operate('sub', i32(1), less(lo)));
  }
  return { from, to };
};

const larger = (x: TExpr | undefined, y: TExpr): TExpr =>
  x === undefined ? y : operate('max', x, y);

const smaller = (x: TExpr | undefined, y: TExpr): TExpr =>
  x === undefined ? y : operate('min', x, y);
