/**
 * Arrays of other shapes with the same elements: reshaped, axes moved or stretched, elements turned about or repeated.
 *
 * Invariant: arguments are checked here and followed in `views.ts`, so what can be a view is one.
 */
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList } from '../options.ts';
import { axesOf, axisOf } from './axes.ts';
import { reshapeTo, slicePart, stretchTo, transposeTo } from './views.ts';

const SIZES = 'sizes go in one array: [2, 3]';

/**
 * The same elements in row-major order under another shape. One size may be -1: it is what the others leave over. Any
 * dtype, which stays.
 *
 * @throws {ShapeError} for sizes that do not make up as many elements
 * @throws {ValueError} unless `shape` is a list
 *
 * @example x.reshape([2, -1])
 */
export const reshape = (x: NDArray, shape: Shape): NDArray => {
  checkArray('reshape', x);
  checkList('reshape', 'the shape', shape, SIZES);
  const open = shape.indexOf(-1);
  const known = shape.reduce((n, d, i) => (i === open ? n : n * d), 1);
  const target =
    open < 0 ? shape : shape.map((d, i) => (i === open ? (known === 0 ? 0 : x.size / known) : d));
  if (
    !target.every((d) => Number.isInteger(d) && d >= 0) ||
    target.reduce((n, d) => n * d, 1) !== x.size
  )
    throw failure(
      'shape',
      `reshape: ${showType(x.type)} has ${x.size} elements, which do not fill [${shape.join(', ')}]`,
      'one size may be -1, to be inferred; no more than one',
    );
  return reshapeTo(x, target);
};

/**
 * All axes in one, [n]; a number becomes [1]. Any dtype, which stays.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.ravel(nd.array([[1, 2], [3, 4]]));   // [1, 2, 3, 4]
 */
export const ravel = (x: NDArray): NDArray => {
  checkArray('ravel', x);
  return reshapeTo(x, [x.size]);
};
/**
 * The first axis kept, all others in one, [n, m]: images to rows. A vector becomes [n, 1], a number [1, 1]. Any dtype,
 * which stays.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.flatten(nd.ones([2, 3, 4])).shape;   // [2, 12]
 */
export const flatten = (x: NDArray): NDArray => {
  checkArray('flatten', x);
  return reshapeTo(x, [x.shape[0] ?? 1, x.shape.slice(1).reduce((n, d) => n * d, 1)]);
};

/**
 * A new axis of size 1 before axis `axis` of the result. Any dtype, which stays.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.expandDims(nd.array([1, 2]), 0);   // [[1, 2]]
 */
export const expandDims = (x: NDArray, axis: number): NDArray => {
  checkArray('expandDims', x);
  const at = axisOf('expandDims', axis, x.ndim + 1);
  return reshapeTo(x, [...x.shape.slice(0, at), 1, ...x.shape.slice(at)]);
};

/**
 * Without axes of size 1: the given ones, or all. Any dtype, which stays.
 *
 * @throws {ShapeError} for axes out of range, named twice, or of other sizes
 *
 * @example nd.squeeze(nd.ones([1, 3, 1])).shape;   // [3]
 */
export const squeeze = (x: NDArray, axis?: number | readonly number[]): NDArray => {
  checkArray('squeeze', x);
  const axes =
    axis === undefined
      ? x.shape.flatMap((d, i) => (d === 1 ? [i] : []))
      : axesOf('squeeze', axis, x.ndim);
  const wide = axes.find((a) => x.shape[a] !== 1);
  if (wide !== undefined)
    throw failure(
      'shape',
      `squeeze: axis ${wide} of ${showType(x.type)} has size ${x.shape[wide]}, not 1`,
    );
  return reshapeTo(
    x,
    x.shape.filter((_, i) => !axes.includes(i)),
  );
};

/**
 * Axes in another order: axis `i` of the result is axis `axes[i]`. Reversed when left out. Any dtype, which stays.
 *
 * @throws {ShapeError} unless `axes` names each axis once
 * @throws {ValueError} unless `axes` is a list
 *
 * @example nd.transpose(nd.array([[1, 2], [3, 4]]));   // [[1, 3], [2, 4]]
 */
export const transpose = (x: NDArray, axes?: readonly number[]): NDArray => {
  checkArray('transpose', x);
  if (axes !== undefined)
    checkList('transpose', 'the order of axes', axes, 'axes go in one array: transpose([1, 0])');
  const order = (axes ?? x.shape.map((_, i) => x.ndim - 1 - i)).map((a) =>
    axisOf('transpose', a, x.ndim),
  );
  if (order.length !== x.ndim || new Set(order).size !== x.ndim)
    throw failure(
      'shape',
      `transpose: axes [${order.join(', ')}] do not name each axis of ${showType(x.type)} once`,
    );
  return transposeTo(x, order);
};
/**
 * Two axes exchanged. Any dtype, which stays.
 *
 * @throws {ShapeError} for axes out of range
 *
 * @example nd.swapAxes(nd.ones([2, 3, 4]), 0, 2).shape;   // [4, 3, 2]
 */
