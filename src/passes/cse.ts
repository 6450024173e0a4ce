/**
 * Gives equal computations one node.
 *
 * Invariant: builders intern what they make, so making the graph again is all it takes; only inputs are never merged.
 * Random draws are no exception: they differ by their counter, which is an operand.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { GraphPass } from './pass.ts';
import { rebuild } from './rewrite.ts';

export const shareCommonNodes: GraphPass = {
  name: 'cse',
  run: (graph) => rebuild(graph, new GraphBuilder()),
};
