/**
 * Runs one graph in several ways and compares; shrinks graphs on which they disagree.
 *
 * Invariant: `interpretGraph` is what a graph means; every other way is held against it.
 */
import type { Caps } from '../../src/codegen/caps.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Attrs, Graph, Node, Values } from '../../src/ir/graph/graph.ts';
import { topological } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { verifyGraph } from '../../src/ir/graph/verify.ts';
import { interpretProgram } from '../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { externals, type Program } from '../../src/ir/program.ts';
import { bringEveryFamily } from '../../src/passes/every-family.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { exactInputs } from './random-graph.ts';

// the graphs of tests hold any op
bringEveryFamily();

/** Values of all outputs, then of all assigned inputs. */
export type Results = readonly Values[];
export type Way = (graph: Graph, inputs: readonly Values[]) => Results | Promise<Results>;

export const byMeaning = (graph: Graph, inputs: readonly Values[]): Results => {
  const { outputs, assigns } = interpretGraph(graph, inputs);
  return [...outputs, ...assigns];
};

/** Compiles for `caps`, verifies the program, and runs it on the thread interpreter. */
export const byProgram =
  (caps: Caps): Way =>
  (graph, inputs) => {
    const compiled = compileGraph(graph, caps);
    verifyProgram(compiled.program, caps);
    const memory = layOut(graph, compiled.program, inputs);
    interpretProgram(compiled.program, memory.externals, { order: 'reverse' });
    return collect(graph, compiled, memory);
  };

export interface Memory {
  /** One array for each external of the program. */
  readonly externals: Float64Array[];
  /** The array of each graph input. */
  readonly ofInput: Float64Array[];
  /** The arrays of the program's outputs. */
  readonly outputs: Float64Array[];
}

/** Arrays as a caller would pass them: views spread over their strides. */
export const layOut = (graph: Graph, program: Program, inputs: readonly Values[]): Memory => {
  const ofInput = graph.inputs.map((node, i) => {
    const strides = node.attrs['strides'] as readonly number[] | undefined;
    return strides === undefined
      ? inputs[i]!.slice()
      : spread(inputs[i]!, node.type.shape, strides);
  });
  const isScalar = (node: Node): boolean => node.attrs['role'] === 'scalar';
  const passed = [
    ...ofInput.filter((_, i) => !isScalar(graph.inputs[i]!)),
    ...ofInput.filter((_, i) => isScalar(graph.inputs[i]!)),
  ];
  const outputs = externals(program)
    .slice(passed.length)
    .map((i) => {
      const { shape } = program.buffers[i]!;
      return new Float64Array(shape.reduce((n, d) => n * d, 1)).fill(Number.NaN);
    });
  return { externals: [...passed, ...outputs], ofInput, outputs };
};

/** Results from where the compiler says they are. */
export const collect = (graph: Graph, compiled: Compiled, memory: Memory): Results => [
  ...compiled.outputs.map((source, i) =>
    source.kind === 'fresh'
      ? memory.outputs[source.position]!
      : gatherFrom(memory.ofInput[source.input]!, graph.inputs[source.input]!, graph.outputs[i]!),
  ),
  ...graph.assigns.map((a) => memory.ofInput[graph.inputs.indexOf(a.target)]!),
];

const gatherFrom = (memory: Float64Array, input: Node, output: Node): Values => {
  const strides = input.attrs['strides'] as readonly number[] | undefined;
  if (strides === undefined) return memory;
  return Float64Array.from(
    { length: output.type.size },
    (_, flat) => memory[place(flat, input.type.shape, strides)]!,
  );
};

const place = (flat: number, shape: readonly number[], strides: readonly number[]): number => {
  let rest = flat;
  let at = 0;
  for (let i = shape.length - 1; i >= 0; i--) {
    at += (rest % shape[i]!) * strides[i]!;
    rest = Math.floor(rest / shape[i]!);
  }
  return at;
};

const spread = (
  dense: Values,
  shape: readonly number[],
  strides: readonly number[],
): Float64Array => {
  const last = shape.reduce((n, d, i) => n + (d - 1) * strides[i]!, 0);
  const memory = new Float64Array(dense.length === 0 ? 0 : last + 1).fill(Number.NaN);
  dense.forEach((value, flat) => {
    memory[place(flat, shape, strides)] = value;
  });
  return memory;
};

