/**
 * The optimizer as fusion sees it: new values of states that are maps, which nothing else asks for.
 *
 * Invariant: depends on the graph alone, never on decisions already taken.
 */
import type { Graph, Node } from '../ir/graph/graph.ts';

export interface Optimizer {
  /** Whether all of `values` are new values of states. */
  updates(values: readonly Node[]): boolean;
  /** Whether `node` is computed from a state that one of `values` is for, by way of nothing that is stored. */
  readsState(node: Node, values: readonly Node[]): boolean;
}

/** `stored`: what is stored whatever fusion decides. */
export const optimizerOf = (graph: Graph, stored: (node: Node) => boolean): Optimizer => {
  const outputs = new Set(graph.outputs);
  const targets = new Map<Node, Node[]>();
  for (const { target, value } of graph.assigns)
    if (value.op.kind === 'map' && !outputs.has(value))
      targets.set(value, [...(targets.get(value) ?? []), target]);
  return {
    updates: (values) => values.every((v) => targets.has(v)),
    readsState: (node, values) => {
      const states = new Set(values.flatMap((v) => targets.get(v) ?? []));
      const seen = new Set<Node>();
      const visit = (x: Node): boolean => {
        if (states.has(x)) return true;
        if (seen.has(x)) return false;
        seen.add(x);
        return (x === node || !endsAt(x, stored)) && x.inputs.some(visit);
      };
      return visit(node);
    },
  };
};

const endsAt = (node: Node, stored: (node: Node) => boolean): boolean =>
  stored(node) || ['contract', 'scatter', 'running'].includes(node.op.kind);
