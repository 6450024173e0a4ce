/**
 * Convolutions over one, two or three axes of space.
 *
 * Invariant: kernels are [channels out, channels in / groups, ...space].
 */
import { inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { convolution } from '../../nd/convolution.ts';
import { type ConvOptions, Convolving } from './conv-base.ts';
import type { Rank } from './layout.ts';

/** What {@link Conv1D}, {@link Conv2D} and {@link Conv3D} have in common. */
abstract class Conv extends Convolving {
  constructor(
    rank: Rank,
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvOptions,
  ) {
    super(`Conv${rank}D`, rank, channels, kernelSize, options);
  }

  protected override shapeFor(inChannels: number): number[] {
    return [this.channels, inChannels / this.groups, ...this.kernelSize];
  }

  protected override inputsOf(shape: readonly number[]): number {
    return shape[1]! * this.groups;
  }

  protected override compute(x: NDArray, weight: NDArray, bias: NDArray | undefined): NDArray {
    const { strides, padding, dilation, groups } = this;
    return inName(this.kind, 'convolution', () =>
      convolution(x, weight, bias, { strides, padding, dilation, groups }),
    );
  }
}

/**
 * Convolution along one axis: [batch, in, width] → [batch, channels, width'], with
 * `width' = floor((width + 2 padding - dilation (kernelSize - 1) - 1) / strides) + 1`.
 *
 * Floats stay, integers and booleans give float32; `weight` [channels, in / groups, kernelSize] and `bias` [channels]
 * are float32 unless cast, and are converted to the dtype of the input.
 *
 * @throws {OptionError} for sizes that are no integers in range, channels that do not divide into groups, another
 *   layout
 * @throws {ShapeError} when the input has other axes or channels, or is smaller than the kernel
 * @throws {ValueError} for an input that is no array, or when it was not initialized
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
 * Convolution over images: [batch, in, height, width] → [batch, channels, height', width'], sizes as for
 * {@link Conv1D}.
 *
 * Floats stay, integers and booleans give float32; `weight` [channels, in / groups, ...kernelSize] and `bias`
 * [channels] are float32 unless cast, and are converted to the dtype of the input.
 *
 * @throws {OptionError} for sizes that are no integers in range, channels that do not divide into groups, another
 *   layout
 * @throws {ShapeError} when the input has other axes or channels, or is smaller than the kernel
 * @throws {ValueError} for an input that is no array, or when it was not initialized
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
 * Convolution over volumes: [batch, in, depth, height, width] → [batch, channels, depth', height', width'], sizes as
 * for {@link Conv1D}.
 *
 * Floats stay, integers and booleans give float32; `weight` [channels, in / groups, ...kernelSize] and `bias`
 * [channels] are float32 unless cast, and are converted to the dtype of the input.
 *
 * @throws {OptionError} for sizes that are no integers in range, channels that do not divide into groups, another
 *   layout
 * @throws {ShapeError} when the input has other axes or channels, or is smaller than the kernel
 * @throws {ValueError} for an input that is no array, or when it was not initialized
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
