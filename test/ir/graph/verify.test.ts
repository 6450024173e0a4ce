/** The verifier names each broken rule; the interpreter rounds, assigns and refuses as it says. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Graph, Node } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { verifyGraph } from '../../../src/ir/graph/verify.ts';
import { type TensorType, tensor } from '../../../src/ir/type.ts';

const f32 = (...shape: number[]): TensorType => tensor('float32', shape);

/** `x + y` with `x` updated to it. */
const sample = (): { graph: Graph; x: Node; y: Node; total: Node } => {
  const builder = new GraphBuilder();
  const x = builder.input(f32(2));
  const y = builder.input(f32(2));
  const total = builder.op('add', x, y);
  return { graph: builder.graph('g', [total], [{ target: x, value: total }]), x, y, total };
};

const rejects = (graph: Graph, rule: RegExp): void =>
  assert.throws(
    () => verifyGraph(graph),
    (error: Error) => error.name === 'VerifyError' && rule.test(error.message),
  );

test('a graph as the builder makes it is fine', () => verifyGraph(sample().graph));

test('types must be what the rule gives', () => {
  const { graph, total } = sample();
  rejects(
    { ...graph, outputs: [{ ...total, type: f32(3) }] },
    /add f32\[3\]: its rule gives type f32\[2\]/,
  );
});

test('operands must fit the op', () => {
  const { graph, total, x } = sample();
  rejects({ ...graph, outputs: [{ ...total, inputs: [x] }] }, /takes 2 operands \(a, b\), not 1/);
});

test('operands come before their users', () => {
  const { graph, total } = sample();
  rejects({ ...graph, outputs: [{ ...total, id: 0 }] }, /comes before one of its operands/);
});

test('attributes are all there, of their kind, and no others', () => {
  const { graph, x } = sample();
  const builder = new GraphBuilder();
  const sum = builder.sum(x, [0]);
  const withAttrs = (attrs: Node['attrs']): Graph => ({ ...graph, outputs: [{ ...sum, attrs }] });
  rejects(withAttrs({}), /attribute axes is missing/);
  rejects(withAttrs({ axes: 0 }), /attribute axes must be of kind ints/);
  rejects(withAttrs({ axes: [0], keep: true }), /has no attribute keep/);
});

test('every input that is used is listed, once', () => {
  const { graph, x, y } = sample();
  rejects({ ...graph, inputs: [x], assigns: [] }, /is used but is no input of the graph/);
  rejects({ ...graph, inputs: [x, y, y] }, /listed twice/);
});

test('assigns go to inputs, once, with the same type', () => {
  const { graph, x, total } = sample();
  rejects({ ...graph, assigns: [{ target: total, value: x }] }, /no input of the graph/);
  const twice = { target: x, value: total };
  rejects({ ...graph, assigns: [twice, twice] }, /assigned to twice/);
  const scalar = new GraphBuilder().full(0, 'float32', []);
  rejects({ ...graph, assigns: [{ target: x, value: scalar }] }, /input of type f32\[2\]/);
});

test('an op must be the registered one', () => {
  const { graph, total } = sample();
  rejects({ ...graph, outputs: [{ ...total, op: { ...total.op } }] }, /not registered/);
});

test('the interpreter gives outputs and new values of assigned inputs', () => {
  const { graph } = sample();
  const { outputs, assigns } = interpretGraph(graph, [
    Float64Array.of(1, 2),
    Float64Array.of(3, 4),
  ]);
  assert.equal([...outputs[0]!], [4, 6]);
  assert.equal([...assigns[0]!], [4, 6]);
});

test('the interpreter rounds each value to its dtype, unless exact', () => {
  const { graph } = sample();
  const data = [Float64Array.of(0.1, 1), Float64Array.of(0.2, 1e-9)];
  const [rounded] = interpretGraph(graph, data).outputs;
  assert.equal([...rounded!], [Math.fround(Math.fround(0.1) + Math.fround(0.2)), 1]);
  const [exact] = interpretGraph(graph, data, { exact: true }).outputs;
  assert.equal([...exact!], [0.1 + 0.2, 1 + 1e-9]);
});

test('the interpreter refuses inputs that do not fit', () => {
  const { graph } = sample();
  assert.throws(() => interpretGraph(graph, []), /takes 2 inputs, not 0/);
  const short = [Float64Array.of(1), Float64Array.of(1, 2)];
  assert.throws(() => interpretGraph(graph, short), /input 0 \(f32\[2\]\) needs 2 values, not 1/);
});

test.run();
