/**
 * Callables: an L1 graph together with the programs it was compiled to, one per combination of operand layouts.
 *
 * Invariant: a callable's graph has no strides and no device; what it means does not depend on who compiled it. Inputs
 * of role `scalar` are bound to numbers, all others to arrays.
 */
import { keeper } from '#kept';
import { GraphBuilder } from '../ir/graph/builder.ts';
import { type Graph, type Node, topological } from '../ir/graph/graph.ts';
import { remember } from '../ir/remember.ts';
import type { TensorType } from '../ir/type.ts';
import type { Compiled } from '../passes/pipeline.ts';
import { PLAIN, type Recipe } from '../passes/recipe.ts';
import type { Device, Executable, Storage } from '../runtime/device.ts';
import { count, fillingOf, type Work, workOf } from './activity.ts';
import { failure, located } from './callsite.ts';
import type { Backward } from './differentiate.ts';
import { fresh as compileFresh, type Ready } from './kept/fresh.ts';
import { denseLayout, type Layout } from './layout.ts';
import { filled } from './nd/filled.ts';
import { allocated, letGo, NDArray, type Operand, storageOf } from './ndarray.ts';

export interface Callable {
  readonly name: string;
  readonly graph: Graph;
  /** Compiled forms by operand layouts. */
  readonly loaded: Map<string, Loaded>;
  /** Backward graphs by what is wanted and given; see differentiate.ts. */
  readonly backwards: Map<string, Backward>;
  /** Replaces the generic derivation (programs that were split when they were traced). */
  readonly differentiate: (() => Backward) | undefined;
  /** How its programs are compiled. */
  readonly recipe: Recipe;
  /** Like `differentiate`, from inputs alone: what can be differentiated again. */
  readonly exact: (() => Backward) | undefined;
}

export const callableOf = (
  graph: Graph,
  split?: { readonly differentiate: () => Backward; readonly exact: () => Backward },
  recipe: Recipe = PLAIN,
): Callable => ({
  name: graph.name,
  graph,
  loaded: new Map(),
  backwards: new Map(),
  differentiate: split?.differentiate,
  exact: split?.exact,
  recipe,
});

export const isScalarInput = (node: Node): boolean => node.attrs['role'] === 'scalar';

/** A callable made ready on one device for one combination of layouts. */
export interface Loaded {
  readonly callable: Callable;
  readonly device: Device;
  readonly compiled: Compiled;
  readonly executable: Executable;
  /** Layout of each fresh output of the program. */
  readonly fresh: readonly Layout[];
  /** Layout of each output of the graph: several may be one fresh output, seen differently. */
  readonly layouts: readonly Layout[];
  /** For each output: position among the fresh ones, or -1 - (index of the operand that it is). */
  readonly sources: readonly number[];
  /** True when outputs are the fresh buffers, one to one, and nothing is assigned. */
  readonly plain: boolean;
  /** Indices of operands that the program overwrites. */
  readonly states: readonly number[];
  readonly label: string;
  readonly work: Work;
  /** What a call adds that finds nothing kept, or other weights. */
  readonly filling: Work;
}

/** Copies the nodes of `graph` into `builder` with its inputs replaced; returns what each node became. */
export const inline = (
  graph: Graph,
  builder: GraphBuilder,
  inputs: readonly Node[],
): Map<Node, Node> => {
  const became = new Map<Node, Node>();
  graph.inputs.forEach((node, i) => {
    became.set(node, inputs[i]!);
  });
  for (const node of topological(graph)) {
    if (became.has(node)) continue;
    const operands = node.inputs.map((x) => became.get(x)!);
    became.set(node, builder.remake(node, operands));
  }
  return became;
};

/** The graph with the strides that its operands really have. */
const withStrides = (graph: Graph, layouts: readonly Layout[]): Graph => {
  if (layouts.every((l) => l.strides === undefined)) return graph;
  const builder = new GraphBuilder();
  const inputs = graph.inputs.map((node, i) =>
    builder.input(node.type, {
      name: String(node.attrs['name']),
      role: isScalarInput(node) ? 'scalar' : 'input',
      ...(layouts[i]!.strides === undefined ? {} : { strides: layouts[i]!.strides }),
    }),
  );
  const became = inline(graph, builder, inputs);
  return builder.graph(
    graph.name,
    graph.outputs.map((n) => became.get(n)!),
    graph.assigns.map((a) => ({ target: became.get(a.target)!, value: became.get(a.value)! })),
  );
};

/** Compiles `callable` for these operand layouts, or finds it compiled. */
export const loadedFor = (
  callable: Callable,
  device: Device,
  layouts: readonly Layout[],
): Loaded => {
  let key = '';
  for (const layout of layouts) key += `${layout.id},`;
  let loaded = callable.loaded.get(key);
  if (loaded === undefined) {
    loaded = load(callable, device, layouts);
    callable.loaded.set(key, loaded);
  }
  return loaded;
};

