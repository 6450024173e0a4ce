/**
 * What contracting nodes leave in their nest: a contraction or an attention, lowered by the op itself.
 *
 * Invariant: the axes of the nest are the product's batch, m and n axes, in order.
 */
import type { Axis, Idx } from '../ir/dim.ts';
import type { LowerContext, Node } from '../ir/graph/graph.ts';
import { accumulator } from '../ir/loop/expr.ts';
import type { Attention, Contraction, Expr, Nest } from '../ir/loop/loop.ts';
import { sameShape } from '../ir/type.ts';

/** A node's product, and what of it is the node's value (in float32). */
export interface Product {
  readonly node: Node;
  readonly loops: Contraction | Attention;
  readonly value: Expr;
}

export const productOf = (node: Node, context: LowerContext): Product => {
  const attended = node.op.attend?.(node, context);
  if (attended !== undefined) return { node, loops: attended.attention, value: attended.value };
  return { node, loops: node.op.contract!(node, context), value: accumulator };
};

export const productAxes = ({ loops }: Product): Axis[] => [...loops.batch, ...loops.m, ...loops.n];

/** Whether a node is the norm of another's softmax: one nest gives both. */
export const isNormOf = (norm: Node, of: Node): boolean => norm.op.comesWith?.(norm, of) === true;

/** Whether the nest of a product may have a place for a value, by their shapes alone. */
export const hasPlaceFor = (product: Node, value: Node): boolean => {
  const { shape } = product.type;
  if (sameShape(value.type.shape, shape)) return true;
  return product.op.attend !== undefined && sameShape(value.type.shape, shape.slice(0, -1));
};

/** Where in its nest a value is computed: for each element of the result, or once a row. */
export const placeOf = ({ node, loops }: Product, value: Node): readonly Idx[] | undefined => {
  const { shape } = node.type;
  if (sameShape(value.type.shape, shape)) return loops.index;
  const byRow = 'scores' in loops && loops.n.length === 1;
  return byRow && sameShape(value.type.shape, shape.slice(0, -1))
    ? loops.index.slice(0, -1)
    : undefined;
};

/** The part of a nest that says what its product is. */
export const productPart = (product: Product | undefined): Pick<Nest, 'contract' | 'attend'> => {
  if (product === undefined) return { contract: undefined };
  const { loops } = product;
  return 'scores' in loops ? { contract: undefined, attend: loops } : { contract: loops };
};
