/**
 * Normalization of parts of each sample: groups of channels, single channels, features without a mean; and batch norm
 * with more to it.
 *
 * Invariant: sizes that are not given are learnt from the first call; the same in training and prediction, but for batch
 * norms.
 */
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { axisOf } from '../../nd/axes.ts';
import { relu } from '../../nd/math.ts';
import { groupNorm, instanceNorm, rmsNorm } from '../../nd/normalize.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import { AFFINE, Affine, type AffineOptions, BatchNorm, type BatchNormOptions } from './norm.ts';
import { count, expectArray, expectSize, finite } from './shared.ts';

/**
 * Normalizes groups of channels of each sample: `(x - mean) / sqrt(variance + epsilon) · gamma + beta`, mean and
 * variance over the channels of a group and all of space. (Wu & He, "Group normalization", ECCV 2018.)
 *
 * [batch, channels, ...space] → the same shape. Parameters `gamma`, `beta`: [channels]. Dtypes as for
 * {@link LayerNorm}: floats stay.
 *
 * @throws {OptionError} unless `numGroups` is an integer ≥ 1; for a negative `epsilon`
 * @throws {ShapeError} without an axis of channels, when they do not divide into groups, or are not those that the
 *   parameters were made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const norm = new nn.GroupNorm(2);
 * norm.initialize();
 * norm(nd.array([[1, 3, 10, 30]]));   // [[-1, 1, -1, 1]]
 */
export class GroupNorm extends Affine {
  readonly numGroups: number;

  constructor(numGroups = 1, options: AffineOptions = {}) {
    checkOptions('GroupNorm', options, AFFINE);
    super('GroupNorm', options);
    this.numGroups = count('GroupNorm', 'numGroups', numGroups);
  }

  override forward(x: NDArray): NDArray {
    expectArray('GroupNorm', x);
    const { gamma, beta, epsilon: eps, numGroups } = this;
    this.fit('GroupNorm', x, axisOf('GroupNorm', 1, x.ndim), [gamma, beta]);
    return groupNorm(x, gamma.data(), beta.data(), numGroups, { eps });
  }
}

export interface InstanceNormOptions extends AffineOptions {
  /** The axis of channels. Default 1. */
  readonly axis?: number;
  /** Learn a factor `gamma`; false: 1. Default false. */
  readonly scale?: boolean;
}

/**
 * Normalizes each channel of each sample over space: `(x - mean) / sqrt(variance + epsilon) · gamma + beta`. (Ulyanov
 * et al., "Instance normalization", 2016.)
 *
 * [batch, channels, ...space] → the same shape. Parameters `gamma` (not trained unless `scale`), `beta`: [channels].
 * Dtypes as for {@link LayerNorm}: floats stay.
 *
 * @throws {OptionError} for a negative `epsilon`
 * @throws {ShapeError} without an axis of space, when `axis` is 0, or when channels are not those that the parameters
 *   were made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const norm = new nn.InstanceNorm();
 * norm.initialize();
 * norm(nd.array([[[1, 3], [20, 60]]]));   // [[[-1, 1], [-1, 1]]]
 */
export class InstanceNorm extends Affine {
  readonly axis: number;

  constructor(options: InstanceNormOptions = {}) {
    checkOptions('InstanceNorm', options, [...AFFINE, 'axis']);
    super('InstanceNorm', { ...options, scale: options.scale ?? false });
    this.axis = options.axis ?? 1;
  }

  override forward(x: NDArray): NDArray {
    expectArray('InstanceNorm', x);
    const axis = axisOf('InstanceNorm', this.axis, x.ndim);
    const { gamma, beta, epsilon: eps } = this;
    this.fit('InstanceNorm', x, axis, [gamma, beta]);
    return instanceNorm(x, gamma.data(), beta.data(), { axis, eps });
  }
}

export interface RMSNormOptions {
  /** Added to the mean square. Default 1e-5. */
  readonly epsilon?: number;
  /** Size of the last axis. Default: learnt from the first call. */
  readonly inChannels?: number;
  /** Default 'ones'. */
  readonly gammaInit?: InitializerLike;
}

