/**
 * What layers are made of: softmax, convolution, pooling, normalization, embedding.
 *
 * Invariant: images are [batch, channels, ...space]; kernels are [out, in / groups, ...space]; options that are one number
 * stand for all axes of space. Sums are float32, whatever the dtype of the result.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import {
  layerNorm as layerNormOp,
  logSoftmax as logSoftmaxOp,
  softmax as softmaxOp,
} from '../../ir/graph/ops/composite.ts';
import { type ConvAttrs, conv as convOp } from '../../ir/graph/ops/conv.ts';
import { ownGradient } from '../../ir/graph/ops/own-gradient.ts';
import { take as takeOp } from '../../ir/graph/ops/take.ts';
import { type WindowAttrs, windowMax, windowSum } from '../../ir/graph/ops/window.ts';
import { showType } from '../../ir/type.ts';
import { poolingRules } from '../../passes/pooling.ts';
import { bringPooling } from '../../passes/pooling-family.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { axisOf, kept } from './axes.ts';
import { floating, single } from './math.ts';
import { pullOfNorm } from './norm-gradient.ts';

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

/** One integer for all axes of space, or one for each. */
export const spatial = (
  name: string,
  option: string,
  value: number | readonly number[] | undefined,
  standard: number | readonly number[],
  rank: number,
  least: number,
): readonly number[] => {
  const given = value ?? standard;
  const all: unknown = typeof given === 'number' ? new Array<number>(rank).fill(given) : given;
  if (
    Array.isArray(all) &&
    all.length === rank &&
    all.every((n) => Number.isInteger(n) && n >= least)
  )
    return all;
  throw failure(
    'option',
    `${name}: ${option} is ${JSON.stringify(given)}`,
    `pass an integer ≥ ${least}, or ${rank} of them, one per axis of space`,
  );
};

export interface ConvolutionOptions {
  /** Default 1. */
  readonly strides?: number | readonly number[];
  /** Zeros added on both sides. Default 0. */
  readonly padding?: number | readonly number[];
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Channels in and out are cut in this many groups that do not see each other. Default 1. */
  readonly groups?: number;
}
const convolving: Fragment<ConvAttrs> = fragment<ConvAttrs>(
  'convolution',
  (b, [x, w, bias], attrs) => {
    const image = floating(b, x!);
    const y = inName('convolution', 'conv', () =>
      b.emit(convOp, [image, b.cast(w!, image.type.dtype)], attrs),
    );
    if (bias === undefined) return y;
    const { shape } = y.type;
    if (bias.type.shape.length !== 1 || bias.type.shape[0] !== shape[1])
      throw new TigonError(
        'shape',
        `convolution: bias ${showType(bias.type)} must have shape [${shape[1]}], one number per channel out`,
      );
    return b.op('add', y, b.broadcast(b.cast(bias, y.type.dtype), shape, [1]));
  },
);
/**
 * Convolution of `x` [batch, in, ...space] with `weight` [out, in / groups, ...space], 1 to 3 axes of space, plus
 * `bias` [out]: [batch, out, ...space]. (A cross-correlation, as everywhere in deep learning: the kernel is not
 * flipped.) The result has the dtype of `x` (float32 for integers), to which weight and bias are converted.
 *
 * @throws {ShapeError} for other numbers of axes, for channels that do not agree or do not divide into groups, for a
 *   bias of another shape, and for kernels larger than the padded image
 * @throws {OptionError} unless strides and dilation are integers ≥ 1, and padding ≥ 0, one or one per axis of space
 * @throws {ValueError} unless `groups` is an integer ≥ 1
 *
 * @example nd.convolution(nd.ones([1, 1, 4]), nd.ones([1, 1, 3]));   // [[[3, 3]]]
 */
export const convolution = (
  x: NDArray,
  weight: NDArray,
  bias?: NDArray,
  options?: ConvolutionOptions,
): NDArray => {
  checkArray('convolution', x);
  checkArray('convolution', weight);
  checkOptions('convolution', options, ['strides', 'padding', 'dilation', 'groups']);
  const rank = Math.max(1, weight.ndim - 2);
  const read = (option: 'strides' | 'padding' | 'dilation', standard: number): readonly number[] =>
    spatial('convolution', option, options?.[option], standard, rank, option === 'padding' ? 0 : 1);
  const padding = read('padding', 0);
  const attrs: ConvAttrs = {
    strides: read('strides', 1),
    low: padding,
    high: padding,
    dilations: read('dilation', 1),
    groups: options?.groups ?? 1,
  };
  const key = `${attrs.strides}|${padding}|${attrs.dilations}|${attrs.groups}`;
  return call(convolving, bias === undefined ? [x, weight] : [x, weight, bias], { attrs, key });
};

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

