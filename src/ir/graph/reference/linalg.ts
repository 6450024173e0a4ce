/**
 * Examples of matrix functions. What they mean is what they decompose to, loops included; tests hold that against the
 * equations that factors solve.
 *
 * Invariant: random matrices are no triangles and not positive definite: where that matters, they are 1 x 1.
 */
import { cholesky } from '../ops/linalg/cholesky.ts';
import { eigh } from '../ops/linalg/eigh.ts';
import { det, detSign, logDet, lu, solve } from '../ops/linalg/lu.ts';
import { qr } from '../ops/linalg/qr.ts';
import { pinv, svd } from '../ops/linalg/svd.ts';
import { triangularSolve } from '../ops/linalg/triangular.ts';
import { defineReference, f32, type Reference } from './define.ts';

const positive: readonly [number, number] = [0.5, 2];
const any: readonly [number, number] = [-2, 2];
const attrs = { upper: false, transposed: false, unit: false };

export const matrixFunctions: readonly Reference[] = [
  defineReference(cholesky, { examples: [{ inputs: [f32(2, 1, 1)], range: [positive] }] }),
  defineReference(triangularSolve, {
    examples: [
      { inputs: [f32(3, 3), f32(3, 2)], attrs, range: [positive, any] },
      {
        inputs: [f32(2, 4, 4), f32(2, 4, 1)],
        attrs: { upper: true, transposed: true, unit: false },
        range: [positive, any],
      },
      { inputs: [f32(3, 3), f32(3, 2)], attrs: { ...attrs, unit: true } },
    ],
  }),
  defineReference(lu, {
    examples: [
      { inputs: [f32(3, 3)], attrs: { result: 0 } },
      { inputs: [f32(2, 3, 3)], attrs: { result: 1 } },
    ],
  }),
  defineReference(solve, {
    examples: [
      { inputs: [f32(3, 3), f32(3, 2)], attrs: { transposed: false } },
      { inputs: [f32(2, 2, 2), f32(2, 2, 1)], attrs: { transposed: true } },
    ],
  }),
  defineReference(det, { examples: [{ inputs: [f32(3, 3)] }] }),
  defineReference(logDet, { examples: [{ inputs: [f32(2, 3, 3)] }] }),
  defineReference(detSign, { examples: [{ inputs: [f32(3, 3)], gradient: false }] }),
  defineReference(qr, {
    examples: [
      { inputs: [f32(4, 3)], attrs: { result: 0, complete: false } },
      { inputs: [f32(2, 3, 2)], attrs: { result: 1, complete: false } },
    ],
  }),
  defineReference(eigh, {
    examples: [
      { inputs: [f32(2, 2, 2)], attrs: { result: 0 }, symmetric: true },
      { inputs: [f32(3, 3)], attrs: { result: 1 }, symmetric: true },
    ],
  }),
  defineReference(svd, {
    examples: [
      { inputs: [f32(3, 2)], attrs: { result: 0 } },
      { inputs: [f32(3, 2)], attrs: { result: 1 } },
      { inputs: [f32(2, 2)], attrs: { result: 2 } },
    ],
  }),
  defineReference(pinv, { examples: [{ inputs: [f32(3, 2)], attrs: { rcond: 1e-6 } }] }),
];
