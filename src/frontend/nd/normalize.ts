/**
 * Normalization over groups of channels, over each channel, and by the root of the mean square.
 *
 * Invariant: sums are float32 whatever the dtype of the result; `gamma` and `beta` have one number per channel (rmsNorm:
 * per position of the normalized axes).
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { axisOf, kept } from './axes.ts';
import { floating, single } from './math.ts';
import { epsOf, perChannel } from './norms.ts';

const averageOver = (b: GraphBuilder, x: Node, axes: readonly number[]): Node => {
  const { shape } = x.type;
  const total = b.sum(x, axes);
  const count = axes.reduce((n, a) => n * shape[a]!, 1);
  const mean = b.op('mul', total, b.lit(1 / count, total));
  return b.reshape(mean, kept(shape, axes));
};

/** `x` with mean 0 and variance 1 over `axes`. */
const standardized = (b: GraphBuilder, x: Node, axes: readonly number[], eps: number): Node => {
  const { shape } = x.type;
  const centered = b.op('sub', x, b.broadcastTo(averageOver(b, x, axes), shape));
  const variance = averageOver(b, b.op('mul', centered, centered), axes);
  const factor = b.op('rsqrt', b.op('add', variance, b.lit(eps, variance)));
  return b.op('mul', centered, b.broadcastTo(factor, shape));
};

interface GroupAttrs {
  readonly groups: number;
  readonly eps: number;
}
const grouping: Fragment<GroupAttrs> = fragment<GroupAttrs>(
  'groupNorm',
  (b, [x, gamma, beta], { groups, eps }) => {
    const { shape } = x!.type;
    const value = single(b, x!);
    const apart = [shape[0]!, groups, shape[1]! / groups, ...shape.slice(2)];
    const axes = apart.flatMap((_, i) => (i < 2 ? [] : [i]));
    const normal = b.reshape(standardized(b, b.reshape(value, apart), axes, eps), shape);
    const scaled = b.op('mul', normal, perChannel('groupNorm', b, normal, gamma!, 1));
    const y = b.op('add', scaled, perChannel('groupNorm', b, normal, beta!, 1));
    return b.cast(y, floating(b, x!).type.dtype);
  },
);

