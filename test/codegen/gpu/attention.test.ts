import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../../src/codegen/caps.ts';
import { cleanup } from '../../../src/codegen/cleanup.ts';
import { schedule } from '../../../src/codegen/schedule.ts';
import { defaultWgslCaps, GUARANTEED_LIMITS, wgslCaps } from '../../../src/codegen/wgsl/caps.ts';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Node, Values } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { interpretProgram } from '../../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../../src/ir/program/verify.ts';
import { interpretThread } from '../../../src/ir/thread/interpret.ts';
import { printThread } from '../../../src/ir/thread/print.ts';
import type { ThreadKernel } from '../../../src/ir/thread/thread.ts';
import { verifyThread } from '../../../src/ir/thread/verify.ts';
import { tensor } from '../../../src/ir/type.ts';
import { type Compiled, compileGraph } from '../../../src/passes/pipeline.ts';
import { partition } from '../../../src/passes/recompute.ts';
import { assertClose, random, randomValues } from '../../ir/graph/cases.ts';
import { attentionKernel, memoryOf } from '../../support/attention.ts';
import { type AttentionSizes, makeAttention, PARTS } from '../../support/attention-cases.ts';
import { collect, layOut } from '../../support/differential.ts';

/** What WebGPU guarantees; with subgroups; with small workgroups; with much shared memory. */
const machines: readonly Caps[] = [
  defaultWgslCaps,
  wgslCaps(GUARANTEED_LIMITS, 32),
  { ...wgslCaps(GUARANTEED_LIMITS, 8), threads: 64 },
  wgslCaps({ ...GUARANTEED_LIMITS, maxComputeWorkgroupStorageSize: 49152 }, 32),
];
const orders = ['random', 'reverse', 'forward', 'random'] as const;

type Sizes = Omit<AttentionSizes, 'dtype'>;
type Made = ReturnType<typeof makeAttention>;

const make = (sizes: Sizes): Made => makeAttention({ ...sizes, dtype: 'float32' });

/** The scheduled kernel on a machine, after its run in an order of threads was held against what the op means. */
const agree = ({ graph, node, data }: Made, machine: number): ThreadKernel => {
  const caps = machines[machine]!;
  const made = attentionKernel(node);
  const raw = schedule(made.kernel, caps);
  verifyThread(raw, caps);
  const kernel = cleanup(raw);
  verifyThread(kernel, caps);
  const memory = memoryOf(made, data);
  const { buffers } = made.kernel;
  const cells = new Map(
    kernel.buffers.slice(0, buffers.length).map((b, i) => [b, memory.get(buffers[i]!)!]),
  );
  interpretThread(kernel, cells, { order: orders[machine]!, seed: 3 });
  const [wanted] = interpretGraph(graph, data).outputs;
  assertClose(memory.get(made.result)!, wanted!, 2e-5, node.op.name);
  return kernel;
};

const linesOf = (kernel: ThreadKernel): number => printThread(kernel).split('\n').length;

const shapes: readonly Omit<Sizes, 'op'>[] = [
  { lead: [], queries: 1, keys: 150, depth: 40, width: 12 },
  { queries: 33, keys: 29, depth: 7, width: 9, causal: true, masked: true },
  { queries: 40, keys: 52, depth: 16, width: 24, causal: true },
  { lead: [2, 1, 2], queries: 17, keys: 35, depth: 20, width: 8, masked: true },
  { lead: [1], queries: 70, keys: 66, depth: 33, width: 30, causal: true },
  { lead: [], queries: 36, keys: 131, depth: 64, width: 64, causal: true, masked: true },
  { queries: 35, keys: 42, depth: 12, width: 9, causal: true, dropout: true },
  {
    queries: 34,
    keys: 41,
    depth: 8,
    width: 12,
    fill: -2,
    masked: true,
    biased: true,
    dropout: true,
  },
];

for (const [i, shape] of shapes.entries())
  for (const [j, op] of Object.keys(PARTS).entries())
    test(`${op} of ${JSON.stringify(shape)}`, () => {
      const kernel = agree(make({ op, ...shape }), (i + j) % machines.length);
      assert.ok(kernel.notes.some((note) => note.startsWith('attention')));
      assert.ok(linesOf(kernel) < 300, `${linesOf(kernel)} lines`);
    });

for (const machine of machines.keys())
  test(`128 features and columns on machine ${machine}`, () => {
    const made = make({
      op: 'attention',
      lead: [1],
      queries: 33,
      keys: 70,
      depth: 128,
      width: 128,
    });
    assert.ok(linesOf(agree(made, machine)) < 250);
  });

test('blocks in which no query may attend are not read', () => {
  const made = make({
    op: 'attention',
    lead: [1],
    queries: 40,
    keys: 300,
    depth: 16,
    width: 16,
    causal: true,
  });
  const [, k, v] = made.data;
  // beyond the diagonal and the end of its block
  k!.fill(Number.NaN, 128 * 16);
  v!.fill(Number.NaN, 128 * 16);
  const kernel = attentionKernel(made.node);
  const memory = memoryOf(kernel, made.data);
  const thread = schedule(kernel.kernel, defaultWgslCaps);
  const cells = new Map(
    thread.buffers.slice(0, 4).map((b, i) => [b, memory.get(kernel.kernel.buffers[i]!)!]),
  );
  interpretThread(thread, cells);
  assert.ok(memory.get(kernel.result)!.every(Number.isFinite));
});

