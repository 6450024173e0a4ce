/**
 * Attention of random numbers, run by the interpreter and held against what the operations mean.
 *
 * Invariant: weights are rounded to 16 bits: tolerances are some of those steps.
 */
import type { Caps } from '../../src/codegen/caps.ts';
import { cleanup } from '../../src/codegen/cleanup.ts';
import { schedule } from '../../src/codegen/schedule.ts';
import type { DType } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import type { Graph, Node, Op, Values } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { graphOps } from '../../src/ir/graph/registry.ts';
import { interpretThread } from '../../src/ir/thread/interpret.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';
import { verifyThread } from '../../src/ir/thread/verify.ts';
import { tensor } from '../../src/ir/type.ts';
import { assertClose, random, randomValues } from '../ir/graph/cases.ts';
import { attentionKernel, memoryOf } from './attention.ts';

const orders = ['random', 'reverse', 'forward'] as const;

export interface AttentionSizes {
  readonly op: string;
  readonly dtype: DType;
  readonly lead?: readonly number[];
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
  readonly causal?: boolean;
  readonly masked?: boolean;
  /** A score of what the mask hides, numbers that are added to scores, shares that are dropped. */
  readonly fill?: number;
  readonly biased?: boolean;
  readonly dropout?: boolean;
}

/** Operands of each op. */
export const PARTS: Readonly<Record<string, readonly string[]>> = {
  attention: ['q', 'k', 'v'],
  attentionNorm: ['q', 'k'],
  attentionGradQuery: ['q', 'k', 'v', 'dy', 'norm', 'delta'],
  attentionGradKey: ['q', 'k', 'v', 'dy', 'norm', 'delta'],
  attentionGradValue: ['q', 'k', 'dy', 'norm'],
};

const OWN: Readonly<Record<string, DType>> = {
  ...{ mask: 'bool', norm: 'float32', delta: 'float32', bias: 'float32', rate: 'float32' },
  ...{ low: 'uint32', high: 'uint32', draw: 'uint32' },
};
const DRAWN = ['low', 'high', 'draw', 'rate'];
const RANGES: Readonly<Record<string, readonly [number, number]>> = {
  ...{ norm: [2, 3], rate: [0.3, 0.6] },
  ...{ low: [0, 1e9], high: [0, 1e9], draw: [0, 1e9] },
};

export const makeAttention = (
  s: AttentionSizes,
  filled = true,
): { graph: Graph; node: Node; data: Values[] } => {
  const { op, dtype, lead = [2], queries, keys, depth, width, masked = false } = s;
  const { causal = false, biased = false } = s;
  const dropout = op !== 'attentionNorm' && s.dropout === true;
  const shapes: Readonly<Record<string, readonly number[]>> = {
    q: [queries, depth],
    k: [keys, depth],
    v: [keys, width],
    dy: [queries, width],
    norm: [queries],
    delta: [queries],
    bias: [queries, keys],
    mask: [queries, keys],
  };
  const builder = new GraphBuilder();
  const names = [
    ...PARTS[op]!,
    ...(biased ? ['bias'] : []),
    ...(dropout ? DRAWN : []),
    ...(masked ? ['mask'] : []),
  ];
  const inputs = names.map((name) => {
    const shape = shapes[name];
    const own = shape === undefined ? [] : [...lead, ...shape];
    return builder.input(tensor(OWN[name] ?? dtype, own), { name });
  });
  const attrs = { scale: 1 / Math.sqrt(depth), causal, biased, dropout };
  const fill = s.fill === undefined ? {} : { fill: s.fill };
  const node = builder.emit(graphOps.get(op) as Op, inputs, { ...attrs, ...fill });
  const next = random(queries + 7 * keys);
  const data = inputs.map((x, i) => {
    if (!filled) return new Float64Array();
    const values = randomValues(next, x.type, RANGES[names[i]!]);
    // queries that may attend to nothing
    if (names[i] === 'mask')
      values.forEach((_, j) => {
        if (Math.floor(j / keys) % 5 === 2) values[j] = 0;
      });
    return values;
  });
  return { graph: builder.graph(op, [node]), node, data };
};

/** The kernel, after its run was held against what the op means. */
export const attentionAgrees = (
  sizes: AttentionSizes,
  seed: number,
  machine: Caps,
): ThreadKernel => {
  const { graph, node, data } = makeAttention(sizes);
  const made = attentionKernel(node);
  const raw = schedule(made.kernel, machine);
  verifyThread(raw, machine);
  const kernel = cleanup(raw);
  verifyThread(kernel, machine);
  const memory = memoryOf(made, data);
  const { buffers } = made.kernel;
  const cells = new Map(
    kernel.buffers.slice(0, buffers.length).map((b, i) => [b, memory.get(buffers[i]!)!]),
  );
  interpretThread(kernel, cells, { order: orders[seed % 3]!, seed });
  const [wanted] = interpretGraph(graph, data).outputs;
  const most = Math.max(1, ...wanted!.map(Math.abs));
  const tolerance = (sizes.dtype === 'bfloat16' ? 2 ** -6 : 2 ** -9) * most;
  assertClose(
    memory.get(made.result)!,
    wanted!,
    tolerance,
    `${node.op.name}\n${kernel.notes.join('\n')}`,
  );
  return kernel;
};
