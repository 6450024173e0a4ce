/**
 * Products of vectors in pairs, and matrices turned over: short names for what arrays do anyway.
 *
 * Invariant: vectors lie along one axis, matrices are the last two; all other axes broadcast.
 */
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { mul } from '../nd/arithmetic.ts';
import { sum } from '../nd/reduce.ts';
import { swapAxes } from '../nd/shape.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';

export interface VecdotOptions {
  /** Of the vectors, in what both shapes broadcast to. Default: the last. */
  readonly axis?: number;
}

/**
 * Dot products of vectors along an axis: [..., n] and [..., n], which broadcast, give [...]. Dtypes promote; products of
 * booleans and of integers of 8 and 16 bits sum as int32.
 *
 * @throws {ShapeError} for shapes that do not broadcast, and an axis out of range
 *
 * @example nd.linalg.vecdot(nd.array([[1, 2], [3, 4]]), nd.array([10, 1]));   // [12, 34]
 */
export const vecdot = (x: NDArray, y: NDArray, options?: VecdotOptions): NDArray => {
  checkArray('vecdot', x);
  checkArray('vecdot', y);
  checkOptions('vecdot', options, ['axis']);
  const products = inName('vecdot', 'mul', () => mul(x, y));
  return inName('vecdot', 'sum', () => sum(products, { axis: options?.axis ?? -1 }));
};

/**
 * Matrices turned over: [..., m, n] gives [..., n, m], a view, of the same dtype.
 *
 * @throws {ShapeError} for arrays of fewer than two axes
 *
 * @example nd.linalg.matrixTranspose(nd.array([[1, 2], [3, 4]]));   // [[1, 3], [2, 4]]
 */
export const matrixTranspose = (x: NDArray): NDArray => {
  checkArray('matrixTranspose', x);
  if (x.ndim < 2)
    throw failure(
      'shape',
      `matrixTranspose: ${showType(x.type)} holds no matrices`,
      'an array of two axes at least does',
    );
  return swapAxes(x, -1, -2);
};
