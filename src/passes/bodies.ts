/**
 * Graph passes in the bodies of loops: what holds for a graph holds for what a loop does in each step.
 *
 * Invariant: results of one loop stay results of one loop, since equal bodies become equal bodies.
 */

import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, topological } from '../ir/graph/graph.ts';
import { isScan } from '../ir/graph/ops/scan.ts';
import { loopFamily } from './loop-family.ts';
import type { GraphPass, PassContext } from './pass.ts';
import { copyInputs } from './rewrite.ts';

/** The pass on a graph, then on the bodies of its loops, and of the loops in these. */
export const inBodies = (pass: GraphPass): GraphPass => ({
  name: pass.name,
  run: (graph, context) => through(pass.run(graph, context), pass, context),
});

/** Loops that go through the same states are one loop: the first pass of all. */
export const joinLoops: Pick<GraphPass, 'name'> & { run(graph: Graph): Graph } = {
  name: 'join loops',
  run: (graph) => (topological(graph).some(isScan) ? loopFamily().join(graph) : graph),
};

const through = (graph: Graph, pass: GraphPass, context: PassContext): Graph => {
  const order = topological(graph);
  if (!order.some(isScan)) return graph;
  const bodies = new Map<Graph, Graph>();
  const bodyOf = (body: Graph): Graph => {
    const known = bodies.get(body) ?? through(pass.run(body, context), pass, context);
    bodies.set(body, known);
    return known;
  };
  const builder = new GraphBuilder();
  const made = copyInputs(graph, builder);
  for (const node of order) {
    if (made.has(node)) continue;
    builder.origin = node.origin;
    const attrs = isScan(node) ? { ...node.attrs, body: bodyOf(node.attrs.body) } : node.attrs;
    made.set(
      node,
      builder.emit(
        node.op,
        node.inputs.map((x) => made.get(x)!),
        attrs,
      ),
    );
  }
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
    graph.assigns.map(({ target, value }) => ({
      target: made.get(target)!,
      value: made.get(value)!,
    })),
  );
};
