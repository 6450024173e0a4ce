/**
 * Splits a graph and its gradient in two, saving between them what is cheapest: what to keep and what to compute again
 * is a minimum cut (Zheng et al., "min-cut rematerialization", as in PyTorch's AOTAutograd).
 *
 * Invariant: running `forward`, then `backward` on what it saved, gives the gradients of the whole; backward never
 * reads an input that forward overwrites.
 */
import { isFloat } from '../ir/dtype.ts';
import { TigonError } from '../ir/errors.ts';
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, isList, type Node, reachable, rootsOf } from '../ir/graph/graph.ts';
import { showType } from '../ir/type.ts';
import { gradients } from './autodiff.ts';
import { inBodies, joinLoops } from './bodies.ts';
import { canonicalTables } from './canonicalize.ts';
import { createNetwork } from './flow.ts';
import type { GraphPass } from './pass.ts';
import { type Holding, recomputeCost, saveCost, storedBy, UNAFFORDABLE } from './recompute-cost.ts';
import { copyInputs, copyNodes, RewritingBuilder, rebuild } from './rewrite.ts';

/** Where the caller finds a saved value: among the inputs or among the outputs of the forward graph. */
export type SavedSource =
  | { readonly kind: 'input'; readonly index: number }
  | { readonly kind: 'output'; readonly index: number };

export interface Partition {
  /** The graph given, with extra saved values after its own outputs. */
  readonly forward: Graph;
  /** What the first inputs of `backward` are, in order. */
  readonly saved: readonly SavedSource[];
  /** Inputs: the saved values, then the gradient of each output in `seeds`. Outputs: see `results`. */
  readonly backward: Graph;
  /** Outputs of the graph given through which gradients flow, in the order of their gradient inputs. */
  readonly seeds: readonly number[];
  /** For each input of the graph given, the position of its gradient among backward's outputs; `null`: it has none. */
  readonly results: readonly (number | null)[];
}

export interface PartitionOptions {
  /** May forward return values that its caller did not ask for? Default true; false for small eager fragments. */
  readonly extras?: boolean;
  /** What is done to forward and backward while they are one graph. */
  readonly passes?: readonly GraphPass[];
}

/**
 * Forward and backward of `graph` as two graphs. `wanted[i]`: the gradient of input `i` is asked for.
 * @throws GradientError when a gradient is asked for through an op that has none.
 */
export const partition = (
  graph: Graph,
  wanted: readonly boolean[],
  { extras = true, passes = [] }: PartitionOptions = {},
): Partition => {
  const joint = canonical(differentiate(graph, wanted), passes);
  const saved = chooseSaved(joint, extras);
  return split(joint, saved);
};

/** {@link partition} for a gradient that was derived elsewhere, such as on the tape of a trace. */
export const partitionJoint = (joint: Joint, passes: readonly GraphPass[] = []): Partition => {
  const whole = canonical(joint, passes);
  return split(whole, chooseSaved(whole, true));
};

/** Forward and backward in one graph, and which part is which. */
export interface Joint {
  readonly name: string;
  readonly inputs: readonly Node[];
  readonly outputs: readonly Node[];
  readonly assigns: Graph['assigns'];
  readonly dys: readonly Node[];
  readonly gradients: readonly Node[];
  readonly seeds: readonly number[];
  readonly results: readonly (number | null)[];
}

const differentiate = (graph: Graph, wanted: readonly boolean[]): Joint => {
  const builder = new GraphBuilder();
  const made = copyInputs(graph, builder);
  copyNodes(reachable(rootsOf(graph)), builder, made);
  const outputs = graph.outputs.map((x) => made.get(x)!);
  const wrt = graph.inputs.filter((_, i) => wanted[i]).map((x) => made.get(x)!);
  const candidates = differentiable(outputs, wrt);
  const dys = candidates.map((i) => builder.input(outputs[i]!.type, { name: `dy${i}` }));
  const found = gradients(
    builder,
    candidates.map((i) => outputs[i]!),
    dys,
    wrt,
  );
  const present = found.filter((x) => x !== null);
  let next = 0;
  const positions = found.map((x) => (x === null ? null : next++));
  const results = graph.inputs.map((x) => positions[wrt.indexOf(made.get(x)!)] ?? null);
  return {
    name: graph.name,
    inputs: builder.inputs.slice(0, graph.inputs.length),
    outputs,
    assigns: graph.assigns.map((a) => ({ target: made.get(a.target)!, value: made.get(a.value)! })),
    dys,
    gradients: present,
    seeds: candidates,
    results,
  };
};

const canonical = (joint: Joint, passes: readonly GraphPass[]): Joint => {
  const count = joint.inputs.length;
  // What has a gradient of its own is the value alone from here on.
  const rebuilt = rebuild(
    joinLoops.run({
      name: joint.name,
      inputs: [...joint.inputs, ...joint.dys],
      outputs: [...joint.outputs, ...joint.gradients],
      assigns: joint.assigns,
    }),
    new RewritingBuilder({ ownGradient: ({ inputs }) => inputs[0] }, ...canonicalTables),
  );
  const whole = passes.reduce((g, pass) => inBodies(pass).run(g, { note: () => {} }), rebuilt);
  return {
    ...joint,
    inputs: whole.inputs.slice(0, count),
    outputs: whole.outputs.slice(0, joint.outputs.length),
    assigns: whole.assigns,
    dys: whole.inputs.slice(count),
    gradients: whole.outputs.slice(joint.outputs.length),
  };
};

