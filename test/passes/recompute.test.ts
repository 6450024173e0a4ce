import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Graph, Values } from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { parseGraph } from '../../src/ir/graph/parse.ts';
import { verifyGraph } from '../../src/ir/graph/verify.ts';
import { byteLength } from '../../src/ir/type.ts';
import { vjpGraph } from '../../src/passes/autodiff.ts';
import { bringEveryFamily } from '../../src/passes/every-family.ts';
import { type Partition, partition } from '../../src/passes/recompute.ts';
import { lenet, mlp } from '../support/classifiers.ts';
import { assertClose, randomInputs } from '../support/passes.ts';
import { random } from '../support/random.ts';

bringEveryFamily();

const params = (graph: Graph): boolean[] => graph.inputs.map((x) => x.attrs['role'] === 'param');
const all = (graph: Graph): boolean[] => graph.inputs.map((x) => x.type.dtype === 'float32');

/** Gradients of the two graphs, one after the other, as a caller runs them. */
const runParts = (
  parts: Partition,
  inputs: readonly Values[],
  dys: readonly Values[],
): Values[] => {
  const { outputs } = interpretGraph(parts.forward, inputs);
  const saved = parts.saved.map(({ kind, index }) => (kind === 'input' ? inputs : outputs)[index]!);
  return interpretGraph(parts.backward, [...saved, ...parts.seeds.map((i) => dys[i]!)])
    .outputs as Values[];
};

/** Partitions and checks the gradients against those of the undivided graph (tolerance 1e-4 relative, seeds 1 and 2). */
const check = (graph: Graph, wanted: readonly boolean[], extras: boolean): Partition => {
  const parts = partition(graph, wanted, { extras });
  verifyGraph(parts.forward);
  verifyGraph(parts.backward);
  const whole = vjpGraph(graph, wanted);
  assert.equal(parts.seeds, whole.seeds);
  assert.equal(
    parts.results.map((r) => r === null),
    whole.results.map((r) => r === null),
  );
  for (const seed of [1, 2]) {
    const inputs = randomInputs(graph, seed);
    const generator = random(seed + 10);
    const dys = graph.outputs.map((x) => generator.floats(x.type.size));
    const want = interpretGraph(whole.graph, [...inputs, ...whole.seeds.map((i) => dys[i]!)]);
    const got = runParts(parts, inputs, dys);
    whole.results.forEach((at, i) => {
      if (at === null) return;
      assertClose(got[parts.results[i]!]!, want.outputs[at]!, 1e-4, `gradient of input ${i}`);
    });
    const plain = interpretGraph(graph, inputs);
    const forward = interpretGraph(parts.forward, inputs);
    plain.outputs.forEach((w, i) => {
      assertClose(forward.outputs[i]!, w, 1e-4, `output ${i}`);
    });
  }
  return parts;
};

const names = (parts: Partition): string[] =>
  parts.saved.map(({ kind, index }) =>
    kind === 'input'
      ? String(parts.forward.inputs[index]!.attrs['name'])
      : parts.forward.outputs[index]!.op.name,
  );

test('what is cheap to compute again is not saved', () => {
  const graph = parseGraph(`graph (%x: f32[1000]) {
    %a = mul %x, %x  %b = relu %a  %c = mul %b, %x  return %c }`);
  const parts = check(graph, [true], true);
  assert.equal(names(parts), ['x']);
  assert.is(parts.forward.outputs.length, 1);
});

test('results of products are saved, not computed again', () => {
  const graph = parseGraph(`graph (%x: f32[16, 32], %w: f32[32, 24]) {
    %a = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    %b = tanh %a  %c = sum %b {axes=[0, 1]}  return %c }`);
  const parts = check(graph, [true, true], true);
  assert.is(parts.forward.outputs.length, 2);
  assert.not(parts.backward.inputs.length > 4);
});

test('an output that the caller has anyway is saved rather than made again', () => {
  const graph = parseGraph('graph (%x: f32[1000]) { %y = exp %x  return %y }');
  assert.equal(names(check(graph, [true], false)), ['exp']);
  assert.equal(names(check(graph, [true], true)), ['exp']);
});

test('without extras, forward returns what it was asked for', () => {
  const graph = parseGraph(`graph (%x: f32[6, 8], %w: f32[8, 4]) {
    %a = dot %x, %w {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
    %b = sin %a  return %b }`);
  const parts = check(graph, [true, true], false);
  assert.is(parts.forward.outputs.length, 1);
  assert.equal(names(parts), ['x', 'w']);
});

test('a gradient that is not asked for, and one that does not exist, are null', () => {
  const graph = parseGraph(`graph (%x: f32[4], %y: f32[4], %i: i32[4], %z: f32[4]) {
    %a = mul %x, %y  return %a }`);
  const parts = check(graph, [true, false, true, true], true);
  assert.equal(parts.results, [0, null, null, null]);
});

