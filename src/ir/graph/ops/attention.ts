/**
 * Scaled dot-product attention, `softmax(scale · q kᵀ) v`, and the norm of its softmax (Vaswani et al. 2017).
 *
 * Invariant: a query that may attend to nothing gives 0. The gradient computes shares again from q, k and the norms (as
 * FlashAttention does, Dao et al. 2022), so nothing of size Tq x Tk has to be kept for it.
 */
import { accumulator, rowNorm } from '../../loop/expr.ts';
import { ABSENT } from '../../loop/loop.ts';
import { tensor } from '../../type.ts';
import type { Node, Op } from '../graph.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
  SCORE_GRADIENT,
  VALUE_GRADIENT,
} from './attention-gradient.ts';
import {
  type AttentionAttrs,
  attentionSchema,
  checkParts,
  operandsOf,
  type PartName,
  type Parts,
  partsOf,
  roundScale,
  sizesIn,
} from './attention-operands.ts';
import {
  alongKeys,
  attentionOf,
  eachQuery,
  normOf,
  onlyAllowed,
  product,
  rowOf,
  scaledScore,
  scoreNodes,
  scoreValuesOf,
  shareOf,
} from './attention-terms.ts';
import { softmax } from './composite.ts';
import { bool, defineOp, f32 } from './define.ts';
import { reduceMax } from './reduce.ts';

const ATTENTION: readonly PartName[] = ['q', 'k', 'v'];
const NORM: readonly PartName[] = ['q', 'k'];

/** `softmax(scale · q kᵀ) v` over what each query may attend to. */
export const attention: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attention',
  kind: 'contract',
  schema: attentionSchema,
  normalize: roundScale,
  type: (inputs, attrs) => {
    const { sizes } = checkParts('attention', ATTENTION, inputs, attrs);
    return tensor(inputs[0]!.dtype, [...sizes.lead, sizes.queries, sizes.width]);
  },
  evaluate: (inputs, node) => {
    const { attrs, type } = node;
    const sizes = sizesIn(ATTENTION, node);
    const parts = partsOf(ATTENTION, inputs);
    const scores = scoreValuesOf(parts, sizes, attrs);
    const { keys, width } = sizes;
    const out = new Float64Array(type.size);
    eachQuery(sizes, (batch, query, row) => {
      const own = scores(batch, query);
      const norm = normOf(own);
      const sums = rowOf(out, row, width);
      own.forEach((score, key) => {
        const share = shareOf(score, norm);
        rowOf(parts.v!, batch * keys + key, width).forEach((v, i) => {
          sums[i]! += share * v;
        });
      });
    });
    return out;
  },
  decompose: (b, inputs, attrs) => {
    const parts = partsOf(ATTENTION, inputs);
    const scores = scoreNodes(b, parts, attrs);
    const shares = b.emit(softmax, [scores], { axis: scores.type.shape.length - 1 });
    const sums = product(b, onlyAllowed(b, shares, scores, parts), 1, parts.v!, 0);
    return b.cast(sums, parts.q.type.dtype);
  },
  attend: ({ inputs, attrs }, context) => ({
    attention: attentionOf(context, partsOf(ATTENTION, inputs), attrs, {
      rows: 'queries',
      scores: [['q', 'k']],
      value: 'v',
      fold: 'softmax',
      weight: () => scaledScore(attrs),
      otherwise: ABSENT,
    }),
    value: accumulator,
  }),
  gradient: (b, node, dy) => {
    const parts = partsOf(ATTENTION, node.inputs);
    const { q, k } = parts;
    const masked: Pick<Parts<Node>, 'mask'> = parts.mask === undefined ? {} : { mask: parts.mask };
    const norm = b.emit(attentionNorm, operandsOf(NORM, { q, k, ...masked }), node.attrs);
    const terms = b.op('mul', b.cast(dy, 'float32'), b.cast(node, 'float32'));
    const delta = b.sum(terms, [terms.type.shape.length - 1]);
    const all = { ...parts, dy, norm, delta };
    const found = [attentionGradQuery, attentionGradKey].map((op) =>
      b.emit(op, operandsOf(SCORE_GRADIENT, all), node.attrs),
    );
    const dv = b.emit(attentionGradValue, operandsOf(VALUE_GRADIENT, all), node.attrs);
    return [...found, dv, ...(parts.mask === undefined ? [] : [null])];
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
  ],
});

/** The logarithm of the sum over keys of the exponentials of a query's scores, [..., Tq] in float32. */
export const attentionNorm: Op<AttentionAttrs> = defineOp<AttentionAttrs>({
  name: 'attentionNorm',
  kind: 'contract',
  schema: attentionSchema,
  normalize: roundScale,
  type: (inputs, attrs) => {
    const { sizes } = checkParts('attentionNorm', NORM, inputs, attrs);
    return tensor('float32', [...sizes.lead, sizes.queries]);
  },
  evaluate: (inputs, node) => {
    const { attrs, type } = node;
    const sizes = sizesIn(NORM, node);
    const scores = scoreValuesOf(partsOf(NORM, inputs), sizes, attrs);
    const out = new Float64Array(type.size);
    eachQuery(sizes, (batch, query, row) => {
      out[row] = normOf(scores(batch, query));
    });
    return out;
  },
  decompose: (b, inputs, attrs) => {
    const scores = scoreNodes(b, partsOf(NORM, inputs), attrs);
    const axes = [scores.type.shape.length - 1];
    const top = b.emit(reduceMax, [scores], { axes });
    const total = b.sum(b.op('exp', b.op('sub', scores, alongKeys(b, top, scores))), axes);
    return b.op('add', top, b.op('log', total));
  },
  attend: ({ inputs, attrs }, context) => ({
    attention: attentionOf(context, partsOf(NORM, inputs), attrs, {
      rows: 'queries',
      scores: [['q', 'k']],
      value: undefined,
      fold: 'softmax',
      weight: () => scaledScore(attrs),
      otherwise: ABSENT,
    }),
    value: rowNorm,
  }),
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
});
