/**
 * Embedding: rows of a table of weights.
 *
 * Invariant: positions out of range are the nearest one that there is.
 */
import { TigonError } from '../../ir/errors.ts';
import { take as takeOp } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';

const looking: Fragment = fragment('embedding', (b, [idx, weight]) => {
  if (weight!.type.shape.length !== 2)
    throw new TigonError(
      'shape',
      `embedding: weight ${showType(weight!.type)} must be [words, size]`,
    );
  return b.emit(takeOp, [weight!, b.cast(idx!, 'int32')], { axis: 0 });
});
/**
 * Rows of `weight` [words, size] at the positions `idx`: the shape of `idx`, then size. The dtype is that of `weight`.
 * Positions may have any dtype: fractions are cut off, and those out of range become the first or last row.
 *
 * @throws {ShapeError} unless `weight` has two axes, and for no words
 *
 * @example
 * const weight = nd.array([[1, 2], [3, 4], [5, 6]]);
 * nd.embedding(nd.array([2, 0], { dtype: 'int32' }), weight);   // [[5, 6], [1, 2]]
 */
export const embedding = (idx: NDArray, weight: NDArray): NDArray =>
  call(looking, [idx, weight], { attrs: {}, key: '' });
