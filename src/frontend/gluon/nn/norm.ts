/**
 * Normalization: over the batch (with running statistics for prediction), or over one axis of each sample.
 *
 * Invariant: running statistics change only in training, through `assign`: at once when imperative, as part of the
 * program when compiled; gradients never flow through them.
 */
import { type DType, isNarrowFloat, summedIn } from '../../../ir/dtype.ts';
import { isTraining, pause } from '../../autograd.ts';
import { assign, callAll, type Fragment, fragment } from '../../call.ts';
import type { NDArray } from '../../methods.ts';
import { axisOf } from '../../nd/axes.ts';
import { batchNorm, batchNormTraining, layerNorm } from '../../nd/norms.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import { count, expectArray, expectSize, finite } from './shared.ts';

export interface AffineOptions {
  /** Added to the variance. Default 1e-5. */
  readonly epsilon?: number;
  /** Learn an offset `beta`; false: 0. Default true. */
  readonly center?: boolean;
  /** Learn a factor `gamma`; false: 1. Default true. */
  readonly scale?: boolean;
  /** Size of the normalized axis. Default: learnt from the first call. */
  readonly inChannels?: number;
  /** Default 'zeros'. */
  readonly betaInit?: InitializerLike;
  /** Default 'ones'. */
  readonly gammaInit?: InitializerLike;
}
export const AFFINE = [
  'epsilon',
  'center',
  'scale',
  'inChannels',
  'betaInit',
  'gammaInit',
] as const;

/** Factor and offset, one number per position of an axis. */
export abstract class Affine extends HybridBlock {
  readonly gamma: Parameter;
  readonly beta: Parameter;
  readonly epsilon: number;
  protected readonly shape: readonly [number];

  constructor(name: string, options: AffineOptions) {
    super();
    const { center = true, scale = true, epsilon = 1e-5, inChannels = 0 } = options;
    this.epsilon = finite(name, 'epsilon', epsilon, 'a small number like 1e-5', (x) => x >= 0);
    this.shape = [count(name, 'inChannels', inChannels, 0)];
    this.gamma = new Parameter({
      shape: this.shape,
      init: scale ? (options.gammaInit ?? 'ones') : 'ones',
      gradReq: scale ? 'write' : 'null',
    });
    this.beta = new Parameter({
      shape: this.shape,
      init: center ? (options.betaInit ?? 'zeros') : 'zeros',
      gradReq: center ? 'write' : 'null',
    });
  }

  /** Shapes learnt from, or checked against, axis `axis` of `x`. */
  protected fit(name: string, x: NDArray, axis: number, parameters: readonly Parameter[]): void {
    const size = x.shape[axis]!;
    for (const p of parameters) if (!p.isInitialized) p.infer([size]);
    expectSize(
      name,
      x,
      axis,
      this.gamma.data().size,
      axis === 1 ? 'channels' : `positions along axis ${axis}`,
    );
  }
}

export interface BatchNormOptions extends AffineOptions {
  /** The axis of channels. Default 1. */
  readonly axis?: number;
  /** Share of the old running statistics that stays in each step. Default 0.9. */
  readonly momentum?: number;
  /** Use the running statistics in training too. Default false. */
  readonly useGlobalStats?: boolean;
  /** Default 'zeros'. */
  readonly runningMeanInit?: InitializerLike;
  /** Default 'ones'. */
  readonly runningVarInit?: InitializerLike;
}
const BATCH = [
  ...AFFINE,
  'axis',
  'momentum',
  'useGlobalStats',
  'runningMeanInit',
  'runningVarInit',
] as const;

/** `momentum · running + (1 - momentum) · batch`, for mean and variance at once. */
const blending: Fragment = fragment(
  'runningStatistics',
  (b, [mean, variance, batchMean, batchVariance, momentum]) => {
    const blend = (running: typeof mean, batch: typeof mean): NonNullable<typeof mean> => {
      const { dtype, shape } = running!.type;
      const share = b.broadcastTo(b.cast(momentum!, dtype), shape);
      const rest = b.op('sub', b.lit(1, share), share);
      const fresh = b.op('mul', b.cast(batch!, dtype), rest);
      return b.op('add', b.op('mul', running!, share), fresh);
    };
    return [blend(mean, batchMean), blend(variance, batchVariance)];
  },
);