export const swapAxes = (x: NDArray, first: number, second: number): NDArray => {
  checkArray('swapAxes', x);
  const a = axisOf('swapAxes', first, x.ndim);
  const c = axisOf('swapAxes', second, x.ndim);
  return transpose(
    x,
    x.shape.map((_, i) => (i === a ? c : i === c ? a : i)),
  );
};

/**
 * `x` repeated to `shape`: trailing axes must be equal or 1. Any dtype, which stays.
 *
 * @throws {ShapeError} for a shape that `x` does not broadcast to
 * @throws {ValueError} unless `shape` is a list
 *
 * @example nd.broadcastTo(nd.array([1, 2]), [2, 2]);   // [[1, 2], [1, 2]]
 */
export const broadcastTo = (x: NDArray, shape: Shape): NDArray => {
  checkArray('broadcastTo', x);
  checkList('broadcastTo', 'the shape', shape, SIZES);
  const lead = shape.length - x.ndim;
  if (
    lead < 0 ||
    !shape.every((d) => Number.isInteger(d) && d >= 0) ||
    !x.shape.every((d, i) => d === 1 || d === shape[i + lead])
  )
    throw failure(
      'shape',
      `broadcastTo: ${showType(x.type)} does not stretch to [${shape.join(', ')}]`,
      'axes must be equal or 1, counted from the last',
    );
  return stretchTo(x, shape);
};

/**
 * The order of elements along the axes (default: all) reversed. Shape and dtype, any one, stay.
 *
 * @throws {ShapeError} for axes out of range or named twice
 *
 * @example nd.flip(nd.array([1, 2, 3]));   // [3, 2, 1]
 */
export const flip = (x: NDArray, axis?: number | readonly number[]): NDArray => {
  checkArray('flip', x);
  const axes = axesOf('flip', axis, x.ndim);
  const back = (i: number): boolean => axes.includes(i) && x.shape[i]! > 0;
  return slicePart(x, {
    begin: x.shape.map((d, i) => (back(i) ? d - 1 : 0)),
    end: x.shape.map((d, i) => (back(i) ? -1 : d)),
    step: x.shape.map((_, i) => (back(i) ? -1 : 1)),
  });
};

/**
 * `x` side by side, `times[i]` times along axis `i` (trailing axes when fewer; new ones before when more). Any dtype,
 * which stays.
 *
 * @throws {ValueError} unless all of `times` are integers ≥ 0
 *
 * @example nd.tile(nd.array([1, 2]), 2);   // [1, 2, 1, 2]
 */
export const tile = (x: NDArray, times: number | readonly number[]): NDArray => {
  checkArray('tile', x);
  const counts = typeof times === 'number' ? [times] : times;
  checkList('tile', 'the count', counts, 'pass a number, or one for each axis: [2, 1]');
  const rank = Math.max(counts.length, x.ndim);
  const shape = [...new Array<number>(rank - x.ndim).fill(1), ...x.shape];
  const full = [...new Array<number>(rank - counts.length).fill(1), ...counts];
  if (!full.every((n) => Number.isInteger(n) && n >= 0))
    throw failure('value', `tile: counts [${full.join(', ')}] must be integers ≥ 0`);
  const apart = reshapeTo(
    x,
    shape.flatMap((d) => [1, d]),
  );
  const wide = broadcastTo(
    apart,
    shape.flatMap((d, i) => [full[i]!, d]),
  );
  return reshapeTo(
    wide,
    shape.map((d, i) => d * full[i]!),
  );
};
/**
 * Each element `count` times in a row along `axis` (default: of the flattened array). Any dtype, which stays.
 *
 * @throws {ValueError} unless `count` is an integer ≥ 0
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.repeat(nd.array([1, 2]), 2);   // [1, 1, 2, 2]
 */
export const repeat = (x: NDArray, count: number, axis?: number): NDArray => {
  checkArray('repeat', x);
  if (!Number.isInteger(count) || count < 0)
    throw failure('value', `repeat: count ${count} must be an integer ≥ 0`);
  if (axis === undefined) return repeat(ravel(x), count, 0);
  const at = axisOf('repeat', axis, x.ndim);
  const { shape } = x;
  const wide = [...shape.slice(0, at + 1), count, ...shape.slice(at + 1)];
  return reshapeTo(
    broadcastTo(expandDims(x, at + 1), wide),
    shape.map((d, i) => (i === at ? d * count : d)),
  );
};
