/**
 * What composites mean, written out in double precision.
 *
 * Invariant: an independent formula, not the decomposition.
 */
import { roundTo } from '../../rounding.ts';
import { stridesOf, type TensorType } from '../../type.ts';
import { layerNorm, logSoftmax, softmax } from '../ops/composite.ts';
import { defineReference, f32, offsetOf, type Reference, reader, tabulate } from './define.ts';

/** What `of` gives for the elements along `axis` through a position of `x`: once for all positions of a line. */
const throughLine = <T>(
  x: Float64Array,
  { shape }: TensorType,
  axis: number,
  of: (elements: readonly number[]) => T,
): ((index: readonly number[]) => T) => {
  const at = reader(x, shape);
  const strides = stridesOf(shape);
  const known = new Map<number, T>();
  return (index) => {
    const start = offsetOf(index.with(axis, 0), strides);
    if (!known.has(start))
      known.set(start, of(Array.from({ length: shape[axis]! }, (_, p) => at(index.with(axis, p)))));
    return known.get(start)!;
  };
};

const exponentials = (
  elements: readonly number[],
): { readonly top: number; readonly sum: number } => {
  const top = Math.max(...elements);
  return { top, sum: elements.reduce((s, v) => s + Math.exp(v - top), 0) };
};

const axisExamples = [
  { inputs: [f32(7)], attrs: { axis: 0 } },
  { inputs: [f32(3, 5)], attrs: { axis: 1 } },
  { inputs: [f32(2, 4, 3)], attrs: { axis: 1 } },
  { inputs: [f32(5, 1)], attrs: { axis: 1 } },
];

export const composites: readonly Reference[] = [
  defineReference(softmax, {
    evaluate: ([x], { attrs: { axis }, type }) => {
      const line = throughLine(x!, type, axis, exponentials);
      return tabulate(type.shape, (index, flat) => {
        const { top, sum } = line(index);
        return Math.exp(x![flat]! - top) / sum;
      });
    },
    examples: axisExamples,
  }),

  defineReference(logSoftmax, {
    evaluate: ([x], { attrs: { axis }, type }) => {
      const line = throughLine(x!, type, axis, exponentials);
      return tabulate(type.shape, (index, flat) => {
        const { top, sum } = line(index);
        return x![flat]! - top - Math.log(sum);
      });
    },
    examples: axisExamples,
  }),

  defineReference(layerNorm, {
    evaluate: ([x, gamma, beta], { attrs: { axis, eps }, type }) => {
      const n = type.shape[axis]!;
      const line = throughLine(x!, type, axis, (elements) => {
        const mean = elements.reduce((a, b) => a + b, 0) / n;
        return { mean, variance: elements.reduce((a, b) => a + (b - mean) ** 2, 0) / n };
      });
      return tabulate(type.shape, (index, flat) => {
        const { mean, variance } = line(index);
        const normal = (x![flat]! - mean) / Math.sqrt(variance + roundTo(type.dtype, eps));
        return normal * gamma![index[axis]!]! + beta![index[axis]!]!;
      });
    },
    examples: [
      { inputs: [f32(3, 5), f32(5), f32(5)], attrs: { axis: 1, eps: 1e-3 } },
      { inputs: [f32(2, 4, 3), f32(4), f32(4)], attrs: { axis: 1, eps: 1e-3 } },
      { inputs: [f32(7), f32(7), f32(7)], attrs: { axis: 0, eps: 1e-2 } },
    ],
  }),
];
