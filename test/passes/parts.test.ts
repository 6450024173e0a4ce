import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Caps } from '../../src/codegen/caps.ts';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import { defaultWgslCaps } from '../../src/codegen/wgsl/caps.ts';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { byProgram, disagreement } from '../support/differential.ts';
import { lenetStep, mlpStep } from '../support/nets.ts';

const CPU = wasmCaps(false);
const GPU = defaultWgslCaps;

const fold = (op: string, shape: readonly number[], axes: readonly number[]): Graph =>
  parseGraph(
    `graph main(%x: f32[${shape.join(', ')}]) { %y = ${op} %x {axes=[${axes.join(', ')}]} return %y }`,
  );

const grids = ({ program }: Compiled): number[] =>
  program.steps.map((s) => program.kernels[s.kernel]!.grid);

/** Launches as fusion leaves them. */
const fused = (graph: Graph, caps: Caps): number =>
  compileGraph(graph, caps).stages.flatMap((s) =>
    s.name === 'fuse' && s.level === 'loop' ? s.kernels : [],
  ).length;

const means = async (graph: Graph): Promise<void> =>
  assert.is(await disagreement(graph, byProgram(GPU), 1), undefined);

for (const op of ['sum', 'reduceMax', 'argmin'])
  test(`${op} of a long row: parts of 4096 elements and more, then their fold`, async () => {
    const graph = fold(op, [300_001], [0]);
    assert.equal(grids(compileGraph(graph, GPU)), [69, 1]);
    await means(graph);
  });

test('a few long rows are cut into parts for some hundred workgroups', async () => {
  const graph = fold('sum', [3, 100_000], [1]);
  const [parts, rest] = grids(compileGraph(graph, GPU));
  assert.ok(parts! >= 64 && parts! <= 600, `${parts} workgroups`);
  assert.ok(rest! <= 3);
  await means(graph);
});

test('neighbouring columns are folded together, in parts', async () => {
  const graph = fold('sum', [9000, 40], [0]);
  const [parts, rest] = grids(compileGraph(graph, GPU));
  assert.ok(parts! >= 64, `${parts} workgroups`);
  assert.ok(rest! <= 40);
  await means(graph);
});

test('channels between two axes that are summed', async () => {
  const graph = fold('sum', [16, 6, 70, 70], [0, 2, 3]);
  const [parts, ...rest] = grids(compileGraph(graph, GPU));
  assert.ok(parts! >= 64, `${parts} workgroups`);
  assert.is(rest.length, 1);
  await means(graph);
});

test('what is short, or has enough results, is one launch', () => {
  for (const [shape, axes] of [
    [[30_000], [0]],
    [[200, 100_000], [1]],
    [[64, 128], [0]],
    [[4096, 2048], [0]],
    [
      [32, 20, 24, 24],
      [0, 2, 3],
    ],
  ] as const)
    assert.is(grids(compileGraph(fold('sum', shape, axes), GPU)).length, 1, shape.join(' x '));
});

test('how a fold is cut is the same wherever there are threads', () => {
  const graph = fold('sum', [5, 90_000], [1]);
  const sizes = (caps: Caps): string =>
    compileGraph(graph, caps)
      .program.buffers.map((b) => b.shape.join('x'))
      .join();
  for (const caps of [
    { ...GPU, threads: 64 },
    { ...GPU, subgroup: 32, sharedBytes: 32768 },
  ])
    assert.is(sizes(caps), sizes(GPU));
});

test('a fold whose launch has no room for parts stays whole', async () => {
  const others = Array.from({ length: 5 }, (_, i) => `%a${i}: f32[2]`);
  const sum = others.map((_, i) => `%b${i + 1} = add %b${i}, %a${i}`);
  const graph = parseGraph(
    `graph main(%x: f32[2, 40000], ${others.join(', ')}) {
      %b0 = sum %x {axes=[1]} ${sum.join(' ')}
      %i = argmax %x {axes=[1]}
      return %b5, %i }`,
  );
  const compiled = compileGraph(graph, GPU);
  assert.ok(compiled.program.steps.length <= 3);
  await means(graph);
  const notes = compiled.program.kernels.flatMap((k) => k.notes);
  assert.ok(
    compiled.program.steps.length === 3 || notes.some((n) => /long folds stay whole/.test(n)),
    notes.join('; '),
  );
});

/** Written out: the meaning of the composite takes a fold for each element. */
const SOFTMAX = (rows: number, length: number): Graph =>
  parseGraph(`graph main(%x: f32[${rows}, ${length}]) {
    %m = reduceMax %x {axes=[1]}
    %mb = broadcast %m {shape=[${rows}, ${length}], axes=[0]}
    %s = sub %x, %mb
    %e = exp %s
    %t = sum %e {axes=[1]}
    %tb = broadcast %t {shape=[${rows}, ${length}], axes=[0]}
    %y = div %e, %tb
    return %y }`);

test('rows with their folds are one launch where one workgroup does a row in good time', async () => {
  for (const [rows, length] of [
    [1, 50_000],
    [8, 1000],
    [64, 10_000],
    [64, 100_000],
    [2000, 30],
  ] as const)
    assert.is(compileGraph(SOFTMAX(rows, length), GPU).program.steps.length, 1);
  await means(SOFTMAX(1, 5000));
});

test('few very long rows: folds in parts, and the map shared out', async () => {
  const graph = SOFTMAX(2, 100_000);
  const compiled = compileGraph(graph, GPU);
  const [first, second, folds, map, ...others] = grids(compiled);
  assert.ok(first! >= 40 && second! >= 40 && folds! <= 2 && map! >= 64);
  assert.equal(others, []);
  await means(graph);
});

test('a map of much does not wait in one workgroup for a fold of little', async () => {
  const graph = parseGraph(`graph main(%x: f32[1000, 90], %v: f32[200]) {
    %s = sum %v {axes=[0]}
    %b = broadcast %s {shape=[1000, 90], axes=[]}
    %y = mul %x, %b
    return %y }`);
  assert.ok(grids(compileGraph(graph, GPU)).some((g) => g >= 64));
  await means(graph);
});

const NORM = `graph main(%x: f32[8, 20, 24, 24], param %running: f32[20]) {
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
}`;

test('a GPU has no more launches than a CPU for norms and training steps', () => {
  const layerNorm = parseGraph(`graph main(%x: f32[640, 1000], %g: f32[1000], %b: f32[1000]) {
    %y = layerNorm %x, %g, %b {axis=1, eps=0.00001}
    return %y }`);
  const free: Caps = { ...GPU, maxBindings: 500 };
  assert.is(compileGraph(parseGraph(NORM), GPU).program.steps.length, 1);
  assert.is(compileGraph(layerNorm, GPU).program.steps.length, 1);
  for (const net of [mlpStep(), lenetStep(), mlpStep(64, 'adam'), lenetStep(64, 28, 'adam')])
    assert.ok(fused(net, free) <= fused(net, CPU), net.name);
  assert.ok(fused(mlpStep(), { ...GPU, maxBindings: 10 }) <= 16);
});

test.run();
