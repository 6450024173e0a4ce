/**
 * What attention means: each query's share of the values, and the norm of its softmax.
 *
 * Invariant: a query that may attend to nothing gives 0.
 */

import { ATTENTION, attention, attentionNorm, NORM } from '../ops/attention.ts';
import { partsOf, sizesIn } from '../ops/attention-operands.ts';
import {
  DROPPED,
  DROPPED_RANGE,
  eachQuery,
  leftOf,
  normOf,
  rowOf,
  scoreValuesOf,
  shareOf,
} from './attention-numbers.ts';
import { bool, defineReference, f32, type Reference } from './define.ts';

export const attentions: readonly Reference[] = [
  defineReference(attention, {
    evaluate: (inputs, node) => {
      const { attrs, type } = node;
      const sizes = sizesIn(ATTENTION, node);
      const parts = partsOf(ATTENTION, inputs, attrs);
      const scores = scoreValuesOf(parts, sizes, attrs);
      const { keys, width } = sizes;
      const left = leftOf(parts, sizes);
      const out = new Float64Array(type.size);
      eachQuery(sizes, (batch, query, row) => {
        const own = scores(batch, query);
        const norm = normOf(own);
        const sums = rowOf(out, row, width);
        own.forEach((score, key) => {
          const share = left(shareOf(score, norm), row, key);
          rowOf(parts.v!, batch * keys + key, width).forEach((v, i) => {
            sums[i]! += share * v;
          });
        });
      });
      return out;
    },
    examples: [
      { inputs: [f32(5, 4), f32(7, 4), f32(7, 3)], attrs: { scale: 0.5, causal: false } },
      { inputs: [f32(2, 3, 4), f32(2, 3, 4), f32(2, 3, 4)], attrs: { scale: 0.5, causal: true } },
      {
        inputs: [f32(2, 1, 6, 3), f32(2, 1, 4, 3), f32(2, 1, 4, 5)],
        attrs: { scale: 1, causal: true },
      },
      {
        inputs: [f32(2, 4, 3), f32(2, 6, 3), f32(2, 6, 2), bool(2, 4, 6)],
        attrs: { scale: 0.7, causal: false },
      },
      {
        inputs: [f32(6, 3), f32(5, 3), f32(5, 2), bool(6, 5)],
        attrs: { scale: 0.7, causal: true },
      },
      {
        inputs: [f32(2, 6, 3), f32(2, 5, 3), f32(2, 5, 2), ...DROPPED],
        attrs: { scale: 0.7, causal: true, dropout: true },
        range: [...[0, 0, 0].map(() => [-2, 2] as const), ...DROPPED_RANGE],
        gradient: false,
      },
      {
        inputs: [f32(6, 3), f32(5, 3), f32(5, 2), f32(6, 5), ...DROPPED, bool(6, 5)],
        attrs: { scale: 0.7, fill: -1, biased: true, dropout: true },
        range: [...[0, 0, 0, 0].map(() => [-2, 2] as const), ...DROPPED_RANGE, [0, 2]],
        // a rate that differs a little keeps another share
        gradient: false,
      },
      {
        inputs: [f32(6, 3), f32(5, 3), f32(5, 2), f32(6, 5), bool(6, 5)],
        attrs: { scale: 0.7, fill: -1, biased: true },
      },
    ],
  }),

  defineReference(attentionNorm, {
    evaluate: (inputs, node) => {
      const { attrs, type } = node;
      const sizes = sizesIn(NORM, node);
      const scores = scoreValuesOf(partsOf(NORM, inputs, attrs), sizes, attrs);
      const out = new Float64Array(type.size);
      eachQuery(sizes, (batch, query, row) => {
        out[row] = normOf(scores(batch, query));
      });
      return out;
    },
    examples: [
      { inputs: [f32(5, 4), f32(7, 4)], attrs: { scale: 0.5, causal: false } },
      { inputs: [f32(2, 4, 3), f32(2, 6, 3)], attrs: { scale: 0.7, causal: true } },
      {
        inputs: [f32(2, 4, 3), f32(2, 6, 3), bool(2, 4, 6)],
        attrs: { scale: 0.7, causal: true },
        // beside the norm of a query that attends to nothing, differences of all others vanish
        gradient: false,
      },
    ],
  }),
];
