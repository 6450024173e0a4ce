/**
 * Layer norm and batch norm.
 *
 * Invariant: mean and variance are taken in float32, of float64 in float64, whatever the dtype of the result.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { layerNorm as layerNormOp } from '../../ir/graph/ops/composite.ts';
import { ownGradient } from '../../ir/graph/ops/own-gradient.ts';
import { showType } from '../../ir/type.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { axisOf, kept } from './axes.ts';
import { floating, single } from './math.ts';
import { pullOfNorm } from './norm-gradient.ts';

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
