/**
 * Deformable convolutions: layers that learn where their kernels look.
 *
 * Invariant: offsets come from a convolution of the same input that starts at 0, so a fresh layer is a plain convolution.
 */
import { inName } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { split } from '../../nd/concat.ts';
import { convolution } from '../../nd/convolution.ts';
import { deformableConvolution } from '../../nd/deformable.ts';
import { sigmoid } from '../../nd/math.ts';
import type { InitializerLike } from '../init.ts';
import { Parameter } from '../parameter.ts';
import { type ConvOptions, Convolving } from './conv-base.ts';
import { count } from './shared.ts';

export interface DeformableConvolutionOptions extends Omit<ConvOptions, 'layout'> {
  /** Channels in are cut in this many groups with offsets of their own. Default 1. */
  readonly numDeformableGroup?: number;
  /** Default true. */
  readonly offsetUseBias?: boolean;
  /** Default 'zeros'. */
  readonly offsetWeightInit?: InitializerLike;
  /** Default 'zeros'. */
  readonly offsetBiasInit?: InitializerLike;
}
const MORE = ['numDeformableGroup', 'offsetUseBias', 'offsetWeightInit', 'offsetBiasInit'] as const;

abstract class Deformable extends Convolving {
  readonly offsetWeight: Parameter;
  readonly offsetBias: Parameter | undefined;
  readonly numDeformableGroup: number;
  /** Numbers that the offsets have for each kernel element. */
  readonly #parts: 2 | 3;

  constructor(
    kind: string,
    parts: 2 | 3,
    channels: number,
    kernelSize: number | readonly number[],
    options: DeformableConvolutionOptions,
  ) {
    super(kind, 2, channels, kernelSize, options, MORE);
    this.#parts = parts;
    this.numDeformableGroup = count(kind, 'numDeformableGroup', options.numDeformableGroup ?? 1);
    const elements = this.kernelSize.reduce((n, k) => n * k, 1);
    const offsets = parts * this.numDeformableGroup * elements;
    this.offsetWeight = new Parameter({
      shape: [offsets, options.inChannels ?? 0, ...this.kernelSize],
      init: options.offsetWeightInit ?? 'zeros',
    });
    this.offsetBias =
      options.offsetUseBias === false
        ? undefined
        : new Parameter({ shape: [offsets], init: options.offsetBiasInit ?? 'zeros' });
  }

  protected override shapeFor(inChannels: number): number[] {
    return [this.channels, inChannels / this.groups, ...this.kernelSize];
  }

  protected override inputsOf(shape: readonly number[]): number {
    return shape[1]! * this.groups;
  }

  protected override compute(x: NDArray, weight: NDArray, bias: NDArray | undefined): NDArray {
    const { strides, padding, dilation, groups, offsetWeight } = this;
    const geometry = { strides, padding, dilation };
    if (!offsetWeight.isInitialized)
      offsetWeight.infer([offsetWeight.shape[0]!, x.shape[1]!, ...this.kernelSize]);
    const offsets = inName(this.kind, 'convolution', () =>
      convolution(x, offsetWeight.data(), this.offsetBias?.data(), geometry),
    );
    const options = { ...geometry, groups, offsetGroups: this.numDeformableGroup };
    if (this.#parts === 2) return deformableConvolution(x, offsets, weight, bias, options);
    const cut = (offsets.shape[1]! / 3) * 2;
    const [places, factors] = split(offsets, [cut], 1) as [NDArray, NDArray];
    return deformableConvolution(x, places, weight, bias, {
      ...options,
      mask: sigmoid(factors).mul(2),
    });
  }
}

/**
 * Convolution over images whose kernel elements look at learnt places: offsets come from a convolution of the input.
 * (Dai et al., "Deformable convolutional networks", ICCV 2017.)
 *
 * [batch, in, height, width] → [batch, channels, height', width'], sizes as for {@link Conv2D}. Parameters `weight`
 * [channels, in / groups, ...kernelSize], `bias` [channels], `offsetWeight`
 * [2 · numDeformableGroup · kernel elements, in, ...kernelSize], `offsetBias`.
 *
 * Dtypes as for Conv2D: floats stay, integers and booleans give float32.
 *
 * @throws {OptionError} as Conv2D
 * @throws {ShapeError} when the input has other axes or channels, is smaller than the kernel, or its channels do not
 *   divide into both numbers of groups
 * @throws {ValueError} for an input that is no array, or when it was not initialized
 *
 * @example
 * const conv = new nn.DeformableConvolution(4, 3, { padding: 1 });
 * conv.initialize();
 * conv(nd.ones([1, 2, 5, 5])).shape;   // [1, 4, 5, 5]
 */
export class DeformableConvolution extends Deformable {
  constructor(
    channels: number,
    kernelSize: number | readonly number[] = 1,
    options: DeformableConvolutionOptions = {},
  ) {
    super('DeformableConvolution', 2, channels, kernelSize, options);
  }
}

/**
 * {@link DeformableConvolution} with a learnt factor from 0 to 2 for each place. (Zhu et al., "Deformable ConvNets v2",
 * CVPR 2019.) `offsetWeight` has 3 · numDeformableGroup · kernel elements channels: first all offsets, then the factors
 * (2 · sigmoid of what is learnt).
 *
 * Shapes, dtypes and errors are otherwise the same.
 *
 * @throws {OptionError | ShapeError | ValueError} as DeformableConvolution
 *
 * @example
 * const conv = new nn.ModulatedDeformableConvolution(4, 3, { padding: 1 });
 * conv.initialize();
 * conv(nd.ones([1, 2, 5, 5])).shape;   // [1, 4, 5, 5]
 */
export class ModulatedDeformableConvolution extends Deformable {
  constructor(
    channels: number,
    kernelSize: number | readonly number[] = 1,
    options: DeformableConvolutionOptions = {},
  ) {
    super('ModulatedDeformableConvolution', 3, channels, kernelSize, options);
  }
}