/**
 * Normalizes each channel over batch and space: `(x - mean) / sqrt(variance + epsilon) · gamma + beta`.
 * (Ioffe & Szegedy, "Batch normalization", ICML 2015, algorithm 1.)
 *
 * Any array with the axis of channels gives one of its shape. In training, mean and variance are those of the batch
 * (variance divided by the count), and the running statistics become `momentum · running + (1 - momentum) · batch`;
 * else the running statistics are used. Parameters [channels]: `gamma`, `beta`, and `runningMean`, `runningVar` (no
 * gradients), which stay float32 when the layer is cast to 16 bits, and are converted to the dtype of the input: floats
 * stay (16 bits are computed in float32, float64 in double), integers and booleans give float32.
 *
 * @throws {OptionError} for a negative `epsilon`, a `momentum` outside 0 … 1, unknown options
 * @throws {ShapeError} without the axis of channels, or with another number of them than the parameters were made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const norm = new nn.BatchNorm();
 * norm.initialize();
 * const y = autograd.record(() => norm(nd.array([[0], [2]])));   // [[-1], [1]]
 * norm.runningMean.data();                                       // [0.1]
 */
export class BatchNorm extends Affine {
  readonly runningMean: Parameter;
  readonly runningVar: Parameter;
  readonly axis: number;
  readonly momentum: number;
  readonly useGlobalStats: boolean;

  constructor(options: BatchNormOptions = {}) {
    checkOptions('BatchNorm', options, BATCH);
    super('BatchNorm', options);
    const { axis = 1, momentum = 0.9, useGlobalStats = false } = options;
    const isShare = (x: number): boolean => x >= 0 && x <= 1;
    this.axis = axis;
    this.momentum = finite('BatchNorm', 'momentum', momentum, 'a number from 0 to 1', isShare);
    this.useGlobalStats = useGlobalStats;
    const { shape } = this;
    const state = (init: InitializerLike): Parameter =>
      new Parameter({ shape, init, differentiable: false });
    this.runningMean = state(options.runningMeanInit ?? 'zeros');
    this.runningVar = state(options.runningVarInit ?? 'ones');
  }

  /** Called before statistics of a batch are taken. */
  protected checkTraining(): void {}

  /** Parameters and statistics stay float32 when the net is cast to floats of 16 bits. */
  override cast(dtype: DType): void {
    super.cast(isNarrowFloat(dtype) ? 'float32' : dtype);
  }

  override forward(x: NDArray): NDArray {
    expectArray('BatchNorm', x);
    const axis = axisOf('BatchNorm', this.axis, x.ndim);
    const { gamma, beta, runningMean, runningVar, epsilon: eps } = this;
    this.fit('BatchNorm', x, axis, [gamma, beta, runningMean, runningVar]);
    const mean = runningMean.data();
    const variance = runningVar.data();
    if (!isTraining() || this.useGlobalStats)
      return batchNorm(x, gamma.data(), beta.data(), mean, variance, { axis, eps });
    this.checkTraining();
    const [y, batchMean, batchVariance] = batchNormTraining(x, gamma.data(), beta.data(), {
      axis,
      eps,
    });
    pause(() => {
      const operands = [mean, variance, batchMean, batchVariance, this.momentum];
      const scalars = [...new Array<undefined>(4), summedIn(mean.dtype)];
      const next = callAll(blending, operands, { attrs: {}, key: '', scalars });
      assign(mean, next[0]!);
      assign(variance, next[1]!);
    });
    return y;
  }
}

export interface LayerNormOptions extends AffineOptions {
  /** Default: the last. */
  readonly axis?: number;
}

/**
 * Normalizes along one axis: `(x - mean) / sqrt(variance + epsilon) · gamma + beta`. (Ba et al., "Layer normalization",
 * 2016.) The same in training and prediction.
 *
 * Any shape [..., size, ...], which stays. Parameters `gamma`, `beta`: [size]. Parameters are float32 unless cast, and
 * are converted to the dtype of the input; floats stay (16 bits are computed in float32, float64 in double), integers
 * and booleans give float32.
 *
 * @throws {OptionError} for a negative `epsilon`, or unknown options
 * @throws {ShapeError} without the axis, or with another size of it than the parameters were made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const norm = new nn.LayerNorm();
 * norm.initialize();
 * norm(nd.array([[0, 2]]));   // [[-1, 1]]
 */
export class LayerNorm extends Affine {
  readonly axis: number;

  constructor(options: LayerNormOptions = {}) {
    checkOptions('LayerNorm', options, [...AFFINE, 'axis']);
    super('LayerNorm', options);
    this.axis = options.axis ?? -1;
  }

  override forward(x: NDArray): NDArray {
    expectArray('LayerNorm', x);
    const axis = axisOf('LayerNorm', this.axis, x.ndim);
    const { gamma, beta, epsilon: eps } = this;
    this.fit('LayerNorm', x, axis, [gamma, beta]);
    return layerNorm(x, gamma.data(), beta.data(), { axis, eps });
  }
}
