/**
 * What reductions mean: the fold of all elements along some axes, in row-major order.
 *
 * Invariant: a position is that of the first element that nothing beats, and NaN beats everything.
 */
import type { DType } from '../../dtype.ts';
import { valueIn } from '../../scalar.ts';
import { stridesOf } from '../../type.ts';
import type { Op } from '../graph.ts';
import { type AxesAttrs, otherAxes } from '../ops/define.ts';
import { argmax, argmin, prod, reduceMax, reduceMin, sum } from '../ops/reduce.ts';
import {
  bf16,
  defineReference,
  f32,
  forEachIndex,
  i32,
  type OpExample,
  offsetOf,
  type Reference,
} from './define.ts';

const shapes: readonly OpExample[] = [
  { inputs: [f32(7)], attrs: { axes: [0] } },
  { inputs: [f32(3, 5)], attrs: { axes: [1] } },
  { inputs: [f32(2, 3, 5)], attrs: { axes: [0, 2] } },
  { inputs: [f32(4, 1, 3)], attrs: { axes: [0] } },
  { inputs: [i32(3, 4)], attrs: { axes: [1] } },
];

/** `fold` takes the elements in order. */
const reduction = (
  op: Op<AxesAttrs>,
  fold: (elements: readonly number[], dtype: DType) => number,
  more: readonly OpExample[] = [],
): Reference =>
  defineReference(op, {
    evaluate: ([x], { inputs: [from], attrs: { axes }, type }) => {
      const { shape, dtype } = from!.type;
      const strides = stridesOf(shape);
      const kept = otherAxes(shape.length, axes);
      const inner = axes.map((a) => strides[a]!);
      const outer = kept.map((a) => strides[a]!);
      const out = new Float64Array(type.size);
      forEachIndex(type.shape, (index, flat) => {
        const base = offsetOf(index, outer);
        const elements: number[] = [];
        forEachIndex(
          axes.map((a) => shape[a]!),
          (position) => elements.push(x![base + offsetOf(position, inner)]!),
        );
        out[flat] = fold(elements, dtype);
      });
      return out;
    },
    examples: [...shapes, ...more],
  });

const firstBest =
  (beats: (a: number, b: number) => boolean) =>
  (elements: readonly number[]): number => {
    let best = 0;
    for (let i = 1; i < elements.length; i++) {
      if (Number.isNaN(elements[best]!)) break;
      if (Number.isNaN(elements[i]!) || beats(elements[i]!, elements[best]!)) best = i;
    }
    return best;
  };

const product = (elements: readonly number[], dtype: DType): number => {
  const times = valueIn('mul', dtype);
  return elements.reduce((a, b) => times(a, b), 1);
};

export const reductions: readonly Reference[] = [
  reduction(sum, (elements) => elements.reduce((a, b) => a + b, 0), [
    { inputs: [f32(0, 3)], attrs: { axes: [0] } },
    { inputs: [bf16(5, 3)], attrs: { axes: [0] } },
  ]),
  reduction(prod, product),
  reduction(reduceMax, (elements) => elements.reduce((a, b) => Math.max(a, b))),
  reduction(reduceMin, (elements) => elements.reduce((a, b) => Math.min(a, b))),
  reduction(
    argmax,
    firstBest((a, b) => a > b),
  ),
  reduction(
    argmin,
    firstBest((a, b) => a < b),
  ),
];
