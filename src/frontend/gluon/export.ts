/**
 * Nets to files: what a block computes as `.tg` text, its parameters as safetensors.
 *
 * Invariant: the text says all that is needed to run it: inputs are called by what they are (`data0`, the path of a
 * parameter, `random.seed`), and its first line holds, as JSON in a comment, how arguments and results are nested.
 */
import { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Graph, InputRole } from '../../ir/graph/graph.ts';
import { printGraph } from '../../ir/graph/print.ts';
import { tensor } from '../../ir/type.ts';
import { inline } from '../callable.ts';
import { failure } from '../callsite.ts';
import { writeFile } from '../io/files.ts';
import { type TensorBytes, writeSafetensors } from '../io/safetensors.ts';
import { withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { type Plan, trace } from '../plan.ts';
import { tracedDraws } from '../random/state.ts';
import { filledIn, Slot, slotted } from '../slots.ts';
import { type BatchSizes, batchSizes } from './batch-sizes.ts';
import type { HybridBlock } from './block.ts';
import { valuesIn, valuesOf } from './save.ts';

/** Names of the inputs that random numbers come from. */
export const RANDOM = ['random.low', 'random.high', 'random.draw'] as const;

/** The first line of a program. */
export interface Header {
  readonly tigon: 1;
  readonly name: string;
  readonly training: boolean;
  /** Nested, with `{ $: i }` for array `i`. */
  readonly arguments: readonly unknown[];
  readonly results: unknown;
  /** Random draws of each run. */
  readonly draws: number;
  /** Parameters that have no gradients, and those that are not trained, by name. */
  readonly state: readonly string[];
  readonly frozen: readonly string[];
  readonly batch: BatchSizes | undefined;
}

interface Program {
  readonly header: Header;
  readonly graph: Graph;
  /** Arrays that are no parameters, by the names they got. */
  readonly constants: ReadonlyMap<string, NDArray>;
}

export const exportBlock = async (
  block: HybridBlock,
  path: string,
  args: readonly unknown[],
): Promise<string[]> => {
  if (typeof path !== 'string' || path === '')
    throw failure('value', `export: the path is ${shown(path)}`, 'pass a text, without extension');
  const arrays: NDArray[] = [];
  slotted(args, arrays);
  if (arrays.length === 0)
    throw failure(
      'value',
      'export: there are no arrays to trace the net with',
      'pass arguments of a call: net.export(path, x)',
    );
  const predict = programOf(block, args, false);
  const train = programOf(block, args, true);
  const texts = [textOf(predict), textOf(train)] as const;
  const body = (text: string): string => text.slice(text.indexOf('\n'));
  const differs = body(texts[0]) !== body(texts[1]);
  const tensors: [string, TensorBytes][] = [];
  for (const [name, parameter] of block.collectParams())
    tensors.push([name, await valuesOf(parameter)]);
  for (const [name, x] of new Map([...predict.constants, ...train.constants]))
    tensors.push([name, await valuesIn(x)]);
  const files = [`${path}.tg`, `${path}.safetensors`];
  const encoder = new TextEncoder();
  await writeFile(files[0]!, [encoder.encode(texts[0])]);
  if (differs) {
    files.push(`${path}.train.tg`);
    await writeFile(files[2]!, [encoder.encode(texts[1])]);
  }
  await writeSafetensors(files[1]!, tensors);
  return files;
};

const textOf = ({ header, graph }: Program): string =>
  `// ${JSON.stringify(header)}\n${printGraph(graph)}`;

const programOf = (block: HybridBlock, args: readonly unknown[], training: boolean): Program => {
  const first = traceOf(block, args, training);
  const size = batchOf(args);
  const others = size === undefined ? [] : [size + 1, size + 3];
  const graphs = others.flatMap((n) => graphFor(block, resized(args, size!, n), training) ?? []);
  const batch =
    size === undefined || graphs.length < others.length
      ? undefined
      : batchSizes([size, size + 1, size + 3], [first.graph, graphs[0]!, graphs[1]!]);
  return { ...first, header: { ...first.header, batch } };
};

/** The graph for arguments of other sizes than the net was called with, or undefined where it takes no others. */
const graphFor = (
  block: HybridBlock,
  args: readonly unknown[],
  training: boolean,
): Graph | undefined => {
  try {
    return traceOf(block, args, training).graph;
  } catch {
    return undefined;
  }
};

/** The length of the first axis of all array arguments, if they have one in common. */
const batchOf = (args: readonly unknown[]): number | undefined => {
  const arrays: NDArray[] = [];
  slotted(args, arrays);
  const sizes = new Set(arrays.map((x) => x.shape[0]));
  return sizes.size === 1 ? arrays[0]!.shape[0] : undefined;
};

const resized = (args: readonly unknown[], from: number, to: number): readonly unknown[] => {
  const arrays: NDArray[] = [];
  const structure = slotted(args, arrays);
  const others = arrays.map(({ dtype, shape, device }) =>
    filled(tensor(dtype, [shape[0] === from ? to : shape[0]!, ...shape.slice(1)]), 0, device),
  );
  return filledIn(structure, others) as readonly unknown[];
};

const traceOf = (block: HybridBlock, args: readonly unknown[], training: boolean): Program => {
  const arrays: NDArray[] = [];
  const structure = slotted(args, arrays);
  const { name } = block.constructor;
  const plan = withMode({ recording: false, taping: false, training }, () =>
    trace({
      name,
      key: '',
      device: arrays[0]!.device,
      body: (...given) => block.invoke(given),
      args,
      arrays,
      keepGradients: false,
    }),
  );
  const constants = new Map<string, NDArray>();
  const names = namesOf(plan, block, constants);
  const { graph } = plan.callable;
  const builder = new GraphBuilder();
  const inputs = graph.inputs.map((input, i) =>
    builder.input(input.type, { name: names[i]!, role: roleOf(plan, i) }),
  );
  const made = inline(graph, builder, inputs);
  const parameters = [...block.collectParams()];
  return {
    header: {
      tigon: 1,
      name,
      training,
      arguments: written(structure, 'an argument') as unknown[],
      results: written(plan.structure, 'the result'),
      draws: tracedDraws(plan.trace)?.count ?? 0,
      state: [
        ...parameters.flatMap(([key, p]) => (p.differentiable ? [] : [key])),
        ...constants.keys(),
      ],
      frozen: parameters.flatMap(([key, p]) => (p.gradReq === 'null' ? [key] : [])),
      batch: undefined,
    },
    graph: builder.graph(
      name === '' ? 'net' : name,
      graph.outputs.slice(0, plan.visible).map((x) => made.get(x)!),
      graph.assigns.map((a) => ({ target: made.get(a.target)!, value: made.get(a.value)! })),
    ),
    constants,
  };
};

const roleOf = ({ bounds }: Plan, i: number): InputRole => {
  const { kind } = bounds[i]!;
  return kind === 'scalar' ? 'scalar' : kind === 'capture' ? 'param' : 'input';
};

const namesOf = (plan: Plan, block: HybridBlock, constants: Map<string, NDArray>): string[] => {
  const owners = new Map<NDArray, string>();
  for (const [name, p] of block.collectParams())
    for (const data of p.listData()) owners.set(data, name);
  const draws = (tracedDraws(plan.trace)?.inputs ?? []).map((x) => x.traced!.node);
  return plan.bounds.map((bound, i) => {
    switch (bound.kind) {
      case 'argument':
        return `data${bound.index}`;
      case 'capture': {
        const known = owners.get(bound.array);
        if (known !== undefined) return known;
        const name = `constant${constants.size}`;
        constants.set(name, bound.array);
        owners.set(bound.array, name);
        return name;
      }
      case 'scalar': {
        const draw = draws.indexOf(plan.callable.graph.inputs[i]!);
        if (draw >= 0) return RANDOM[draw]!;
        throw failure(
          'trace',
          `export: ${plan.name} reads a number of the host at each run, which no file can hold`,
          'export the net alone, without a trainer or a schedule in it',
        );
      }
      case 'gradient':
        throw failure('trace', `export: ${plan.name} computes gradients`, 'export the net alone');
      default:
        return bound satisfies never;
    }
  });
};

/** A structure as JSON can hold it. */
const written = (value: unknown, what: string): unknown => {
  if (value instanceof Slot) return { $: value.index };
  if (value === undefined) return { $: 'undefined' };
  if (value === null || ['string', 'boolean', 'number'].includes(typeof value)) return value;
  if (Array.isArray(value)) return value.map((item) => written(item, what));
  const prototype: unknown = typeof value === 'object' ? Object.getPrototypeOf(value) : undefined;
  if (prototype === Object.prototype || prototype === null)
    return Object.fromEntries(
      Object.entries(value as object).map(([key, item]) => [key, written(item, what)]),
    );
  throw failure(
    'value',
    `export: ${what} holds a ${typeof value}, which no file can hold`,
    'pass arrays, numbers, texts, and lists and plain objects of them',
  );
};
