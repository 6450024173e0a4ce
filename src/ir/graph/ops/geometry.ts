/**
 * Sliding windows: what convolutions and pooling share: output sizes, input positions, and who reads a given input.
 *
 * Invariant: window `o` at offset `k` reads input position `o * stride + k * dilation - low`; positions outside the
 * input stand for padding and are always reported as bounds.
 */
import { type Bound, type Idx, idxAdd, idxDiv, idxMod, idxOffset, idxScale } from '../../dim.ts';
import type { Rule } from './define.ts';

/** One axis of a sliding window. */
export interface Sliding {
  /** Input size. */
  readonly size: number;
  readonly kernel: number;
  readonly stride: number;
  readonly low: number;
  readonly high: number;
  readonly dilation: number;
  /** Number of windows. */
  readonly count: number;
}

/** The geometry of one axis; fails when the window does not fit even once. */
export const slide = (
  rule: Rule,
  axis: number,
  size: number,
  kernel: number,
  stride: number,
  low: number,
  high: number,
  dilation = 1,
): Sliding => {
  const reach = (kernel - 1) * dilation + 1;
  const room = size + low + high;
  rule.check(
    reach <= room,
    `window ${reach} is larger than axis ${axis} with its padding (${size} + ${low} + ${high})`,
    'pad more, or use a smaller kernel or dilation; axes are [batch, channels, …space] unless a layout says otherwise',
  );
  const count = Math.floor((room - reach) / stride) + 1;
  return { size, kernel, stride, low, high, dilation, count };
};

/** Input index read by window `o` at offset `k`; pushes the bound that keeps it inside. */
export const inputIndex = (axis: Sliding, o: Idx, k: Idx, bounds: Bound[]): Idx => {
  const at = idxOffset(idxAdd(idxScale(o, axis.stride), idxScale(k, axis.dilation)), -axis.low);
  bounds.push({ idx: at, lo: 0, hi: axis.size });
  return at;
};

/** Window that reads input `i` at offset `k`; pushes the bounds under which there is one. */
export const windowIndex = (axis: Sliding, i: Idx, k: Idx, bounds: Bound[]): Idx => {
  const at = idxOffset(idxAdd(i, idxScale(k, -axis.dilation)), axis.low);
  bounds.push({ idx: at, lo: 0, hi: (axis.count - 1) * axis.stride + 1 });
  if (axis.stride === 1) return at;
  bounds.push({ idx: idxMod(at, axis.stride), lo: 0, hi: 1 });
  return idxDiv(at, axis.stride);
};

/** How many windows at most read one input position (dilation 1). */
export const coverage = (axis: Sliding): number => Math.ceil(axis.kernel / axis.stride);

/** A window that may hold an input, the offset at which it would, and the bounds under which it does. */
export interface Covering {
  readonly window: Idx;
  readonly windowBound: Bound;
  readonly offset: Idx;
  readonly offsetBound: Bound;
}

/**
 * The `q`-th window before the last one that may hold input `i` (dilation 1): walks only the windows that can meet `i`,
 * with no remainder to test.
 */
export const coveringWindow = (axis: Sliding, i: Idx, q: Idx): Covering => {
  const t = idxOffset(i, axis.low);
  const window = idxAdd(idxDiv(t, axis.stride), idxScale(q, -1));
  const offset = idxAdd(idxMod(t, axis.stride), idxScale(q, axis.stride));
  return {
    window,
    windowBound: { idx: window, lo: 0, hi: axis.count },
    offset,
    offsetBound: { idx: offset, lo: 0, hi: axis.kernel },
  };
};
