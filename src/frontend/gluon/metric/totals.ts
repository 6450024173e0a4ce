/**
 * Sums that stay exact, or nearly, however long a metric counts.
 *
 * Invariant: totals of `n` figures are `2n` numbers: counts as digits of base 2²⁴, sums as a float32 (or float64) and what
 * rounding took from it.
 */
import { summedIn } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { concat } from '../../../ir/graph/ops/concat.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { sliceAxis } from '../../../ir/graph/ops/slice.ts';

const BASE = 2 ** 24;

/** The number of true elements, or the sum of integers, over all axes but the last `keep`: at most 2³⁰ each. */
export const amount = (b: GraphBuilder, x: Node, keep = 0): Node => {
  const { shape } = x.type;
  const rest = shape.length - keep;
  const total = b.sum(
    b.cast(x, 'int32'),
    shape.slice(0, rest).map((_, i) => i),
  );
  return b.reshape(total, [shape.slice(rest).reduce((n, d) => n * d, 1)]);
};

/** The first, or the second, half of totals of `n` figures, for both: [2, n]. */
const halves = (
  b: GraphBuilder,
  totals: Node,
  n: number,
): { low: Node; all: Node; isLow: Node } => {
  const shape = [2, n];
  const all = b.reshape(totals, shape);
  const low = b.broadcast(b.reshape(sliceAxis(b, all, 0, 0, 1), [n]), shape, [1]);
  const row = b.emit(iota, [], { axis: 0, dtype: 'int32', shape });
  return { low, all, isLow: b.op('eq', row, b.lit(0, row)) };
};

/** Totals plus `more`, int32 [n]. */
export const addCounts = (b: GraphBuilder, totals: Node, more: Node): Node => {
  const n = more.type.shape[0]!;
  // One expression for both digits: what is counted stands in it once.
  const { low, all, isLow } = halves(b, totals, n);
  const sum = b.op('add', low, b.broadcast(more, low.type.shape, [1]));
  const base = b.lit(BASE, sum);
  const carry = b.op('floordiv', sum, base);
  const rest = b.op('sub', sum, b.op('mul', carry, base));
  return b.reshape(b.op('select', isLow, rest, b.op('add', all, carry)), [2 * n]);
};

/** The `n` counts. */
export const countsOf = (totals: readonly number[]): number[] => {
  const n = totals.length / 2;
  return Array.from({ length: n }, (_, i) => totals[i]! + BASE * totals[n + i]!);
};

/**
 * Totals plus `more`, floats [n], with the errors of all sums so far, so that small values are not lost in long sums. A
 * bound that no sum reaches makes a difference one that no compiler cancels: drivers of GPUs may compute (a + b) - a as b.
 */
export const addSums = (b: GraphBuilder, totals: Node, more: Node): Node => {
  const n = more.type.shape[0]!;
  const { low: sum, isLow } = halves(b, totals, n);
  const shape = sum.type.shape;
  const lost = b.reshape(sliceAxis(b, totals, 0, n, 2 * n), [n]);
  const least = totals.type.dtype === 'float64' ? -Number.MAX_VALUE : -3e38;
  const rounded = (y: Node): Node => b.op('max', y, b.lit(least, y));
  const term = b.broadcast(b.op('sub', b.cast(more, totals.type.dtype), lost), shape, [1]);
  const next = rounded(b.op('add', sum, term));
  const error = b.op('sub', rounded(b.op('sub', next, sum)), term);
  return b.reshape(b.op('select', isLow, next, error), [2 * n]);
};

/** The `n` sums. */
export const sumsOf = (totals: readonly number[]): number[] => {
  const n = totals.length / 2;
  return Array.from({ length: n }, (_, i) => totals[i]! - totals[n + i]!);
};

/** The sum of all elements [1], as float32 or, like float64 numbers, as float64. */
export const sumAll = (b: GraphBuilder, x: Node, like: Node = x): Node =>
  b.reshape(
    b.sum(
      b.cast(x, summedIn(like.type.dtype)),
      x.type.shape.map((_, i) => i),
    ),
    [1],
  );

/** One after the other. */
export const joined = (b: GraphBuilder, parts: readonly Node[]): Node =>
  parts.length === 1 ? parts[0]! : b.emit(concat, parts, { axis: 0 });
