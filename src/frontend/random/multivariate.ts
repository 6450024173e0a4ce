/**
 * Normal vectors.
 *
 * Invariant: independent standard normal numbers, mixed by a factor of the covariance; gradients flow to mean and
 * covariance.
 */
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { add } from '../nd/arithmetic.ts';
import { checkShape } from '../nd/creation.ts';
import { matmul } from '../nd/linalg.ts';
import { astype } from '../nd/math.ts';
import { expandDims, squeeze, swapAxes } from '../nd/shape.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { checkSwitch } from '../options.ts';
import { normal } from './basic.ts';
import { cholesky } from './cholesky.ts';
import {
  anyNumber,
  checkDrawOptions,
  checkParameters,
  deviceFor,
  drawnDtype,
  type RandomOptions,
} from './draw.ts';
import { drawnIn, widestOf } from './source.ts';

/** `factor · z` for vectors z [..., n]. */
export const mixed = (factor: NDArray, z: NDArray): NDArray =>
  squeeze(matmul(expandDims(z, -2), swapAxes(factor, -1, -2)), -2);

export interface MultivariateOptions extends RandomOptions {
  /** The array is a lower triangular L with covariance `L Lᵀ`, not the covariance. Default false. */
  readonly factor?: boolean;
}

const NAME = 'random.multivariateNormal';

/** Throws unless `x` broadcasts to `wanted`. */
const checkStretch = (noun: string, x: NDArray, wanted: Shape): void => {
  const offset = wanted.length - x.ndim;
  if (offset >= 0 && x.shape.every((d, i) => d === 1 || d === wanted[i + offset])) return;
  throw failure(
    'shape',
    `${NAME}: the ${noun} ${showType(x.type)} does not stretch to [${wanted.join(', ')}]`,
    'pass the whole shape of the result without its vectors, to which mean and covariance broadcast',
  );
};

/**
 * Normal vectors [...shape, n] with this mean [..., n] and covariance [..., n, n], both of which broadcast to the
 * shape. float32, of a float64 mean or covariance float64, or the float dtype asked for. A covariance that is not
 * positive definite gives NaN.
 *
 * @throws {ShapeError} unless the covariance is [..., n, n], and for what does not broadcast to the shape
 * @throws {ValueError} if the covariance is no array, or the mean neither array nor number
 * @throws {DTypeError} for a `dtype` that is no float
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
  checkDrawOptions(NAME, options, ['dtype', 'device', 'factor']);
  checkShape(NAME, shape);
  checkParameters(NAME, [anyNumber('mean')], [mean]);
  checkArray(NAME, covariance);
  const { factor = false } = options;
  checkSwitch(NAME, 'factor', factor);
  const size = covariance.shape[covariance.ndim - 1];
  if (size === undefined || covariance.shape[covariance.ndim - 2] !== size)
    throw failure(
      'shape',
      `${NAME}: the covariance has the shape [${covariance.shape.join(', ')}]`,
      'pass [..., n, n]',
    );
  checkStretch('covariance', covariance, [...shape, size, size]);
  if (isNDArray(mean)) checkStretch('mean', mean, [...shape, size]);
  const arrays = [covariance, mean].filter(isNDArray);
  const dtypes = arrays.map((x) => x.dtype);
  const dtype = drawnDtype(NAME, options, widestOf(dtypes), false);
  const device = deviceFor(arrays, options);
  const inner = widestOf([...dtypes, drawnIn(dtype, dtypes)]);
  const z = normal([...shape, size], 0, 1, { device, dtype: inner });
  const spread = inName(NAME, 'matmul', () => mixed(factor ? covariance : cholesky(covariance), z));
  return astype(
    inName(NAME, 'add', () => add(spread, mean)),
    dtype,
  );
};
