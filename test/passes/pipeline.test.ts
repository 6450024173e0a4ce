import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { wasmCaps } from '../../src/codegen/wasm/caps.ts';
import type { Graph } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { printGraph } from '../../src/ir/graph/print.ts';
import { verifyGraph } from '../../src/ir/graph/verify.ts';
import { interpretProgram } from '../../src/ir/program/interpret.ts';
import { verifyProgram } from '../../src/ir/program/verify.ts';
import { externals } from '../../src/ir/program.ts';
import { type Compiled, compileGraph } from '../../src/passes/pipeline.ts';
import { lenetStep, mlpStep } from '../support/nets.ts';
import { assertClose, randomInputs } from '../support/passes.ts';

const caps = wasmCaps(false);

/** Runs a compiled program on the L4 interpreter; results and states in the graph's order. */
const runCompiled = (
  graph: Graph,
  compiled: Compiled,
  inputs: readonly Float64Array[],
): { outputs: Float64Array[]; assigns: Float64Array[] } => {
  const { program } = compiled;
  const isScalar = graph.inputs.map((x) => x.attrs['role'] === 'scalar');
  const given = [
    ...inputs.filter((_, i) => !isScalar[i]),
    ...inputs.filter((_, i) => isScalar[i]),
  ].map((x) => x.slice());
  const order = externals(program);
  const bound = order.map(
    (b, i) => given[i] ?? new Float64Array(program.buffers[b]!.bytes / 4 || 1),
  );
  const fresh = order.flatMap((b, i) => {
    if (program.buffers[b]!.role !== 'output') return [];
    const size = program.buffers[b]!.shape.reduce((n, d) => n * d, 1);
    bound[i] = new Float64Array(size);
    return [bound[i]!];
  });
  interpretProgram(program, bound);
  const positions = new Map(graph.inputs.map((x, i) => [x, i]));
  const boundOf = (input: number): Float64Array => {
    const plain = isScalar.filter((s) => !s).length;
    const rank = isScalar.slice(0, input).filter((s) => s === isScalar[input]).length;
    return bound[isScalar[input] ? plain + rank : rank]!;
  };
  return {
    outputs: compiled.outputs.map((o) =>
      o.kind === 'fresh' ? fresh[o.position]! : inputs[o.input]!,
    ),
    assigns: graph.assigns.map((a) => boundOf(positions.get(a.target)!)),
  };
};

const checkGraph = (graph: Graph, inputs: readonly Float64Array[], tolerance = 1e-5): Compiled => {
  const compiled = compileGraph(graph, caps);
  for (const stage of compiled.stages) if (stage.level === 'graph') verifyGraph(stage.graph);
  verifyProgram(compiled.program);
  const wanted = interpretGraph(graph, inputs.slice());
  const got = runCompiled(graph, compiled, inputs);
  for (const [i, w] of wanted.outputs.entries())
    assertClose(got.outputs[i]!, w, tolerance, `output ${i}`);
  for (const [i, w] of wanted.assigns.entries())
    assertClose(got.assigns[i]!, w, tolerance, `state ${i}`);
  return compiled;
};

/** Small weights, inputs of size 1, valid labels and a rate. */
const netInputs = (graph: Graph): Float64Array[] =>
  randomInputs(graph, 7).map((values, i) => {
    const { type, attrs } = graph.inputs[i]!;
    if (type.dtype === 'int32') return values.map((_, j) => j % 10);
    if (attrs['role'] === 'scalar') return values.fill(0.5);
    return values.map((v) => Math.fround(attrs['role'] === 'param' ? v * 0.1 : v));
  });

test('a training step of an MLP computes on the lowest level what its graph says', () => {
  const graph = mlpStep(3);
  const { program } = checkGraph(graph, netInputs(graph), 2e-5);
  assert.ok(program.arenaBytes / program.lowerBoundBytes <= 1.05);
});

test('a training step of LeNet computes on the lowest level what its graph says', () => {
  const graph = lenetStep(2, 16);
  const { program } = checkGraph(graph, netInputs(graph), 2e-5);
  assert.ok(program.arenaBytes / program.lowerBoundBytes <= 1.05);
});

