/**
 * Constraints of vectors and matrices: simplex, counts, triangular and positive definite matrices.
 *
 * Invariant: `check` gives one boolean for each vector or matrix.
 */
import { showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { logicalAnd } from '../../nd/arithmetic.ts';
import * as nd from '../../nd/index.ts';
import type { NDArray } from '../../ndarray.ts';
import { shown } from '../../options.ts';
import { cholesky } from '../../random/cholesky.ts';
import { boolean, nonNegativeInteger, real } from './ranges.ts';
import { type Constraint, every, shaped } from './record.ts';

/** Sums that rounding leaves near 1 are 1. */
const NEAR = 1e-5;
const sumsToOne = (value: NDArray): NDArray => nd.lt(value.sum({ axis: -1 }).sub(1).abs(), NEAR);

/**
 * Vectors of numbers ≥ 0 with sum 1.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.simplex.check(nd.array([[0.5, 0.5], [0.5, 0.6]]));   // [1, 0]
 */
export const simplex: Constraint = shaped(
  'numbers ≥ 0 with sum 1 along the last axis',
  1,
  (value) => logicalAnd(every(nd.ge(value, 0), 1), sumsToOne(value)),
);
/**
 * Vectors of zeros and one 1.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.oneHot.check(nd.array([[0, 1], [1, 1]]));   // [1, 0]
 */
export const oneHot: Constraint = shaped(
  'zeros and one 1 along the last axis',
  1,
  (value) => logicalAnd(every(boolean.check(value), 1), sumsToOne(value)),
  true,
);
/**
 * Vectors of counts with the sum `total`.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ValueError} unless `total` is an integer ≥ 0
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.counts(3).check(nd.array([[1, 2], [1, 1]]));   // [1, 0]
 */
export const counts = (total: number): Constraint => {
  if (!Number.isInteger(total) || total < 0)
    throw failure('value', `constraints.counts: the sum is ${shown(total)}`, 'pass an integer ≥ 0');
  return shaped(
    `counts with sum ${total} along the last axis`,
    1,
    (value) =>
      logicalAnd(every(nonNegativeInteger.check(value), 1), nd.eq(value.sum({ axis: -1 }), total)),
    true,
  );
};
/**
 * Vectors of any numbers.
 *
 * Arrays [..., K] of any dtype; `check` gives one boolean for each vector.
 *
 * @throws {ShapeError} from `check`, for an array without axes
 *
 * @example probability.constraints.realVector.check(nd.array([[1, 2], [1, NaN]]));   // [1, 0]
 */
export const realVector: Constraint = shaped('a vector of numbers', 1, (value) =>
  every(real.check(value), 1),
);
/**
 * Matrices of zeros above the diagonal.
 *
 * Arrays [..., M, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, for fewer than two axes
 *
 * @example probability.constraints.lowerTriangular.check(nd.array([[1, 0], [2, 3]]));   // true
 */
export const lowerTriangular: Constraint = shaped('a lower triangular matrix', 2, (value) =>
  every(nd.eq(nd.tril(value), value), 2),
);
const square = (name: string, value: NDArray): NDArray => {
  const { ndim, shape, type } = value;
  if (ndim >= 2 && shape[ndim - 1] === shape[ndim - 2]) return value;
  throw failure(
    'shape',
    `constraints.${name}: ${showType(type)} is not square in its last two axes`,
    'pass [..., N, N]',
  );
};

/**
 * Those with a diagonal above 0.
 *
 * Arrays [..., N, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, unless matrices are square
 *
 * @example probability.constraints.lowerCholesky.check(nd.array([[1, 0], [2, -3]]));   // false
 */
export const lowerCholesky: Constraint = shaped(
  'a lower triangular matrix with a diagonal above 0',
  2,
  (value) =>
    logicalAnd(
      lowerTriangular.check(square('lowerCholesky', value)),
      every(nd.gt(nd.diagonal(value, { axis1: -2, axis2: -1 }), 0), 1),
    ),
);

/**
 * Symmetric matrices with a Cholesky factor.
 *
 * Arrays [..., N, N] of any dtype; `check` gives one boolean for each matrix.
 *
 * @throws {ShapeError} from `check`, unless matrices are square
 *
 * @example probability.constraints.positiveDefinite.check(nd.array([[2, 1], [1, 2]]));   // true
 */
export const positiveDefinite: Constraint = shaped('a positive definite matrix', 2, (value) => {
  square('positiveDefinite', value);
  const near = nd.abs(value.sub(nd.swapAxes(value, -1, -2))).le(nd.abs(value).mul(1e-5).add(1e-6));
  const pivots = nd.diagonal(cholesky(value), { axis1: -2, axis2: -1 });
  return logicalAnd(every(near, 2), every(nd.gt(pivots, 0), 1));
});
