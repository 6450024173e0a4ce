/**
 * Elements put in, taken away and repeated along an axis, at places that the host knows.
 *
 * Invariant: each is one read of the operands at positions made on the host, so gradients are those of a read.
 */
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, shown } from '../options.ts';
import { axisOf } from './axes.ts';
import { arrayBeside } from './beside.ts';
import { concat } from './concat.ts';
import { array, checkShape, zeros } from './creation.ts';
import { slice, take } from './indexing.ts';
import { type Edge, rangeOf } from './keys.ts';
import { broadcastTo, ravel, reshape, tile } from './shape.ts';

/** Where along an axis: a position, several, or a range as in {@link slice}. */
export type Places = number | readonly number[] | string;

/** The places in order of mention; `limit`: one past the last position allowed. */
const placesOf = (name: string, places: Places, size: number, limit: number): readonly number[] => {
  if (typeof places === 'string') {
    const [begin, end, step] = rangeOf(name, places, size);
    return Array.from(
      { length: Math.max(0, Math.ceil((end - begin) / step)) },
      (_, i) => begin + i * step,
    );
  }
  const list: readonly number[] = typeof places === 'number' ? [places] : places;
  if (!Array.isArray(list))
    throw failure(
      'value',
      `${name}: the places are ${shown(places)}`,
      "write a position, a list of them, or a range like '1:5'",
    );
  return list.map((p) => {
    const at = p < 0 ? p + size : p;
    if (Number.isInteger(p) && at >= 0 && at < limit) return at;
    throw failure(
      'value',
      `${name}: position ${shown(p)} is out of range for an axis of ${size}`,
      `positions go from ${-size} to ${limit - 1}`,
    );
  });
};

const along = (x: NDArray, positions: readonly number[], axis: number): NDArray =>
  take(x, array(positions, { dtype: 'int32', device: x.device, shape: [positions.length] }), {
    axis,
  });

/**
 * `x` with `values` before the given places of an axis; without an axis, of the flattened array. Values broadcast to the
 * part [..., places, ...] that is put in. Dtypes promote; a number takes the dtype of `x` if that can hold it.
 *
 * @throws {ValueError} for places out of range, or that are none
 * @throws {ShapeError} for an axis out of range, and when the values do not broadcast
 *
 * @example
 * nd.insert(nd.array([1, 2, 3]), [1, 3], nd.array([9, 8]));   // [1, 9, 2, 3, 8]
 */
export const insert = (
  x: NDArray,
  places: Places,
  values: NDArray | number,
  axis?: number,
): NDArray => {
  checkArray('insert', x);
  if (axis === undefined && x.ndim !== 1) return insert(ravel(x), places, values, 0);
  const on = axisOf('insert', axis ?? 0, x.ndim);
  const size = x.shape[on]!;
  const at = placesOf('insert', places, size, size + 1);
  const given = arrayBeside('insert', values, x);
  if (given.ndim > x.ndim)
    throw failure(
      'shape',
      `insert: ${showType(given.type)} has more axes than ${showType(x.type)}`,
      'values broadcast to the part that is put in',
    );
  // NumPy's rules: values get axes in front; those for a number as the place then come with the first axis in its place
  const full = reshape(given, [...new Array<number>(x.ndim - given.ndim).fill(1), ...given.shape]);
  const placed = typeof places === 'number' ? moved(full, on) : full;
  const count = at.length === 1 ? placed.shape[on]! : at.length;
  const shape = x.shape.map((d, i) => (i === on ? count : d));
  const block = inName('insert', 'broadcastTo', () => broadcastTo(placed, shape));
  const target = at.length === 1 ? new Array<number>(count).fill(at[0]!) : at;
  if (count === 0) return x;
  const order = target.map((p, i) => ({ p, i })).sort((a, b) => a.p - b.p || a.i - b.i);
  const positions: number[] = [];
  let next = 0;
  for (let p = 0; p <= size; p++) {
    for (; next < order.length && order[next]!.p === p; next++)
      positions.push(size + order[next]!.i);
    if (p < size) positions.push(p);
  }
  return along(concat([x, block], on), positions, on);
};

/** The first axis moved to place `axis`. */
const moved = (x: NDArray, axis: number): NDArray => {
  const order = x.shape.map((_, i) => i).slice(1);
  order.splice(axis, 0, 0);
  return x.transpose(order);
};

/**
 * `x` without the given places of an axis; without an axis, of the flattened array. The other sizes and the dtype stay.
 *
 * @throws {ValueError} for places out of range, or that are none
 * @throws {ShapeError} for an axis out of range
 *
 * @example
 * nd.delete(nd.array([1, 2, 3, 4]), [0, 2]);   // [2, 4]
 */
const deleted = (x: NDArray, places: Places, axis?: number): NDArray => {
  checkArray('delete', x);
  if (axis === undefined && x.ndim !== 1) return deleted(ravel(x), places, 0);
  const on = axisOf('delete', axis ?? 0, x.ndim);
  const size = x.shape[on]!;
  const gone = new Set(placesOf('delete', places, size, size));
  if (gone.size === 0) return x;
  const kept = Array.from({ length: size }, (_, i) => i).filter((i) => !gone.has(i));
  return along(x, kept, on);
};

export { deleted as delete };

/**
 * The elements of `x` in row-major order, from the start again when they run out, in another shape; zeros if `x` has none.
 * The dtype stays.
 *
 * @throws {ShapeError} unless all sizes are integers ≥ 0
 *
 * @example
 * nd.resizeTo(nd.array([1, 2, 3]), [2, 2]);   // [[1, 2], [3, 1]]
 */
export const resizeTo = (x: NDArray, shape: Shape): NDArray => {
  checkArray('resizeTo', x);
  checkShape('resizeTo', shape);
  const size = shape.reduce((n, d) => n * d, 1);
  if (x.size === 0) return zeros(shape, { dtype: x.dtype, device: x.device });
  const enough = tile(ravel(x), Math.max(1, Math.ceil(size / x.size)));
  return reshape(slice(enough, [0, size]), shape);
};

/**
 * The first elements of `x`, as many along each axis (default: all) as `like` has. The dtype of `x` stays; that of `like`
 * does not matter.
 *
 * @throws {ShapeError} when the numbers of axes differ (unless `axes` says which), `like` is longer, or an axis is out of range
 * @throws {ValueError} unless `axes` is a list
 *
 * @example
 * nd.sliceLike(nd.array([[1, 2, 3], [4, 5, 6]]), nd.zeros([1, 2]));   // [[1, 2]]
 */
export const sliceLike = (x: NDArray, like: NDArray, axes?: readonly number[]): NDArray => {
  checkArray('sliceLike', x);
  checkArray('sliceLike', like);
  if (axes !== undefined) checkList('sliceLike', 'axes', axes, 'pass a list: [0, 1]');
  if (axes === undefined && x.ndim !== like.ndim)
    throw failure(
      'shape',
      `sliceLike: ${showType(x.type)} and ${showType(like.type)} have different numbers of axes`,
      'name the axes to cut: sliceLike(x, like, [0, 1])',
    );
  const cut = (axes ?? x.shape.map((_, i) => i)).map((a) => axisOf('sliceLike', a, x.ndim));
  const ranges = x.shape.map((d, i): [Edge, Edge] => {
    if (!cut.includes(i)) return [0, d];
    const size = like.shape[i];
    if (size !== undefined && size <= d) return [0, size];
    throw failure(
      'shape',
      `sliceLike: axis ${i} of ${showType(x.type)} is not as long as that of ${showType(like.type)}`,
    );
  });
  return slice(x, ...ranges);
};
