/**
 * Deformable convolution: each kernel element looks at a place that the input chooses.
 *
 * Invariant: images are [batch, channels, height, width]; places between elements are read by bilinear interpolation,
 * places outside are 0; offsets are (y, x) pairs, one per group of offsets, kernel element and window.
 */
import { promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { dot } from '../../ir/graph/ops/dot.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { takeAlong } from '../../ir/graph/ops/take.ts';
import { sameShape, showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkCount, checkOptions } from '../options.ts';
import { type ConvolutionOptions, spatial } from './convolution.ts';
import { floating } from './math.ts';
import { perChannel } from './norms.ts';

const NAME = 'deformableConvolution';

export interface DeformableOptions extends ConvolutionOptions {
  /** Channels are cut in this many groups with offsets of their own. Default 1. */
  readonly offsetGroups?: number;
  /** Factors of the sampled values, [batch, offsetGroups · kernel elements, height', width']. Default: none. */
  readonly mask?: NDArray | undefined;
}
interface Attrs {
  readonly strides: readonly number[];
  readonly padding: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
  readonly offsetGroups: number;
  readonly bias: boolean;
  readonly mask: boolean;
}

/** Values of `x` [batch, groups, channels, height · width] at fractional places [batch, groups, places]. */
const sampled = (
  b: GraphBuilder,
  x: Node,
  [y, z]: readonly [Node, Node],
  [height, width]: readonly [number, number],
): Node => {
  const [batch, groups, channels] = x.type.shape as [number, number, number];
  const shape = [batch, groups, channels, y.type.shape[2]!];
  const wide = (n: Node): Node => b.broadcast(n, shape, [0, 1, 3]);
  const corner = (dy: 0 | 1, dz: 0 | 1): Node => {
    const at = (place: Node, d: 0 | 1): { index: Node; share: Node } => {
      const low = b.op('floor', place);
      const rest = b.op('sub', place, low);
      return d === 0
        ? { index: low, share: b.op('sub', b.lit(1, rest), rest) }
        : { index: b.op('add', low, b.lit(1, low)), share: rest };
    };
    const [v, h] = [at(y, dy), at(z, dz)];
    const within = (index: Node, size: number): Node =>
      b.op('and', b.op('ge', index, b.lit(0, index)), b.op('lt', index, b.lit(size, index)));
    const inside = b.op('and', within(v.index, height), within(h.index, width));
    const row = b.op('mul', v.index, b.lit(width, v.index));
    const flat = b.op('select', inside, b.op('add', row, h.index), b.lit(0, row));
    const share = b.op('mul', v.share, h.share);
    const weight = b.op('select', inside, share, b.lit(0, share));
    const value = b.emit(takeAlong, [x, wide(b.cast(flat, 'int32'))], { axis: 3 });
    return b.op('mul', value, wide(weight));
  };
  const top = b.op('add', corner(0, 0), corner(0, 1));
  return b.op('add', top, b.op('add', corner(1, 0), corner(1, 1)));
};

const deforming: Fragment<Attrs> = fragment<Attrs>(NAME, (b, inputs, attrs) => {
  const { strides, padding, dilations, groups, offsetGroups } = attrs;
  const dtype = summedIn(inputs.map((n) => n.type.dtype).reduce(promote));
  const [x, offset, weight] = inputs.slice(0, 3).map((n) => b.cast(n, dtype)) as [Node, Node, Node];
  const bias = attrs.bias ? inputs[3] : undefined;
  const mask = attrs.mask ? inputs[inputs.length - 1] : undefined;
  const fail = (rule: string, help: string): never => {
    const given = [x, offset, weight].map(
      (n, i) => `${['x', 'offset', 'weight'][i]} ${showType(n.type)}`,
    );
    throw new TigonError('shape', `${NAME}: ${rule}: ${given.join(' · ')}`, help);
  };
  if (x.type.shape.length !== 4 || weight.type.shape.length !== 4)
    return fail(
      'takes images',
      'x is [batch, in, height, width], weight [out, in / groups, ...kernel]',
    );
  const [batch, channels, height, width] = x.type.shape as [number, number, number, number];
  const [out, perGroup, ...kernel] = weight.type.shape as [number, number, number, number];
  const elements = kernel[0] * kernel[1];
  if (channels !== perGroup * groups || out % groups !== 0 || channels % offsetGroups !== 0)
    return fail(
      `channels do not fit ${groups} groups and ${offsetGroups} groups of offsets`,
      'weight is [out, in / groups, ...kernel]; both numbers of groups must divide the channels',
    );
  const space = [height, width].map((d, i) => {
    const reach = (kernel[i]! - 1) * dilations[i]! + 1;
    return Math.floor((d + 2 * padding[i]! - reach) / strides[i]!) + 1;
  }) as [number, number];
  if (space.some((d) => d < 0))
    return fail('the kernel is larger than the image', 'use a smaller kernel, or more padding');
  const wanted = [batch, 2 * offsetGroups * elements, ...space];
  if (!sameShape(offset.type.shape, wanted))
    return fail(
      `offset must be [${wanted.join(', ')}]`,
      'one (y, x) pair per kernel element and window',
    );
  const windows = space[0] * space[1];
  const grid = [batch, offsetGroups, kernel[0], kernel[1], ...space];
  const pairs = b.reshape(offset, [batch, offsetGroups, kernel[0], kernel[1], 2, ...space]);
  const place = (axis: 0 | 1): Node => {
    const count = (at: number): Node => b.emit(iota, [], { axis: at, dtype, shape: grid });
    const scaled = (n: Node, by: number): Node => b.op('mul', n, b.lit(by, n));
    const base = b.op(
      'add',
      scaled(count(4 + axis), strides[axis]!),
      scaled(count(2 + axis), dilations[axis]!),
    );
    const own = pairs.type.shape.map((d, i) => (i === 4 ? axis + 1 : d));
    const begin = pairs.type.shape.map((_, i) => (i === 4 ? axis : 0));
    const part = b.reshape(
      b.slice(
        pairs,
        begin,
        own,
        own.map(() => 1),
      ),
      grid,
    );
    const at = b.op('add', b.op('sub', base, b.lit(padding[axis]!, base)), part);
    return b.reshape(at, [batch, offsetGroups, elements * windows]);
  };
  const images = b.reshape(x, [batch, offsetGroups, channels / offsetGroups, height * width]);
  let columns = sampled(b, images, [place(0), place(1)], [height, width]);
  if (mask !== undefined) {
    const factors = [batch, offsetGroups * elements, ...space];
    if (!sameShape(mask.type.shape, factors))
      return fail(
        `mask ${showType(mask.type)} must be [${factors.join(', ')}]`,
        'one factor per kernel element and window',
      );
    const flat = b.reshape(b.cast(mask, dtype), [batch, offsetGroups, elements * windows]);
    columns = b.op('mul', columns, b.broadcast(flat, columns.type.shape, [0, 1, 3]));
  }
  const inner = perGroup * elements;
  const product = b.emit(
    dot,
    [
      b.reshape(weight, [groups, out / groups, inner]),
      b.reshape(columns, [batch, groups, inner, windows]),
    ],
    { aBatch: [0], bBatch: [1], aContract: [2], bContract: [2] },
  );
  const y = b.reshape(b.transpose(product, [2, 0, 1, 3]), [batch, out, ...space]);
  const raised = bias === undefined ? y : b.op('add', y, perChannel(NAME, b, y, bias, 1));
  return b.cast(raised, floating(b, inputs[0]!).type.dtype);
});

/**
 * Convolution of `x` [batch, in, height, width] whose kernel element `k` looks at its usual place plus `offset[..., k, ...]`.
 * (Dai et al., "Deformable convolutional networks", ICCV 2017; with `mask`: Zhu et al., CVPR 2019.)
 *
 * `offset` [batch, 2 · offsetGroups · kernel elements, height', width']: pairs (y, x), kernel elements in row-major order;
 * `weight` [out, in / groups, ...kernel]; `bias` [out]. The result [batch, out, height', width'] is computed in float32 and
 * has the dtype of `x`, float32 for integers and booleans.
 *
 * @throws {ShapeError} when shapes, channels or groups do not fit, and for a kernel larger than the image
 * @throws {OptionError} unless `groups` and `offsetGroups` are integers ≥ 1
 *
 * @example
 * const x = nd.array([[[[1, 2], [3, 4]]]]);
 * const shift = nd.array([[[[0, 0], [0, 0]], [[0.5, 0], [0, -1]]]]);
 * nd.deformableConvolution(x, shift, nd.ones([1, 1, 1, 1]));   // [[[[1.5, 2], [3, 3]]]]
 */
export const deformableConvolution = (
  x: NDArray,
  offset: NDArray,
  weight: NDArray,
  bias?: NDArray,
  options?: DeformableOptions,
): NDArray => {
  checkOptions(NAME, options, ['strides', 'padding', 'dilation', 'groups', 'offsetGroups', 'mask']);
  const mask = options?.mask;
  for (const given of [x, offset, weight]) checkArray(NAME, given);
  if (mask !== undefined) checkArray(NAME, mask);
  const attrs: Attrs = {
    strides: spatial(NAME, 'strides', options?.strides, 1, 2, 1),
    padding: spatial(NAME, 'padding', options?.padding, 0, 2, 0),
    dilations: spatial(NAME, 'dilation', options?.dilation, 1, 2, 1),
    groups: checkCount(NAME, 'groups', options?.groups ?? 1),
    offsetGroups: checkCount(NAME, 'offsetGroups', options?.offsetGroups ?? 1),
    bias: bias !== undefined,
    mask: mask !== undefined,
  };
  const operands = [x, offset, weight, bias, mask].filter((n): n is NDArray => n !== undefined);
  return call(deforming, operands, { attrs, key: Object.values(attrs).join('|') });
};