export interface EpsOptions {
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/**
 * Normalizes groups of channels of each sample: `(x - mean) / sqrt(variance + eps) · gamma + beta`, with mean and
 * variance over the channels of a group and all of space. (Wu & He, "Group normalization", ECCV 2018.)
 *
 * `x` [batch, channels, ...space]; `gamma`, `beta` [channels]. The shape of `x` stays, and its dtype if it is a float,
 * else float32; computed in float32, for float64 in float64.
 *
 * @throws {ShapeError} when channels do not divide into groups, and for a gamma or beta of another shape
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example
 * const one = nd.ones([2]);
 * nd.groupNorm(nd.array([[1, 3]]), one, nd.zeros([2]), 1);   // [[-1, 1]]
 */
export const groupNorm = (
  x: NDArray,
  gamma: NDArray,
  beta: NDArray,
  groups: number,
  options?: EpsOptions,
): NDArray => {
  checkOptions('groupNorm', options, ['eps']);
  checkArray('groupNorm', x);
  if (!Number.isInteger(groups) || groups < 1 || x.ndim < 2 || x.shape[1]! % groups !== 0)
    throw failure(
      'shape',
      `groupNorm: ${showType(x.type)} does not divide into ${shown(groups)} groups of channels`,
      'x is [batch, channels, ...space]; channels must be a multiple of groups',
    );
  const attrs = { groups, eps: epsOf('groupNorm', options?.eps) };
  return call(grouping, [x, gamma, beta], { attrs, key: `${groups}/${attrs.eps}` });
};

interface InstanceAttrs {
  readonly axis: number;
  readonly eps: number;
}
const instancing: Fragment<InstanceAttrs> = fragment<InstanceAttrs>(
  'instanceNorm',
  (b, [x, gamma, beta], { axis, eps }) => {
    const value = single(b, x!);
    const axes = value.type.shape.flatMap((_, i) => (i === 0 || i === axis ? [] : [i]));
    const normal = standardized(b, value, axes, eps);
    const scaled = b.op('mul', normal, perChannel('instanceNorm', b, normal, gamma!, axis));
    const y = b.op('add', scaled, perChannel('instanceNorm', b, normal, beta!, axis));
    return b.cast(y, floating(b, x!).type.dtype);
  },
);

export interface InstanceNormOptions extends EpsOptions {
  /** The axis of channels. Default 1. */
  readonly axis?: number;
}

/**
 * Normalizes each channel of each sample over space: `(x - mean) / sqrt(variance + eps) · gamma + beta`. (Ulyanov et
 * al., "Instance normalization", 2016.)
 *
 * `x` [batch, channels, ...space], at least one axis of space; `gamma`, `beta` [channels]. The shape of `x` stays, and
 * its dtype if it is a float, else float32; computed in float32, for float64 in float64.
 *
 * @throws {ShapeError} for arrays without space, channels along axis 0, and a gamma or beta of another shape
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example
 * nd.instanceNorm(nd.array([[[1, 3], [2, 6]]]), nd.ones([2]), nd.zeros([2]));   // [[[-1, 1], [-1, 1]]]
 */
export const instanceNorm = (
  x: NDArray,
  gamma: NDArray,
  beta: NDArray,
  options?: InstanceNormOptions,
): NDArray => {
  checkOptions('instanceNorm', options, ['axis', 'eps']);
  checkArray('instanceNorm', x);
  const axis = axisOf('instanceNorm', options?.axis ?? 1, x.ndim);
  if (x.ndim < 3 || axis === 0)
    throw failure(
      'shape',
      `instanceNorm: takes [batch, channels, ...space], not ${showType(x.type)} with channels along axis ${axis}`,
      'layerNorm normalizes arrays without axes of space',
    );
  const attrs = { axis, eps: epsOf('instanceNorm', options?.eps) };
  return call(instancing, [x, gamma, beta], { attrs, key: `${axis}/${attrs.eps}` });
};

interface RmsAttrs {
  readonly eps: number;
}
const rooting: Fragment<RmsAttrs> = fragment<RmsAttrs>('rmsNorm', (b, [x, gamma], { eps }) => {
  const value = single(b, x!);
  const { shape } = value.type;
  const own = gamma!.type.shape;
  const lead = shape.length - own.length;
  if (own.length < 1 || lead < 0 || own.some((d, i) => d !== shape[lead + i]))
    throw new TigonError(
      'shape',
      `rmsNorm: gamma ${showType(gamma!.type)} does not fit the last axes of ${showType(x!.type)}`,
      'gamma has the shape of the axes that are normalized, the last ones',
    );
  const axes = own.map((_, i) => lead + i);
  const square = averageOver(b, b.op('mul', value, value), axes);
  const factor = b.op('rsqrt', b.op('add', square, b.lit(eps, square)));
  const normal = b.op('mul', value, b.broadcastTo(factor, shape));
  const y = b.op('mul', normal, b.broadcastTo(single(b, gamma!, value), shape));
  return b.cast(y, floating(b, x!).type.dtype);
});

/**
 * `x / sqrt(mean(x²) + eps) · gamma` over the last axes, those of `gamma`. (Zhang & Sennrich, "Root mean square layer
 * normalization", NeurIPS 2019.)
 *
 * `x` [..., *features]; `gamma` [*features], at least one axis. The shape of `x` stays, and its dtype if it is a float,
 * else float32; computed in float32, for float64 in float64.
 *
 * @throws {ShapeError} for a gamma that has not the shape of the last axes of `x`
 * @throws {OptionError} unless `eps` ≥ 0
 *
 * @example
 * nd.rmsNorm(nd.array([[3, 4]]), nd.ones([2]));   // [[0.8485, 1.1314]]
 */
export const rmsNorm = (x: NDArray, gamma: NDArray, options?: EpsOptions): NDArray => {
  checkOptions('rmsNorm', options, ['eps']);
  const eps = epsOf('rmsNorm', options?.eps);
  return call(rooting, [x, gamma], { attrs: { eps }, key: `${eps}` });
};
