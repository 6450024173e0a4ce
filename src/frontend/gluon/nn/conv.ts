/**
 * Convolutions over one, two or three axes of space.
 *
 * Invariant: images are [batch, channels, ...space], kernels [channels out, channels in / groups, ...space].
 */
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { convolution } from '../../nd/neural.ts';
import { checkOptions } from '../../options.ts';
import { HybridBlock } from '../block.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import {
  type ActivationName,
  activationOf,
  count,
  expectRank,
  expectSize,
  perAxis,
} from './shared.ts';

export interface ConvOptions {
  /** Default 1. */
  readonly strides?: number | readonly number[];
  /** Zeros added on both sides. Default 0. */
  readonly padding?: number | readonly number[];
  /** Distance between kernel elements. Default 1. */
  readonly dilation?: number | readonly number[];
  /** Channels in and out are cut in this many groups that do not see each other. Default 1. */
  readonly groups?: number;
  /** Default: learnt from the first call. */
  readonly inChannels?: number;
  /** Applied to the result. Default: none. */
  readonly activation?: ActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default: what `initialize` is told. */
  readonly weightInit?: InitializerLike;
  /** Default 'zeros'. */
  readonly biasInit?: InitializerLike;
}
const CONV = [
  'strides',
  'padding',
  'dilation',
  'groups',
  'inChannels',
  'activation',
  'useBias',
  'weightInit',
  'biasInit',
] as const;

const SPACE = ['width', 'height, width', 'depth, height, width'] as const;

/** What {@link Conv1D}, {@link Conv2D} and {@link Conv3D} have in common. */
abstract class Conv extends HybridBlock {
  readonly weight: Parameter;
  readonly bias: Parameter | undefined;
  readonly channels: number;
  readonly kernelSize: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilation: readonly number[];
  readonly groups: number;
  readonly #name: string;
  readonly #activate: (x: NDArray) => NDArray;

  constructor(
    rank: 1 | 2 | 3,
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvOptions,
  ) {
    super();
    const name = `Conv${rank}D`;
    this.#name = name;
    checkOptions(name, options, CONV);
    const { inChannels = 0, useBias = true, weightInit, biasInit } = options;
    this.channels = count(name, 'channels', channels);
    this.kernelSize = perAxis(name, 'kernelSize', kernelSize, rank, 1);
    this.strides = perAxis(name, 'strides', options.strides ?? 1, rank, 1);
    this.padding = perAxis(name, 'padding', options.padding ?? 0, rank, 0);
    this.dilation = perAxis(name, 'dilation', options.dilation ?? 1, rank, 1);
    this.groups = count(name, 'groups', options.groups ?? 1);
    this.#activate = activationOf(name, options.activation);
    this.#divided('channels', channels);
    this.#divided('inChannels', count(name, 'inChannels', inChannels, 0));
    this.weight = new Parameter({
      shape: [channels, inChannels / this.groups, ...this.kernelSize],
      ...(weightInit === undefined ? {} : { init: weightInit }),
    });
    this.bias = useBias
      ? new Parameter({ shape: [channels], init: biasInit ?? 'zeros' })
      : undefined;
  }

  #divided(noun: string, size: number): void {
    if (size % this.groups !== 0)
      throw failure(
        'option',
        `${this.#name}: ${size} ${noun} do not divide into ${this.groups} groups`,
        'channels in and out must be multiples of groups',
      );
  }

  override forward(x: NDArray): NDArray {
    const name = this.#name;
    const rank = this.kernelSize.length as 1 | 2 | 3;
    expectRank(name, x, rank + 2, `[batch, channels, ${SPACE[rank - 1]}]`);
    if (!this.weight.isInitialized) {
      this.#divided('input channels', x.shape[1]!);
      this.weight.infer([this.channels, x.shape[1]! / this.groups, ...this.kernelSize]);
    }
    const weight = this.weight.data();
    expectSize(name, x, 1, weight.shape[1]! * this.groups, 'channels');
    const { strides, padding, dilation, groups } = this;
    const y = convolution(x, weight, this.bias?.data(), { strides, padding, dilation, groups });
    return this.#activate(y);
  }
}

/**
 * Convolution along one axis: [batch, in, width] → [batch, channels, width'], with
 * `width' = floor((width + 2 padding - dilation (kernelSize - 1) - 1) / strides) + 1`.
 *
 * Floats; `weight` [channels, in / groups, kernelSize], `bias` [channels]. ShapeError when the input has other axes or
 * channels, or is smaller than the kernel.
 *
 * @example
 * const conv = new nn.Conv1D(8, 3, { padding: 1 });
 * conv.initialize();
 * conv(nd.ones([2, 4, 10])).shape;   // [2, 8, 10]
 */
export class Conv1D extends Conv {
  constructor(channels: number, kernelSize: number | readonly number[], options: ConvOptions = {}) {
    super(1, channels, kernelSize, options);
  }
}

/**
 * Convolution over images: [batch, in, height, width] → [batch, channels, height', width'], sizes as for {@link Conv1D}.
 *
 * Floats; `weight` [channels, in / groups, ...kernelSize], `bias` [channels]. ShapeError when the input has other axes or
 * channels, or is smaller than the kernel.
 *
 * @example
 * const conv = new nn.Conv2D(20, 5, { activation: 'relu' });
 * conv.initialize();
 * conv(nd.ones([8, 1, 28, 28])).shape;   // [8, 20, 24, 24]
 */
export class Conv2D extends Conv {
  constructor(channels: number, kernelSize: number | readonly number[], options: ConvOptions = {}) {
    super(2, channels, kernelSize, options);
  }
}

/**
 * Convolution over volumes: [batch, in, depth, height, width] → [batch, channels, depth', height', width'], sizes as for
 * {@link Conv1D}.
 *
 * Floats; `weight` [channels, in / groups, ...kernelSize], `bias` [channels]. ShapeError when the input has other axes or
 * channels, or is smaller than the kernel.
 *
 * @example
 * const conv = new nn.Conv3D(4, 3);
 * conv.initialize();
 * conv(nd.ones([1, 2, 5, 5, 5])).shape;   // [1, 4, 3, 3, 3]
 */
export class Conv3D extends Conv {
  constructor(channels: number, kernelSize: number | readonly number[], options: ConvOptions = {}) {
    super(3, channels, kernelSize, options);
  }
}