test('outputs that no gradient reaches have no gradient input', () => {
  const graph = parseGraph(`graph (%x: f32[4], %y: f32[4]) {
    %a = exp %x  %b = exp %y  %c = gt %x, %y  return %b, %a, %c }`);
  const parts = check(graph, [true, false], true);
  assert.equal(parts.seeds, [1]);
});

test('an output that is an input, twice', () => {
  const graph = parseGraph('graph (%x: f32[4]) { %a = mul %x, %x  return %x, %a, %a }');
  check(graph, [true], true);
});

test('scalars and views keep their role and strides on the way to backward', () => {
  const graph = parseGraph(`graph (scalar %s: f32[], %x: f32[4, 3]) {
    %b = broadcast %s {shape=[4, 3], axes=[]}  %r = mul %x, %b  return %r }`);
  const parts = check(graph, [true, true], false);
  assert.equal(
    parts.backward.inputs.map((x) => x.attrs['role']),
    ['input', 'scalar', 'input'],
  );
});

test('random masks are saved as bits, not drawn again', () => {
  const graph = parseGraph(`graph (%x: f32[64, 64], scalar %key: u32[], scalar %count: u32[]) {
    %i = iota {axis=0, dtype=u32, shape=[4096]}
    %k = broadcast %key {shape=[4096], axes=[]}
    %c = broadcast %count {shape=[4096], axes=[]}
    %t = threefry %k, %k, %c, %i
    %limit = full {value=2000000000, dtype=u32, shape=[4096]}
    %keep = lt %t, %limit
    %mask = reshape %keep {shape=[64, 64]}
    %zero = full {value=0, dtype=f32, shape=[64, 64]}
    %r = select %mask, %x, %zero  return %r }`);
  const parts = check(graph, [true, false, false], true);
  assert.equal(
    parts.saved.map(({ index }) => parts.forward.outputs[index]!.type.dtype),
    ['bool'],
  );
});

test('old values of what forward overwrites cannot be saved', () => {
  const graph = parseGraph(`graph (%x: f32[4], param %w: f32[4]) {
    %a = mul %x, %w  %n = add %w, %x  assign %w, %n  return %a }`);
  assert.throws(() => partition(graph, [true, false]), /backward needs the old value of w/);
  const harmless = parseGraph(`graph (%x: f32[4], param %w: f32[4]) {
    %a = exp %x  %n = add %w, %x  assign %w, %n  return %a }`);
  const parts = check(harmless, [true, false], true);
  assert.is(parts.forward.assigns.length, 1);
  assert.is(parts.backward.assigns.length, 0);
});

test('an MLP saves its activations once, and no masks', () => {
  const graph = mlp(8, [12, 10, 9, 4]);
  const parts = check(graph, params(graph), true);
  const extra = parts.forward.outputs.slice(graph.outputs.length);
  assert.equal(
    extra.map((x) => x.op.name),
    ['relu', 'relu', 'exp'],
  );
});

test('LeNet saves pooled activations and positions, never a full activation', () => {
  const small = lenet(2, 16, [3, 4, 8]);
  check(small, params(small), true);
  check(small, all(small), true);
  const graph = lenet(64);
  const parts = partition(graph, params(graph));
  const extra = parts.forward.outputs.slice(graph.outputs.length);
  const bytes = extra.reduce((sum, x) => sum + byteLength(x.type), 0);
  // Pooled activations and positions: 2 · 4 · 64 · (20·12·12 + 50·4·4) bytes, hidden layer and probabilities.
  assert.ok(bytes <= 2 * 4 * 64 * (20 * 144 + 50 * 16) + 4 * 64 * (128 + 10), `${bytes} bytes`);
});

test('random graphs of maps, reductions and products', () => {
  for (let seed = 1; seed <= 40; seed++) {
    const { int, pick } = random(seed);
    const lines: string[] = [];
    const values = ['%x', '%y', '%w'];
    for (let i = 0; i < 3 + int(0, 10); i++) {
      const a = pick(values);
      const b = pick(values);
      lines.push(
        pick([
          `%v${i} = tanh ${a}`,
          `%v${i} = relu ${a}`,
          `%v${i} = mul ${a}, ${b}`,
          `%v${i} = sub ${a}, ${b}`,
          `%v${i} = dot ${a}, ${b} {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}`,
          `%v${i} = transpose ${a} {axes=[1, 0]}`,
          `%s${i} = sum ${a} {axes=[1]} %v${i} = broadcast %s${i} {shape=[4, 4], axes=[0]}`,
          `%v${i} = softmax ${a} {axis=1}`,
        ]),
      );
      values.push(`%v${i}`);
    }
    const text = `graph (%x: f32[4, 4], %y: f32[4, 4], %w: f32[4, 4]) {
      ${lines.join('\n')} %bounded = sigmoid ${values.at(-1)} return %bounded, ${pick(values)} }`;
    const graph = parseGraph(text);
    const wanted = [true, int(0, 2) === 0, int(0, 2) === 0];
    try {
      check(graph, wanted, true);
      check(graph, wanted, false);
    } catch (error) {
      throw new Error(`seed ${seed}:\n${text}`, { cause: error });
    }
  }
});

test.run();