test('the full-size steps keep to their budget: launches and planned memory', () => {
  const mlp = compileGraph(mlpStep(), caps).program;
  assert.ok(mlp.steps.length <= 16, `${mlp.steps.length} launches`);
  assert.ok(mlp.arenaBytes / mlp.lowerBoundBytes <= 1.05);
  const lenet = compileGraph(lenetStep(), caps).program;
  assert.ok(lenet.steps.length <= 26, `${lenet.steps.length} launches`);
  assert.ok(lenet.arenaBytes / lenet.lowerBoundBytes <= 1.05);
});

test('a result that is an input is that input, and a reshape of it too', () => {
  const graph = parseGraph(`graph main(%x: f32[2, 3]) {
  %y = reshape %x {shape=[6]}
  %z = exp %x
  return %x, %y, %z
}`);
  const { outputs } = checkGraph(graph, randomInputs(graph, 1));
  assert.equal(outputs, [
    { kind: 'input', input: 0 },
    { kind: 'input', input: 0 },
    { kind: 'fresh', position: 0 },
  ]);
});

test('a result that is the old value of an updated state is a copy', () => {
  const graph = parseGraph(`graph main(param %w: f32[5], %g: f32[5]) {
  %n = sub %w, %g
  assign %w, %n
  return %w, %n
}`);
  checkGraph(graph, randomInputs(graph, 2));
});

test('states may swap their values', () => {
  const graph = parseGraph(`graph main(param %a: f32[5], param %b: f32[5]) {
  %c = neg %a
  %d = exp %b
  assign %a, %d
  assign %b, %c
  return
}`);
  checkGraph(graph, randomInputs(graph, 3));
});

test("states may take each other's old values, unchanged", () => {
  const swap = parseGraph(`graph main(param %a: f32[5], param %b: f32[5]) {
  assign %a, %b
  assign %b, %a
  return
}`);
  checkGraph(swap, randomInputs(swap, 5));
  const shift = parseGraph(`graph main(param %a: f32[5], param %b: f32[5]) {
  %z = full {value=7, dtype=f32, shape=[5]}
  assign %a, %b
  assign %b, %z
  return
}`);
  checkGraph(shift, randomInputs(shift, 6));
});

test('one value may go to two states', () => {
  const graph = parseGraph(`graph main(param %a: f32[5], param %b: f32[5], %x: f32[5]) {
  %v = mul %a, %x
  assign %a, %v
  assign %b, %v
  return
}`);
  checkGraph(graph, randomInputs(graph, 7));
});

test('views passed in are read through their strides', () => {
  const graph = parseGraph(`graph main(%x: f32[3, 4] strides [1, 3], %w: f32[2, 4]) {
  %y = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[1]}
  %z = tanh %x
  return %y, %z
}`);
  const contiguous = parseGraph(printGraph(graph).replace(/ strides \[1, 3\]/, ''));
  const [x, w] = randomInputs(contiguous, 4) as [Float64Array, Float64Array];
  const transposed = new Float64Array(12);
  for (let i = 0; i < 3; i++) for (let j = 0; j < 4; j++) transposed[j * 3 + i] = x[i * 4 + j]!;
  const wanted = interpretGraph(contiguous, [x, w]);
  const got = runCompiled(graph, compileGraph(graph, caps), [transposed, w]);
  for (const [i, v] of wanted.outputs.entries())
    assertClose(got.outputs[i]!, v, 1e-5, `output ${i}`);
});

test('launches that do the same share a kernel', () => {
  const layers = (
    second: string,
  ): string => `graph main(%x: f32[4, 8], %v: f32[8, 8], %w: ${second}) {
  %a = dot %x, %v {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  %b = tanh %a
  %c = dot %b, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  %d = tanh %c
  return %d
}`;
  const alike = parseGraph(layers('f32[8, 8]'));
  const { program } = compileGraph(alike, caps);
  assert.is(program.steps.length, 2);
  assert.is(program.kernels.length, 1);
  checkGraph(alike, randomInputs(alike, 8));
  const turned = compileGraph(parseGraph(layers('f32[8, 8] strides [1, 8]')), caps).program;
  assert.is(turned.kernels.length, 2);
});

test('the same graph compiles to the same program', () => {
  const a = compileGraph(mlpStep(4), caps).program;
  const b = compileGraph(mlpStep(4), caps).program;
  assert.equal(
    a.kernels.map((k) => [k.name, k.grid, k.notes]),
    b.kernels.map((k) => [k.name, k.grid, k.notes]),
  );
  assert.equal(
    a.buffers.map((x) => x.offset),
    b.buffers.map((x) => x.offset),
  );
});

test.run();
