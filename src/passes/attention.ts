/**
 * Attention stays whole where the device has a schedule for it, and is written out as products and a softmax elsewhere.
 *
 * Runs before well-known combinations are recognized: what gradients are written out to shares its softmax with the
 * result's.
 * Invariant: what is left whole has a schedule, whatever its operands will be computed from.
 */
import type { Caps } from '../codegen/caps.ts';
import { isRefusal } from '../codegen/plan.ts';
import { type AttentionParts, blocksPay } from '../codegen/templates/attention-estimate.ts';
import { isWide } from '../ir/dtype.ts';
import { type Node, topological } from '../ir/graph/graph.ts';
import { type AttentionAttrs, sizesOf } from '../ir/graph/ops/attention-operands.ts';
import { sizeOf } from '../ir/graph/ops/define.ts';
import { newBuffer } from '../ir/loop/expr.ts';
import type { Nest } from '../ir/loop/loop.ts';
import { showType, type TensorType } from '../ir/type.ts';
import { BufferTable } from './buffers.ts';
import { rulesFor } from './canonicalize.ts';
import { Lowering } from './lower.ts';
import type { GraphPass } from './pass.ts';
import { productAxes, productOf, productPart } from './products.ts';
import { RewritingBuilder, type Rule, rebuild } from './rewrite.ts';

const GRADIENT = 'attentionGrad';
/** As many shares as a second-level cache of a core holds: below it, whole products are as fast as those of blocks. */
const NEAR = 1 << 17;
/** With gradients: 4 MiB of shares, and as much of what becomes of them. Beyond that, memory is worth a tenth of the time. */
const TRAINED = 1 << 20;

export const writeOutAttention = (caps: Caps): GraphPass => ({
  name: 'attention',
  run: (graph, context) => {
    const attending = topological(graph).filter((node) => node.op.attend !== undefined);
    if (attending.length === 0) return graph;
    const names = new Set(attending.map((node) => node.op.name));
    const parts = {
      result: names.has('attention'),
      gradients: [...names].some((n) => n.startsWith(GRADIENT)),
    };
    const writeOut: Rule = (candidate, b) => {
      const { op, inputs, attrs } = candidate;
      if (op.attend === undefined || op.decompose === undefined) return undefined;
      const type = op.type(
        inputs.map((x) => x.type),
        attrs,
      );
      const node: Node = { id: 0, op, inputs, attrs, type, origin: b.origin };
      const refused = refusedAttention(node, caps, parts);
      if (refused === undefined) return undefined;
      context.note(`${op.name} ${showType(type)} is written out: ${refused}`);
      return op.decompose(b, inputs, attrs);
    };
    return rebuild(graph, new RewritingBuilder({ any: writeOut }, ...rulesFor(context)));
  },
});

/**
 * Why the device has no schedule for an attention, if it has none: asked with stand-ins for its operands. `parts`: what of
 * it is computed by the same program.
 */
export const refusedAttention = (
  node: Node,
  caps: Caps,
  parts: AttentionParts,
): string | undefined => {
  if (node.inputs.some((x) => isWide(x.type.dtype))) return 'its numbers have 64 bits';
  if (caps.threads === 1 && isFasterKept(node as Node<AttentionAttrs>, parts))
    return `its shares are few${parts.result && parts.gradients ? ', and made once for the gradients too' : ''}`;
  const operands = new BufferTable();
  const context = new Lowering(undefined, (x) => operands.of(x));
  const product = productOf(node, context);
  const axes = productAxes(product);
  const nest: Nest = {
    axes,
    stores: [
      {
        buffer: newBuffer('result', { dtype: 'float32', shape: node.type.shape }),
        index: product.loops.index,
        value: product.value,
        axes,
        mode: 'set',
        over: [],
      },
    ],
    ...productPart(product),
  };
  const plan = caps.schedules.attention(nest, caps, undefined);
  return isRefusal(plan) ? plan.refused : undefined;
};

/** Whether shares are so few that they are kept where that is faster. */
const isFasterKept = (
  { inputs, attrs: { causal, dropout } }: Node<AttentionAttrs>,
  parts: AttentionParts,
): boolean => {
  const [q, k, v] = inputs.map((x) => x.type) as [TensorType, TensorType, TensorType];
  const sizes = { ...sizesOf({ q, k, v }), causal, dropout };
  const pairs = sizeOf([...sizes.lead, sizes.queries, sizes.keys]);
  if (pairs > (parts.result && parts.gradients ? TRAINED : NEAR)) return false;
  return !blocksPay(sizes, parts);
};