const load = (callable: Callable, device: Device, layouts: readonly Layout[]): Loaded => {
  const odd = layouts.findIndex((l) => l.device !== device);
  if (odd >= 0)
    throw failure(
      'device',
      `${callable.name}: operands live on ${device.name} and ${layouts[odd]!.device.name}`,
      'make all operands on one device',
    );
  const graph = withStrides(callable.graph, layouts);
  const { compiled, executable } = readyFor(callable, graph, device);
  const fresh: Layout[] = [];
  const results = graph.outputs.map((node) => denseLayout(device, node.type));
  const sources = compiled.outputs.map((source, i) => {
    if (source.kind === 'input') return -1 - source.input;
    fresh[source.position] ??= results[i]!;
    return source.position;
  });
  const states = graph.assigns.map((a) => graph.inputs.indexOf(a.target));
  return {
    callable,
    device,
    compiled,
    executable,
    fresh,
    layouts: results,
    sources,
    states,
    plain: states.length === 0 && sources.every((s, i) => s === i),
    label: callable.name,
    work: workOf(compiled.program),
    filling: fillingOf(compiled.program),
  };
};

/** What a device refuses, it refuses at the user's line. */
const readyFor = ({ name, recipe }: Callable, graph: Graph, device: Device): Ready => {
  try {
    return keeper()?.ready(graph, device, recipe) ?? compileFresh(graph, device, recipe);
  } catch (error) {
    throw located(error, `${name}()`);
  }
};

/** Runs a loaded callable on concrete operands. */
export const run = (loaded: Loaded, given: readonly Operand[]): NDArray[] => {
  const { states, fresh, sources, label, device, executable } = loaded;
  let operands = given;
  for (let i = 0; i < states.length; i++) {
    const state = given[states[i]!] as NDArray;
    ownState(state, label);
    // Whoever else gets the same array reads its old value.
    if (given.indexOf(state) !== given.lastIndexOf(state))
      operands = operands.map((x, j) => (x === state && j !== states[i] ? copyOf(state) : x));
  }
  const buffers: Storage[] = [];
  const offsets: number[] = [];
  const scalars: number[] = [];
  for (let i = 0; i < operands.length; i++) {
    const x = operands[i]!;
    if (typeof x === 'number') scalars.push(x);
    else {
      buffers.push(x.storage ?? storageOf(x, label));
      offsets.push(x.offset);
    }
  }
  const made: NDArray[] = [];
  for (let i = 0; i < fresh.length; i++) {
    const layout = fresh[i]!;
    const x = allocated(layout, label);
    made.push(x);
    buffers.push(x.storage!);
    offsets.push(0);
  }
  const { fills } = executable;
  executable.run(buffers, offsets, scalars);
  count(loaded.work);
  if (executable.fills !== fills) count(loaded.filling);
  if (loaded.plain) return made;
  return sources.map((source, i) => {
    const layout = loaded.layouts[i]!;
    const x = source < 0 ? operands[-1 - source]! : made[source]!;
    if (typeof x === 'number') return filled(layout.type, x, device);
    // The first result to use a fresh buffer is its handle; others look at the same memory.
    if (source >= 0 && sources.indexOf(source) === i) return x;
    x.storage!.holders++;
    return new NDArray(layout, x.storage, x.offset, undefined);
  });
};

/** Before a state is overwritten: if anyone else may read its memory, the handle moves to a copy. */
const ownState = (x: NDArray, label: string): void => {
  const storage = storageOf(x, label);
  if (storage.holders <= 1 && x.layout.strides === undefined) return;
  const copy = copyOf(x);
  x.layout = copy.layout;
  x.storage = copy.storage;
  x.offset = 0;
  letGo(storage);
};

const copiers = new WeakMap<TensorType, Callable>();

/** A row-major copy of `x` in fresh memory. */
export const copyOf = (x: NDArray): NDArray => {
  const { device, type } = x.layout;
  const copier = remember(copiers, type, () => {
    const builder = new GraphBuilder();
    const from = builder.input(type, { name: 'from' });
    const to = builder.input(type, { name: 'to' });
    return callableOf(builder.graph('copy', [], [{ target: to, value: from }]));
  });
  const layout = denseLayout(device, type);
  const copy = allocated(layout, 'copy');
  run(loadedFor(copier, device, [x.layout, layout]), [x, copy]);
  return copy;
};

/** `x` itself when it is row-major, else a copy that is. */
export const contiguous = (x: NDArray): NDArray => (x.layout.strides === undefined ? x : copyOf(x));
