/**
 * Reading and writing at many positions at once, by the names that other libraries have for it.
 *
 * Invariant: all of it is `at`, `set` and `indexAdd` with arrays as keys.
 */
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { axisOf } from './axes.ts';
import { arange, checkShape, zeros } from './creation.ts';
import { at, indexAdd, set, slice } from './indexing.ts';
import { type CompressOptions, selected } from './positions.ts';
import { reshape } from './shape.ts';

/** Throws unless `idx` is an array of positions: booleans would be masks. */
const checkPositions = (name: string, idx: NDArray): void => {
  checkArray(name, idx);
  if (idx.dtype === 'bool')
    throw failure(
      'dtype',
      `${name}: ${showType(idx.type)} holds no positions`,
      'positions are integers; booleanMask takes booleans',
    );
};

/** The rows of an array of positions, one for each axis that they index. */
const rowsOf = (name: string, idx: NDArray, rank: number): NDArray[] => {
  checkPositions(name, idx);
  const count = idx.shape[0];
  if (count !== undefined && count >= 1 && count <= rank)
    return Array.from({ length: count }, (_, i) => slice(idx, i));
  throw failure(
    'shape',
    `${name}: positions ${showType(idx.type)} for an array of ${rank} ${rank === 1 ? 'axis' : 'axes'}`,
    'the first axis of the positions has one row for each axis that they index',
  );
};

/**
 * `result[p] = x[idx[0, p], idx[1, p], …]`: positions [k, ...p] index the first k axes of `x` [...k, ...rest], giving
 * [...p, ...rest] of the dtype of `x`. Positions are integers; negative ones count from the end.
 *
 * @throws {ShapeError} unless the first axis of the positions has from 1 to as many rows as `x` has axes
 * @throws {DTypeError} unless the positions are integers
 * @throws {ValueError} for a position out of range, where it can be seen
 *
 * @example
 * nd.gatherNd(nd.array([[1, 2], [3, 4]]), nd.array([[0, 1], [1, 0]], { dtype: 'int32' }));   // [2, 3]
 */
export const gatherNd = (x: NDArray, idx: NDArray): NDArray => {
  checkArray('gatherNd', x);
  const rows = rowsOf('gatherNd', idx, x.ndim);
  return inName('gatherNd', 'at', () => at(x, ...rows));
};
/**
 * The adjoint of {@link gatherNd}: an array of `shape` with each value [...p, ...rest] added at its position in `idx`
 * [k, ...p], zeros elsewhere. The dtype is that of the values (of booleans: whether one was true); positions are integers.
 *
 * @throws {ShapeError} for a shape that is none, positions of too many axes, and values that do not broadcast
 * @throws {DTypeError} unless the positions are integers
 * @throws {ValueError} for a position out of range, where it can be seen
 *
 * @example
 * nd.scatterNd(nd.array([5, 6]), nd.array([[0, 1], [1, 0]], { dtype: 'int32' }), [2, 2]);   // [[0, 5], [6, 0]]
 */
export const scatterNd = (values: NDArray, idx: NDArray, shape: Shape): NDArray => {
  checkArray('scatterNd', values);
  checkShape('scatterNd', shape);
  const empty = zeros(shape, { dtype: values.dtype, device: values.device });
  const rows = rowsOf('scatterNd', idx, shape.length);
  return inName('scatterNd', 'indexAdd', () => indexAdd(empty, rows, values));
};

/**
 * `x` [n, ...rest] with the rows at the positions `idx` [k] of the first axis replaced by `rows` [k, ...rest], which
 * broadcast and are cast to the dtype of `x`. Positions are integers; booleans choose the rows where they are true.
 *
 * @throws {ShapeError} when the rows do not broadcast
 * @throws {DTypeError} for positions that are floats
 * @throws {ValueError} for a position out of range, where it can be seen
 *
 * @example
 * nd.indexCopy(nd.zeros([3, 2]), nd.array([2], { dtype: 'int32' }), nd.ones([1, 2]));   // [[0, 0], [0, 0], [1, 1]]
 */
export const indexCopy = (x: NDArray, idx: NDArray, rows: NDArray): NDArray => {
  checkArray('indexCopy', idx);
  return inName('indexCopy', 'set', () => set(x, [idx], rows));
};

