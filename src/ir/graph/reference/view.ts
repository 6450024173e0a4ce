/**
 * What views mean: each element is one of the operand's.
 *
 * Invariant: an element is found by its multi-index alone.
 */

import { inversePermutation } from '../ops/define.ts';
import { again, broadcast, reshape, stopGradient, transpose } from '../ops/view.ts';
import { defineReference, f32, i32, type Reference, reader, tabulate } from './define.ts';

export const views: readonly Reference[] = [
  defineReference(reshape, {
    evaluate: ([x]) => x!.slice(),
    examples: [
      { inputs: [f32(2, 6)], attrs: { shape: [3, 4] } },
      { inputs: [f32(2, 3, 4)], attrs: { shape: [2, 12] } },
      { inputs: [f32(5, 7)], attrs: { shape: [7, 1, 5] } },
      { inputs: [f32(1)], attrs: { shape: [] } },
      { inputs: [i32(4, 3, 2)], attrs: { shape: [2, 2, 6] } },
    ],
  }),

  defineReference(transpose, {
    evaluate: ([x], { inputs, attrs, type }) => {
      const at = reader(x!, inputs[0]!.type.shape);
      const back = inversePermutation(attrs.axes);
      return tabulate(type.shape, (index) => at(back.map((a) => index[a]!)));
    },
    examples: [
      { inputs: [f32(3, 5)], attrs: { axes: [1, 0] } },
      { inputs: [f32(2, 3, 4)], attrs: { axes: [2, 0, 1] } },
      { inputs: [i32(2, 1, 3, 2)], attrs: { axes: [0, 3, 1, 2] } },
    ],
  }),

  defineReference(broadcast, {
    evaluate: ([x], { inputs, attrs }) => {
      const at = reader(x!, inputs[0]!.type.shape);
      return tabulate(attrs.shape, (index) => at(attrs.axes.map((a) => index[a]!)));
    },
    examples: [
      { inputs: [f32(3)], attrs: { shape: [2, 3], axes: [1] } },
      { inputs: [f32(2, 4)], attrs: { shape: [2, 3, 4], axes: [0, 2] } },
      { inputs: [f32()], attrs: { shape: [3, 2], axes: [] } },
      { inputs: [i32(5)], attrs: { shape: [5, 2], axes: [0] } },
    ],
  }),

  defineReference(stopGradient, {
    evaluate: ([x]) => x!.slice(),
    examples: [{ inputs: [f32(3, 2)], gradient: false }, { inputs: [i32(4)] }],
  }),

  defineReference(again, {
    evaluate: ([x]) => x!.slice(),
    examples: [{ inputs: [f32(3, 2)] }, { inputs: [i32(4)] }],
  }),
];
