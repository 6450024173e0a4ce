/**
 * How a warp holds small matrices in registers, and what it means that it multiplies them.
 *
 * Invariant: places are those of PTX (`mma.m16n8k16`, of TF32 `m16n8k8`); a product sums exact products and the
 * accumulator without rounding, then rounds once: devices round in between.
 */
import { type MmaInputs, WARP } from './tensor.ts';
import { floatOf, roundToTf32, type WordOf } from './words.ts';

/** Rows, columns and summands of one product. */
export const MMA_ROWS = 16;
export const MMA_COLUMNS = 8;
export const mmaSummands = (inputs: MmaInputs): number => (inputs === 'tfloat32' ? 8 : 16);

/** What the words of an operand hold. */
export const wordsHold = (inputs: MmaInputs): WordOf =>
  inputs === 'tfloat32' ? 'float32' : inputs;

/** Accumulators: the row of number `i` of the four that a lane has; `columnOf` its column. */
export const rowOf = (lane: number, i: number): number => (lane >> 2) + (i >> 1) * 8;
export const columnOf = (lane: number, i: number): number => (lane & 3) * 2 + (i & 1);

/** Registers of a warp: those of lane 0, of lane 1, ... */
export interface Operands {
  /** Four words of each lane. */
  readonly a: readonly Float64Array[];
  readonly b0: Float64Array;
  readonly b1: Float64Array;
}

/** Adds the product of a warp's operands to its accumulators, four of each lane. */
export const multiply = (
  inputs: MmaInputs,
  { a, b0, b1 }: Operands,
  accumulators: readonly Float64Array[],
): void => {
  const summands = mmaSummands(inputs);
  const of = wordsHold(inputs);
  const parts = of === 'float32' ? 1 : 2;
  const left = new Float64Array(MMA_ROWS * summands);
  const right = new Float64Array(MMA_COLUMNS * summands);
  const take = (word: number, part: 0 | 1): number => {
    const x = floatOf(of, word, part);
    return of === 'float32' ? roundToTf32(x) : x;
  };
  for (let lane = 0; lane < WARP; lane++)
    for (let part = 0; part < parts; part++) {
      const p = part as 0 | 1;
      const k = (lane & 3) * parts + part;
      for (let i = 0; i < 4; i++) {
        const row = (lane >> 2) + (i & 1) * 8;
        left[row * summands + k + (i >> 1) * (summands / 2)] = take(a[lane]![i]!, p);
      }
      const column = (lane >> 2) * summands + k;
      right[column] = take(b0[lane]!, p);
      right[column + summands / 2] = take(b1[lane]!, p);
    }
  for (let lane = 0; lane < WARP; lane++)
    for (let i = 0; i < 4; i++) {
      const row = rowOf(lane, i) * summands;
      const column = columnOf(lane, i) * summands;
      let sum = accumulators[lane]![i]!;
      for (let k = 0; k < summands; k++) sum += left[row + k]! * right[column + k]!;
      accumulators[lane]![i] = Math.fround(sum);
    }
};