/**
 * `x / sqrt(mean(x²) + epsilon) · gamma` along the last axis. (Zhang & Sennrich, "Root mean square layer
 * normalization", NeurIPS 2019.)
 *
 * [..., features] → the same shape. Parameter `gamma`: [features]. Dtypes as for {@link LayerNorm}: floats stay.
 *
 * @throws {OptionError} for a negative `epsilon`
 * @throws {ShapeError} for a single number, or another number of features than `gamma` was made for
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const norm = new nn.RMSNorm();
 * norm.initialize();
 * norm(nd.array([[3, 4]]));   // [[0.8485, 1.1314]]
 */
export class RMSNorm extends HybridBlock {
  readonly gamma: Parameter;
  readonly epsilon: number;

  constructor(options: RMSNormOptions = {}) {
    super();
    checkOptions('RMSNorm', options, ['epsilon', 'inChannels', 'gammaInit']);
    const { epsilon = 1e-5, inChannels = 0, gammaInit = 'ones' } = options;
    this.epsilon = finite('RMSNorm', 'epsilon', epsilon, 'a small number like 1e-5', (x) => x >= 0);
    const size = count('RMSNorm', 'inChannels', inChannels, 0);
    this.gamma = new Parameter({ shape: [size], init: gammaInit });
  }

  override forward(x: NDArray): NDArray {
    expectArray('RMSNorm', x);
    const last = axisOf('RMSNorm', -1, x.ndim);
    if (!this.gamma.isInitialized) this.gamma.infer([x.shape[last]!]);
    const gamma = this.gamma.data();
    expectSize('RMSNorm', x, last, gamma.size, 'features');
    return rmsNorm(x, gamma, { eps: this.epsilon });
  }
}

/**
 * {@link BatchNorm}, then the rectifier: one fused kernel when compiled.
 *
 * Shapes, dtypes and errors are those of {@link BatchNorm}.
 *
 * @throws {ShapeError} as BatchNorm
 *
 * @example
 * const norm = new nn.BatchNormReLU();
 * norm.initialize();
 * const y = autograd.record(() => norm(nd.array([[0], [2]])));   // [[0], [1]]
 */
export class BatchNormReLU extends BatchNorm {
  override forward(x: NDArray): NDArray {
    return relu(super.forward(x));
  }
}

export interface SyncBatchNormOptions extends BatchNormOptions {
  /** How many devices share their statistics. Default 1, the only number that there is. */
  readonly numDevices?: number;
}

/**
 * {@link BatchNorm} with statistics of the whole batch, however it is divided. On one device that is what BatchNorm
 * does. Parts of a batch on several devices run one after the other and cannot wait for each other's statistics, so
 * that it refuses to train there; prediction works anywhere.
 *
 * Shapes, dtypes and errors are otherwise those of {@link BatchNorm}.
 *
 * @throws {DeviceError} for a call for training on one of several devices
 * @throws {OptionError} when `numDevices` is not 1
 *
 * @example
 * const norm = new nn.SyncBatchNorm();
 * norm.initialize();
 * const y = autograd.record(() => norm(nd.array([[0], [2]])));   // [[-1], [1]]
 */
export class SyncBatchNorm extends BatchNorm {
  constructor(options: SyncBatchNormOptions = {}) {
    const { numDevices = 1, ...rest } = options;
    super(rest);
    if (numDevices !== 1)
      throw failure(
        'option',
        `SyncBatchNorm: numDevices is ${numDevices}`,
        'statistics are shared on one device only; BatchNorm keeps those of each device',
      );
  }

  protected override checkTraining(): void {
    const devices = this.gamma.listDevices();
    if (devices.length > 1)
      throw failure(
        'device',
        `SyncBatchNorm: the parts of a batch on ${devices.length} devices cannot share statistics`,
        'use BatchNorm, which takes those of each part, or train on one device',
      );
  }
}
