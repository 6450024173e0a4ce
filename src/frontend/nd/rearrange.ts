/**
 * Axes and elements in another order: moved, rolled, turned, with axes added; and which arrays share memory.
 *
 * Invariant: what can be a view is one; nothing here computes values.
 */
import { bytesOf } from '../../ir/dtype.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { stridesIn } from '../layout.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions, shown } from '../options.ts';
import { axisOf } from './axes.ts';
import { concat } from './concat.ts';
import { checkShape } from './creation.ts';
import { broadcastTo, flip, ravel, reshape, transpose } from './shape.ts';
import { slicePart } from './views.ts';

const listed = (x: number | readonly number[]): readonly number[] =>
  typeof x === 'number' ? [x] : x;

/**
 * Axes `from` moved to the places `to` of the result; the others keep their order. Any dtype, which stays.
 *
 * @throws {ShapeError} for axes out of range, and unless there are as many places as axes, each once
 *
 * @example
 * nd.moveaxis(nd.zeros([2, 3, 4]), 0, -1).shape;   // [3, 4, 2]
 */
export const moveaxis = (
  x: NDArray,
  from: number | readonly number[],
  to: number | readonly number[],
): NDArray => {
  checkArray('moveaxis', x);
  const [source, target] = [from, to].map((axes) => {
    if (typeof axes !== 'number')
      checkList('moveaxis', 'an axis', axes, 'pass a number or an array of numbers for both');
    return listed(axes).map((a) => axisOf('moveaxis', a, x.ndim));
  }) as [number[], number[]];
  if (
    source.length !== target.length ||
    new Set(source).size !== source.length ||
    new Set(target).size !== target.length
  )
    throw failure(
      'shape',
      `moveaxis: [${source.join(', ')}] cannot go to [${target.join(', ')}]`,
      'pass as many places as axes, each once',
    );
  const order = x.shape.map((_, i) => i).filter((i) => !source.includes(i));
  const pairs = target.map((place, i) => ({ place, axis: source[i]! }));
  for (const { place, axis } of pairs.sort((p, q) => p.place - q.place))
    order.splice(place, 0, axis);
  return transpose(x, order);
};

/**
 * Axis `axis` moved back until it stands before axis `start` of `x`. Any dtype, which stays.
 *
 * @throws {ShapeError} for an `axis` or `start` out of range (`start` may be the number of axes)
 *
 * @example
 * nd.rollaxis(nd.zeros([2, 3, 4]), 2).shape;   // [4, 2, 3]
 */
export const rollaxis = (x: NDArray, axis: number, start = 0): NDArray => {
  checkArray('rollaxis', x);
  const from = axisOf('rollaxis', axis, x.ndim);
  const before = start === x.ndim ? start : axisOf('rollaxis', start, x.ndim);
  return moveaxis(x, from, before > from ? before - 1 : before);
};

const rolled = (x: NDArray, by: number, axis: number): NDArray => {
  const size = x.shape[axis]!;
  const cut = size === 0 ? 0 : ((-by % size) + size) % size;
  if (cut === 0) return x;
  const part = (begin: number, end: number): NDArray =>
    slicePart(x, {
      begin: x.shape.map((_, i) => (i === axis ? begin : 0)),
      end: x.shape.map((d, i) => (i === axis ? end : d)),
      step: x.shape.map(() => 1),
    });
  return concat([part(cut, size), part(0, cut)], axis);
};

/**
 * Elements moved along axes by `shift` places, those that leave one end come in at the other. Without axes: along the
 * flattened array. Shape and dtype, any one, stay.
 *
 * @throws {ShapeError} for an axis out of range
 * @throws {ValueError} unless shifts are integers, one for all axes or one for each
 *
 * @example
 * nd.roll(nd.arange(5), 2);   // [3, 4, 0, 1, 2]
 */
export const roll = (
  x: NDArray,
  shift: number | readonly number[],
  axis?: number | readonly number[],
): NDArray => {
  checkArray('roll', x);
  const shifts = listed(shift);
  if (!Array.isArray(shifts) || !shifts.every(Number.isInteger))
    throw failure('value', `roll: shift is ${shown(shift)}`, 'pass integers');
  if (axis === undefined) {
    const by = shifts.reduce((n, s) => n + s, 0);
    return reshape(rolled(ravel(x), by, 0), x.shape);
  }
  const axes = [axis].flat().map((a) => axisOf('roll', a, x.ndim));
  if (shifts.length !== 1 && axes.length !== 1 && shifts.length !== axes.length)
    throw failure(
      'value',
      `roll: ${shifts.length} shifts for ${axes.length} axes`,
      'pass one shift for all axes, or one for each',
    );
  const count = Math.max(shifts.length, axes.length);
  let y = x;
  for (let i = 0; i < count; i++)
    y = rolled(y, shifts[shifts.length === 1 ? 0 : i]!, axes[axes.length === 1 ? 0 : i]!);
  return y;
};

