/**
 * Loops that go through the same states are one loop, whatever else they give: a gradient asks the loop it came from for
 * what its steps computed, by a loop with more results, and no step runs twice.
 *
 * Invariant: a loop's states are what they were; results that nobody asked for are no results.
 */
import { GraphBuilder, graphKey } from '../ir/graph/builder.ts';
import { type Graph, type Node, topological } from '../ir/graph/graph.ts';
import { isScan, loopKey, type ScanNode } from '../ir/graph/ops/scan.ts';
import { copyInputs, copyNodes } from './rewrite.ts';

/** Equal for results of loops that go through the same states. */
export const courseKey = ({ inputs, attrs }: ScanNode): string => {
  const { trips, sequences, states, reverse } = attrs;
  const operands = inputs.map((x) => x.id).join();
  return `${operands}:${trips}:${sequences}:${states}:${reverse}:${courseOf(attrs.body, states)}`;
};

const courses = new WeakMap<Graph, string>();

const courseOf = (body: Graph, states: number): string => {
  const known = courses.get(body) ?? graphKey({ ...body, outputs: body.outputs.slice(0, states) });
  courses.set(body, known);
  return known;
};

/** The body of all of `members`, and which of its outputs the result of each is. */
export interface Joined {
  readonly body: Graph;
  resultOf(member: ScanNode): number;
}

/** Loops of one course as one. */
export const joinLoops = (members: readonly ScanNode[]): Joined => {
  const bodies = new Map(members.map(({ attrs }) => [graphKey(attrs.body), attrs.body]));
  const [longest, ...others] = [...bodies.values()].sort(
    (a, b) => b.outputs.length - a.outputs.length,
  );
  if (others.length === 0) return { body: longest!, resultOf: ({ attrs }) => attrs.result };
  const builder = new GraphBuilder();
  const inputs = [...copyInputs(longest!, builder).values()];
  const { states } = members[0]!.attrs;
  const outputs: Node[] = [];
  const positions = new Map<string, readonly number[]>();
  for (const body of [longest!, ...others]) {
    const made = new Map(body.inputs.map((x, i) => [x, inputs[i]!]));
    copyNodes(topological(body), builder, made);
    const own = body.outputs.map((x, r) => {
      const node = made.get(x)!;
      // a state is found by its number, even where two are the same
      const known = r < states ? r : outputs.indexOf(node, states);
      return outputs[known] === undefined ? outputs.push(node) - 1 : known;
    });
    positions.set(graphKey(body), own);
  }
  const body =
    outputs.length === longest!.outputs.length ? longest! : builder.graph(longest!.name, outputs);
  return {
    body,
    resultOf: ({ attrs }) => positions.get(graphKey(attrs.body))![attrs.result]!,
  };
};

/** The graph with one loop in the place of several of one course. */
export const withJoinedLoops = (graph: Graph): Graph => {
  let current = graph;
  // what reads results of loops that became one may be one loop then
  for (let next = joinOnce(current); next !== current; next = joinOnce(current)) current = next;
  return current;
};

const joinOnce = (graph: Graph): Graph => {
  const order = topological(graph);
  const groups = new Map<string, ScanNode[]>();
  for (const node of order.filter(isScan)) {
    const key = courseKey(node);
    groups.set(key, [...(groups.get(key) ?? []), node]);
  }
  const joined = new Map<ScanNode, Joined>();
  for (const members of groups.values()) {
    if (new Set(members.map(loopKey)).size === 1) continue;
    const one = joinLoops(members);
    for (const member of members) joined.set(member, one);
  }
  if (joined.size === 0) return graph;
  const builder = new GraphBuilder();
  const made = copyInputs(graph, builder);
  for (const node of order) {
    const loop = isScan(node) ? joined.get(node) : undefined;
    if (loop === undefined) {
      copyNodes([node], builder, made);
      continue;
    }
    const inputs = node.inputs.map((x) => made.get(x)!);
    const attrs = {
      ...(node as ScanNode).attrs,
      body: loop.body,
      result: loop.resultOf(node as ScanNode),
    };
    builder.origin = node.origin;
    made.set(node, builder.emit(node.op, inputs, attrs));
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