/** Where `way` and the graph's meaning differ by more than 1e-3 of the largest magnitude (at least 1), if they do. */
export const disagreement = async (
  graph: Graph,
  way: Way,
  seed: number,
): Promise<string | undefined> => {
  const inputs = exactInputs(graph, seed);
  const expected = byMeaning(graph, inputs);
  let actual: Results;
  try {
    actual = await way(graph, inputs);
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
  const nodes = [...graph.outputs, ...graph.assigns.map((a) => a.value)];
  for (const [i, want] of expected.entries()) {
    const got = actual[i]!;
    const exact = nodes[i]!.type.dtype !== 'float32';
    const scale = want.reduce((m, v) => (Number.isFinite(v) ? Math.max(m, Math.abs(v)) : m), 1);
    const off = want.findIndex((w, j) => {
      const g = got[j]!;
      if (Object.is(w, g) || w === g) return false;
      return exact || !(Math.abs(w - g) <= 1e-3 * scale);
    });
    if (got.length !== want.length)
      return `result ${i}: ${got.length} elements, not ${want.length}`;
    if (off >= 0) return `result ${i}, element ${off}: ${got[off]}, expected ${want[off]}`;
  }
  return undefined;
};

type Fails = (graph: Graph) => Promise<boolean>;

/** Enough for all that matters; keeps a failing test from taking long. */
const MOST_TRIES = 400;

/** The smallest graph found by dropping results and cutting operands on which `fails` still holds. */
export const shrink = async (graph: Graph, fails: Fails): Promise<Graph> => {
  let best = graph;
  let tries = 0;
  for (let improved = true; improved; ) {
    improved = false;
    for (const candidate of smaller(best)) {
      if (tries++ > MOST_TRIES) return best;
      if (!(await stillFails(candidate, fails))) continue;
      best = candidate;
      improved = true;
      break;
    }
  }
  return best;
};

const stillFails = async (graph: Graph, fails: Fails): Promise<boolean> => {
  try {
    verifyGraph(graph);
  } catch {
    return false;
  }
  return fails(graph);
};

function* smaller(graph: Graph): Generator<Graph> {
  const results = graph.outputs.length + graph.assigns.length;
  if (results > 1) {
    for (const output of graph.outputs) yield { ...graph, outputs: [output], assigns: [] };
    for (const assign of graph.assigns) yield { ...graph, outputs: [], assigns: [assign] };
    for (const drop of graph.outputs)
      yield { ...graph, outputs: graph.outputs.filter((o) => o !== drop) };
  }
  const nodes = topological(graph).filter((n) => n.op.name !== 'input');
  if (graph.inputs.some((x) => !topological(graph).includes(x))) yield replace(graph);
  // A node becomes an input: what computed it goes. Late nodes first: that drops most.
  for (const node of nodes.toReversed())
    if (node.inputs.length > 0 && !graph.outputs.includes(node))
      yield replace(graph, node, 'input');
  for (const node of nodes.toReversed())
    for (const operand of node.inputs)
      if (operand.type === node.type) yield replace(graph, node, operand);
}

/** The graph with `node`, if any, replaced by a fresh input or by another node; inputs that nothing uses go. */
const replace = (graph: Graph, node?: Node, by: Node | 'input' = 'input'): Graph => {
  const builder = new GraphBuilder();
  const order = topological(graph);
  const made = new Map<Node, Node>();
  const reached = new Set<Node>();
  const mark = (n: Node): void => {
    if (reached.has(n)) return;
    reached.add(n);
    if (n !== node) for (const x of n.inputs) mark(x);
    else if (by !== 'input') mark(by);
  };
  for (const n of [...graph.outputs, ...graph.assigns.flatMap((a) => [a.value, a.target])]) mark(n);
  const inputOf = (n: Node): Node => {
    const { name, role, strides } = n.attrs as Attrs & {
      name: string;
      role: 'input';
      strides?: number[];
    };
    return builder.input(n.type, { name, role, ...(strides === undefined ? {} : { strides }) });
  };
  for (const n of graph.inputs) if (reached.has(n)) made.set(n, inputOf(n));
  for (const n of order) {
    if (made.has(n) || !reached.has(n)) continue;
    if (n === node)
      made.set(n, by === 'input' ? builder.input(n.type, { name: 'cut' }) : made.get(by)!);
    else
      made.set(
        n,
        builder.emit(
          n.op,
          n.inputs.map((x) => made.get(x)!),
          n.attrs,
        ),
      );
  }
  return builder.graph(
    graph.name,
    graph.outputs.map((n) => made.get(n)!),
    graph.assigns.map((a) => ({ target: made.get(a.target)!, value: made.get(a.value)! })),
  );
};

/** Rejects with the shrunk graph as text when `way` disagrees with the meaning of the graph. */
export const checkWay = async (
  graph: Graph,
  way: Way,
  name: string,
  seed: number,
): Promise<void> => {
  const found = await disagreement(graph, way, seed);
  if (found === undefined) return;
  const small = await shrink(graph, async (g) => (await disagreement(g, way, seed)) !== undefined);
  // what fails now and then may not do so any more
  const left = (await disagreement(small, way, seed)) ?? `${found} (of the whole graph)`;
  throw new Error(`seed ${seed}, ${name}: ${left}\n\n${printGraph(small)}`);
};