/**
 * Turned by `times` right angles in the plane of two axes, from the first to the second; odd ones exchange the sizes.
 * Any dtype, which stays.
 *
 * @throws {ShapeError} unless the plane is two axes in range that differ
 * @throws {ValueError} unless `times` is an integer
 *
 * @example
 * nd.rot90(nd.array([[1, 2], [3, 4]]));   // [[2, 4], [1, 3]]
 */
export const rot90 = (x: NDArray, times = 1, axes: readonly [number, number] = [0, 1]): NDArray => {
  checkArray('rot90', x);
  checkList('rot90', 'the plane', axes, 'pass two axes: [0, 1]');
  const [a, b] = axes.map((axis) => axisOf('rot90', axis, x.ndim)) as [number, number];
  if (axes.length !== 2 || a === b)
    throw failure('shape', `rot90: axes [${axes.join(', ')}] are no plane`, 'pass two axes');
  if (!Number.isInteger(times))
    throw failure('value', `rot90: times is ${shown(times)}`, 'pass an integer');
  const turns = ((times % 4) + 4) % 4;
  const exchanged = (y: NDArray): NDArray =>
    transpose(
      y,
      y.shape.map((_, i) => (i === a ? b : i === b ? a : i)),
    );
  if (turns === 0) return x;
  if (turns === 2) return flip(x, [a, b]);
  return turns === 1 ? exchanged(flip(x, b)) : flip(exchanged(x), b);
};

/**
 * Rows in reverse order: axis 0, at least one axis. Shape and dtype, any one, stay.
 *
 * @throws {ShapeError} for a single number (shape [])
 *
 * @example
 * nd.flipud(nd.array([[1, 2], [3, 4]]));   // [[3, 4], [1, 2]]
 */
export const flipud = (x: NDArray): NDArray => {
  checkArray('flipud', x);
  return flip(x, axisOf('flipud', 0, x.ndim));
};
/**
 * Columns in reverse order: axis 1, at least two axes. Shape and dtype, any one, stay.
 *
 * @throws {ShapeError} for fewer than two axes
 *
 * @example
 * nd.fliplr(nd.array([[1, 2], [3, 4]]));   // [[2, 1], [4, 3]]
 */
export const fliplr = (x: NDArray): NDArray => {
  checkArray('fliplr', x);
  return flip(x, axisOf('fliplr', 1, x.ndim));
};

/**
 * With at least one axis: a number becomes [1]. Any dtype, which stays.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.atleast1d(nd.array(5)).shape;   // [1]
 */
export const atleast1d = (x: NDArray): NDArray => {
  checkArray('atleast1d', x);
  return x.ndim > 0 ? x : reshape(x, [1]);
};
/**
 * With at least two axes: a number becomes [1, 1], a vector a row [1, n]. Any dtype, which stays.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.atleast2d(nd.ones([3])).shape;   // [1, 3]
 */
export const atleast2d = (x: NDArray): NDArray => {
  checkArray('atleast2d', x);
  return x.ndim > 1 ? x : reshape(x, [1, x.shape[0] ?? 1]);
};
/**
 * With at least three axes: a number becomes [1, 1, 1], a vector [1, n, 1], a matrix [m, n, 1]. Any dtype, which stays.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example
 * nd.atleast3d(nd.ones([3])).shape;   // [1, 3, 1]
 */
export const atleast3d = (x: NDArray): NDArray => {
  checkArray('atleast3d', x);
  return x.ndim > 2 ? x : reshape(x, x.ndim === 2 ? [...x.shape, 1] : [1, x.shape[0] ?? 1, 1]);
};

/** The shape that all broadcast to. `show` says which they are, for messages. */
const common = (name: string, shapes: readonly Shape[], show: () => readonly string[]): Shape => {
  const rank = Math.max(0, ...shapes.map((s) => s.length));
  return Array.from({ length: rank }, (_, i) => {
    const sizes = shapes.map((s) => s[i - rank + s.length] ?? 1);
    const size = sizes.find((d) => d !== 1) ?? 1;
    if (sizes.some((d) => d !== 1 && d !== size))
      throw failure(
        'shape',
        `${name}: cannot broadcast ${show().join(' with ')}`,
        'axes must be equal or 1, counted from the last',
      );
    return size;
  });
};
/**
 * All arrays in the shape that they broadcast to, as views. Any dtypes, which stay.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.broadcastArrays(nd.ones([2, 1]), nd.ones([3]))[1]!.shape;   // [2, 3]
 */
export const broadcastArrays = (...xs: readonly NDArray[]): NDArray[] => {
  for (const x of xs) checkArray('broadcastArrays', x);
  const shape = common(
    'broadcastArrays',
    xs.map((x) => x.shape),
    () => xs.map((x) => showType(x.type)),
  );
  return xs.map((x) => broadcastTo(x, shape));
};
/**
 * The shape that arrays of these shapes broadcast to, whatever their dtypes; [] for none.
 *
 * @throws {ShapeError} for shapes that do not broadcast, or are none
 *
 * @example
 * nd.broadcastShapes([2, 1], [3]);   // [2, 3]
 */