/** What is added to a variance. */
export const epsOf = (name: string, eps: number | undefined): number => {
  if (eps === undefined || eps >= 0) return eps ?? 1e-5;
  throw failure('option', `${name}: eps is ${shown(eps)}`, 'pass a small number like 1e-5');
};

type NormAttrs = { readonly axis: number; readonly eps: number };
export interface NormOptions {
  /** Default: the last for layerNorm, 1 (channels) for batchNorm. */
  readonly axis?: number;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}
const normOptions = (
  name: string,
  x: NDArray,
  options: NormOptions | undefined,
  axis: number,
): NormAttrs => {
  checkArray(name, x);
  checkOptions(name, options, ['axis', 'eps']);
  return { axis: axisOf(name, options?.axis ?? axis, x.ndim), eps: epsOf(name, options?.eps) };
};
const layered: Fragment<NormAttrs> = fragment<NormAttrs>(
  'layerNorm',
  (b, [x, gamma, beta], attrs) => {
    const y = b.emit(
      layerNormOp,
      [x!, gamma!, beta!].map((n) => single(b, n, x!)),
      attrs,
    );
    return b.cast(y, floating(b, x!).type.dtype);
  },
);
/**
 * `(x - mean) / sqrt(variance + eps) · gamma + beta` with mean and variance along one axis (default: the last) of n;
 * `gamma` and `beta` [n]. The shape of `x` stays, and its dtype if it is a float, else float32; computed in float32,
 * for float64 in float64.
 *
 * @throws {ShapeError} for a gamma or beta of another shape, and an axis out of range or without elements
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example nd.layerNorm(nd.array([[1, 3]]), nd.ones([2]), nd.zeros([2]));   // [[-1, 1]]
 */
export const layerNorm = (
  x: NDArray,
  gamma: NDArray,
  beta: NDArray,
  options?: NormOptions,
): NDArray => {
  const attrs = normOptions('layerNorm', x, options, -1);
  return call(layered, [x, gamma, beta], { attrs, key: `${attrs.axis}/${attrs.eps}` });
};

const checkPerChannel = (name: string, x: Node, value: Node, axis: number): void => {
  const { shape } = x.type;
  if (value.type.shape.length === 1 && value.type.shape[0] === shape[axis]) return;
  throw new TigonError(
    'shape',
    `${name}: ${showType(value.type)} must have shape [${shape[axis]}], one number per position of axis ${axis} of ${showType(x.type)}`,
  );
};
/** `value`, one number per position of an axis of `x`, in the shape and dtype of `x`. */
export const perChannel = (
  name: string,
  b: GraphBuilder,
  x: Node,
  value: Node,
  axis: number,
): Node => {
  checkPerChannel(name, x, value, axis);
  const { shape, dtype } = x.type;
  return b.broadcast(b.cast(value, dtype), shape, [axis]);
};
const scaled = (
  name: string,
  b: GraphBuilder,
  x: Node,
  stats: readonly [mean: Node, variance: Node, gamma: Node, beta: Node],
  { axis, eps }: NormAttrs,
): Node => {
  const [mean, variance, gamma, beta] = stats;
  const lift = (n: Node): Node => perChannel(name, b, x, n, axis);
  const inverse = b.op('rsqrt', b.op('add', variance, b.lit(eps, variance)));
  const centered = b.op('sub', x, lift(mean));
  for (const one of [variance, gamma]) checkPerChannel(name, x, one, axis);
  const factor = b.op('mul', inverse, gamma);
  return b.op('add', b.op('mul', centered, lift(factor)), lift(beta));
};
const normalizing: Fragment<NormAttrs> = fragment<NormAttrs>(
  'batchNorm',
  (b, [x, gamma, beta, mean, variance], attrs) => {
    const rest = [mean!, variance!, gamma!, beta!].map((n) => single(b, n, x!));
    const y = scaled('batchNorm', b, single(b, x!), rest as [Node, Node, Node, Node], attrs);
    return b.cast(y, floating(b, x!).type.dtype);
  },
);
/**
 * `(x - mean) / sqrt(variance + eps) · gamma + beta`, all four [channels], along axis 1 (or another): batch norm with
 * given statistics. The shape of `x` stays, and its dtype if it is a float, else float32; computed in float32, for
 * float64 in float64.
 *
 * @throws {ShapeError} for statistics, gamma or beta of another shape, and an axis out of range
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example
 * const x = nd.array([[1, 2], [3, 6]]);
 * nd.batchNorm(x, nd.ones([2]), nd.zeros([2]), nd.array([2, 4]), nd.array([1, 4]));   // [[-1, -1], [1, 1]]
 */
