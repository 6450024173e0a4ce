/**
 * What products mean: sums over shared axes, in double precision.
 *
 * Invariant: the result's axes are the batch axes, then a's free axes, then b's.
 */

import { type DotAttrs, dot, freeAxes } from '../ops/dot.ts';
import {
  bf16,
  defineReference,
  f32,
  forEachIndex,
  type Reference,
  reader,
  tabulate,
} from './define.ts';

function matrix(a: number, b: number): DotAttrs {
  return { aBatch: [], bBatch: [], aContract: [a], bContract: [b] };
}

export const dots: readonly Reference[] = [
  defineReference(dot, {
    evaluate: ([a, b], { inputs, attrs, type }) => {
      const [x, y] = inputs.map((n) => n.type.shape) as [readonly number[], readonly number[]];
      const [atA, atB] = [reader(a!, x), reader(b!, y)];
      const aFree = freeAxes(x.length, attrs.aBatch, attrs.aContract);
      const bFree = freeAxes(y.length, attrs.bBatch, attrs.bContract);
      const inA = new Array<number>(x.length);
      const inB = new Array<number>(y.length);
      return tabulate(type.shape, (index) => {
        attrs.aBatch.forEach((axis, i) => {
          inA[axis] = index[i]!;
          inB[attrs.bBatch[i]!] = index[i]!;
        });
        aFree.forEach((axis, i) => {
          inA[axis] = index[attrs.aBatch.length + i]!;
        });
        bFree.forEach((axis, i) => {
          inB[axis] = index[attrs.aBatch.length + aFree.length + i]!;
        });
        let total = 0;
        forEachIndex(
          attrs.aContract.map((axis) => x[axis]!),
          (inner) => {
            inner.forEach((p, i) => {
              inA[attrs.aContract[i]!] = p;
              inB[attrs.bContract[i]!] = p;
            });
            total += atA(inA) * atB(inB);
          },
        );
        return total;
      });
    },
    examples: [
      { inputs: [f32(3, 5), f32(5, 4)], attrs: matrix(1, 0) },
      { inputs: [f32(5, 3), f32(4, 5)], attrs: matrix(0, 1) },
      { inputs: [f32(7), f32(7)], attrs: matrix(0, 0) },
      {
        inputs: [f32(2, 3, 4), f32(2, 4, 5)],
        attrs: { aBatch: [0], bBatch: [0], aContract: [2], bContract: [1] },
      },
      {
        inputs: [f32(3, 2, 4, 2), f32(4, 2, 2, 5)],
        attrs: { aBatch: [1], bBatch: [2], aContract: [3, 2], bContract: [1, 0] },
      },
      { inputs: [f32(3), f32(2)], attrs: { aBatch: [], bBatch: [], aContract: [], bContract: [] } },
      { inputs: [f32(17, 9), f32(9, 13)], attrs: matrix(1, 0) },
      { inputs: [bf16(3, 6), bf16(6, 5)], attrs: matrix(1, 0) },
    ],
  }),
];
