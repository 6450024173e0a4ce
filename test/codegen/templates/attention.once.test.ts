import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { bringEveryFamily } from '../../../src/codegen/every-family.ts';
import { schedule } from '../../../src/codegen/schedule.ts';
import { wasmCaps } from '../../../src/codegen/wasm/caps.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Node, Op } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import type { ThreadBuffer, ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { gradients } from '../../../src/passes/autodiff.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { assertClose } from '../../ir/graph/cases.ts';
import { attentionKernel, attentionsKernel, memoryOf } from '../../support/attention.ts';
import { type AttentionSizes, makeAttention, PARTS } from '../../support/attention-cases.ts';

bringEveryFamily();
const caps = wasmCaps(true);

type Made = ReturnType<typeof makeAttention>;

/** The scheduled kernel, and what it leaves when it is run. */
const run = ({ node, data }: Made): { kernel: ThreadKernel; result: Float64Array } => {
  const made = attentionKernel(node);
  const kernel = cleanup(schedule(made.kernel, caps));
  verifyThread(kernel, caps);
  const memory = memoryOf(made, data);
  const { buffers } = made.kernel;
  const cells = new Map(
    kernel.buffers.slice(0, buffers.length).map((b, i) => [b, memory.get(buffers[i]!)!]),
  );
  interpretThread(kernel, cells, { order: 'random', seed: 3 });
  return { kernel, result: memory.get(made.result)! };
};

const shapes: readonly Omit<AttentionSizes, 'op' | 'dtype'>[] = [
  { lead: [], queries: 1, keys: 150, depth: 40, width: 12 },
  { queries: 33, keys: 29, depth: 7, width: 9, causal: true, masked: true },
  { queries: 40, keys: 52, depth: 16, width: 24, causal: true },
  { lead: [2, 1, 2], queries: 17, keys: 35, depth: 20, width: 8, masked: true },
  { lead: [1], queries: 70, keys: 66, depth: 33, width: 30, causal: true },
  { lead: [], queries: 36, keys: 131, depth: 64, width: 64, causal: true, masked: true },
  { lead: [1], queries: 150, keys: 170, depth: 8, width: 8, causal: true },
  { lead: [3], queries: 35, keys: 47, depth: 12, width: 9, causal: true, dropout: true },
  {
    queries: 34,
    keys: 52,
    depth: 8,
    width: 12,
    fill: -2,
    masked: true,
    biased: true,
    dropout: true,
  },
];

for (const shape of shapes)
  test(`blocks of attention and each gradient, ${JSON.stringify(shape)}`, () => {
    for (const op of Object.keys(PARTS)) {
      const made = makeAttention({ op, dtype: 'float32', ...shape });
      const { kernel, result } = run(made);
      const [wanted] = interpretGraph(made.graph, made.data).outputs;
      assertClose(result, wanted!, op.includes('Grad') ? 5e-5 : 1e-6, op);
      assert.ok(kernel.notes.some((note) => note.startsWith('attention')));
    }
  });

for (const shape of shapes.slice(1))
  test(`gradients of ${JSON.stringify(shape)} together`, () => {
    const { node, data } = makeAttention({ op: 'attentionGradQuery', dtype: 'float32', ...shape });
    const { inputs, attrs } = node;
    const [q, k, , dy, norm] = inputs as [Node, Node, Node, Node, Node];
    const b = new GraphBuilder();
    const made = (name: string, operands: readonly Node[]): Node =>
      b.emit(graphOps.get(name) as Op, operands, attrs);
    const others = inputs.slice(PARTS['attentionGradQuery']!.length);
    const nodes = [
      made('attentionGradKey', inputs),
      made('attentionGradValue', [q, k, dy, norm, ...others]),
      made('attentionGradQuery', inputs),
    ];
    // tiles of six rows and of four
    for (const [some, has] of [
      [nodes, caps],
      [nodes.slice(0, 2), caps],
      [nodes, wasmCaps(false)],
    ] as const) {
      const { kernel: loop, operands } = attentionsKernel(some);
      const kernel = cleanup(schedule(loop, has));
      verifyThread(kernel, has);
      assert.match(kernel.notes[0]!, new RegExp(`${some.length} gradients together`));
      const cells = new Map(
        kernel.buffers
          .slice(0, loop.buffers.length)
          .map((buffer, i): [ThreadBuffer, Float64Array] => [
            buffer,
            i < operands.length
              ? Float64Array.from(data[inputs.indexOf(operands[i]!)]!)
              : new Float64Array(buffer.elements).fill(Number.NaN),
          ]),
      );
      interpretThread(kernel, cells, { order: 'random', seed: 3 });
      const results = [...cells.values()].slice(operands.length);
      for (const [i, { op, inputs: own }] of some.entries()) {
        const one = new GraphBuilder();
        const given = own.map((x) => one.input(x.type));
        const graph = one.graph(op.name, [one.emit(op, given, attrs)]);
        const values = own.map((x) => data[inputs.indexOf(x)]!);
        assertClose(results[i]!, interpretGraph(graph, values).outputs[0]!, 5e-5, op.name);
      }
    }
  });

