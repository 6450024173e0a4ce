/**
 * What was recorded, as a graph: the calls on the tape that an array depends on.
 *
 * Invariant: looking changes nothing; gradients flow afterwards as before.
 */
import { GraphBuilder } from '../ir/graph/builder.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { printGraph } from '../ir/graph/print.ts';
import { checkArray } from './call.ts';
import { inline, isScalarInput } from './callable.ts';
import { failure } from './callsite.ts';
import type { NDArray } from './ndarray.ts';
import type { Origin, Produced, TapeEntry } from './tape.ts';

/** The recorded history of an array. */
export interface History {
  readonly graph: Graph;
  /** The graph as `.tg` text. */
  text(): string;
}

/**
 * The graph that `y` was recorded as. Its inputs are the arrays with gradients (`leaf0`, …) and what else went into the
 * calls (`value0`, …). What a custom function or a checkpoint did is not in the graph: it begins at their results.
 *
 * `y` is of floats, of any shape, which the output of the graph has, too.
 *
 * @throws {GradientError} when `y` was not recorded
 *
 * @example
 * const y = autograd.record(() => x.exp().sum());
 * console.log(historyOf(y).text());
 */
export const historyOf = (y: NDArray): History => {
  checkArray('historyOf', y);
  const { origin } = y;
  if (origin?.kind !== 'produced')
    throw failure(
      'gradient',
      'historyOf: the array was not recorded',
      'compute it inside autograd.record(() => …) from arrays with attachGrad()',
    );
  const builder = new GraphBuilder();
  const nodes = new Map<Origin, Node>();
  const outputs = new Map<TapeEntry, readonly Node[]>();
  const names = { leaf: 0, value: 0, result: 0 };
  const input = (kind: keyof typeof names, type: Node['type']): Node =>
    builder.input(type, { name: `${kind}${names[kind]++}` });
  const nodeOf = (from: Origin, type: Node['type']): Node => {
    const known = nodes.get(from);
    if (known !== undefined) return known;
    const made =
      from.kind === 'produced' && from.entry.pullback.kind === 'graph'
        ? outputs.get(from.entry)![from.index]!
        : input(from.kind === 'produced' ? 'result' : 'leaf', type);
    nodes.set(from, made);
    return made;
  };
  for (const entry of entriesBefore(origin)) {
    if (entry.pullback.kind !== 'graph') continue;
    const { graph } = entry.pullback.callable;
    const operands = graph.inputs.map((x, i) => {
      const from = entry.inputs[i];
      if (from !== undefined) return nodeOf(from, x.type);
      const kept = entry.saved?.[i];
      return isScalarInput(x) && typeof kept === 'number'
        ? builder.full(kept, x.type.dtype, [])
        : input('value', x.type);
    });
    const made = inline(graph, builder, operands);
    outputs.set(
      entry,
      graph.outputs.map((x) => made.get(x)!),
    );
  }
  const graph = builder.graph('history', [nodeOf(origin, y.type)]);
  return { graph, text: () => printGraph(graph, { origins: true }) };
};

/** The calls that lead to `origin`, oldest first; not beyond those whose graph is not known. */
const entriesBefore = (origin: Produced): TapeEntry[] => {
  const seen = new Set<TapeEntry>();
  const stack = [origin.entry];
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    if (seen.has(entry)) continue;
    seen.add(entry);
    if (entry.pullback.kind !== 'graph') continue;
    for (const from of entry.inputs) if (from?.kind === 'produced') stack.push(from.entry);
  }
  return [...seen].sort((a, b) => a.id - b.id);
};
