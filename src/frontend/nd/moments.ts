/**
 * More reductions: ranges, counts, weighted means, and those that pass over NaN.
 *
 * Invariant: what passes over NaN counts the others; where there are none, sums are 0, products 1, means and extremes NaN.
 */
import { isFloat } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { expectValues } from '../values.ts';
import { div, mul, ne, sub } from './arithmetic.ts';
import { axesOf, axisOf } from './axes.ts';
import { where } from './indexing.ts';
import { isNaN as isNotANumber, logicalNot, sqrt } from './math.ts';
import {
  all,
  argmax,
  argmin,
  type DeviationOptions,
  max,
  mean,
  min,
  prod,
  type ReduceOptions,
  sum,
  var as variance,
} from './reduce.ts';
import { broadcastTo, reshape } from './shape.ts';

const KNOWN = ['axis', 'keepDims'];

/** Throws in the name of the function that was called, unless it has an array, options that it knows, and axes. */
const checked = (
  name: string,
  x: NDArray,
  options: ReduceOptions | undefined,
  known: readonly string[] = KNOWN,
): readonly number[] => {
  checkArray(name, x);
  checkOptions(name, options, known);
  return axesOf(name, options?.axis, x.ndim);
};
/** The same, and unless there are elements along the axes. */
const checkedFilled = (name: string, x: NDArray, options: ReduceOptions | undefined): void => {
  const axes = checked(name, x, options);
  if (axes.some((a) => x.shape[a] === 0))
    throw failure(
      'shape',
      `${name}: ${showType(x.type)} has no elements along axes [${axes.join(', ')}]`,
      'reduce over axes that have elements',
    );
};

/**
 * The largest value less the smallest, over `axis` (default: all), which goes unless `keepDims`. The dtype stays;
 * booleans give int32.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.ptp(nd.array([[1, 5], [2, 2]]), { axis: 1 });   // [4, 0]
 */
export const ptp = (x: NDArray, options?: ReduceOptions): NDArray => {
  checkedFilled('ptp', x, options);
  return sub(max(x, options), min(x, options));
};
/**
 * How many are not 0, as int32, for any dtype (NaN is not 0). Over `axis` (default: all), which goes unless `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 *
 * @example
 * nd.countNonzero(nd.array([1, 0, 2]));   // 2
 */
export const countNonzero = (x: NDArray, options?: ReduceOptions): NDArray => {
  checked('countNonzero', x, options);
  return sum(ne(x, 0), options);
};

/** `x` with a number in place of NaN. */
const without = (x: NDArray, number: number): NDArray =>
  isFloat(x.dtype) ? where(isNotANumber(x), number, x) : x;
const present = (x: NDArray): NDArray => logicalNot(isNotANumber(x));

/**
 * Sum of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; 0 where there is nothing. Dtypes as
 * in `sum`: floats stay, booleans and small integers give int32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 *
 * @example
 * nd.nansum(nd.array([1, NaN, 2]));   // 3
 */
export const nansum = (x: NDArray, options?: ReduceOptions): NDArray => {
  checked('nansum', x, options);
  return sum(without(x, 0), options);
};
/**
 * Product of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; 1 where there is nothing.
 * Dtypes as in `sum`: floats stay, booleans and small integers give int32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 *
 * @example
 * nd.nanprod(nd.array([3, NaN, 2]));   // 6
 */
export const nanprod = (x: NDArray, options?: ReduceOptions): NDArray => {
  checked('nanprod', x, options);
  return prod(without(x, 1), options);
};
/**
 * Mean of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; NaN where there is nothing. Floats
 * keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 *
 * @example
 * nd.nanmean(nd.array([1, NaN, 2]));   // 1.5
 */
export const nanmean = (x: NDArray, options?: ReduceOptions): NDArray => {
  checked('nanmean', x, options);
  return mean(x, isFloat(x.dtype) ? { ...options, where: present(x) } : options);
};
/**
 * Variance of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; NaN where there are `ddof`
 * such elements or fewer. Floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 * @throws {OptionError} for a `ddof` that is no number
 *
 * @example
 * nd.nanvar(nd.array([1, NaN, 3]));   // 1
 */
export const nanvar = (x: NDArray, options?: DeviationOptions): NDArray => {
  checked('nanvar', x, options, [...KNOWN, 'ddof']);
  return variance(x, isFloat(x.dtype) ? { ...options, where: present(x) } : options);
};
/**
 * Standard deviation of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; NaN where there are
 * `ddof` such elements or fewer. Floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 * @throws {OptionError} for a `ddof` that is no number
 *
 * @example
 * nd.nanstd(nd.array([1, NaN, 3]));   // 1
 */
export const nanstd = (x: NDArray, options?: DeviationOptions): NDArray => {
  checked('nanstd', x, options, [...KNOWN, 'ddof']);
  return sqrt(nanvar(x, options));
};

