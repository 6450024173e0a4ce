/**
 * Whether a graph of a sum is the sum of the graphs of its parts: whether what flows back may be computed in pieces.
 *
 * Invariant: never true of a graph that is not so; of what is not known here (loops, functions of arrays that are given
 * no name below) it is false.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, type Node, topological } from '../ir/graph/graph.ts';
import { remember } from '../ir/remember.ts';

/** What a value is of an input: no function of it, additive in it, or another function. */
type Relation = 'none' | 'additive' | 'other';

/** Whether all outputs of a graph are additive in one of its inputs (or no functions of it, but zero). */
export const isAdditive = (graph: Graph, input: Node): boolean => {
  const known = new Map<Node, Relation>(
    graph.inputs.map((x) => [x, x === input ? 'additive' : 'none']),
  );
  const builder = new GraphBuilder();
  const of = (node: Node): Relation =>
    remember(known, node, () =>
      relationOf(node, node.inputs.map(of), () =>
        of(node.op.decompose!(builder, node.inputs, node.attrs)),
      ),
    );
  // in order, so that deep graphs need no deep calls
  for (const node of topological(graph)) of(node);
  return graph.outputs.every((y) => of(y) === 'additive' || isZero(y));
};

const isZero = ({ op, attrs }: Node): boolean => op.name === 'full' && attrs['value'] === 0;

/** Additive in the first operand, whatever the others are that are no functions of the input. */
const BY_FIRST: ReadonlySet<string> = new Set([
  ...['neg', 'div', 'sum', 'windowSum', 'cumsum', 'take', 'takeAlong', 'arrange', 'poolSelect'],
  ...['takeGrad', 'takeAlongGrad', 'poolScatter', 'reshape', 'transpose', 'broadcast', 'slice'],
  ...['stopGradient', 'again'],
]);
/** Additive in either operand. */
const BY_EITHER: ReadonlySet<string> = new Set([
  ...['mul', 'dot', 'conv', 'convGradInput', 'convGradWeight'],
]);

const relationOf = (
  node: Node,
  operands: readonly Relation[],
  decomposed: () => Relation,
): Relation => {
  const { op, inputs, attrs, type } = node;
  if (!operands.includes('additive')) return operands.includes('other') ? 'other' : 'none';
  const rest = operands.slice(1);
  const sums = (from: number): boolean =>
    inputs.every((x, i) => i < from || operands[i] === 'additive' || isZero(x));
  const holds = ((): boolean => {
    if (BY_FIRST.has(op.name)) return rest.every((r) => r === 'none');
    if (BY_EITHER.has(op.name)) return operands.filter((r) => r !== 'none').length === 1;
    switch (op.name) {
      case 'add':
      case 'sub':
      case 'concat':
        return sums(0);
      case 'select':
        return operands[0] === 'none' && sums(1);
      case 'pad':
        return attrs['value'] === 0;
      case 'cast':
        return type.dtype === 'float32' || type.dtype === 'float64';
      case 'recurrence':
        return operands[0] === 'none';
      // compiled, it is its value
      case 'ownGradient':
        return operands[0] === 'additive';
      default:
        return op.decompose !== undefined && decomposed() === 'additive';
    }
  })();
  return holds ? 'additive' : 'other';
};