/** Outputs that depend on one of `wrt` through floats. */
const differentiable = (outputs: readonly Node[], wrt: readonly Node[]): number[] => {
  const needed = new Set(wrt);
  for (const node of reachable(outputs))
    if (node.inputs.some((x) => needed.has(x)) && isFloatNode(node)) needed.add(node);
  return outputs.flatMap((x, i) => (needed.has(x) && isFloatNode(x) ? [i] : []));
};

const isFloatNode = (node: Node): boolean => isFloat(node.type.dtype);

/** The values that backward starts from, cheapest in all. */
const chooseSaved = (joint: Joint, extras: boolean): Node[] => {
  const nodes = reachable(joint.gradients);
  // What is to be computed again is computed by backward.
  const late = new Set<Node>(joint.dys);
  for (const node of nodes)
    if (node.op.name === 'again' || node.inputs.some((x) => late.has(x))) late.add(node);
  // What does not depend on the gradients that arrive could be computed by either graph.
  const early = nodes.filter((node) => !late.has(node) && !isFree(node));
  const number = new Map(early.map((node, i) => [node, i]));
  const holding = holdingOf(joint, extras);
  const stored = storedBy(joint);
  const [source, sink] = [2 * early.length, 2 * early.length + 1];
  const network = createNetwork(2 * early.length + 2);
  const needed = new Set(joint.gradients.filter((x) => number.has(x)));
  for (const node of late) for (const x of node.inputs) if (number.has(x)) needed.add(x);
  early.forEach((node, i) => {
    network.addEdge(2 * i, 2 * i + 1, saveCost(node, holding(node), stored.has(node)));
    const again = node.op.name === 'input' ? UNAFFORDABLE : recomputeCost(node);
    if (again > 0) network.addEdge(source, 2 * i, again);
    for (const x of new Set(node.inputs)) {
      const from = number.get(x);
      if (from !== undefined) network.addEdge(2 * from + 1, 2 * i, UNAFFORDABLE);
    }
    if (needed.has(node)) network.addEdge(2 * i + 1, sink, UNAFFORDABLE);
  });
  const before = network.minCut(source, sink);
  return early.filter((_, i) => before[2 * i] && !before[2 * i + 1]);
};

/** Constants cost nothing to make again. */
const isFree = (node: Node): boolean => node.op.kind === 'leaf' && node.op.name !== 'input';

const overwrittenError = (node: Node): TigonError =>
  new TigonError(
    'gradient',
    `backward needs the old value of ${String(node.attrs['name'] ?? node.op.name)} (${showType(node.type)}), which the forward run overwrites`,
    'use detach() on it before it takes part in what is differentiated, or update it after backward',
    node.origin,
  );

/** Who keeps a value between forward and backward if it is saved. */
const holdingOf = (joint: Joint, extras: boolean): ((node: Node) => Holding) => {
  const outputs = new Set(joint.outputs);
  const overwritten = new Set(joint.assigns.map((a) => a.target));
  return (node) => {
    if (overwritten.has(node)) return 'overwritten';
    if (node.op.name === 'input') return 'input';
    if (outputs.has(node)) return 'output';
    return extras ? 'extra' : 'nobody';
  };
};

const split = (joint: Joint, saved: readonly Node[]): Partition => {
  const late = reachableFrom(joint.gradients, new Set([...saved, ...joint.dys]));
  const overwritten = new Set(joint.assigns.map((a) => a.target));
  for (const node of [...saved, ...late]) if (overwritten.has(node)) throw overwrittenError(node);
  const outputs = joint.outputs.slice();
  const sources = saved.map((node): SavedSource => {
    const input = joint.inputs.indexOf(node);
    if (input >= 0) return { kind: 'input', index: input };
    const output = outputs.indexOf(node);
    return { kind: 'output', index: output >= 0 ? output : outputs.push(node) - 1 };
  });
  const builder = new GraphBuilder();
  const made = new Map<Node, Node>();
  saved.forEach((node, i) => {
    const { name, strides, role } = node.attrs;
    const isInput = node.op.name === 'input';
    made.set(
      node,
      builder.input(node.type, {
        name: isInput ? String(name) : `saved${i}`,
        role: isInput && role === 'scalar' ? 'scalar' : 'input',
        ...(isInput && isList(strides) ? { strides } : {}),
      }),
    );
  });
  for (const dy of joint.dys)
    made.set(dy, builder.input(dy.type, { name: String(dy.attrs['name']) }));
  copyNodes(late, builder, made);
  return {
    forward: { name: joint.name, inputs: joint.inputs, outputs, assigns: joint.assigns },
    saved: sources,
    backward: builder.graph(
      `${joint.name}.backward`,
      joint.gradients.map((x) => made.get(x)!),
    ),
    seeds: joint.seeds,
    results: joint.results,
  };
};

/** What `roots` depend on, short of the nodes in `known`; operands first. */
const reachableFrom = (roots: readonly Node[], known: ReadonlySet<Node>): Node[] => {
  const needed = new Set<Node>();
  const stack = roots.slice();
  for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
    if (needed.has(node) || known.has(node)) continue;
    needed.add(node);
    stack.push(...node.inputs);
  }
  return reachable(roots).filter((node) => needed.has(node));
};
