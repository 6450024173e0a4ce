/**
 * What slicing and padding mean.
 *
 * Invariant: padding is the given value; steps skip elements.
 */

import { pad, slice } from '../ops/slice.ts';
import { defineReference, f32, i32, type Reference, reader, tabulate } from './define.ts';

export const slices: readonly Reference[] = [
  defineReference(slice, {
    evaluate: ([x], { inputs, attrs, type }) => {
      const at = reader(x!, inputs[0]!.type.shape);
      return tabulate(type.shape, (index) =>
        at(index.map((p, i) => attrs.begin[i]! + attrs.step[i]! * p)),
      );
    },
    examples: [
      { inputs: [f32(7)], attrs: { begin: [2], end: [6], step: [1] } },
      { inputs: [f32(7)], attrs: { begin: [6], end: [-1], step: [-1] } },
      { inputs: [f32(5, 8)], attrs: { begin: [4, 1], end: [0, 8], step: [-2, 3] } },
      { inputs: [f32(3, 4)], attrs: { begin: [1, 0], end: [2, 4], step: [1, 1] } },
      { inputs: [i32(4, 6)], attrs: { begin: [0, 5], end: [4, -1], step: [2, -2] } },
    ],
  }),

  defineReference(pad, {
    evaluate: ([x], { inputs, attrs, type }) => {
      const shape = inputs[0]!.type.shape;
      const at = reader(x!, shape);
      return tabulate(type.shape, (index) => {
        const from = index.map((p, i) => (p - attrs.low[i]!) / (attrs.interior[i]! + 1));
        return from.every((p, i) => Number.isInteger(p) && p >= 0 && p < shape[i]!)
          ? at(from)
          : attrs.value;
      });
    },
    examples: [
      { inputs: [f32(5)], attrs: { low: [2], high: [1], interior: [0], value: 1.5 } },
      { inputs: [f32(3, 4)], attrs: { low: [0, 1], high: [2, 0], interior: [1, 2], value: 0 } },
      { inputs: [f32(2, 3)], attrs: { low: [1, 1], high: [1, 1], interior: [0, 0], value: -1 } },
      { inputs: [i32(4)], attrs: { low: [0], high: [0], interior: [1], value: 9 } },
    ],
  }),
];
