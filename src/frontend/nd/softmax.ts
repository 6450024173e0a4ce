/**
 * Softmax and its logarithm along an axis.
 *
 * Invariant: computed in float32 at least, whatever the dtype of the result.
 */
import { logSoftmax as logSoftmaxOp, softmax as softmaxOp } from '../../ir/graph/ops/composite.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { axisOf } from './axes.ts';
import { floating, single } from './math.ts';

type AxisAttrs = { readonly axis: number };
export interface AxisOptions {
  /** Default: the last. */
  readonly axis?: number;
}
const softening: Fragment<AxisAttrs> = fragment<AxisAttrs>('softmax', (b, [x], attrs) =>
  b.cast(b.emit(softmaxOp, [single(b, x!)], attrs), floating(b, x!).type.dtype),
);
const logSoftening: Fragment<AxisAttrs> = fragment<AxisAttrs>('logSoftmax', (b, [x], attrs) =>
  b.cast(b.emit(logSoftmaxOp, [single(b, x!)], attrs), floating(b, x!).type.dtype),
);
const along = (f: Fragment<AxisAttrs>, x: NDArray, options: AxisOptions | undefined): NDArray => {
  checkArray(f.name, x);
  checkOptions(f.name, options, ['axis']);
  const axis = axisOf(f.name, options?.axis ?? -1, x.ndim);
  return call(f, [x], { attrs: { axis }, key: `${axis}` });
};
/**
 * `exp(x) / sum(exp(x))` along an axis (default: the last), without overflow. The shape stays; floats keep their dtype
 * (float16 and bfloat16 are computed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or without elements
 *
 * @example nd.softmax(nd.array([0, Math.log(3)]));   // [0.25, 0.75]
 */
export const softmax = (x: NDArray, options?: AxisOptions): NDArray => along(softening, x, options);
/**
 * `log(softmax(x))` along an axis (default: the last), exact where the softmax underflows. The shape stays; floats keep
 * their dtype (float16 and bfloat16 are computed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or without elements
 *
 * @example nd.logSoftmax(nd.array([0, 0]));   // [-0.6931, -0.6931]
 */
export const logSoftmax = (x: NDArray, options?: AxisOptions): NDArray =>
  along(logSoftening, x, options);
