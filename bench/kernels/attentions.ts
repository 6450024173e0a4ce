/**
 * Attention worth being fast at: a layer of a small transformer and a longer one, forward and each gradient.
 *
 * Invariant: `flops` counts a multiply-add as two, and of causal attention half of the pairs.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Op } from '../../src/ir/graph/graph.ts';
import { attention } from '../../src/ir/graph/ops/attention.ts';
import {
  attentionGradKey,
  attentionGradQuery,
  attentionGradValue,
} from '../../src/ir/graph/ops/attention-gradient.ts';
import { type AttentionAttrs, attentionAttrs } from '../../src/ir/graph/ops/attention-operands.ts';
import { tensor } from '../../src/ir/type.ts';
import type { Contracted } from './contractions.ts';

interface Sizes {
  readonly heads: number;
  readonly length: number;
  readonly depth: number;
  readonly causal: boolean;
}

/** Each op with its operands by their number of axes, and how many products it takes for a pair of positions. */
const OPS: readonly (readonly [Op<AttentionAttrs>, readonly (2 | 3)[], number])[] = [
  [attention, [3, 3, 3], 2],
  [attentionGradQuery, [3, 3, 3, 3, 2, 2], 3],
  [attentionGradKey, [3, 3, 3, 3, 2, 2], 3],
  [attentionGradValue, [3, 3, 3, 2], 2],
];

const of = ({ heads, length, depth, causal }: Sizes): Contracted[] =>
  OPS.map(([op, ranks, products]) => {
    const name = `${op.name} ${heads} x ${length} x ${depth}${causal ? ' causal' : ''}`;
    const builder = new GraphBuilder();
    const inputs = ranks.map((rank) =>
      builder.input(tensor('float32', [heads, length, depth].slice(0, rank))),
    );
    const output = builder.emit(
      op,
      inputs,
      attentionAttrs({ scale: 1 / Math.sqrt(depth), causal }),
    );
    const pairs = heads * length * length * (causal ? 0.5 : 1);
    return { name, flops: 2 * products * pairs * depth, graph: builder.graph(name, [output]) };
  });

export const attentions: readonly Contracted[] = [
  ...of({ heads: 8, length: 256, depth: 32, causal: false }),
  ...of({ heads: 12, length: 1024, depth: 64, causal: true }),
];

/** What only a graphics card is worth asking for. */
export const longAttentions: readonly Contracted[] = [
  ...of({ heads: 32, length: 4096, depth: 64, causal: true }),
  ...of({ heads: 32, length: 2048, depth: 128, causal: false }),
];