const extreme =
  (name: string, end: number, fold: typeof max) =>
  (x: NDArray, options?: ReduceOptions): NDArray => {
    checkedFilled(name, x, options);
    if (!isFloat(x.dtype)) return fold(x, options);
    const found = fold(without(x, end), options);
    return where(all(isNotANumber(x), options), Number.NaN, found);
  };
type Reducer = (x: NDArray, options?: ReduceOptions) => NDArray;
/**
 * Largest of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; NaN where there is nothing
 * else. The dtype stays.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.nanmax(nd.array([1, NaN, 2]));   // 2
 */
export const nanmax: Reducer = extreme('nanmax', Number.NEGATIVE_INFINITY, max);
/**
 * Smallest of what is not NaN, over `axis` (default: all), which goes unless `keepDims`; NaN where there is nothing
 * else. The dtype stays.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.nanmin(nd.array([1, NaN, 2]));   // 1
 */
export const nanmin: Reducer = extreme('nanmin', Number.POSITIVE_INFINITY, min);
/**
 * Position of the first largest of what is not NaN (row-major over the axes), int32 for any dtype; 0 where there is
 * nothing else. Over `axis` (default: all), which goes unless `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.nanargmax(nd.array([1, NaN, 2]));   // 2
 */
export const nanargmax: Reducer = (x, options) => {
  checkedFilled('nanargmax', x, options);
  return argmax(without(x, Number.NEGATIVE_INFINITY), options);
};
/**
 * Position of the first smallest of what is not NaN (row-major over the axes), int32 for any dtype; 0 where there is
 * nothing else. Over `axis` (default: all), which goes unless `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.nanargmin(nd.array([3, NaN, 2]));   // 2
 */
export const nanargmin: Reducer = (x, options) => {
  checkedFilled('nanargmin', x, options);
  return argmin(without(x, Number.POSITIVE_INFINITY), options);
};

export interface AverageOptions extends ReduceOptions {
  /** In the shape of `x`, or one for each element along the one axis given. Default: all equal. */
  readonly weights?: NDArray;
}
/**
 * Weighted mean: `sum(x · w) / sum(w)` over `axis` (default: all), which goes unless `keepDims`; NaN where weights sum
 * to 0. The dtype that `x` and the weights promote to, float32 for integers and booleans.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and weights that have neither the shape of `x` nor one
 *   axis for the one that is named
 *
 * @example
 * nd.average(nd.array([1, 2, 4]), { weights: nd.array([1, 0, 1]) });   // 2.5
 */
export const average = (x: NDArray, options: AverageOptions = {}): NDArray => {
  checked('average', x, options, [...KNOWN, 'weights']);
  const { weights, ...rest } = options;
  if (weights === undefined) return mean(x, rest);
  const w = alike(x, weights, rest.axis);
  return div(sum(mul(x, w), rest), sum(w, rest));
};

/** Weights in the shape of `x`. */
const alike = (x: NDArray, weights: NDArray, axis: ReduceOptions['axis']): NDArray => {
  checkArray('average: weights', weights);
  const [only, ...more] = axis === undefined ? [] : [axis].flat();
  const along =
    weights.ndim !== x.ndim && weights.ndim === 1 && more.length === 0 ? only : undefined;
  const at = along === undefined ? undefined : axisOf('average', along, x.ndim);
  const shape =
    at === undefined ? weights.shape : x.shape.map((_, i) => (i === at ? weights.size : 1));
  if (shape.length !== x.ndim || shape.some((d, i) => d !== 1 && d !== x.shape[i]))
    throw failure(
      'shape',
      `average: weights ${showType(weights.type)} for ${showType(x.type)}`,
      'give weights the shape of the array, or name the one axis that they run along',
    );
  return broadcastTo(reshape(weights, shape), x.shape);
};

/**
 * Mean and variance over `axis` (default: all), which goes unless `keepDims`: two arrays. Floats keep their dtype,
 * integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.moments(nd.array([1, 2, 3, 4]))[1];   // 1.25
 */
export const moments = (x: NDArray, options?: ReduceOptions): [NDArray, NDArray] => {
  checkedFilled('moments', x, options);
  return [mean(x, options), variance(x, options)];
};
/**
 * Whether all of `condition` (any shape and dtype) is true (not 0), as one boolean. Where values can be seen, what is
 * not true is an error with this message; in a program that is compiled, and on devices that are read without waiting,
 * look at the result.
 *
 * @throws {ValueError} with `message` where an element is 0
 *
 * @example
 * const sure = nd.constraintCheck(nd.array([1, 2]).gt(0), 'scales are positive');
 * sure;   // true
 */
export const constraintCheck = (condition: NDArray, message = 'a constraint holds'): NDArray => {
  checkArray('constraintCheck', condition);
  expectValues(
    condition,
    (values) => values.indexOf(0),
    (_, position, x, asked) =>
      failure(
        'value',
        `constraintCheck: ${message}: not at [${position.join(', ')}] of ${showType(x.type)}${asked}`,
      ),
  );
  return all(condition);
};

/** The same as `max`, as NumPy also calls it. */
export { max as amax, min as amin } from './reduce.ts';
