/**
 * Drops what no one can observe.
 *
 * Invariant: inputs stay, used or not: they are the signature. Nodes that nothing reaches are not part of a graph at
 * all, so what is left to drop are assignments that change nothing or are overwritten by a later one.
 */
import type { Graph } from '../ir/graph/graph.ts';
import type { GraphPass } from './pass.ts';

export const removeDeadAssigns: GraphPass = {
  name: 'dce',
  run: (graph): Graph => {
    const { assigns } = graph;
    const last = new Map(assigns.map((a) => [a.target, a]));
    const kept = assigns.filter((a) => last.get(a.target) === a && a.value !== a.target);
    return kept.length === assigns.length ? graph : { ...graph, assigns: kept };
  },
};
