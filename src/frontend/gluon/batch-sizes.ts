/**
 * Graphs for any batch size: a program is traced for three sizes, and what differs is a function of the size.
 *
 * Invariant: an instance for a size that was traced is the graph that was traced; where no simple function fits, there
 * are no other sizes.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import {
  type Attrs,
  type AttrValue,
  type Graph,
  isBody,
  isList,
  type Node,
  topological,
} from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';

/** A number in a graph that depends on the batch size `n`: `a + b · n`, or one divided by that. */
export interface Varying {
  /** Which node, in the order of computation (inputs left out). */
  readonly node: number;
  readonly attr: string;
  /** Which number of a list; -1: the attribute itself. */
  readonly at: number;
  readonly a: number;
  readonly b: number;
  readonly inverse: boolean;
}

/** A graph in a graph (the body of a loop, a gradient) that depends on the batch size. */
export interface VaryingBody {
  readonly node: number;
  readonly attr: string;
  readonly body: BatchSizes;
}

/** How a graph depends on the batch size. */
export interface BatchSizes {
  /** The size that the graph at hand is for. */
  readonly size: number;
  /** Inputs whose first axis it is. */
  readonly inputs: readonly number[];
  readonly varying: readonly (Varying | VaryingBody)[];
}

const computed = (graph: Graph): Node[] => topological(graph).filter((n) => n.op.name !== 'input');

type Sizes = readonly [number, number, number];

/** Constants have the digits of float32. */
const DIGITS = 1e-6;
const whole = (x: number): number => (Math.abs(x - Math.round(x)) < 1e-4 ? Math.round(x) : x);

const affine = ([n, m, k]: Sizes, [x, y, z]: Sizes): { a: number; b: number } | undefined => {
  const b = whole((z - x) / (k - n));
  const a = whole(x - b * n);
  const near = [n, m, k].every((size, i) => {
    const value = [x, y, z][i]!;
    return Math.abs(a + b * size - value) <= DIGITS * Math.abs(value);
  });
  return near ? { a, b } : undefined;
};

const fit = (
  sizes: Sizes,
  values: Sizes,
): { readonly a: number; readonly b: number; readonly inverse: boolean } | undefined => {
  const straight = affine(sizes, values);
  if (straight !== undefined) return { ...straight, inverse: false };
  const turned = affine(sizes, values.map((v) => 1 / v) as unknown as Sizes);
  return turned === undefined ? undefined : { ...turned, inverse: true };
};

/**
 * What the graphs of three batch sizes have in common, as seen from the first; undefined when they are different
 * programs.
 */
export const batchSizes = (
  sizes: Sizes,
  graphs: readonly [Graph, Graph, Graph],
): BatchSizes | undefined => {
  const [first] = graphs;
  const inputs: number[] = [];
  for (const [i, input] of first.inputs.entries()) {
    const shapes = graphs.map((g) => g.inputs[i]?.type.shape ?? []);
    if (shapes.every((s) => s.join() === input.type.shape.join())) continue;
    const rests = shapes.map((s) => s.slice(1).join());
    if (shapes.some((s, k) => s[0] !== sizes[k]) || new Set(rests).size > 1) return undefined;
    inputs.push(i);
  }
  const nodes = graphs.map(computed) as [Node[], Node[], Node[]];
  if (nodes.some((list) => list.length !== nodes[0].length)) return undefined;
  const places = graphs.map(
    (g, k) => new Map([...g.inputs, ...nodes[k]!].map((node, place) => [node, place])),
  );
  const varying: (Varying | VaryingBody)[] = [];
  for (const [i, node] of nodes[0].entries()) {
    const same = nodes.map((list) => list[i]!);
    const wiring = same.map((n, k) =>
      [n.op.name, ...n.inputs.map((x) => places[k]!.get(x))].join(),
    );
    if (new Set(wiring).size > 1) return undefined;
    for (const attr of Object.keys(node.attrs)) {
      const values = same.map((n) => n.attrs[attr]!) as [AttrValue, AttrValue, AttrValue];
      const bodies = values.filter(isBody);
      if (bodies.length === values.length) {
        const body = batchSizes(sizes, bodies as [Graph, Graph, Graph]);
        if (body === undefined) return undefined;
        if (body.inputs.length + body.varying.length > 0) varying.push({ node: i, attr, body });
        continue;
      }
      const found = differences(sizes, values);
      if (found === undefined) return undefined;
      for (const { at, ...rest } of found) varying.push({ node: i, attr, at, ...rest });
    }
  }
  return { size: sizes[0], inputs, varying };
};

const differences = (
  sizes: Sizes,
  values: readonly [AttrValue, AttrValue, AttrValue],
): Omit<Varying, 'node' | 'attr'>[] | undefined => {
  if (values.some(isBody)) return undefined;
  const lists = values.map((v) => (isList(v) ? v : [v]));
  const found: Omit<Varying, 'node' | 'attr'>[] = [];
  if (lists.some((l) => l.length !== lists[0]!.length)) return undefined;
  for (let at = 0; at < lists[0]!.length; at++) {
    const triple = lists.map((l) => l[at]!);
    if (triple.every((v) => Object.is(v, triple[0]))) continue;
    if (triple.some((v) => typeof v !== 'number')) return undefined;
    const law = fit(sizes, triple as unknown as Sizes);
    if (law === undefined) return undefined;
    found.push({ at: isList(values[0]) ? at : -1, ...law });
  }
  return found;
};

/** The graph for batches of `size`. */
export const forBatch = (graph: Graph, sizes: BatchSizes, size: number): Graph => {
  const builder = new GraphBuilder();
  const made = new Map<Node, Node>();
  graph.inputs.forEach((input, i) => {
    const { dtype, shape } = input.type;
    const type = sizes.inputs.includes(i) ? tensor(dtype, [size, ...shape.slice(1)]) : input.type;
    made.set(input, builder.input(type, input.attrs));
  });
  computed(graph).forEach((node, i) => {
    const laws = sizes.varying.filter((v) => v.node === i);
    const attrs = laws.reduce((before, law) => changed(before, law, size), node.attrs);
    const operands = node.inputs.map((x) => made.get(x)!);
    made.set(node, builder.emit(node.op, operands, attrs));
  });
  return builder.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
    graph.assigns.map((a) => ({ target: made.get(a.target)!, value: made.get(a.value)! })),
  );
};

const changed = (attrs: Attrs, law: Varying | VaryingBody, size: number): Attrs => {
  if ('body' in law)
    return { ...attrs, [law.attr]: forBatch(attrs[law.attr] as Graph, law.body, size) };
  const { attr, at, a, b, inverse } = law;
  const straight = a + b * size;
  const value = inverse ? 1 / straight : straight;
  const before = attrs[attr]!;
  return {
    ...attrs,
    [attr]: isList(before) ? before.map((v, i) => (i === at ? value : v)) : value,
  };
};
