/**
 * Attention on matrix units: forward, norms and gradients of random sizes, masks and dtypes, held against what the
 * operations mean.
 *
 * Interpreted: threads in any order; races, and reads of what has not landed, are errors. Weights are rounded to 16 bits:
 * tolerances are some of those steps.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../../src/codegen/cleanup.ts';
import { planTensorAttention } from '../../../../src/codegen/gpu/tensor/attention/attention.ts';
import { cudaSchedules } from '../../../../src/codegen/gpu/tensor/schedules.ts';
import { isRefusal } from '../../../../src/codegen/plan.ts';
import { schedule } from '../../../../src/codegen/schedule.ts';
import type { DType } from '../../../../src/ir/dtype.ts';
import { GraphBuilder } from '../../../../src/ir/graph/builder.ts';
import type { Graph, Node, Op, Values } from '../../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../../src/ir/graph/registry.ts';
import { interpretThread } from '../../../../src/ir/thread/interpret.ts';
import type { ThreadKernel } from '../../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../../src/ir/thread/verify.ts';
import { tensor } from '../../../../src/ir/type.ts';
import { assertClose, random, randomValues } from '../../../ir/graph/cases.ts';
import { attentionKernel, memoryOf } from '../../../support/attention.ts';
import { device } from './support.ts';

const machine = { ...device, schedules: cudaSchedules };
const orders = ['random', 'reverse', 'forward'] as const;

interface Sizes {
  readonly op: string;
  readonly dtype: DType;
  readonly lead?: readonly number[];
  readonly queries: number;
  readonly keys: number;
  readonly depth: number;
  readonly width: number;
  readonly causal?: boolean;
  readonly masked?: boolean;
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  attention: ['q', 'k', 'v'],
  attentionNorm: ['q', 'k'],
  attentionGradQuery: ['q', 'k', 'v', 'dy', 'norm', 'delta'],
  attentionGradKey: ['q', 'k', 'v', 'dy', 'norm', 'delta'],
  attentionGradValue: ['q', 'k', 'dy', 'norm'],
};

const make = (s: Sizes): { graph: Graph; node: Node; data: Values[] } => {
  const { op, dtype, lead = [2], queries, keys, depth, width, causal = false, masked = false } = s;
  const shapes: Readonly<Record<string, readonly number[]>> = {
    q: [queries, depth],
    k: [keys, depth],
    v: [keys, width],
    dy: [queries, width],
    norm: [queries],
    delta: [queries],
    mask: [queries, keys],
  };
  const own: Readonly<Record<string, DType>> = { mask: 'bool', norm: 'float32', delta: 'float32' };
  const builder = new GraphBuilder();
  const names = [...PARTS[op]!, ...(masked ? ['mask'] : [])];
  const inputs = names.map((name) =>
    builder.input(tensor(own[name] ?? dtype, [...lead, ...shapes[name]!]), { name }),
  );
  const node = builder.emit(graphOps.get(op) as Op, inputs, {
    scale: 1 / Math.sqrt(depth),
    causal,
  });
  const next = random(queries + 7 * keys);
  const data = inputs.map((x, i) => {
    const values = randomValues(next, x.type, names[i] === 'norm' ? [2, 3] : undefined);
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
const agree = (sizes: Sizes, seed: number): ThreadKernel => {
  const { graph, node, data } = make(sizes);
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

const shapes: readonly Omit<Sizes, 'op' | 'dtype'>[] = [
  { lead: [], queries: 1, keys: 150, depth: 40, width: 16 },
  { queries: 33, keys: 29, depth: 7, width: 9, causal: true, masked: true },
  { queries: 40, keys: 56, depth: 16, width: 24, causal: true },
  { lead: [2, 1, 2], queries: 17, keys: 35, depth: 24, width: 8, masked: true },
  { lead: [1], queries: 70, keys: 66, depth: 32, width: 32, causal: true },
  { lead: [], queries: 40, keys: 136, depth: 64, width: 64, causal: true, masked: true },
];

for (const [i, shape] of shapes.entries())
  for (const [j, op] of Object.keys(PARTS).entries())
    test(`${op} of ${JSON.stringify(shape)}`, () => {
      const dtype = (i + j) % 2 === 0 ? 'bfloat16' : 'float16';
      const kernel = agree({ op, dtype, ...shape }, i + j);
      assert.ok(
        kernel.notes.some((note) => note.startsWith('attention on matrix units')),
        kernel.notes.join('\n'),
      );
    });

test('128 features and columns', () => {
  for (const op of ['attention', 'attentionGradQuery', 'attentionGradKey', 'attentionGradValue']) {
    const kernel = agree(
      { op, dtype: 'bfloat16', lead: [1], queries: 33, keys: 70, depth: 128, width: 128 },
      1,
    );
    assert.match(kernel.notes.join(), /matrix units/);
  }
});

test('what matrix units refuse is done without them, and says why', () => {
  const kernel = agree(
    { op: 'attention', dtype: 'float32', queries: 40, keys: 56, depth: 16, width: 24 },
    1,
  );
  assert.match(
    kernel.notes.join(),
    /no matrix units: .*16-bit floats of one kind, these are float32/,
  );
});

test('workgroups of any size', () => {
  const { node } = make({
    op: 'attention',
    dtype: 'bfloat16',
    queries: 64,
    keys: 64,
    depth: 64,
    width: 64,
  });
  const { nest } = attentionKernel(node);
  for (const threads of [32, 64, 128, 256]) {
    const plan = planTensorAttention(nest, machine, threads);
    assert.is(isRefusal(plan) ? plan.refused : plan.threads, threads);
  }
});

test.run();
