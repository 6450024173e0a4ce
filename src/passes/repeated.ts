/**
 * Marks values that are computed a second time for the sake of a gradient.
 *
 * What belongs to such a value arrives in two parts: one where it was computed first, one here. That is as good as one, but
 * for gradients of their own that are not additive, which must know.
 * Invariant: marked or not, a node means the same; only what flows back through it may be refused.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Attrs, type Graph, isBody, type Node, topological } from '../ir/graph/graph.ts';
import { copyInputs } from './rewrite.ts';

/** The attributes of `node` as one that is computed again, with all that is in its body if it has one. */
export const attrsRepeated = ({ op, attrs }: Pick<Node, 'op' | 'attrs'>): Attrs => {
  const { body } = attrs;
  if (isMarked(op.name, attrs)) return { ...attrs, repeated: true };
  return isBody(body) && holdsMarked(body) ? { ...attrs, body: repeated(body) } : attrs;
};

const isMarked = (name: string, attrs: Attrs): boolean =>
  name === 'ownGradient' && attrs['additive'] === false;

const holdsMarked = (graph: Graph): boolean =>
  topological(graph).some(
    ({ op, attrs: { body, ...attrs } }) =>
      isMarked(op.name, attrs) || (isBody(body) && holdsMarked(body)),
  );

const repeated = (graph: Graph): Graph => {
  const builder = new GraphBuilder();
  const made = copyInputs(graph, builder);
  for (const node of topological(graph)) {
    if (made.has(node)) continue;
    const inputs = node.inputs.map((x) => made.get(x)!);
    made.set(node, builder.emit(node.op, inputs, attrsRepeated(node)));
  }
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
  );
};
