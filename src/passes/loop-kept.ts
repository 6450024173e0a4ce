/**
 * What the way back through a loop is given instead of computing it again: products that change from step to step, with
 * what is added to them on the way.
 *
 * Invariant: what is kept is a value of the forward body; the body of the way back means the same with it as without.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, type Node, reachable, topological, usersOf } from '../ir/graph/graph.ts';
import { isScan } from '../ir/graph/ops/scan.ts';
import { attrsRepeated } from './repeated.ts';
import { copyInput } from './rewrite.ts';

/**
 * Values of `body` to keep for a body that computes `results` from copies of it: `copies` are those by what they are
 * copies of.
 */
export const keptProducts = (
  body: Graph,
  captures: number,
  copies: ReadonlyMap<Node, Node>,
  results: readonly Node[],
): Node[] => {
  const moving = new Set<Node>(body.inputs.slice(0, body.inputs.length - captures));
  const users = usersOf(body);
  const originals = new Map<Node, Node>();
  for (const node of topological(body)) {
    if (node.inputs.some((x) => moving.has(x))) moving.add(node);
    if (node.op.kind !== 'contract' || !moving.has(node)) continue;
    originals.set(copies.get(node)!, node);
    const last = sumBehind(node, users);
    originals.set(copies.get(last)!, last);
  }
  const kept = new Set<Node>();
  const seen = new Set<Node>();
  const stack = results.slice();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (seen.has(node)) continue;
    seen.add(node);
    const original = originals.get(node);
    if (original === undefined) stack.push(...node.inputs);
    else kept.add(original);
  }
  return [...kept].sort((a, b) => a.id - b.id);
};

/** What is made of a product by adding to it alone. */
const sumBehind = (product: Node, users: ReadonlyMap<Node, readonly Node[]>): Node => {
  let last = product;
  for (;;) {
    const [user, another] = users.get(last) ?? [];
    if (user?.op.name !== 'add' || another !== undefined) return last;
    last = user;
  }
};

/**
 * The graph with `values` of it among its inputs, from number `at` on. What else it computes again is marked: `copies` of
 * values, and loops.
 */
export const givenValues = (
  graph: Graph,
  at: number,
  values: readonly Node[],
  copies: ReadonlySet<Node>,
): Graph => {
  const builder = new GraphBuilder();
  const made = new Map<Node, Node>();
  const take = (x: Node): void => {
    made.set(x, copyInput(x, builder));
  };
  graph.inputs.slice(0, at).forEach(take);
  values.forEach((x, i) => {
    made.set(x, builder.input(x.type, { name: `kept${i}` }));
  });
  graph.inputs.slice(at).forEach(take);
  for (const node of reachable(graph.outputs)) {
    if (made.has(node)) continue;
    builder.origin = node.origin;
    const inputs = node.inputs.map((x) => made.get(x)!);
    const attrs = copies.has(node) || isScan(node) ? attrsRepeated(node) : node.attrs;
    made.set(node, builder.emit(node.op, inputs, attrs));
  }
  builder.origin = undefined;
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
  );
};
