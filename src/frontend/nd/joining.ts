/**
 * Arrays joined and cut by what their axes are called: rows, columns, depth.
 *
 * Invariant: all of it is `concat` and `split` along an axis that the name says.
 */

import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkList, shown } from '../options.ts';
import { axisOf } from './axes.ts';
import { concat, split } from './concat.ts';
import { atleast1d, atleast2d, atleast3d } from './rearrange.ts';
import { ravel, reshape } from './shape.ts';

const all = (
  name: string,
  xs: readonly NDArray[],
  shaped: (x: NDArray) => NDArray,
): readonly NDArray[] => {
  checkList(name, 'the first argument', xs, `arrays go in one list: ${name}([a, b])`);
  for (const x of xs) checkArray(name, x);
  return xs.map(shaped);
};

const joined = (name: string, xs: readonly NDArray[], axis = 0): NDArray =>
  inName(name, 'concat', () => concat(xs, axis));

type Parts = number | readonly number[];
const cut = (name: string, x: NDArray, parts: Parts, axis = 0): NDArray[] => {
  checkArray(name, x);
  return inName(name, 'split', () => split(x, parts, axis));
};

/**
 * `values` after `x` along an axis, [..., n, ...] and [..., m, ...] → [..., n + m, ...], or both flattened. Dtypes
 * promote.
 *
 * @throws {ShapeError} for an axis out of range, and when other sizes differ
 *
 * @example
 * nd.append(nd.array([[1, 2]]), nd.array([[3, 4]]));   // [1, 2, 3, 4]
 */
export const append = (x: NDArray, values: NDArray, axis?: number): NDArray => {
  checkArray('append', x);
  checkArray('append', values);
  return axis === undefined
    ? concat([ravel(x), ravel(values)])
    : joined('append', [x, values], axis);
};

/**
 * Side by side: along the second axis, vectors [n] along their only one; numbers count as [1]. Dtypes promote.
 *
 * @throws {ShapeError} when other sizes, or numbers of axes, differ
 * @throws {ValueError} unless there is a list of arrays, one at least
 *
 * @example
 * nd.hstack([nd.array([1, 2]), nd.array([3])]);   // [1, 2, 3]
 */
export const hstack = (xs: readonly NDArray[]): NDArray => {
  const parts = all('hstack', xs, atleast1d);
  return joined('hstack', parts, parts[0]?.ndim === 1 ? 0 : 1);
};
/**
 * One above the other: along the first axis, vectors [n] as rows [1, n]. Dtypes promote.
 *
 * @throws {ShapeError} when other sizes, or numbers of axes, differ
 * @throws {ValueError} unless there is a list of arrays, one at least
 *
 * @example
 * nd.vstack([nd.array([1, 2]), nd.array([3, 4])]);   // [[1, 2], [3, 4]]
 */
export const vstack = (xs: readonly NDArray[]): NDArray =>
  joined('vstack', all('vstack', xs, atleast2d));
/**
 * The same as {@link vstack}: vectors [n] are rows; dtypes promote.
 *
 * @throws {ShapeError} when other sizes, or numbers of axes, differ
 * @throws {ValueError} unless there is a list of arrays, one at least
 *
 * @example
 * nd.rowStack([nd.array([1, 2]), nd.array([3, 4])]);   // [[1, 2], [3, 4]]
 */
export const rowStack = (xs: readonly NDArray[]): NDArray =>
  joined('rowStack', all('rowStack', xs, atleast2d));
/**
 * Along the third axis, matrices [m, n] as layers [m, n, 1]. Dtypes promote.
 *
 * @throws {ShapeError} when other sizes, or numbers of axes, differ
 * @throws {ValueError} unless there is a list of arrays, one at least
 *
 * @example
 * nd.dstack([nd.ones([2, 3]), nd.zeros([2, 3])]).shape;   // [2, 3, 2]
 */
export const dstack = (xs: readonly NDArray[]): NDArray =>
  joined('dstack', all('dstack', xs, atleast3d), 2);
