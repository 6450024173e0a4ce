/**
 * Pools: the largest value, or the mean, of each window of an image.
 *
 * Invariant: images are [batch, channels, ...space]; sums are float32, whatever the dtype of the result.
 */
import { type WindowAttrs, windowMax, windowSum } from '../../ir/graph/ops/window.ts';
import { showType } from '../../ir/type.ts';
import { poolingRules } from '../../passes/pooling.ts';
import { bringPooling } from '../../passes/pooling-family.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { spatial } from './convolution.ts';
import { floating, single } from './math.ts';

export interface PoolOptions {
  /** Size of the window. */
  readonly kernel: number | readonly number[];
  /** Default: `kernel`. */
  readonly strides?: number | readonly number[];
  /** Added on both sides: nothing to a maximum, zeros to a mean. Default 0. */
  readonly padding?: number | readonly number[];
  /** Keep a last window that only partly fits, if it begins before the padding at the end. Default false. */
  readonly ceil?: boolean;
}
export interface AvgPoolOptions extends PoolOptions {
  /** Count padding in the mean. Default true. */
  readonly countPadding?: boolean;
}
export const POOL: readonly string[] = ['kernel', 'strides', 'padding', 'ceil'];

/** The windows that pooling options mean on `x`, checked. */
export const windowOf = (name: string, x: NDArray, options: PoolOptions): WindowAttrs => {
  checkArray(name, x);
  const rank = x.ndim - 2;
  if (rank < 1)
    throw failure('shape', `${name}: takes [batch, channels, ...space], not ${showType(x.type)}`);
  if (options?.kernel === undefined)
    throw failure(
      'option',
      `${name}: kernel is missing`,
      'pass the size of the window: { kernel: 2 }',
    );
  const kernel = spatial(name, 'kernel', options.kernel, 1, rank, 1);
  const strides = spatial(name, 'strides', options.strides, kernel, rank, 1);
  const low = spatial(name, 'padding', options.padding, 0, rank, 0);
  const high = low.map((p, i) => {
    const room = x.shape[i + 2]! + 2 * p - kernel[i]!;
    if (room < 0)
      throw failure(
        'shape',
        `${name}: a window of ${kernel[i]} does not fit axis ${i + 2} of ${showType(x.type)} with padding ${p}`,
      );
    const rest = room % strides[i]!;
    const begin = room - rest + strides[i]!;
    return options.ceil && rest > 0 && begin < x.shape[i + 2]! + p ? p + strides[i]! - rest : p;
  });
  return { kernel, strides, low, high };
};
export const windowKey = (w: WindowAttrs): string => `${w.kernel}|${w.strides}|${w.low}|${w.high}`;

const maximal: Fragment<WindowAttrs> = fragment<WindowAttrs>('maxPool', (b, [x], attrs) =>
  b.emit(windowMax, [floating(b, x!)], attrs),
);
interface AverageAttrs {
  readonly window: WindowAttrs;
  readonly padded: boolean;
}
const averaging: Fragment<AverageAttrs> = fragment<AverageAttrs>(
  'avgPool',
  (b, [x], { window, padded }) => {
    const { dtype } = floating(b, x!).type;
    const total = b.emit(windowSum, [single(b, x!)], window);
    const { kernel, low, high } = window;
    if (padded && high.every((h, i) => h === low[i])) {
      const share = 1 / kernel.reduce((n, k) => n * k, 1);
      return b.cast(b.op('mul', total, b.lit(share, total)), dtype);
    }
    // What a window has beyond the padding never counts; padding does if asked to.
    const wide = x!.type.shape.map((d, i) => (padded && i >= 2 ? d + 2 * low[i - 2]! : d));
    const counted = padded
      ? { ...window, low: low.map(() => 0), high: high.map((h, i) => h - low[i]!) }
      : window;
    const count = b.emit(windowSum, [b.full(1, total.type.dtype, wide)], counted);
    return b.cast(b.op('div', total, count), dtype);
  },
);
/**
 * Largest value in each window of the axes after the first two: [batch, channels, ...space] to the same with fewer
 * places. Floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, windows larger than the padded image, and padding as wide as
 *   the window
 * @throws {OptionError} unless `kernel` and strides are integers ≥ 1, and padding ≥ 0, one or one per axis of space
 *
 * @example nd.maxPool(nd.array([1, 3, 5, 7], { shape: [1, 1, 4] }), { kernel: [2] });   // [[[3, 7]]]
 */
export const maxPool = (x: NDArray, options: PoolOptions): NDArray => {
  checkOptions('maxPool', options, POOL);
  const attrs = windowOf('maxPool', x, options);
  bringPooling(poolingRules);
  return call(maximal, [x], { attrs, key: windowKey(attrs) });
};
/**
 * Mean of each window of the axes after the first two: [batch, channels, ...space] to the same with fewer places.
 * Floats keep their dtype (sums are float32 at least), integers and booleans give float32.
 *
 * @throws {ShapeError} for arrays without axes of space, and windows larger than the padded image
 * @throws {OptionError} unless `kernel` and strides are integers ≥ 1, and padding ≥ 0, one or one per axis of space
 *
 * @example nd.avgPool(nd.array([1, 3, 5, 7], { shape: [1, 1, 4] }), { kernel: [2] });   // [[[2, 6]]]
 */
export const avgPool = (x: NDArray, options: AvgPoolOptions): NDArray => {
  checkOptions('avgPool', options, [...POOL, 'countPadding']);
  const window = windowOf('avgPool', x, options);
  const padded = options.countPadding ?? true;
  return call(averaging, [x], { attrs: { window, padded }, key: `${windowKey(window)}|${padded}` });
};
