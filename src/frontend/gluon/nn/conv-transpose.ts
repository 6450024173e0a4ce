/**
 * Transposed convolutions: layers that undo the shapes of convolutions.
 *
 * Invariant: kernels are [channels in, channels out / groups, ...space], those of the convolution that goes the other way.
 */
import { failure, inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { perAxis } from '../../nd/axes.ts';
import { deconvolution } from '../../nd/deconvolution.ts';
import { type ConvOptions, Convolving } from './conv-base.ts';
import type { Rank } from './layout.ts';

export interface ConvTransposeOptions extends ConvOptions {
  /** Rows added at the end of each axis of space, fewer than `strides`. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

/** What {@link Conv1DTranspose}, {@link Conv2DTranspose} and {@link Conv3DTranspose} have in common. */
abstract class ConvTranspose extends Convolving {
  readonly outputPadding: readonly number[];

  constructor(
    rank: Rank,
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeOptions,
  ) {
    const name = `Conv${rank}DTranspose`;
    super(name, rank, channels, kernelSize, options, ['outputPadding']);
    this.outputPadding = perAxis(name, 'outputPadding', options.outputPadding ?? 0, rank, 0);
    if (this.outputPadding.some((p, i) => p >= this.strides[i]!))
      throw failure(
        'option',
        `${name}: outputPadding [${this.outputPadding.join(', ')}] is not below strides [${this.strides.join(', ')}]`,
        'it chooses among the sizes that a strided convolution maps to one',
      );
  }

  protected override shapeFor(inChannels: number): number[] {
    return [inChannels, this.channels / this.groups, ...this.kernelSize];
  }

  protected override inputsOf(shape: readonly number[]): number {
    return shape[0]!;
  }

  protected override compute(x: NDArray, weight: NDArray, bias: NDArray | undefined): NDArray {
    const { strides, padding, dilation, groups, outputPadding } = this;
    return inName(this.kind, 'deconvolution', () =>
      deconvolution(x, weight, bias, { strides, padding, dilation, groups, outputPadding }),
    );
  }
}

/**
 * Transposed convolution along one axis: [batch, in, width] → [batch, channels, width'], with
 * `width' = (width - 1) · strides - 2 padding + dilation (kernelSize - 1) + 1 + outputPadding`.
 *
 * Floats stay, integers and booleans give float32; `weight` [in, channels / groups, kernelSize] and `bias` [channels]
 * are float32 unless cast, and are converted to the dtype of the input.
 *
 * @throws {OptionError} for sizes that are no integers in range, `outputPadding` not below `strides`, channels that do
 *   not divide into groups, another layout
 * @throws {ShapeError} when the input has other axes or channels, or nothing would be left
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const up = new nn.Conv1DTranspose(8, 4, { strides: 2, padding: 1 });
 * up.initialize();
 * up(nd.ones([2, 4, 10])).shape;   // [2, 8, 20]
 */
export class Conv1DTranspose extends ConvTranspose {
  constructor(
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeOptions = {},
  ) {
    super(1, channels, kernelSize, options);
  }
}

/**
 * Transposed convolution over images: [batch, in, height, width] → [batch, channels, height', width'], sizes and dtypes
 * as for {@link Conv1DTranspose} (floats stay). `weight` [in, channels / groups, ...kernelSize].
 *
 * @throws {OptionError | ShapeError | ValueError} as Conv1DTranspose
 *
 * @example
 * const up = new nn.Conv2DTranspose(3, 3, { strides: 2, padding: 1, outputPadding: 1, layout: 'NHWC' });
 * up.initialize();
 * up(nd.ones([2, 5, 6, 4])).shape;   // [2, 10, 12, 3]
 */
export class Conv2DTranspose extends ConvTranspose {
  constructor(
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeOptions = {},
  ) {
    super(2, channels, kernelSize, options);
  }
}

/**
 * Transposed convolution over volumes: [batch, in, depth, height, width] → [batch, channels, depth', height', width'],
 * sizes and dtypes as for {@link Conv1DTranspose} (floats stay). `weight` [in, channels / groups, ...kernelSize].
 *
 * @throws {OptionError | ShapeError | ValueError} as Conv1DTranspose
 *
 * @example
 * const up = new nn.Conv3DTranspose(2, 2, { strides: 2 });
 * up.initialize();
 * up(nd.ones([1, 3, 2, 3, 4])).shape;   // [1, 2, 4, 6, 8]
 */
export class Conv3DTranspose extends ConvTranspose {
  constructor(
    channels: number,
    kernelSize: number | readonly number[],
    options: ConvTransposeOptions = {},
  ) {
    super(3, channels, kernelSize, options);
  }
}
