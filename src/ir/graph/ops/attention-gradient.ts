/**
 * The gradients of attention, each from q, k, v, the gradient of the result and two numbers a query.
 *
 * Invariant: a share is `exp(score - norm)`, and the gradient of a score is `share · (dy vᵀ - delta)`, where `delta` is
 * the sum of `dy · y` over the features of a query (Dao et al. 2022, section 3.1); none of them is kept for all pairs.
 */
import { accumulator, constant, scalar, scoreValues } from '../../loop/expr.ts';
import { ABSENT, type Expr } from '../../loop/loop.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import {
  type AttentionAttrs,
  attentionAttrs,
  attentionSchema,
  checkParts,
  type PartName,
  type Parts,
  partsOf,
} from './attention-operands.ts';
import {
  alongKeys,
  attentionOf,
  leftOf,
  onlyAllowed,
  onlyScored,
  product,
  scoreNodes,
  type WeightPlace,
} from './attention-terms.ts';
import { defineOp } from './define.ts';

/** What the gradients to queries and keys are made of. */
export const SCORE_GRADIENT: readonly PartName[] = ['q', 'k', 'v', 'dy', 'norm', 'delta'];
/** What the gradient to values is made of. */
export const VALUE_GRADIENT: readonly PartName[] = ['q', 'k', 'dy', 'norm'];

// ---- as nodes -----------------------------------------------------------------------------------------------------

const shareNodes = (b: GraphBuilder, parts: Parts<Node>, attrs: AttentionAttrs): Node => {
  const scores = scoreNodes(b, parts, attrs);
  const shares = b.op('exp', b.op('sub', scores, alongKeys(b, parts.norm!, scores)));
  return onlyAllowed(b, shares, scores, parts, attrs);
};

/** The gradients of scores. */
export const slopeNodes = (b: GraphBuilder, parts: Parts<Node>, attrs: AttentionAttrs): Node => {
  const shares = shareNodes(b, parts, attrs);
  const toShares = leftOf(b, product(b, parts.dy!, 1, parts.v!, 1), parts);
  const free = b.op('sub', toShares, alongKeys(b, parts.delta!, toShares));
  return onlyScored(b, b.op('mul', shares, free), parts, attrs);
};

/** The gradients of `q kᵀ`. */
const scaledSlopes = (b: GraphBuilder, parts: Parts<Node>, attrs: AttentionAttrs): Node => {
  const slopes = slopeNodes(b, parts, attrs);
  return b.op('mul', slopes, b.lit(attrs.scale, slopes));
};

// ---- as loops -----------------------------------------------------------------------------------------------------

const shareLoop = (parts: Parts<Node>, score: Expr, { ofQuery }: WeightPlace): Expr =>
  scalar('exp', scalar('sub', score, ofQuery(parts.norm!)));

const zero = (): Expr => constant(0, 'float32');

const slopeLoop = (parts: Parts<Node>, attrs: AttentionAttrs, place: WeightPlace): Expr => {
  const free = scalar('sub', place.left(scoreValues[1]!), place.ofQuery(parts.delta!));
  const slope = scalar('mul', shareLoop(parts, place.score, place), free);
  return scalar('mul', slope, constant(attrs.scale, 'float32'));
};

// ---- the ops ------------------------------------------------------------------------------------------------------

/** The gradient of attention to the queries. */
export const attentionGradQuery: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attentionGradQuery',
  kind: 'contract',
  schema: attentionSchema,
  normalize: attentionAttrs,
  type: (inputs, attrs) => checkParts('attentionGradQuery', SCORE_GRADIENT, inputs, attrs).parts.q,
  decompose: (b, inputs, attrs) => {
    const parts = partsOf(SCORE_GRADIENT, inputs, attrs);
    return b.cast(product(b, scaledSlopes(b, parts, attrs), 1, parts.k, 0), parts.q.type.dtype);
  },
  attend: ({ inputs, attrs }, context) => {
    const parts = partsOf(SCORE_GRADIENT, inputs, attrs);
    const attention = attentionOf(context, parts, attrs, {
      rows: 'queries',
      scores: [
        ['q', 'k'],
        ['dy', 'v'],
      ],
      value: 'k',
      fold: 'sum',
      weight: (place) => slopeLoop(parts, attrs, place),
      otherwise: zero,
    });
    return { attention, value: accumulator };
  },
});

/** The gradient of attention to the keys. */
export const attentionGradKey: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attentionGradKey',
  kind: 'contract',
  schema: attentionSchema,
  normalize: attentionAttrs,
  type: (inputs, attrs) => checkParts('attentionGradKey', SCORE_GRADIENT, inputs, attrs).parts.k,
  decompose: (b, inputs, attrs) => {
    const parts = partsOf(SCORE_GRADIENT, inputs, attrs);
    return b.cast(product(b, scaledSlopes(b, parts, attrs), 0, parts.q, 0), parts.k.type.dtype);
  },
  attend: ({ inputs, attrs }, context) => {
    const parts = partsOf(SCORE_GRADIENT, inputs, attrs);
    const attention = attentionOf(context, parts, attrs, {
      rows: 'keys',
      scores: [
        ['k', 'q'],
        ['v', 'dy'],
      ],
      value: 'q',
      fold: 'sum',
      weight: (place) => slopeLoop(parts, attrs, place),
      otherwise: zero,
    });
    return { attention, value: accumulator };
  },
});

/** The gradient of attention to the values. */
export const attentionGradValue: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attentionGradValue',
  kind: 'contract',
  schema: attentionSchema,
  normalize: attentionAttrs,
  type: (inputs, attrs) => {
    const { sizes } = checkParts('attentionGradValue', VALUE_GRADIENT, inputs, attrs);
    return tensor(inputs[0]!.dtype, [...sizes.lead, sizes.keys, sizes.width]);
  },
  decompose: (b, inputs, attrs) => {
    const parts = partsOf(VALUE_GRADIENT, inputs, attrs);
    const left = leftOf(b, shareNodes(b, parts, attrs), parts);
    return b.cast(product(b, left, 0, parts.dy!, 0), parts.q.type.dtype);
  },
  attend: ({ inputs, attrs }, context) => {
    const parts = partsOf(VALUE_GRADIENT, inputs, attrs);
    const attention = attentionOf(context, parts, attrs, {
      rows: 'keys',
      scores: [['k', 'q']],
      value: 'dy',
      fold: 'sum',
      weight: (place) => place.left(shareLoop(parts, place.score, place)),
      otherwise: (place) =>
        attrs.fill === ABSENT
          ? zero()
          : place.left(shareLoop(parts, constant(attrs.fill, 'float32'), place)),
    });
    return { attention, value: accumulator };
  },
});
