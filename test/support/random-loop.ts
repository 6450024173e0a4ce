/**
 * Random graphs with loops: a random graph becomes the body of one, and that perhaps the body of another.
 *
 * Invariant: depends on the seed alone. The state is scaled down in each step and no op with a jump sees it, so the graph
 * stays as well conditioned as its body.
 */
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../src/ir/graph/graph.ts';
import { reachable } from '../../src/ir/graph/graph.ts';
import { makeScan } from '../../src/ir/graph/ops/scan.ts';
import { tensor } from '../../src/ir/type.ts';
import { copyNodes } from '../../src/passes/rewrite.ts';
import { random } from './random.ts';
import { randomGraph } from './random-graph.ts';

/** `graph` in a loop over its first input, or undefined where it is no body for one. */
const inLoop = (graph: Graph, seed: number): Graph | undefined => {
  const rng = random(seed);
  const plain = graph.inputs.every(
    (x) => x.attrs['strides'] === undefined && x.attrs['role'] !== 'scalar',
  );
  const feed = graph.outputs.find((y) => y.type.dtype === 'float32' && y.type.size > 0);
  const [first] = graph.inputs;
  if (!plain || graph.assigns.length > 0 || feed === undefined || first === undefined)
    return undefined;
  const trips = rng.int(1, 5);
  const b = new GraphBuilder();
  const made = new Map<Node, Node>();
  for (const x of graph.inputs) made.set(x, b.input(x.type, { name: String(x.attrs['name']) }));
  const state = b.input(feed.type, { name: 'state' });
  copyNodes(reachable(graph.outputs), b, made);
  const y = made.get(feed)!;
  const next = b.op('add', b.op('mul', state, b.lit(0.5, state)), b.op('mul', y, b.lit(0.25, y)));
  const inner = b.inputs.slice(0, -1);
  const body: Graph = {
    name: 'body',
    inputs: [inner[0]!, state, ...inner.slice(1)],
    outputs: [next, ...graph.outputs.map((x) => made.get(x)!)],
    assigns: [],
  };
  const outer = new GraphBuilder();
  const { dtype, shape } = first.type;
  const sequence = outer.input(tensor(dtype, [trips, ...shape]), { name: 'sequence' });
  const captures = graph.inputs.slice(1).map((x, i) => outer.input(x.type, { name: `c${i}` }));
  const results = makeScan(outer, {
    body,
    trips,
    reverse: rng.chance(0.5),
    sequences: [sequence],
    states: [rng.chance(0.5) ? outer.lit(0.5, feed) : outer.input(feed.type, { name: 'start' })],
    captures,
  });
  const some = graph.outputs.map((_, k) => results.output(k)).filter(() => rng.chance(0.7));
  const last = results.final(0);
  const whole = rng.chance(0.3) ? [results.stack(0)] : [];
  return outer.graph(`loop${seed}`, [...new Set([last, ...whole, ...some])]);
};

/** A graph with a loop in it, of one or two levels; undefined for seeds that give none. */
export const randomLoop = (seed: number): Graph | undefined => {
  const once = inLoop(randomGraph(seed), seed);
  return once !== undefined && seed % 3 === 0 ? (inLoop(once, seed + 1) ?? once) : once;
};
