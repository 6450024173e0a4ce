/**
 * Transposed convolution: the adjoint of a convolution as a function of its own.
 *
 * Invariant: images are [batch, channels, ...space], kernels [in, out / groups, ...space]; with the same options,
 * `deconvolution` gives arrays of the size that `convolution` took.
 */
import { TigonError } from '../../ir/errors.ts';
import { convGradInput } from '../../ir/graph/ops/conv.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkCount, checkOptions } from '../options.ts';
import { type ConvolutionOptions, spatial } from './convolution.ts';
import { floating } from './math.ts';
import { perChannel } from './norms.ts';

export interface DeconvolutionOptions extends ConvolutionOptions {
  /** Rows added at the end of each axis of space, fewer than `strides`. Default 0. */
  readonly outputPadding?: number | readonly number[];
}

interface Attrs {
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
  readonly outputPadding: readonly number[];
}

const NAME = 'deconvolution';

const spreading: Fragment<Attrs> = fragment<Attrs>(NAME, (b, [x, w, bias], attrs) => {
  const { strides, padding, dilations, groups, outputPadding } = attrs;
  const images = floating(b, x!);
  const { shape } = images.type;
  const kernel = w!.type.shape;
  const given = `x ${showType(x!.type)} · weight ${showType(w!.type)}`;
  const fail = (rule: string, help: string): never => {
    throw new TigonError('shape', `${NAME}: ${rule}: ${given}`, help);
  };
  if (kernel.length !== shape.length)
    fail('x and weight have different numbers of axes', 'weight is [in, out / groups, ...space]');
  if (shape.length < 3 || shape.length > 5)
    fail(
      'takes 1 to 3 axes of space',
      'x is [batch, in, ...space], weight [in, out / groups, ...space]',
    );
  if (kernel[0]! % groups !== 0)
    fail(
      `${kernel[0]} channels do not divide into ${groups} groups`,
      'groups must divide the channels',
    );
  if (shape[1] !== kernel[0])
    fail(`channels differ (${shape[1]} ≠ ${kernel[0]})`, 'axis 0 of weight is the channels of x');
  const space = strides.map(
    (s, i) =>
      (shape[i + 2]! - 1) * s -
      2 * padding[i]! +
      dilations[i]! * (kernel[i + 2]! - 1) +
      1 +
      outputPadding[i]!,
  );
  if (space.some((d) => d < 1))
    fail(`the result would have size [${space.join(', ')}]`, 'use less padding');
  const y = b.emit(convGradInput, [images, b.cast(w!, images.type.dtype)], {
    strides,
    low: padding,
    high: padding,
    dilations,
    groups,
    shape: [shape[0]!, kernel[1]! * groups, ...space],
  });
  return bias === undefined ? y : b.op('add', y, perChannel(NAME, b, y, bias, 1));
});

/**
 * Transposed convolution of `x` [batch, in, ...space] with `weight` [in, out / groups, ...space], 1 to 3 axes of space;
 * `bias` [out]. Each element of `x` adds the kernel, times itself, to the result [batch, out, ...space']: the size along an
 * axis is `(size - 1) · strides - 2 padding + dilation · (kernel - 1) + 1 + outputPadding`.
 *
 * Dtypes: that of `x`, to which `weight` and `bias` are cast; integers and booleans give float32.
 *
 * @throws {ShapeError} when axes, channels, groups or the bias do not fit, and when nothing is left of the result
 * @throws {OptionError} unless `groups`, `strides` and `dilation` are integers ≥ 1, and `outputPadding` is below `strides`
 *
 * @example
 * nd.deconvolution(nd.array([[[1, 2]]]), nd.array([[[1, 10]]]), undefined, { strides: 2 });   // [[[1, 10, 2, 20]]]
 */
export const deconvolution = (
  x: NDArray,
  weight: NDArray,
  bias?: NDArray,
  options?: DeconvolutionOptions,
): NDArray => {
  checkOptions(NAME, options, ['strides', 'padding', 'dilation', 'groups', 'outputPadding']);
  checkArray(NAME, weight);
  const rank = Math.max(1, weight.ndim - 2);
  const groups = checkCount(NAME, 'groups', options?.groups ?? 1);
  const strides = spatial(NAME, 'strides', options?.strides, 1, rank, 1);
  const padding = spatial(NAME, 'padding', options?.padding, 0, rank, 0);
  const dilations = spatial(NAME, 'dilation', options?.dilation, 1, rank, 1);
  const outputPadding = spatial(NAME, 'outputPadding', options?.outputPadding, 0, rank, 0);
  if (outputPadding.some((p, i) => p >= strides[i]!))
    throw failure(
      'option',
      `${NAME}: outputPadding [${outputPadding.join(', ')}] is not below strides [${strides.join(', ')}]`,
      'it chooses among the sizes that a strided convolution maps to one',
    );
  const attrs = { strides, padding, dilations, groups, outputPadding };
  return call(spreading, bias === undefined ? [x, weight] : [x, weight, bias], {
    attrs,
    key: `${strides}|${padding}|${dilations}|${groups}|${outputPadding}`,
  });
};