export const broadcastShapes = (...shapes: readonly Shape[]): Shape => {
  for (const shape of shapes) checkShape('broadcastShapes', shape);
  return common('broadcastShapes', shapes, () => shapes.map((s) => `[${s.join(', ')}]`));
};

export interface LikeOptions {
  /** Axes of `x` that take sizes. Default: all. */
  readonly axes?: readonly number[];
  /** Axes of the other array that give them. Default: the same. */
  readonly likeAxes?: readonly number[];
}
/**
 * `x` repeated to the shape of `like`, along some axes or all. Any dtypes; that of `x` stays.
 *
 * @throws {ShapeError} if `x` does not stretch to the shape, and for axes out of range
 * @throws {ValueError} unless there are as many `axes` as `likeAxes`
 *
 * @example
 * nd.broadcastLike(nd.ones([1, 3]), nd.zeros([2, 3])).shape;   // [2, 3]
 */
export const broadcastLike = (x: NDArray, like: NDArray, options?: LikeOptions): NDArray => {
  checkArray('broadcastLike', x);
  checkArray('broadcastLike', like);
  checkOptions('broadcastLike', options, ['axes', 'likeAxes']);
  const { axes: given = options?.likeAxes, likeAxes = given } = options ?? {};
  const shape = given === undefined ? like.shape : likeShape(x, like, given, likeAxes ?? given);
  const lead = shape.length - x.ndim;
  if (lead < 0 || x.shape.some((d, i) => d !== 1 && d !== shape[lead + i]))
    throw failure(
      'shape',
      `broadcastLike: ${showType(x.type)} does not stretch to [${shape.join(', ')}]`,
      'axes must be equal or 1, counted from the last',
    );
  return broadcastTo(x, shape);
};
/** The shape of `x` with sizes of `like` in some axes. */
const likeShape = (
  x: NDArray,
  like: NDArray,
  axes: readonly number[],
  likeAxes: readonly number[],
): Shape => {
  const [to, from] = [axes, likeAxes].map((list, i) => {
    checkList('broadcastLike', i === 0 ? 'axes' : 'likeAxes', list, 'pass a list of axes: [0, 1]');
    return list.map((a) => axisOf('broadcastLike', a, (i === 0 ? x : like).ndim));
  }) as [number[], number[]];
  if (to.length !== from.length)
    throw failure('value', `broadcastLike: ${to.length} axes, ${from.length} likeAxes`);
  return x.shape.map((d, i) => (to.includes(i) ? like.shape[from[to.indexOf(i)]!]! : d));
};

/** First and last byte of an array's memory, inclusive; undefined when it has no elements. */
const reach = (x: NDArray): readonly [number, number] | undefined => {
  if (x.size === 0) return undefined;
  const last = stridesIn(x.layout).reduce((n, s, i) => n + s * (x.shape[i]! - 1), 0);
  const bytes = bytesOf(x.dtype);
  return [x.offset, x.offset + last * bytes + bytes - 1];
};
/**
 * Whether two arrays, of any shapes and dtypes, lie in overlapping ranges of the same memory. Values never change, so
 * sharing shows in nothing but the memory that is used.
 *
 * @throws {ValueError} if one is no array
 *
 * @example
 * const v = nd.arange(6);
 * nd.mayShareMemory(v, v.slice('::2'));   // true
 */
export const mayShareMemory = (x: NDArray, y: NDArray): boolean => {
  checkArray('mayShareMemory', x);
  checkArray('mayShareMemory', y);
  return doShare(x, y);
};
const doShare = (x: NDArray, y: NDArray): boolean => {
  if (x.storage === undefined || x.storage !== y.storage) return false;
  const [p, q] = [reach(x), reach(y)];
  return p !== undefined && q !== undefined && p[0] <= q[1] && q[0] <= p[1];
};

/** The place of each element, in bytes. */
const places = (x: NDArray): Set<number> => {
  let all = [x.offset];
  stridesIn(x.layout).forEach((stride, i) => {
    const step = stride * bytesOf(x.dtype);
    all = all.flatMap((at) => Array.from({ length: x.shape[i]! }, (_, k) => at + k * step));
  });
  return new Set(all);
};
/**
 * Whether two arrays, of any shapes and dtypes, have an element of memory in common: exact, where {@link
 * mayShareMemory} compares ranges.
 *
 * @throws {ValueError} if one is no array
 *
 * @example
 * const w = nd.arange(6);
 * nd.sharesMemory(w.slice('::2'), w.slice('1::2'));   // false
 */
export const sharesMemory = (x: NDArray, y: NDArray): boolean => {
  checkArray('sharesMemory', x);
  checkArray('sharesMemory', y);
  if (!doShare(x, y)) return false;
  const own = places(x);
  return [...places(y)].some((at) => own.has(at));
};