export const batchNorm = (
  x: NDArray,
  gamma: NDArray,
  beta: NDArray,
  mean: NDArray,
  variance: NDArray,
  options?: NormOptions,
): NDArray => {
  const attrs = normOptions('batchNorm', x, options, 1);
  return call(normalizing, [x, gamma, beta, mean, variance], {
    attrs,
    key: `${attrs.axis}/${attrs.eps}`,
  });
};

const normalizingBatch: Fragment<NormAttrs> = fragment<NormAttrs>(
  'batchNormTraining',
  (b, [x, gamma, beta], attrs) => {
    const value = single(b, x!);
    const { shape } = value.type;
    const axes = shape.flatMap((_, i) => (i === attrs.axis ? [] : [i]));
    const count = axes.reduce((n, a) => n * shape[a]!, 1);
    const average = (n: Node): Node => {
      const total = b.sum(n, axes);
      return b.op('mul', total, b.lit(1 / count, total));
    };
    const mean = average(value);
    const away = b.op('sub', value, b.broadcastTo(b.reshape(mean, kept(shape, axes)), shape));
    const variance = average(b.op('mul', away, away));
    const weights = [single(b, gamma!, value), single(b, beta!, value)] as const;
    const y = scaled('batchNormTraining', b, value, [mean, variance, ...weights], attrs);
    const inverse = b.op('rsqrt', b.op('add', variance, b.lit(attrs.eps, variance)));
    const [pull, read] = [pullOfNorm(value.type, axes), [away, inverse, weights[0]]];
    const own = { pull, gives: [0, 1, 2], additive: true, repeated: false };
    const result = b.emit(ownGradient, [y, value, ...weights, ...read], own);
    return [b.cast(result, floating(b, x!).type.dtype), mean, variance];
  },
);
/**
 * Batch norm with the statistics of `x` [batch, channels, ...] itself: `[result, mean, variance]`, the latter two
 * [channels], the variance divided by the count. The result has the shape and dtype of `x` (float32 for integers), the
 * statistics are float32, of float64 float64; of no elements they are NaN.
 *
 * @throws {ShapeError} unless `gamma` and `beta` are [channels], and for an axis out of range
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example
 * const [y, mean, variance] = nd.batchNormTraining(nd.array([[1, 2], [3, 6]]), nd.ones([2]), nd.zeros([2]));
 * mean;   // [2, 4]
 * variance;   // [1, 4]
 */
export const batchNormTraining = (
  x: NDArray,
  gamma: NDArray,
  beta: NDArray,
  options?: NormOptions,
): [result: NDArray, mean: NDArray, variance: NDArray] => {
  const attrs = normOptions('batchNormTraining', x, options, 1);
  const [y, mean, variance] = callAll(normalizingBatch, [x, gamma, beta], {
    attrs,
    key: `${attrs.axis}/${attrs.eps}`,
  });
  return [y!, mean!, variance!];
};

const looking: Fragment = fragment('embedding', (b, [idx, weight]) => {
  if (weight!.type.shape.length !== 2)
    throw new TigonError(
      'shape',
      `embedding: weight ${showType(weight!.type)} must be [words, size]`,
    );
  return b.emit(takeOp, [weight!, b.cast(idx!, 'int32')], { axis: 0 });
});
/**
 * Rows of `weight` [words, size] at the positions `idx`: the shape of `idx`, then size. The dtype is that of `weight`.
 * Positions may have any dtype: fractions are cut off, and those out of range become the first or last row.
 *
 * @throws {ShapeError} unless `weight` has two axes, and for no words
 *
 * @example
 * const weight = nd.array([[1, 2], [3, 4], [5, 6]]);
 * nd.embedding(nd.array([2, 0], { dtype: 'int32' }), weight);   // [[5, 6], [1, 2]]
 */
export const embedding = (idx: NDArray, weight: NDArray): NDArray =>
  call(looking, [idx, weight], { attrs: {}, key: '' });