/**
 * Vectors [n] as the columns of a matrix [n, k]; matrices side by side. Dtypes promote.
 *
 * @throws {ShapeError} when other sizes, or numbers of axes, differ
 * @throws {ValueError} unless there is a list of arrays, one at least
 *
 * @example
 * nd.columnStack([nd.array([1, 2]), nd.array([3, 4])]);   // [[1, 3], [2, 4]]
 */
export const columnStack = (xs: readonly NDArray[]): NDArray =>
  joined(
    'columnStack',
    all('columnStack', xs, (x) => (x.ndim > 1 ? x : reshape(x, [x.size, 1]))),
    1,
  );

/**
 * `x` cut along an axis into `parts` pieces whose sizes differ by one at most (the first ones are larger), or before the
 * given positions. The dtype stays.
 *
 * @throws {ShapeError} for an axis out of range
 * @throws {ValueError} unless `parts` is an integer ≥ 1, or positions that ascend
 *
 * @example
 * nd.arraySplit(nd.arange(5), 2)[0];   // [0, 1, 2]
 */
export const arraySplit = (x: NDArray, parts: number | readonly number[], axis = 0): NDArray[] => {
  checkArray('arraySplit', x);
  const size = x.shape[axisOf('arraySplit', axis, x.ndim)]!;
  if (typeof parts !== 'number') {
    checkList('arraySplit', 'parts', parts, 'pass a number, or a list of positions');
    const within = parts.map((p) => Math.max(0, Math.min(size, p < 0 ? p + size : p)));
    return cut('arraySplit', x, within, axis);
  }
  if (!Number.isInteger(parts) || parts < 1)
    throw failure('value', `arraySplit: ${shown(parts)} parts`, 'pass an integer from 1 on');
  const cuts: number[] = [];
  let at = 0;
  for (let i = 0; i < parts - 1; i++) {
    at += Math.floor(size / parts) + (i < size % parts ? 1 : 0);
    cuts.push(at);
  }
  return split(x, cuts, axis);
};

const cutAlong =
  (name: string, axis: number) =>
  (x: NDArray, parts: Parts): NDArray[] => {
    checkArray(name, x);
    if (x.ndim > axis) return cut(name, x, parts, axis);
    throw failure(
      'shape',
      `${name}: ${showType(x.type)} has ${x.ndim} ${x.ndim === 1 ? 'axis' : 'axes'}, not ${axis + 1}`,
      'split(x, parts, axis) cuts along any axis',
    );
  };

type Cut = (x: NDArray, parts: Parts) => NDArray[];
const columns = cutAlong('hsplit', 1);
/**
 * Cut into pieces that stand side by side: along the second axis, vectors along their only one. The dtype stays.
 *
 * @throws {ShapeError} when the pieces would not be equal, and for an array without axes
 * @throws {ValueError} for positions that do not ascend within the axis
 *
 * @example
 * nd.hsplit(nd.array([[1, 2], [3, 4]]), 2)[1];   // [[2], [4]]
 */
export const hsplit: Cut = (x, parts) =>
  isNDArray(x) && x.ndim === 1 ? cut('hsplit', x, parts) : columns(x, parts);
/**
 * Cut into pieces that stand one above the other: along the first axis. The dtype stays.
 *
 * @throws {ShapeError} when the pieces would not be equal, and for fewer than two axes
 * @throws {ValueError} for positions that do not ascend within the axis
 *
 * @example
 * nd.vsplit(nd.array([[1, 2], [3, 4]]), 2)[1];   // [[3, 4]]
 */
export const vsplit: Cut = (x, parts) => {
  checkArray('vsplit', x);
  if (x.ndim < 2)
    throw failure(
      'shape',
      `vsplit: takes arrays of two axes and more, not ${showType(x.type)}`,
      'split(x, parts) cuts vectors',
    );
  return cut('vsplit', x, parts);
};
/**
 * Cut along the third axis. The dtype stays.
 *
 * @throws {ShapeError} when the pieces would not be equal, and for fewer than three axes
 * @throws {ValueError} for positions that do not ascend within the axis
 *
 * @example
 * nd.dsplit(nd.ones([2, 3, 4]), 2)[0]!.shape;   // [2, 3, 2]
 */
export const dsplit: Cut = cutAlong('dsplit', 2);
