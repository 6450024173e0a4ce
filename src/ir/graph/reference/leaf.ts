/**
 * What leaves mean: constants and positions.
 *
 * Invariant: inputs are given to the interpreter and have no reference.
 */

import { full, iota, literal } from '../ops/leaf.ts';
import { defineReference, type Reference, tabulate } from './define.ts';

export const leaves: readonly Reference[] = [
  defineReference(full, {
    evaluate: (_, { attrs, type }) => new Float64Array(type.size).fill(attrs.value),
    examples: [
      { inputs: [], attrs: { value: 2.5, dtype: 'float32', shape: [2, 3] } },
      { inputs: [], attrs: { value: -7, dtype: 'int32', shape: [] } },
      { inputs: [], attrs: { value: 1, dtype: 'bool', shape: [5] } },
    ],
  }),

  defineReference(literal, {
    evaluate: (_, { attrs }) => Float64Array.from(attrs.values),
    examples: [
      { inputs: [], attrs: { values: [3, -1, 4, 1, -5, 9], dtype: 'float32', shape: [2, 3] } },
      { inputs: [], attrs: { values: [7], dtype: 'int32', shape: [] } },
      { inputs: [], attrs: { values: [1, 0, 0, 1, 1], dtype: 'bool', shape: [5] } },
    ],
  }),

  defineReference(iota, {
    evaluate: (_, { attrs }) => tabulate(attrs.shape, (index) => index[attrs.axis]!),
    examples: [
      { inputs: [], attrs: { axis: 0, dtype: 'int32', shape: [7] } },
      { inputs: [], attrs: { axis: 1, dtype: 'float32', shape: [2, 5, 3] } },
      { inputs: [], attrs: { axis: 0, dtype: 'uint32', shape: [4, 1] } },
    ],
  }),
];
