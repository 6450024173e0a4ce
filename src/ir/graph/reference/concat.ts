/**
 * What joining along an axis means.
 *
 * Invariant: operands follow each other in order.
 */

import { concat } from '../ops/concat.ts';
import { defineReference, f32, i32, type Reference, reader, tabulate } from './define.ts';

export const concats: readonly Reference[] = [
  defineReference(concat, {
    evaluate: (values, { inputs, attrs: { axis }, type }) => {
      const readers = values.map((v, i) => reader(v, inputs[i]!.type.shape));
      return tabulate(type.shape, (index) => {
        let position = index[axis]!;
        let part = 0;
        while (position >= inputs[part]!.type.shape[axis]!)
          position -= inputs[part++]!.type.shape[axis]!;
        return readers[part]!(index.map((p, i) => (i === axis ? position : p)));
      });
    },
    examples: [
      { inputs: [f32(2, 3), f32(2, 1), f32(2, 4)], attrs: { axis: 1 } },
      { inputs: [f32(3), f32(2)], attrs: { axis: 0 } },
      { inputs: [f32(1, 2, 3), f32(4, 2, 3)], attrs: { axis: 0 } },
      { inputs: [i32(2, 2, 2), i32(2, 3, 2)], attrs: { axis: 1 } },
    ],
  }),
];
