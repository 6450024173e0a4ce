/**
 * Reverse-mode differentiation: emits the nodes of a vector-Jacobian product beside the nodes it differentiates.
 *
 * Invariant: gradients are ordinary L1 nodes of the dtype and shape of what they belong to, so they can be
 * differentiated again; nothing flows through values that are not floats.
 */

import { isFloat } from '../ir/dtype.ts';
import { TigonError } from '../ir/errors.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, type Node, reachable, topological } from '../ir/graph/graph.ts';
import { isScan, type ScanNode } from '../ir/graph/ops/scan.ts';
import { showType } from '../ir/type.ts';
import { loopFamily } from './loop-family.ts';
import { copyInto } from './rewrite.ts';

/**
 * For each of `wrt`, the gradient of `sum over i of outputs[i] · dys[i]`; `null` where the outputs do not depend on it
 * through floats. A node may be an output and in `wrt` at once, and be anywhere in the graph.
 * @throws GradientError when a float path leads through an op that has no gradient.
 */
export const gradients = (
  builder: GraphBuilder,
  outputs: readonly Node[],
  dys: readonly Node[],
  wrt: readonly Node[],
): (Node | null)[] => pullBack(builder, outputs, dys, wrt, new Set());

/** {@link gradients}, except that nothing flows on from `leaves` to their operands. */
const pullBack = (
  builder: GraphBuilder,
  outputs: readonly Node[],
  dys: readonly Node[],
  wrt: readonly Node[],
  leaves: ReadonlySet<Node>,
): (Node | null)[] => {
  const order = reachable(outputs);
  const needed = dependents(order, wrt);
  const received = new Map<Node, Node>();
  const receive = (node: Node, part: Node): void => {
    const before = received.get(node);
    received.set(node, before === undefined ? part : builder.op('add', before, part));
  };
  outputs.forEach((node, i) => {
    const dy = dys[i]!;
    if (dy.type !== node.type)
      throw new TigonError(
        'gradient',
        `the gradient given for a result of type ${showType(node.type)} has type ${showType(dy.type)}`,
        'pass one gradient per output, of the same shape and dtype',
      );
    if (needed.has(node)) receive(node, dy);
  });
  const loops = loopsOf(order);
  for (const node of order.toReversed()) {
    if (isScan(node)) {
      // All results of a loop are differentiated together, when what uses any of them has been.
      const members = loops.get(loopFamily().course(node))!;
      if (members[0] !== node || !node.inputs.some((x) => needed.has(x))) continue;
      const reached = members.filter((x) => received.has(x) && !leaves.has(x));
      if (reached.length === 0) continue;
      const wanted = node.inputs.map((x) => needed.has(x));
      const given = reached.map((x) => received.get(x)!);
      const parts = loopFamily().gradients(builder, reached, given, wanted, gradients);
      parts.forEach((part, i) => {
        if (part !== null) receive(node.inputs[i]!, part);
      });
      continue;
    }
    const dy = received.get(node);
    if (dy === undefined || leaves.has(node) || !node.inputs.some((x) => needed.has(x))) continue;
    gradientOf(builder, node, dy, needed).forEach((part, i) => {
      const x = node.inputs[i]!;
      if (part !== null && needed.has(x)) receive(x, part);
    });
  }
  return wrt.map((node) => received.get(node) ?? null);
};

/** The results of each loop, in order: of all that go through the same states. */
const loopsOf = (order: readonly Node[]): ReadonlyMap<string, readonly ScanNode[]> => {
  const loops = new Map<string, ScanNode[]>();
  for (const node of order) {
    if (!isScan(node)) continue;
    const key = loopFamily().course(node);
    const known = loops.get(key);
    if (known === undefined) loops.set(key, [node]);
    else known.push(node);
  }
  return loops;
};

/** Float nodes of `order` whose value depends on one of `wrt` through floats (inclusive). */
const dependents = (order: readonly Node[], wrt: readonly Node[]): ReadonlySet<Node> => {
  const wanted = new Set(wrt);
  const needed = new Set<Node>();
  for (const node of order)
    if (isFloat(node.type.dtype) && (wanted.has(node) || node.inputs.some((x) => needed.has(x))))
      needed.add(node);
  return needed;
};

/** Gradient to each operand of `node`: by its own rule, or by those of its decomposition. */
const gradientOf = (
  builder: GraphBuilder,
  node: Node,
  dy: Node,
  needed: ReadonlySet<Node>,
): readonly (Node | null)[] => {
  const { op, inputs, attrs } = node;
  const origin = builder.origin;
  builder.origin = node.origin ?? origin;
  try {
    if (op.gradient !== undefined) return op.gradient(builder, node, dy);
    if (op.decompose !== undefined) {
      const body = op.decompose(builder, inputs, attrs);
      const wrt = [...new Set(inputs.filter((x) => needed.has(x)))];
      const parts = pullBack(builder, [body], [dy], wrt, new Set(inputs));
      // An operand that stands twice gets its whole gradient once.
      return inputs.map((x, i) =>
        inputs.indexOf(x) === i ? (parts[wrt.indexOf(x)] ?? null) : null,
      );
    }
  } finally {
    builder.origin = origin;
  }
  const operands = inputs.map((x) => showType(x.type)).join(' · ');
  throw new TigonError(
    'gradient',
    `${op.name}: has no gradient: ${operands} → ${showType(node.type)}`,
    'stop the gradient before it (stopGradient, detach), or build the value from differentiable operations',
    node.origin,
  );
};

/** The vector-Jacobian product of a graph, as a graph of its own. */
export interface VjpGraph {
  /** Inputs: those of the forward graph, then the gradient of each output in `seeds`. Outputs: see `results`. */
  readonly graph: Graph;
  /** Outputs of the forward graph that can pass a gradient on, in the order of their gradient inputs. */
  readonly seeds: readonly number[];
  /** For each forward input, the position of its gradient among the outputs, or `null` where there is none. */
  readonly results: readonly (number | null)[];
}

/**
 * The graph that computes the gradients of the inputs marked in `wanted` from the inputs and the gradients of the
 * outputs of `graph`. Assigns are left out: a backward run repeats no effect.
 */
export const vjpGraph = (graph: Graph, wanted: readonly boolean[]): VjpGraph => {
  const builder = new GraphBuilder();
  const copies = copyInto(graph, builder);
  const wrt = graph.inputs.filter((_, i) => wanted[i]);
  const needed = dependents(topological(graph), wrt);
  const seeds = graph.outputs.flatMap((node, i) => (needed.has(node) ? [i] : []));
  const dys = seeds.map((i) => builder.input(graph.outputs[i]!.type, { name: `dy${i}` }));
  const found = gradients(
    builder,
    seeds.map((i) => copies.get(graph.outputs[i]!)!),
    dys,
    wrt.map((node) => copies.get(node)!),
  );
  const outputs: Node[] = [];
  const results = graph.inputs.map((node) => {
    const gradient = found[wrt.indexOf(node)];
    return gradient == null ? null : outputs.push(gradient) - 1;
  });
  return { graph: builder.graph(`${graph.name}.vjp`, outputs), seeds, results };
};
