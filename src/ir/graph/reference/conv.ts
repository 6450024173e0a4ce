/**
 * What convolutions and their adjoints mean: one sum of products, collected at the array that is missing.
 *
 * Invariant: all three visit the same products.
 */

import { conv, convGradInput, convGradWeight } from '../ops/conv.ts';
import { type ConvAttrs, checked } from '../ops/convolution.ts';
import { defineReference, f32, type OpExample, type Reference } from './define.ts';
import { forEachProduct } from './sliding.ts';

interface Case {
  readonly x: readonly number[];
  readonly w: readonly number[];
  readonly attrs: ConvAttrs;
}

const sample = (
  x: readonly number[],
  w: readonly number[],
  options: Partial<ConvAttrs> = {},
): Case => {
  const each = (value: number): number[] => x.slice(2).map(() => value);
  const attrs = { strides: each(1), low: each(0), high: each(0), dilations: each(1), groups: 1 };
  return { x, w, attrs: { ...attrs, ...options } };
};

const cases: readonly Case[] = [
  sample([2, 3, 5, 5], [4, 3, 3, 3], { low: [1, 1], high: [1, 1] }),
  sample([1, 2, 6, 7], [3, 2, 3, 2], { strides: [2, 1], low: [0, 1], high: [1, 0] }),
  sample([2, 2, 8, 6], [3, 2, 3, 3], { strides: [2, 2], low: [1, 1], high: [1, 1] }),
  sample([1, 2, 7, 7], [2, 2, 3, 3], { strides: [2, 3], low: [1, 2], high: [0, 1] }),
  sample([2, 1, 9], [2, 1, 3], { dilations: [2], low: [2], high: [2] }),
  sample([1, 2, 10], [2, 2, 3], { dilations: [2], strides: [2], low: [1], high: [3] }),
  sample([1, 4, 6, 6], [6, 2, 3, 3], { groups: 2, low: [1, 1], high: [1, 1] }),
  sample([2, 3, 6, 4], [3, 1, 2, 2], { groups: 3, strides: [2, 2] }),
  sample([3, 5, 4, 4], [7, 5, 1, 1]),
  sample([1, 3, 6, 6], [2, 3, 1, 1], { strides: [2, 2] }),
  sample([1, 2, 4, 3, 5], [2, 2, 2, 3, 2], { low: [1, 0, 1], high: [0, 1, 0] }),
];

const example = (of: (c: Case, y: readonly number[]) => OpExample): readonly OpExample[] =>
  cases.map((c) => of(c, checked(c.x, c.w, c.attrs).y));

export const convolutions: readonly Reference[] = [
  defineReference(conv, {
    evaluate: ([x, w], { inputs, attrs, type }) => {
      const out = new Float64Array(type.size);
      forEachProduct(checked(inputs[0]!.type.shape, inputs[1]!.type.shape, attrs), (i, k, o) => {
        out[o]! += x![i]! * w![k]!;
      });
      return out;
    },
    examples: example(({ x, w, attrs }) => ({ inputs: [f32(...x), f32(...w)], attrs })),
  }),

  defineReference(convGradInput, {
    evaluate: ([dy, w], { inputs, attrs, type }) => {
      const out = new Float64Array(type.size);
      forEachProduct(checked(attrs.shape, inputs[1]!.type.shape, attrs), (i, k, o) => {
        out[i]! += dy![o]! * w![k]!;
      });
      return out;
    },
    examples: example(({ x, w, attrs }, y) => ({
      inputs: [f32(...y), f32(...w)],
      attrs: { ...attrs, shape: x },
    })),
  }),

  defineReference(convGradWeight, {
    evaluate: ([x, dy], { inputs, attrs, type }) => {
      const out = new Float64Array(type.size);
      forEachProduct(checked(inputs[0]!.type.shape, attrs.shape, attrs), (i, k, o) => {
        out[k]! += x![i]! * dy![o]!;
      });
      return out;
    },
    examples: example(({ x, w, attrs }, y) => ({
      inputs: [f32(...x), f32(...y)],
      attrs: { ...attrs, shape: w },
    })),
  }),
];
