import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { laneSchedules } from '../../src/codegen/lanes.ts';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { freshExpressions } from '../../src/ir/loop/expr.ts';
import { canonicalize } from '../../src/passes/canonicalize.ts';
import { type Kernels, lowerGraph } from '../../src/passes/kernels.ts';
import { decomposeComposites, recognize } from '../../src/passes/recognize.ts';
import { byProgram, disagreement } from '../support/differential.ts';
import { lenetStep, mlpStep } from '../support/nets.ts';

const caps: Caps = {
  target: 'wasm',
  lanes: 4,
  wide: true,
  fusedMultiplyAdd: true,
  parallelism: 2,
  processors: 2,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  tf32: false,
  winograd: false,
  barriers: true,
  sharedBytes: 1 << 20,
  maxBindings: 64,
  alignment: 64,
  schedules: laneSchedules,
};

const lowered = (source: string | Graph): Kernels & { readonly notes: readonly string[] } => {
  freshExpressions();
  const notes: string[] = [];
  let graph = typeof source === 'string' ? parseGraph(source) : source;
  for (const pass of [canonicalize, recognize, decomposeComposites, canonicalize])
    graph = pass.run(graph, { note: () => {} });
  return { ...lowerGraph(graph, caps, { note: (text) => notes.push(text) }), notes };
};

const names = (k: Kernels): string[] => k.kernels.map((x) => x.name).sort();

test('a chain of maps is one kernel', () => {
  const k = lowered(`graph main(%x: f32[1000], %y: f32[1000]) {
  %a = add %x, %y
  %b = exp %a
  %c = mul %b, %x
  %d = tanh %c
  return %d
}`);
  assert.is(k.kernels.length, 1);
});

test('softmax and layer norm are one kernel each, written by hand or as composites', () => {
  const softmax = lowered(`graph main(%x: f32[64, 100]) {
  %m = reduceMax %x {axes=[1]}
  %mb = broadcast %m {shape=[64, 100], axes=[0]}
  %s = sub %x, %mb
  %e = exp %s
  %t = sum %e {axes=[1]}
  %tb = broadcast %t {shape=[64, 100], axes=[0]}
  %y = div %e, %tb
  return %y
}`);
  assert.is(softmax.kernels.length, 1);
  const composite = lowered(`graph main(%x: f32[64, 100]) {
  %y = softmax %x {axis=1}
  return %y
}`);
  assert.is(composite.kernels.length, 1);
  const norm = lowered(`graph main(%x: f32[64, 100], %g: f32[100], %b: f32[100]) {
  %y = layerNorm %x, %g, %b {axis=1, eps=0.00001}
  return %y
}`);
  assert.is(norm.kernels.length, 1);
});

test('softmax along the first axis is one kernel too: rows are whatever the reductions leave', () => {
  const k = lowered(`graph main(%x: f32[64, 100]) {
  %y = softmax %x {axis=0}
  return %y
}`);
  assert.is(k.kernels.length, 1);
  assert.equal(
    k.kernels[0]!.nests[0]!.axes.map((a) => a.extent),
    [100, 64],
  );
});

test('batch normalization with its running statistics is one kernel', () => {
  const k = lowered(`graph main(%x: f32[8, 20, 24, 24], param %running: f32[20]) {
  %n = full {value=0.00021701389, dtype=f32, shape=[20]}
  %s = sum %x {axes=[0, 2, 3]}
  %mean = mul %s, %n
  %mb = broadcast %mean {shape=[8, 20, 24, 24], axes=[1]}
  %c = sub %x, %mb
  %cc = mul %c, %c
  %v0 = sum %cc {axes=[0, 2, 3]}
  %v = mul %v0, %n
  %eps = full {value=0.00001, dtype=f32, shape=[20]}
  %ve = add %v, %eps
  %r = rsqrt %ve
  %rb = broadcast %r {shape=[8, 20, 24, 24], axes=[1]}
  %y = mul %c, %rb
  %k = full {value=0.1, dtype=f32, shape=[20]}
  %u = mul %mean, %k
  %w = add %running, %u
  assign %running, %w
  return %y
}`);
  assert.is(k.kernels.length, 1);
});

test('a contraction takes bias and activation as epilogue, also when the result is needed twice', () => {
  const k = lowered(`graph main(%x: f32[64, 32], %w: f32[16, 32], %b: f32[16], %v: f32[8, 16]) {
  %d = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
  %bb = broadcast %b {shape=[64, 16], axes=[1]}
  %z = add %d, %bb
  %h = relu %z
  %y = dot %h, %v {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
  return %y, %h
}`);
  assert.equal(names(k), ['dot', 'dot_add_relu']);
});

