/**
 * What composites mean, written out in double precision.
 *
 * Invariant: an independent formula, not the decomposition.
 */
import { roundTo } from '../../rounding.ts';
import type { TensorType } from '../../type.ts';
import { layerNorm, logSoftmax, softmax } from '../ops/composite.ts';
import { defineReference, f32, type Reference, reader, tabulate } from './define.ts';

/** The elements along `axis` through a position of `x`. */
const lineThrough = (
  x: Float64Array,
  type: TensorType,
  axis: number,
): ((index: readonly number[]) => number[]) => {
  const at = reader(x, type.shape);
  return (index) => Array.from({ length: type.shape[axis]! }, (_, p) => at(index.with(axis, p)));
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
      const line = lineThrough(x!, type, axis);
      return tabulate(type.shape, (index, flat) => {
        const top = Math.max(...line(index));
        return Math.exp(x![flat]! - top) / line(index).reduce((s, v) => s + Math.exp(v - top), 0);
      });
    },
    examples: axisExamples,
  }),

  defineReference(logSoftmax, {
    evaluate: ([x], { attrs: { axis }, type }) => {
      const line = lineThrough(x!, type, axis);
      return tabulate(type.shape, (index, flat) => {
        const top = Math.max(...line(index));
        return x![flat]! - top - Math.log(line(index).reduce((s, v) => s + Math.exp(v - top), 0));
      });
    },
    examples: axisExamples,
  }),

  defineReference(layerNorm, {
    evaluate: ([x, gamma, beta], { attrs: { axis, eps }, type }) => {
      const line = lineThrough(x!, type, axis);
      const n = type.shape[axis]!;
      return tabulate(type.shape, (index, flat) => {
        const elements = line(index);
        const mean = elements.reduce((a, b) => a + b, 0) / n;
        const variance = elements.reduce((a, b) => a + (b - mean) ** 2, 0) / n;
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