/** A key for the places (…, idx[…], …) along one axis. */
const alongAxis = (name: string, x: NDArray, idx: NDArray, axis: number): NDArray[] => {
  checkArray(name, x);
  checkPositions(name, idx);
  const on = axisOf(name, axis, x.ndim);
  if (idx.ndim !== x.ndim)
    throw failure(
      'shape',
      `${name}: positions ${showType(idx.type)} for ${showType(x.type)}`,
      'positions have as many axes as the array',
    );
  return x.shape.map((d, i) =>
    i === on
      ? idx
      : reshape(
          arange(0, d, 1, { device: x.device }),
          x.shape.map((_, k) => (k === i ? d : 1)),
        ),
  );
};
/**
 * `result[.., i, ..] = x[.., idx[.., i, ..], ..]` along an axis; positions (integers, as many axes as `x`) broadcast
 * along the others, negative ones count from the end. The result has the shape of the positions, broadcast, and the
 * dtype of `x`.
 *
 * @throws {ShapeError} for an axis out of range, and positions of other axes
 * @throws {DTypeError} unless the positions are integers
 * @throws {ValueError} for a position out of range, where it can be seen
 *
 * @example
 * nd.takeAlongAxis(nd.array([[3, 1], [2, 4]]), nd.array([[1], [-1]], { dtype: 'int32' }), 1);   // [[1], [4]]
 */
export const takeAlongAxis = (x: NDArray, idx: NDArray, axis: number): NDArray => {
  const key = alongAxis('takeAlongAxis', x, idx, axis);
  return inName('takeAlongAxis', 'at', () => at(x, ...key));
};
/**
 * `x` with `values` (broadcast to the positions, cast to the dtype of `x`) at the places of {@link takeAlongAxis}:
 * positions are integers with as many axes as `x`. The shape stays.
 *
 * @throws {ShapeError} for an axis out of range, positions of other axes, and values that do not broadcast
 * @throws {DTypeError} unless the positions are integers
 * @throws {ValueError} for a position out of range, where it can be seen
 *
 * @example
 * nd.putAlongAxis(nd.zeros([2, 2]), nd.array([[1], [0]], { dtype: 'int32' }), 9, 1);   // [[0, 9], [9, 0]]
 */
export const putAlongAxis = (x: NDArray, idx: NDArray, values: Operand, axis: number): NDArray => {
  const key = alongAxis('putAlongAxis', x, idx, axis);
  return inName('putAlongAxis', 'set', () => set(x, key, values));
};

/**
 * The parts of `x` along an axis (default 0) where `mask` is true (not 0), once its values are known: on every device,
 * where `x.at(mask)` needs one that can be read at once. With `size` that many parts, at once and while tracing too, with
 * gradients, and `fillValue` (default 0) where there are fewer. What a promise gives is not recorded: for its gradient,
 * record `x.take(places)` with `places = await nd.flatNonzero(mask)`.
 *
 * Shapes: `x` [..., n, ...] and `mask` [n] of any dtypes give [..., k, ...] of the dtype of `x`.
 *
 * @throws {ShapeError} unless the mask has one axis as long as that of `x`, and for an axis out of range
 * @throws {ValueError} unless `size` is an integer ≥ 0
 * @throws {TraceError} without `size` while tracing
 *
 * @example
 * const [x, mask] = [nd.array([[1, 2], [3, 4], [5, 6]]), nd.array([1, 0, 1])];
 * await nd.booleanMask(x, mask);   // [[1, 2], [5, 6]]
 * nd.booleanMask(x, mask, { size: 3 });   // [[1, 2], [5, 6], [0, 0]]
 */
export function booleanMask(
  x: NDArray,
  mask: NDArray,
  options: CompressOptions & { readonly size: number },
): NDArray;
export function booleanMask(x: NDArray, mask: NDArray, options?: CompressOptions): Promise<NDArray>;
export function booleanMask(
  x: NDArray,
  mask: NDArray,
  options?: CompressOptions,
): NDArray | Promise<NDArray> {
  return selected('booleanMask', x, mask, options);
}