test('blocks in which no query may attend are not read, and scratch grows with blocks alone', () => {
  const made = makeAttention({
    op: 'attention',
    dtype: 'float32',
    lead: [1],
    queries: 40,
    keys: 400,
    depth: 16,
    width: 16,
    causal: true,
  });
  const [, k, v] = made.data;
  k!.fill(Number.NaN, 128 * 16);
  v!.fill(Number.NaN, 128 * 16);
  const { kernel, result } = run(made);
  assert.ok(result.every(Number.isFinite));
  const sizes = { op: 'attention', dtype: 'float32', lead: [1], depth: 16, width: 16 } as const;
  const sharedBy = (keys: number): number =>
    schedule(attentionKernel(makeAttention({ ...sizes, queries: 256, keys }).node).kernel, caps)
      .buffers.filter((b) => b.space === 'shared')
      .reduce((sum, b) => sum + b.elements, 0);
  assert.is(sharedBy(512), sharedBy(256));
  assert.ok(kernel.buffers.length > 4);
});

/** Attention and its gradients, in one graph; what flows back is made by a map that all of them read. */
const training = (s: Omit<AttentionSizes, 'op' | 'dtype'>): Graph => {
  const { node } = makeAttention({ op: 'attention', dtype: 'float32', ...s }, false);
  const b = new GraphBuilder();
  const inputs = node.inputs.map((x) => b.input(x.type));
  const y = b.op('tanh', b.emit(node.op, inputs, node.attrs));
  const dy = b.input(y.type);
  return b.graph('training', [y, ...gradients(b, [y], [dy], inputs)] as Node[]);
};

test('blocks are chosen where shares are many or half of them hidden, written out where a cache holds them', () => {
  const sizes = { lead: [4], depth: 32, width: 32 } as const;
  const launches = (graph: Graph): string[] =>
    compileGraph(graph, caps).program.kernels.flatMap((kernel) => kernel.notes);
  const of = (n: number, causal: boolean): Graph => {
    const all = { op: 'attention', dtype: 'float32', ...sizes, queries: n, keys: n } as const;
    return makeAttention({ ...all, causal }, false).graph;
  };
  assert.not.match(launches(of(128, false)).join(), /attention/);
  assert.match(launches(of(128, true)).join(), /attention 4 x 128 x 128: blocks/);
  assert.match(launches(of(256, false)).join(), /attention 4 x 256 x 256: blocks/);
  const short = { ...sizes, queries: 256, keys: 256 };
  assert.not.match(launches(training({ ...short, causal: false })).join(), /attention/);
  assert.match(launches(training({ ...short, causal: true })).join(), /3 gradients together/);
  const long = training({ ...sizes, queries: 1024, keys: 1024, causal: true });
  const notes = launches(long);
  assert.is(notes.filter((note) => /attention 4 x .*: blocks/.test(note)).length, 1);
  assert.is(notes.filter((note) => /3 gradients together/.test(note)).length, 1);
  // arrays of the size of the result, and numbers of queries, instead of three times all pairs
  assert.ok(compileGraph(long, caps).program.arenaBytes <= 4 * 4 * 1024 * (2 * 32 + 2));
});

test('few batches leave gradients of queries to a launch of their own, that keeps all threads busy', () => {
  const sizes = { lead: [1], depth: 64, width: 64, queries: 2048, keys: 2048 } as const;
  const { program } = compileGraph(training(sizes), caps);
  const notes = program.kernels.flatMap((kernel) => kernel.notes).join();
  assert.match(notes, /2 gradients together/);
});

test.run();
