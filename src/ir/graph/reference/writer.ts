/**
 * What the last writer to a place is.
 *
 * Invariant: positions are clamped, as in the program.
 */
import { lastWriter } from '../ops/writer.ts';
import { defineReference, i32, type Reference } from './define.ts';

export const writers: readonly Reference[] = [
  defineReference(lastWriter, {
    evaluate: ([idx], { attrs: { size } }) => {
      const out = new Float64Array(size);
      idx!.forEach((p, k) => {
        out[Math.max(0, Math.min(size - 1, p))] = k + 1;
      });
      return out;
    },
    examples: [
      { inputs: [i32(4)], attrs: { size: 6 }, range: [[-1, 7]] },
      { inputs: [i32(9)], attrs: { size: 3 }, range: [[0, 3]] },
      { inputs: [i32(2, 5)], attrs: { size: 7 }, range: [[0, 7]] },
      { inputs: [i32()], attrs: { size: 2 }, range: [[0, 2]] },
    ],
  }),
];
