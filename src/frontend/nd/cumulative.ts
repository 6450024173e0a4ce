/**
 * Running sums, products and extremes along an axis: every partial result of a fold.
 *
 * Invariant: floats of 16 bits are folded in float32 and rounded once; integers and booleans as int32. One launch does an
 * axis of up to 8192 elements, whatever the device; longer ones take three.
 */
import { bring } from '../../codegen/families.ts';
import { prefixSchedules } from '../../codegen/running/prefix-schedules.ts';
import { countedIn, isFloat } from '../../ir/dtype.ts';
import { runAlong } from '../../ir/graph/ops/prefix.ts';
import { before, emptyFold } from '../../ir/graph/ops/prefix-parts.ts';
import type { PrefixOp } from '../../ir/loop/loop.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { axisOf } from './axes.ts';
import { floating, single } from './math.ts';

export interface CumulativeOptions {
  /** Negative from the end. Default: all elements in row-major order, as an array of one axis. */
  readonly axis?: number | null;
  /** From the last element to the first. Default false. */
  readonly reverse?: boolean;
  /**
   * Without the element itself: the first result is that of no elements: 0 or 1, and of extremes -∞ or ∞, the least or
   * greatest integer. Default false.
   */
  readonly exclusive?: boolean;
}

interface Attrs {
  readonly axis: number;
  readonly flat: boolean;
  readonly reverse: boolean;
  readonly exclusive: boolean;
}

const OPTIONS = ['axis', 'reverse', 'exclusive'];

/** `floats`: integers become float32; `same`: the result has the dtype of `x`; `sum`: integers are int32. */
const define = (name: string, op: PrefixOp, result: 'floats' | 'same' | 'sum'): Fragment<Attrs> =>
  fragment<Attrs>(name, (b, [given], { axis, flat, reverse, exclusive }) => {
    bring({ prefix: prefixSchedules });
    const x = flat ? b.reshape(given!, [given!.type.size]) : given!;
    const { dtype } = x.type;
    const isWhole = !isFloat(dtype) && result !== 'floats';
    const wanted =
      result === 'same' ? dtype : isWhole ? countedIn(dtype) : floating(b, x).type.dtype;
    const value = isWhole ? b.cast(x, countedIn(dtype)) : single(b, x);
    if (value.type.size === 0) return b.cast(value, wanted);
    const attrs = { axis, backward: reverse };
    const inclusive = runAlong(b, op, [value], attrs);
    if (!exclusive) return b.cast(inclusive, wanted);
    // extremes of narrow integers are their own, though they are found in int32
    const empty = emptyFold(b, op, isWhole ? wanted : value.type.dtype, value.type.dtype);
    return b.cast(before(b, inclusive, attrs, empty), wanted);
  });

type Cumulative = (x: NDArray, options?: CumulativeOptions) => NDArray;

const along =
  (f: Fragment<Attrs>): Cumulative =>
  (x, options) => {
    checkArray(f.name, x);
    checkOptions(f.name, options, OPTIONS);
    const flat = options?.axis == null;
    const attrs: Attrs = {
      axis: flat ? 0 : axisOf(f.name, options.axis!, x.ndim),
      flat,
      reverse: options?.reverse ?? false,
      exclusive: options?.exclusive ?? false,
    };
    return call(f, [x], { attrs, key: Object.values(attrs).join() });
  };

/**
 * Running sums along an axis: `y[k] = x[0] + … + x[k]`. The shape stays; without an axis, all elements along one. Dtypes:
 * floats stay (16 bits are summed in float32), booleans and integers of 8 and 16 bits give int32, wider integers stay.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example
 * nd.cumsum(nd.array([1, 2, 3]));   // [1, 3, 6]
 * nd.cumsum(nd.array([[1, 2], [3, 4]]), { axis: 0 });   // [[1, 2], [4, 6]]
 * nd.cumsum(nd.array([1, 2, 3]), { reverse: true, exclusive: true });   // [5, 3, 0]
 */
export const cumsum: Cumulative = along(define('cumsum', 'add', 'sum'));

/**
 * Running products along an axis. The gradient divides by nothing: zeros are exact. Shapes and dtypes are those of
 * {@link cumsum}.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.cumprod(nd.array([1, 2, 3, 4]));   // [1, 2, 6, 24]
 */
export const cumprod: Cumulative = along(define('cumprod', 'mul', 'sum'));

/**
 * The greatest element so far, along an axis; NaN from the first NaN on. Its gradient goes to the first of equals. The dtype
 * stays; so does the shape, but without an axis all elements are along one.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.cummax(nd.array([1, 3, 2, 4]));   // [1, 3, 3, 4]
 */
export const cummax: Cumulative = along(define('cummax', 'max', 'same'));

/**
 * The least element so far, along an axis; NaN from the first NaN on. The dtype stays; so does the shape, but without an
 * axis all elements are along one.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.cummin(nd.array([3, 1, 2, 0]));   // [3, 1, 1, 0]
 */
export const cummin: Cumulative = along(define('cummin', 'min', 'same'));

/**
 * `log(exp(x[0]) + … + exp(x[k]))` along an axis, without overflow: the logarithm of a running sum of what is given as
 * logarithms. The shape stays; without an axis, all elements along one. Floats stay; integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.logCumSumExp(nd.array([0, 0, 1000]));   // [0, 0.6931472, 1000]
 */
export const logCumSumExp: Cumulative = along(define('logCumSumExp', 'logadd', 'floats'));
