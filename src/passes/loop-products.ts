/**
 * Products that a loop need not make step by step: those of what is known before the loop with what is the same in every
 * step become one product before it. A recurrent layer's inputs are multiplied by their weights all at once, and so are,
 * on the way back, its states.
 *
 * Invariant: the body gives what it gave; what was one of its products is a sequence now.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Attrs, type Graph, type Node, type Op, topological } from '../ir/graph/graph.ts';
import { type DotAttrs, dot } from '../ir/graph/ops/dot.ts';
import type { LoopSpec } from '../ir/graph/ops/scan.ts';

/** The same loop with such products before it, made by `builder`. */
export const liftProducts = (builder: GraphBuilder, spec: LoopSpec): LoopSpec => {
  const { body, sequences, states, captures, trips } = spec;
  const [m, n] = [sequences.length, states.length];
  const inner = new GraphBuilder();
  /** What is known outside: all steps of a value, stacked, or a value that no step changes. */
  const stacks = new Map<Node, Node>();
  const still = new Map<Node, Node>();
  const made = new Map<Node, Node>();
  body.inputs.forEach((x, i) => {
    const input = inner.input(x.type, { name: String(x.attrs['name']) });
    made.set(x, input);
    if (i < m) stacks.set(input, sequences[i]!);
    else if (i >= m + n) still.set(input, captures[i - m - n]!);
  });
  const lifted: { readonly input: Node; readonly sequence: Node }[] = [];
  for (const node of topological(body)) {
    if (made.has(node)) continue;
    const inputs = node.inputs.map((x) => made.get(x)!);
    const product =
      node.op === (dot as Op)
        ? allSteps(builder, inputs, node.attrs as DotAttrs, stacks, still)
        : undefined;
    if (product !== undefined) {
      const input = inner.input(node.type, { name: `product${lifted.length}` });
      lifted.push({ input, sequence: product });
      stacks.set(input, product);
      made.set(node, input);
      continue;
    }
    inner.origin = node.origin;
    const copy = inner.emit(node.op, inputs, node.attrs);
    made.set(node, copy);
    follow(builder, copy, trips, stacks, still);
  }
  if (lifted.length === 0) return spec;
  const inputs = body.inputs.map((x) => made.get(x)!);
  const after: Graph = {
    name: body.name,
    inputs: [...inputs.slice(0, m), ...lifted.map((l) => l.input), ...inputs.slice(m)],
    outputs: body.outputs.map((x) => made.get(x)!),
    assigns: [],
  };
  return { ...spec, body: after, sequences: [...sequences, ...lifted.map((l) => l.sequence)] };
};

/** Notes a node of the body as known outside, if it only looks otherwise at what is, or comes from what never changes. */
const follow = (
  builder: GraphBuilder,
  node: Node,
  trips: number,
  stacks: Map<Node, Node>,
  still: Map<Node, Node>,
): void => {
  const { op, inputs, attrs, type } = node;
  const [x] = inputs;
  if (inputs.every((y) => still.has(y))) {
    if (inputs.length > 0 && op.kind !== 'view') return;
    const operands = inputs.map((y) => still.get(y)!);
    still.set(node, builder.emit(op, operands, attrs as Attrs));
    return;
  }
  const stack = x && stacks.get(x);
  if (stack === undefined) return;
  if (op.name === 'transpose') {
    const axes = attrs['axes'] as readonly number[];
    stacks.set(node, builder.transpose(stack, [0, ...axes.map((a) => a + 1)]));
  } else if (op.name === 'reshape')
    stacks.set(node, builder.reshape(stack, [trips, ...type.shape]));
};

/** All steps of a product of a value that changes with one that does not. */
const allSteps = (
  builder: GraphBuilder,
  [a, b]: readonly Node[],
  attrs: DotAttrs,
  stacks: ReadonlyMap<Node, Node>,
  still: ReadonlyMap<Node, Node>,
): Node | undefined => {
  const { aBatch, aContract, bContract } = attrs;
  if (aBatch.length > 0) return undefined;
  const up = (axes: readonly number[]): number[] => axes.map((axis) => axis + 1);
  const [stackA, stackB] = [stacks.get(a!), stacks.get(b!)];
  const [stillA, stillB] = [still.get(a!), still.get(b!)];
  if (stackA !== undefined && stillB !== undefined)
    return builder.emit(dot, [stackA, stillB], { ...attrs, aContract: up(aContract) });
  if (stillA === undefined || stackB === undefined) return undefined;
  const product = builder.emit(dot, [stillA, stackB], { ...attrs, bContract: up(bContract) });
  // The steps are the first of b's free axes, behind those of a.
  const at = a!.type.shape.length - aContract.length;
  const others = product.type.shape.map((_, i) => i).filter((i) => i !== at);
  return builder.transpose(product, [at, ...others]);
};
