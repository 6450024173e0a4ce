/**
 * Scaled dot-product attention, `softmax(scale · q kᵀ) v`, and the norm of its softmax (Vaswani et al. 2017).
 *
 * Invariant: a query that may attend to nothing gives 0. Shares that are dropped count in the norm. The gradient computes shares again from q, k and the norms (as
 * FlashAttention does, Dao et al. 2022), so nothing of size Tq x Tk has to be kept for it.
 */
import { summedIn } from '../../dtype.ts';
import { accumulator, constant, rowNorm } from '../../loop/expr.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
  SCORE_GRADIENT,
  slopeNodes,
  VALUE_GRADIENT,
} from './attention-gradient.ts';
import {
  type AttentionAttrs,
  attentionAttrs,
  attentionSchema,
  checkParts,
  operandsOf,
  type PartName,
  partsOf,
} from './attention-operands.ts';
import {
  alongKeys,
  attentionOf,
  leftOf,
  onlyAllowed,
  product,
  scoreNodes,
} from './attention-terms.ts';
import { softmax } from './composite.ts';
import { defineOp } from './define.ts';
import { reduceMax } from './reduce.ts';

export const ATTENTION: readonly PartName[] = ['q', 'k', 'v'];
export const NORM: readonly PartName[] = ['q', 'k'];

/** `softmax(scale · q kᵀ) v` over what each query may attend to. */
export const attention: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attention',
  kind: 'contract',
  schema: attentionSchema,
  normalize: attentionAttrs,
  type: (inputs, attrs) => {
    const { sizes } = checkParts('attention', ATTENTION, inputs, attrs);
    return tensor(inputs[0]!.dtype, [...sizes.lead, sizes.queries, sizes.width]);
  },
  decompose: (b, inputs, attrs) => {
    const parts = partsOf(ATTENTION, inputs, attrs);
    const scores = scoreNodes(b, parts, attrs);
    const shares = b.emit(softmax, [scores], { axis: scores.type.shape.length - 1 });
    const left = leftOf(b, onlyAllowed(b, shares, scores, parts, attrs), parts);
    const sums = product(b, left, 1, parts.v!, 0);
    return b.cast(sums, parts.q.type.dtype);
  },
  attend: ({ inputs, attrs }, context) => ({
    attention: attentionOf(context, partsOf(ATTENTION, inputs, attrs), attrs, {
      rows: 'queries',
      scores: [['q', 'k']],
      value: 'v',
      fold: 'softmax',
      weight: ({ score }) => score,
      otherwise: () => constant(attrs.fill, 'float32'),
    }),
    value: accumulator,
  }),
  gradient: (b, node, dy) => {
    const { inputs, attrs } = node;
    const parts = partsOf(ATTENTION, inputs, attrs);
    const plain = { ...attrs, dropout: false };
    const norm = b.emit(attentionNorm, operandsOf(NORM, parts, plain), plain);
    const terms = b.op(
      'mul',
      b.cast(dy, summedIn(dy.type.dtype)),
      b.cast(node, summedIn(dy.type.dtype)),
    );
    const delta = b.sum(terms, [terms.type.shape.length - 1]);
    const all = { ...parts, dy, norm, delta };
    const found = [attentionGradQuery, attentionGradKey].map((op) =>
      b.emit(op, operandsOf(SCORE_GRADIENT, all, attrs), attrs),
    );
    const dv = b.emit(attentionGradValue, operandsOf(VALUE_GRADIENT, all, attrs), attrs);
    const bias = attrs.biased ? [slopeNodes(b, all, attrs)] : [];
    const drawn = attrs.dropout ? [null, null, null, toRate(b, delta, parts.rate!)] : [];
    const masks = parts.mask === undefined ? [] : [null];
    return [...found, dv, ...bias, ...drawn, ...masks];
  },
});

/** All of the result is in proportion to `1 / (1 - rate)`. */
const toRate = (b: GraphBuilder, delta: Node, rate: Node): Node =>
  b.op(
    'div',
    b.sum(
      delta,
      delta.type.shape.map((_, i) => i),
    ),
    b.op('sub', b.lit(1, rate), rate),
  );

/** The logarithm of the sum over keys of the exponentials of a query's scores, [..., Tq] in float32 or float64. */
export const attentionNorm: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attentionNorm',
  kind: 'contract',
  schema: attentionSchema,
  normalize: attentionAttrs,
  type: (inputs, attrs) => {
    const { sizes } = checkParts('attentionNorm', NORM, inputs, attrs);
    return tensor(summedIn(inputs[0]!.dtype), [...sizes.lead, sizes.queries]);
  },
  decompose: (b, inputs, attrs) => {
    const scores = scoreNodes(b, partsOf(NORM, inputs, attrs), attrs);
    const axes = [scores.type.shape.length - 1];
    const top = b.emit(reduceMax, [scores], { axes });
    const total = b.sum(b.op('exp', b.op('sub', scores, alongKeys(b, top, scores))), axes);
    return b.op('add', top, b.op('log', total));
  },
  attend: ({ inputs, attrs }, context) => ({
    attention: attentionOf(context, partsOf(NORM, inputs, attrs), attrs, {
      rows: 'queries',
      scores: [['q', 'k']],
      value: undefined,
      fold: 'softmax',
      weight: ({ score }) => score,
      otherwise: () => constant(attrs.fill, 'float32'),
    }),
    value: rowNorm,
  }),
  comesWith: (norm, of) => {
    if (of.op.name !== attention.name) return false;
    const attrs = of.attrs as AttentionAttrs;
    // a norm knows nothing of values, nor of what dropout draws from
    const biased = attrs.biased ? 4 : 3;
    const drawn = attrs.dropout ? 4 : 0;
    const { inputs } = of;
    const own = [
      ...inputs.slice(0, 2),
      ...inputs.slice(3, biased),
      ...inputs.slice(biased + drawn),
    ];
    const known: Readonly<Record<string, unknown>> = { ...norm.attrs };
    return (
      norm.inputs.length === own.length &&
      own.every((x, i) => norm.inputs[i] === x) &&
      Object.entries(attrs).every(([name, x]) => name === 'dropout' || known[name] === x)
    );
  },
});
