/**
 * The scores of attention as numbers: what its reference and those of its gradients are made of.
 *
 * Invariant: what may not be attended to scores `ABSENT`, and its share is 0.
 */
import { ABSENT } from '../../loop/loop.ts';
import { threefry } from '../../numbers.ts';
import type { TensorType } from '../../type.ts';
import type { Values } from '../graph.ts';
import type { AttentionAttrs, Parts, Sizes } from '../ops/attention-operands.ts';
import { sizeOf } from '../ops/define.ts';
import { f32, u32 } from './define.ts';

/** The scores of one query against all keys. */
export type RowOfScores = (batch: number, query: number) => number[];

export const scoreValuesOf = (
  parts: Parts<Values>,
  { queries, keys, depth }: Sizes,
  { scale, causal, fill }: AttentionAttrs,
): RowOfScores => {
  const { q, k, mask, bias } = parts;
  return (batch, query) => {
    const row = batch * queries + query;
    return Array.from({ length: keys }, (_, key) => {
      if (causal && key > query) return ABSENT;
      if (mask !== undefined && mask[row * keys + key] === 0) return fill;
      let sum = 0;
      for (let d = 0; d < depth; d++)
        sum += q[row * depth + d]! * k[(batch * keys + key) * depth + d]!;
      return scale * sum + (bias === undefined ? 0 : bias[row * keys + key]!);
    });
  };
};

/** Calls `visit` for each query of each batch. */
export const eachQuery = (
  { lead, queries }: Sizes,
  visit: (batch: number, query: number, row: number) => void,
): void => {
  for (let batch = 0; batch < sizeOf(lead); batch++)
    for (let query = 0; query < queries; query++) visit(batch, query, batch * queries + query);
};

/** Row `row` of matrices with `width` columns. */
export const rowOf = (x: Values, row: number, width: number): Values =>
  x.subarray(row * width, (row + 1) * width);

/** The logarithm of the sum of the exponentials of scores. */
export const normOf = (scores: readonly number[]): number => {
  const present = scores.filter((s) => !(s <= ABSENT));
  const top = present.reduce((a, b) => Math.max(a, b), ABSENT);
  if (present.length === 0) return ABSENT;
  return top + Math.log(present.reduce((sum, s) => sum + Math.exp(s - top), 0));
};

export const shareOf = (score: number, norm: number): number =>
  score <= ABSENT ? 0 : Math.exp(score - norm);

/** What dropout leaves of a share, or of the gradient to what it leaves. */
export const leftOf = (
  { low, high, draw, rate }: Parts<Values>,
  { keys }: Sizes,
): ((x: number, row: number, key: number) => number) => {
  if (rate === undefined) return (x) => x;
  const share = rate[0]!;
  return (x, row, key) => {
    const word = threefry(low![0]!, high![0]!, row * keys + key, draw![0]!);
    return (word >>> 8) * 2 ** -24 >= share ? x / (1 - share) : 0;
  };
};

/** For examples: what dropout draws from, and numbers for it. */
export const DROPPED: readonly TensorType[] = [u32(), u32(), u32(), f32()];
export const DROPPED_RANGE: readonly (readonly [number, number])[] = [
  ...[0, 0, 0].map(() => [0, 1000] as const),
  [0.3, 0.6],
];