const compiledFor = (graph: Graph, data: readonly Values[], caps = machines[1]!): Compiled => {
  const compiled = compileGraph(graph, caps);
  verifyProgram(compiled.program, caps);
  const memory = layOut(graph, compiled.program, data);
  interpretProgram(compiled.program, memory.externals, { order: 'random', seed: 2 });
  const wanted = interpretGraph(graph, data).outputs;
  collect(graph, compiled, memory).forEach((got, i) => {
    assertClose(got, wanted[i]!, 1e-4, `result ${i}`);
  });
  return compiled;
};

const launchesOf = ({ program }: Compiled): string[] =>
  program.steps.map((step) => program.kernels[step.kernel]!.name);

const training: Sizes = {
  op: 'attention',
  queries: 24,
  keys: 40,
  depth: 12,
  width: 20,
  causal: true,
};

test('forward is one launch, with what comes before and after it', () => {
  const { graph, data } = make(training);
  assert.equal(launchesOf(compiledFor(graph, data)), ['attention']);
  const b = new GraphBuilder();
  const half = (...shape: number[]): Node => b.input(tensor('float16', shape));
  const residual = b.input(tensor('float32', [3, 8, 24, 20]));
  const [q, k] = [half(3, 24, 8, 12), half(3, 40, 8, 12)];
  const v = half(3, 8, 40, 20);
  const heads = (x: Node): Node => b.transpose(x, [0, 2, 1, 3]);
  const y = b.emit(graphOps.get('attention')!, [heads(q), heads(k), v], {
    scale: 0.3,
    causal: true,
  });
  const sum = b.op('tanh', b.op('add', b.cast(y, 'float32'), residual));
  const whole = b.graph('heads', [sum]);
  const next = random(3);
  const inputs = b.inputs.map((x) => randomValues(next, x.type));
  const compiled = compileGraph(whole, machines[0]!);
  assert.is(compiled.program.kernels.length, 1);
  const memory = layOut(whole, compiled.program, inputs);
  interpretProgram(compiled.program, memory.externals, { order: 'reverse' });
  const [wanted] = interpretGraph(whole, inputs).outputs;
  assertClose(collect(whole, compiled, memory)[0]!, wanted!, 4e-3, 'heads');
});

test('training: forward leaves its norms in the same launch, backward is one launch for each gradient', () => {
  const { graph, data } = make(training);
  const { forward, backward, saved } = partition(graph, [true, true, true]);
  assert.equal(launchesOf(compiledFor(forward, data)), ['attentionNorm_attention']);
  const results = interpretGraph(forward, data).outputs;
  const given = saved.map((s) => (s.kind === 'input' ? data[s.index]! : results[s.index]!));
  const dy = randomValues(random(9), graph.outputs[0]!.type);
  assert.equal(launchesOf(compiledFor(backward, [...given, dy])).sort(), [
    'attentionGradKey',
    'attentionGradQuery',
    'attentionGradValue',
    'mul_sum',
  ]);
  for (const { program } of [forward, backward].map((g) => compileGraph(g, machines[0]!)))
    assert.is(program.arenaBytes <= 4 * 4 * 2 * 24, true, 'nothing of all pairs is stored');
});

test('a launch may store values beside its own, also where a row has one column', () => {
  const b = new GraphBuilder();
  const input = (...shape: number[]): Node => b.input(tensor('float32', shape));
  const [q, k, dy, norm] = [input(40, 24), input(50, 24), input(40, 1), input(40)];
  const attrs = { scale: 0.2, causal: true };
  const slope = b.emit(graphOps.get('attentionGradValue')!, [q, k, dy, norm], attrs);
  const other = b.op('tanh', input(50, 1));
  const graph = b.graph('beside', [b.op('mul', slope, other), other]);
  const next = random(8);
  const data = b.inputs.map((x) => randomValues(next, x.type, x === norm ? [2, 3] : undefined));
  assert.is(launchesOf(compiledFor(graph, data)).length, 1);
});

test('what no block fits, or is too small for blocks, is written out', () => {
  const notes = (s: Sizes): string[] =>
    compileGraph(make(s).graph, defaultWgslCaps).stages.flatMap((stage) =>
      stage.level === 'graph' && stage.name === 'attention' ? stage.notes : [],
    );
  assert.match(
    notes({ op: 'attention', queries: 8, keys: 40, depth: 64, width: 1000 })[0]!,
    /attention f32\[2, 8, 1000\] is written out: no block of 1000 columns fits/,
  );
  assert.match(
    notes({ op: 'attention', queries: 4, keys: 5, depth: 3, width: 2 })[0]!,
    /too small/,
  );
  assert.equal(notes(training), []);
});

test.run();
