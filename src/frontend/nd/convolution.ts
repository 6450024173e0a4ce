/**
 * Convolution of images, and options that are one number or one for each axis of space.
 *
 * Invariant: images are [batch, channels, ...space]; kernels are [out, in / groups, ...space]. Sums are float32, whatever
 * the dtype of the result.
 */
import { TigonError } from '../../ir/errors.ts';
import { type ConvAttrs, conv as convOp } from '../../ir/graph/ops/conv.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { perAxis } from './axes.ts';
import { floating } from './math.ts';

/** One integer for all axes of space, or one for each. */
export const spatial = (
  name: string,
  option: string,
  value: number | readonly number[] | undefined,
  standard: number | readonly number[],
  rank: number,
  least: number,
): readonly number[] => perAxis(name, option, value ?? standard, rank, least);

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
