/**
 * What the gradients of attention mean: sums over all pairs of a query and a key.
 *
 * Invariant: shares come from q, k and the norms, as the ops take them.
 */
import { ABSENT } from '../../loop/loop.ts';
import type { Values } from '../graph.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
  SCORE_GRADIENT,
  VALUE_GRADIENT,
} from '../ops/attention-gradient.ts';
import {
  type AttentionAttrs,
  attentionAttrs,
  type Parts,
  partsOf,
  type Sizes,
  sizesIn,
} from '../ops/attention-operands.ts';
import {
  DROPPED,
  DROPPED_RANGE,
  eachQuery,
  leftOf,
  rowOf,
  scoreValuesOf,
  shareOf,
} from './attention-numbers.ts';
import { bool, defineReference, f32, type Reference } from './define.ts';

/** Calls `visit` for each query and key with the share or, where there are values, the gradient of their product. */
const eachPair = (
  parts: Parts<Values>,
  sizes: Sizes,
  attrs: AttentionAttrs,
  visit: (query: number, key: number, weight: number) => void,
): void => {
  const scores = scoreValuesOf(parts, sizes, attrs);
  const { keys, width } = sizes;
  const { v, dy, delta, norm, mask } = parts;
  const left = leftOf(parts, sizes);
  eachQuery(sizes, (batch, query, row) => {
    const own = rowOf(dy!, row, width);
    scores(batch, query).forEach((score, i) => {
      const key = batch * keys + i;
      const share = shareOf(score, norm![row]!);
      if (v === undefined) {
        visit(row, key, left(share, row, i));
        return;
      }
      // a score that a mask puts there does not depend on queries and keys
      const scored = attrs.fill === ABSENT || mask?.[row * keys + i] !== 0;
      const value = rowOf(v, key, width);
      const toShare = own.reduce((sum, g, j) => sum + g * value[j]!, 0);
      visit(row, key, scored ? attrs.scale * share * (left(toShare, row, i) - delta![row]!) : 0);
    });
  });
};

/** `to += by · from` */
const addRow = (to: Values, by: number, from: Values): void =>
  from.forEach((x, i) => {
    to[i]! += by * x;
  });

const plain: AttentionAttrs = attentionAttrs({ scale: 0.5 });

const small = [-1, 1] as const;

/** Norms above the scores, as they are. */
const above = [1, 2] as const;

const scoreRange = [small, small, small, small, above, small];

const slopeExamples = [
  {
    inputs: [f32(5, 4), f32(7, 4), f32(7, 3), f32(5, 3), f32(5), f32(5)],
    attrs: plain,
    range: scoreRange,
  },
  {
    inputs: [
      f32(2, 6, 3),
      f32(2, 5, 3),
      f32(2, 5, 2),
      f32(2, 6, 2),
      f32(2, 6),
      f32(2, 6),
      bool(2, 6, 5),
    ],
    attrs: { scale: 0.7, causal: true },
    range: [...scoreRange, [0, 2] as const],
  },
  {
    inputs: [
      ...[f32(6, 3), f32(5, 3), f32(5, 2), f32(6, 2), f32(6), f32(6)],
      ...[f32(6, 5), ...DROPPED, bool(6, 5)],
    ],
    attrs: { scale: 0.7, fill: -1, biased: true, dropout: true },
    range: [...scoreRange, small, ...DROPPED_RANGE, [0, 2] as const],
  },
];

export const attentionGradients: readonly Reference[] = [
  defineReference(attentionGradQuery, {
    evaluate: (inputs, node) => {
      const parts = partsOf(SCORE_GRADIENT, inputs, node.attrs);
      const sizes = sizesIn(SCORE_GRADIENT, node);
      const out = new Float64Array(node.type.size);
      eachPair(parts, sizes, node.attrs, (query, key, slope) => {
        addRow(rowOf(out, query, sizes.depth), slope, rowOf(parts.k, key, sizes.depth));
      });
      return out;
    },
    examples: slopeExamples,
  }),

  defineReference(attentionGradKey, {
    evaluate: (inputs, node) => {
      const parts = partsOf(SCORE_GRADIENT, inputs, node.attrs);
      const sizes = sizesIn(SCORE_GRADIENT, node);
      const out = new Float64Array(node.type.size);
      eachPair(parts, sizes, node.attrs, (query, key, slope) => {
        addRow(rowOf(out, key, sizes.depth), slope, rowOf(parts.q, query, sizes.depth));
      });
      return out;
    },
    examples: slopeExamples,
  }),

  defineReference(attentionGradValue, {
    evaluate: (inputs, node) => {
      const parts = partsOf(VALUE_GRADIENT, inputs, node.attrs);
      const sizes = sizesIn(VALUE_GRADIENT, node);
      const out = new Float64Array(node.type.size);
      eachPair(parts, sizes, node.attrs, (query, key, share) => {
        addRow(rowOf(out, key, sizes.width), share, rowOf(parts.dy!, query, sizes.width));
      });
      return out;
    },
    examples: [
      {
        inputs: [f32(5, 4), f32(7, 4), f32(5, 3), f32(5)],
        attrs: plain,
        range: [small, small, small, above],
      },
      {
        inputs: [f32(2, 6, 3), f32(2, 5, 3), f32(2, 6, 2), f32(2, 6), bool(2, 6, 5)],
        attrs: { scale: 0.7, causal: true },
        range: [small, small, small, above, [0, 2]],
      },
      {
        inputs: [f32(6, 3), f32(5, 3), f32(6, 2), f32(6), f32(6, 5), ...DROPPED, bool(6, 5)],
        attrs: { scale: 0.7, fill: -1, biased: true, dropout: true },
        range: [small, small, small, above, small, ...DROPPED_RANGE, [0, 2]],
      },
    ],
  }),
];
