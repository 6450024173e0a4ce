/**
 * Normal vectors.
 *
 * Invariant: independent standard normal numbers, mixed by a factor of the covariance; gradients flow to mean and
 * covariance.
 */
import type { Shape } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { add } from '../nd/arithmetic.ts';
import { checkShape } from '../nd/creation.ts';
import { matmul } from '../nd/linalg.ts';
import { expandDims, squeeze, swapAxes } from '../nd/shape.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { normal } from './basic.ts';
import { cholesky } from './cholesky.ts';
import type { RandomOptions } from './draw.ts';
import { widestOf } from './source.ts';

/** `factor · z` for vectors z [..., n]. */
export const mixed = (factor: NDArray, z: NDArray): NDArray =>
  squeeze(matmul(expandDims(z, -2), swapAxes(factor, -1, -2)), -2);

export interface MultivariateOptions extends Omit<RandomOptions, 'dtype'> {
  /** The array is a lower triangular L with covariance `L Lᵀ`, not the covariance. Default false. */
  readonly factor?: boolean;
}

/**
 * Normal vectors [...shape, n] with this mean [..., n] and covariance [..., n, n], both of which broadcast to the
 * shape. float32; of a float64 mean or covariance float64. A covariance that is not positive definite gives NaN.
 *
 * @throws {ShapeError} unless the covariance is [..., n, n], and for what does not broadcast to the shape
 * @throws {ValueError} if the covariance is no array, or the mean neither array nor number
 *
 * @example
 * random.multivariateNormal([5], nd.zeros([2]), nd.eye(2)).shape;   // [5, 2]
 */
export const multivariateNormal = (
  shape: Shape,
  mean: Operand,
  covariance: NDArray,
  options: MultivariateOptions = {},
): NDArray => {
  checkShape('random.multivariateNormal', shape);
  checkArray('random.multivariateNormal', covariance);
  const { factor = false, ...rest } = options;
  const size = covariance.shape[covariance.ndim - 1];
  if (size === undefined || covariance.shape[covariance.ndim - 2] !== size)
    throw failure(
      'shape',
      `random.multivariateNormal: the covariance has the shape [${covariance.shape.join(', ')}]`,
      'pass [..., n, n]',
    );
  const device = rest.device ?? covariance.device;
  const dtype = widestOf([mean, covariance].filter(isNDArray).map((x) => x.dtype));
  const z = normal([...shape, size], 0, 1, { ...rest, device, dtype });
  return add(mixed(factor ? covariance : cholesky(covariance), z), mean);
};
