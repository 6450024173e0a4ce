/**
 * What a convolution is: the one geometry behind `conv` and its two adjoints.
 *
 * Invariant: images are [batch, channels, ...space], kernels [out, in per group, ...space], with 1 to 3 axes of space.
 */
import { type Axis, type Idx, idxAdd, idxAxis, idxScale } from '../../dim.ts';
import type { Shape, TensorType } from '../../type.ts';
import type { LowerContext } from '../graph.ts';
import { checkFloat, checkInts, type Rule, ruleFor } from './define.ts';
import { type Sliding, slide } from './geometry.ts';

export type ConvAttrs = {
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly dilations: readonly number[];
  readonly groups: number;
};

/** What a convolution is, with the shapes of its three arrays. */
export interface Convolution {
  readonly images: number;
  readonly groups: number;
  /** Channels of x, and of y, in one group. */
  readonly inPerGroup: number;
  readonly outPerGroup: number;
  readonly space: readonly Sliding[];
  readonly x: Shape;
  readonly w: Shape;
  readonly y: Shape;
}

/** The geometry of a convolution of images `x` with kernels `w`, checked. */
export const convolution = (rule: Rule, x: Shape, w: Shape, attrs: ConvAttrs): Convolution => {
  const rank = x.length - 2;
  rule.check(
    rank >= 1 && rank <= 3,
    `images need 1 to 3 axes of space, [${x.join(', ')}] has ${Math.max(0, rank)}`,
    'arrange images as [batch, channels, width], [batch, channels, height, width] or with depth',
  );
  rule.check(
    w.length === x.length,
    `the kernel must have ${x.length} axes like the images, not ${w.length}`,
    'arrange kernels as [out channels, in channels / groups, ...space]',
  );
  const { strides, low, high, dilations, groups } = attrs;
  checkInts(rule, 'strides', strides, rank, 1);
  checkInts(rule, 'low', low, rank, 0);
  checkInts(rule, 'high', high, rank, 0);
  checkInts(rule, 'dilations', dilations, rank, 1);
  checkInts(rule, 'groups', [groups], 1, 1);
  rule.check(
    x[1] === w[1]! * groups,
    `input channels differ (${x[1]} ≠ ${w[1]}${groups === 1 ? '' : ` × ${groups} groups`})`,
    'axis 1 of the kernel must be the channels of the images divided by groups',
  );
  rule.check(
    w[0]! % groups === 0,
    `${w[0]} output channels do not divide into ${groups} groups`,
    'axis 0 of the kernel must be a multiple of groups',
  );
  rule.check(
    w.slice(2).every((k) => k >= 1),
    'the kernel has no elements in space',
    'kernel sizes must be at least 1',
  );
  const space = strides.map((s, i) =>
    slide(rule, i + 2, x[i + 2]!, w[i + 2]!, s, low[i]!, high[i]!, dilations[i]!),
  );
  return {
    images: x[0]!,
    groups,
    inPerGroup: w[1]!,
    outPerGroup: w[0]! / groups,
    space,
    x,
    w,
    y: [x[0]!, w[0]!, ...space.map((a) => a.count)],
  };
};

/** The geometry of a convolution that was checked before. */
export const checked = (x: Shape, w: Shape, attrs: ConvAttrs): Convolution =>
  convolution(ruleFor('conv', [], []), x, w, attrs);

/** Both operands must be floats of one dtype. */
export const checkDtypes = (rule: Rule, [a, b]: readonly TensorType[]): void => {
  checkFloat(rule, a!.dtype);
  rule.check(
    a!.dtype === b!.dtype,
    `operands have different dtypes (${a!.dtype} ≠ ${b!.dtype})`,
    'convert them to one dtype with .astype(...)',
    'dtype',
  );
};

/** Channel `inner` of group `group`, when each group has `size`. */
const channel = (group: Idx | undefined, size: number, inner: Idx): Idx =>
  group === undefined ? inner : idxAdd(idxScale(group, size), inner);

/** The group axis of a contraction (none for one group), and channel numbers inside it. */
export interface Channels {
  readonly batch: readonly Axis[];
  readonly outChannel: (f: Axis) => Idx;
  readonly inChannel: (c: Axis) => Idx;
}

export const channelsOf = (g: Convolution, context: LowerContext): Channels => {
  const batch = g.groups === 1 ? [] : [context.parallel('group', g.groups)];
  const group = batch[0] === undefined ? undefined : idxAxis(batch[0]);
  return {
    batch,
    outChannel: (f) => channel(group, g.outPerGroup, idxAxis(f)),
    inChannel: (c) => channel(group, g.inPerGroup, idxAxis(c)),
  };
};
