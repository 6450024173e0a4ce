/**
 * Gradients of a graph as a graph: what generated tests and the table of what is covered take apart again.
 *
 * Invariant: inputs stay the first inputs, in their order; weights of the results follow.
 */
import { isFloat } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { gradients } from '../../src/passes/autodiff.ts';
import { copyInto } from '../../src/passes/rewrite.ts';
import type { OpCase } from '../ir/graph/cases.ts';

/** The gradient of a weighted sum of the results, as a graph of inputs and weights; undefined where it is zero. */
export const gradientGraph = (graph: Graph, wanted: readonly number[]): Graph | undefined => {
  const builder = new GraphBuilder();
  const became = copyInto(graph, builder);
  const outputs = graph.outputs.map((y) => became.get(y)!);
  const dys = outputs.map((y, i) => builder.input(y.type, { name: `dy${i}` }));
  const found = gradients(
    builder,
    outputs,
    dys,
    wanted.map((i) => builder.inputs[i]!),
  );
  const results = found.filter((g): g is Node => g !== null);
  return results.length === 0 ? undefined : builder.graph(`${graph.name}'`, results);
};

/** The inputs that an example has gradients for. */
export const differentiable = ({ example, node }: OpCase): number[] =>
  example.gradient === false || !isFloat(node.type.dtype)
    ? []
    : example.inputs.flatMap((t, i) => (isFloat(t.dtype) ? [i] : []));