test('two contractions never share a kernel', () => {
  const k = lowered(`graph main(%x: f32[64, 32], %w: f32[16, 32], %v: f32[16, 32]) {
  %a = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
  %e = exp %a
  %b = dot %x, %v {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
  %y = add %e, %b
  return %y
}`);
  assert.is(k.kernels.length, 2);
});

test('a reduction of a value that holds a reduction along the same axis is a kernel of its own', () => {
  const k = lowered(`graph main(%x: f32[640, 1000]) {
  %m = reduceMax %x {axes=[1]}
  %e = exp %m
  %t = sum %e {axes=[0]}
  return %t
}`);
  assert.is(k.kernels.length, 2);
});

test('a dear value that two kernels need is stored once, a cheap one is computed twice', () => {
  const text = (op: string): string => `graph main(%x: f32[100, 100], %y: f32[100, 100]) {
  %e = ${op} %x
  %s = sum %e {axes=[0]}
  %z = sum %e {axes=[1]}
  return %z, %s
}`;
  assert.is(lowered(text('tanh')).notes.filter((n) => n.startsWith('tanh')).length, 1);
  assert.is(lowered(text('neg')).notes.filter((n) => n.startsWith('neg')).length, 0);
});

test('a state is updated in place, and after everybody who needs its old value', () => {
  const k = lowered(`graph main(param %w: f32[10], %g: f32[10]) {
  %n = sub %w, %g
  %old = exp %w
  %t = sum %old {axes=[0]}
  assign %w, %n
  return %t
}`);
  const update = k.kernels.find((x) => x.nests[0]!.stores[0]!.buffer.name === 'w');
  assert.ok(update);
  assert.is(k.kernels.length, 2);
});

test('a state whose new value is computed from its old one at another place is copied', () => {
  const k = lowered(`graph main(param %w: f32[10]) {
  %n = slice %w {begin=[9], end=[-1], step=[-1]}
  assign %w, %n
  return
}`);
  assert.is(k.kernels.length, 2);
  assert.ok(k.kernels.some((x) => x.name.startsWith('copy_')));
});

/** Kernels that write parameters of a step. */
const updatesIn = (k: Kernels): string[] =>
  names({
    ...k,
    kernels: k.kernels.filter((x) =>
      x.nests.some((n) => n.stores.some((s) => /^w\d/.test(s.buffer.name))),
    ),
  });

test('the training step of an MLP is 13 kernels: gradients become new parameters where they are made', () => {
  const k = lowered(mlpStep());
  assert.is(k.kernels.length, 13);
  for (const name of updatesIn(k)) assert.match(name, /^(dot|sum)_/);
});

test('what an optimizer keeps beside a weight is updated with it in one launch, which products stay out of', () => {
  const updates = updatesIn(lowered(mlpStep(64, 'adam')));
  assert.is(updates.filter((name) => name === 'update_parameters').length, 1);
  assert.ok(updates.every((name) => !name.includes('dot')));
});

test('the training step of LeNet is 21 kernels', () => {
  assert.is(lowered(lenetStep()).kernels.length, 21);
});

test('sums of half-precision products are rounded before they meet other half-precision values', () => {
  const k = lowered(`graph main(%x: f16[8, 4], %w: f16[4, 8], %b: f16[8]) {
  %p = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  %c = broadcast %b {shape=[8, 8], axes=[1]}
  %y = add %p, %c
  return %y
}`);
  assert.is(k.kernels.length, 1);
});

test('what is computed in place from a result of its unit is not stored apart with a product', async () => {
  const attrs = '{aBatch=[], bBatch=[], aContract=[1], bContract=[0]}';
  const graph =
    parseGraph(`graph main(%x: f32[8, 8], %w: f32[8, 8], %v: f32[8, 8], %dy: f32[8, 8]) {
  %q = dot %dy, %v ${attrs}
  %p = dot %x, %w ${attrs}
  %t = tanh %p
  %s = exp %t
  %r = div %q, %s
  %m = sub %r, %t
  %a = dot %s, %v ${attrs}
  %b = dot %m, %w ${attrs}
  return %b, %a
}`);
  assert.equal(names(lowered(graph)), ['dot', 'dot_2', 'dot_3', 'dot_tanh_exp_sub']);
  assert.is(await disagreement(graph, byProgram(caps), 1), undefined);
});

test.run();
