/** What ops mean where it could be otherwise: known values, edges, ties, zeros, NaN, clamping. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { GraphBuilder } from '../../../src/ir/graph/builder.ts';
import type { Attrs, Node } from '../../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../../src/ir/graph/interpret.ts';
import { graphOps } from '../../../src/ir/graph/registry.ts';
import { type TensorType, tensor } from '../../../src/ir/type.ts';
import { gradients } from '../../../src/passes/autodiff.ts';
import { assertClose } from './cases.ts';

const f32 = (...shape: number[]): TensorType => tensor('float32', shape);
const i32 = (...shape: number[]): TensorType => tensor('int32', shape);

type Operand = readonly [TensorType, readonly number[]];

/** The value of one op, and the gradients of its sum (or of `dy` times it) if asked for. */
const apply = (name: string, operands: readonly Operand[], attrs: Attrs = {}): number[] =>
  run(operands, (builder, inputs) => [builder.emit(graphOps.get(name)!, inputs, attrs)])[0]!;

const gradient = (name: string, operands: readonly Operand[], attrs: Attrs = {}): number[][] =>
  run(operands, (builder, inputs) => {
    const y = builder.emit(graphOps.get(name)!, inputs, attrs);
    return gradients(builder, [y], [builder.lit(1, y)], inputs).filter((g) => g !== null);
  });

const run = (
  operands: readonly Operand[],
  body: (builder: GraphBuilder, inputs: readonly Node[]) => readonly Node[],
): number[][] => {
  const builder = new GraphBuilder();
  const inputs = operands.map(([type]) => builder.input(type));
  const graph = builder.graph('case', body(builder, inputs));
  const data = operands.map(([, values]) => Float64Array.from(values));
  return interpretGraph(graph, data).outputs.map((v) => [...v]);
};

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i);

test('slice walks backwards with negative steps, down to and including 0 for end -1', () => {
  const x: Operand = [f32(5), upTo(5)];
  assert.equal(apply('slice', [x], { begin: [4], end: [-1], step: [-2] }), [4, 2, 0]);
  assert.equal(apply('slice', [x], { begin: [3], end: [0], step: [-1] }), [3, 2, 1]);
  assert.equal(apply('slice', [x], { begin: [2], end: [2], step: [1] }), []);
});

test('pad puts its value before, after and between', () => {
  const attrs = { low: [1], high: [2], interior: [1], value: 9 };
  assert.equal(apply('pad', [[f32(3), [1, 2, 3]]], attrs), [9, 1, 9, 2, 9, 3, 9, 9]);
  assert.equal(apply('pad', [[f32(0), []]], attrs), [9, 9, 9]);
});

test('broadcast repeats along the axes that are not named', () => {
  assert.equal(apply('broadcast', [[f32(2), [1, 2]]], { shape: [2, 2], axes: [0] }), [1, 1, 2, 2]);
  assert.equal(apply('broadcast', [[f32(2), [1, 2]]], { shape: [2, 2], axes: [1] }), [1, 2, 1, 2]);
});

test('empty sums are 0, empty products 1, and an empty maximum is refused', () => {
  assert.equal(apply('sum', [[f32(0, 2), []]], { axes: [0] }), [0, 0]);
  assert.equal(apply('prod', [[f32(0, 2), []]], { axes: [0] }), [1, 1]);
  assert.throws(() => apply('reduceMax', [[f32(0, 2), []]], { axes: [0] }), /nothing to choose/);
});

test('argmax gives the first of equals, the first NaN before all, and row-major positions', () => {
  assert.equal(apply('argmax', [[f32(4), [1, 3, 3, 2]]], { axes: [0] }), [1]);
  assert.equal(apply('argmin', [[f32(4), [1, Number.NaN, -3, Number.NaN]]], { axes: [0] }), [1]);
  assert.equal(apply('argmax', [[f32(2, 3), [0, 1, 2, 9, 4, 5]]], { axes: [0, 1] }), [3]);
});

test('the gradient of a maximum goes to equal elements in equal parts', () => {
  const x: Operand = [f32(2, 4), [1, 3, 3, 0, 5, 5, 5, 5]];
  const quarters = [0.25, 0.25, 0.25, 0.25];
  assert.equal(gradient('reduceMax', [x], { axes: [1] })[0], [0, 0.5, 0.5, 0, ...quarters]);
  assert.equal(gradient('reduceMin', [x], { axes: [1] })[0], [0, 0, 0, 1, ...quarters]);
});

test('the gradient of a product is right with no, one and two zeros', () => {
  const of = (...x: number[]): number[] =>
    gradient('prod', [[f32(x.length), x]], { axes: [0] })[0]!;
  assert.equal(of(2, 3, 4), [12, 8, 6]);
  assert.equal(of(2, 0, 4), [0, 8, 0]);
  assert.equal(of(0, 3, 0), [0, 0, 0]);
  assert.equal(of(7), [1]);
});

test('the second gradient of a product is right at zeros', () => {
  const [hessian] = run([[f32(3), [2, 0, 0]]], (builder, [x]) => {
    const prod = graphOps.get('prod')!;
    const y = builder.emit(prod, [x!], { axes: [0] });
    const [g] = gradients(builder, [y], [builder.lit(1, y)], [x!]);
    const middle = builder.emit(graphOps.get('literal')!, [], {
      values: [0, 1, 0],
      dtype: 'float32',
      shape: [3],
    });
    return [gradients(builder, [g!], [middle], [x!])[0]!];
  });
  // Row 1 of the Hessian of x0 x1 x2 at (2, 0, 0): (x2, 0, x0).
  assert.equal(hessian, [0, 0, 2]);
});

const pool = (kernel: number, stride: number, low = 0, high = 0): Attrs => ({
  kernel: [kernel],
  strides: [stride],
  low: [low],
  high: [high],
});

test('pooling pads with the neutral element', () => {
  const x: Operand = [f32(4), [-1, -2, -3, -4]];
  assert.equal(apply('windowMax', [x], pool(3, 2, 1, 1)), [-1, -2]);
  assert.equal(apply('windowSum', [x], pool(3, 2, 1, 1)), [-3, -9]);
  assert.equal(apply('windowArgmax', [x], pool(3, 2, 1, 1)), [1, 0]);
});

test('the gradient of a maximum over windows goes to the first maximum of each, and adds up', () => {
  assert.equal(gradient('windowMax', [[f32(5), [1, 5, 5, 2, 0]]], pool(3, 1))[0], [0, 2, 1, 0, 0]);
  assert.equal(gradient('windowSum', [[f32(5), upTo(5)]], pool(3, 2))[0], [1, 1, 2, 1, 1]);
  assert.equal(gradient('windowSum', [[f32(6), upTo(6)]], pool(2, 3))[0], [1, 1, 0, 1, 1, 0]);
});

test('windows of padding alone are refused for maxima', () => {
  assert.throws(() => apply('windowMax', [[f32(2), [1, 2]]], pool(1, 1, 1, 0)), /padding alone/);
  assert.equal(apply('windowSum', [[f32(2), [1, 2]]], pool(1, 1, 1, 0)), [0, 1, 2]);
});

test('take and takeAlong clamp positions to the axis', () => {
  const x: Operand = [f32(3), [10, 20, 30]];
  assert.equal(apply('take', [x, [i32(4), [-5, 0, 2, 7]]], { axis: 0 }), [10, 10, 30, 30]);
  assert.equal(apply('takeAlong', [x, [i32(2), [3, -1]]], { axis: 0 }), [30, 10]);
});

test('the gradient of take adds up what a position was taken for', () => {
  const x: Operand = [f32(3), [10, 20, 30]];
  assert.equal(gradient('take', [x, [i32(4), [2, 0, 2, 7]]], { axis: 0 })[0], [1, 0, 3]);
  assert.equal(gradient('takeAlong', [x, [i32(3), [1, 1, -4]]], { axis: 0 })[0], [1, 2, 0]);
  assert.equal(gradient('takeAlong', [x, [i32(1), [9]]], { axis: 0 })[0], [0, 0, 1]);
});

test('conv: a known 2-d case with padding and stride', () => {
  const attrs = { strides: [2, 2], low: [1, 1], high: [1, 1], dilations: [1, 1], groups: 1 };
  const x: Operand = [f32(1, 1, 3, 3), [1, 2, 3, 4, 5, 6, 7, 8, 9]];
  const w: Operand = [f32(1, 1, 3, 3), [1, 0, 0, 0, 1, 0, 0, 0, 1]];
  assert.equal(apply('conv', [x, w], attrs), [1 + 5, 3, 7, 9 + 5]);
});

test('conv: groups keep to their own channels', () => {
  const attrs = { strides: [1], low: [0], high: [0], dilations: [1], groups: 2 };
  const x: Operand = [f32(1, 2, 2), [1, 2, 30, 40]];
  assert.equal(apply('conv', [x, [f32(2, 1, 1), [1, 10]]], attrs), [1, 2, 300, 400]);
});

test('dot: batch and contracted axes in any position', () => {
  const attrs = { aBatch: [1], bBatch: [0], aContract: [0], bContract: [1] };
  const a: Operand = [f32(2, 2), [1, 2, 3, 4]];
  const b: Operand = [f32(2, 2), [5, 6, 7, 8]];
  assert.equal(apply('dot', [a, b], attrs), [1 * 5 + 3 * 6, 2 * 7 + 4 * 8]);
});

test('softmax and logSoftmax survive large numbers', () => {
  const x: Operand = [f32(3), [1000, 1000, -1000]];
  assert.equal(apply('softmax', [x], { axis: 0 }), [0.5, 0.5, 0]);
  assertClose(
    apply('logSoftmax', [x], { axis: 0 }),
    [-Math.LN2, -Math.LN2, -2000 - Math.LN2],
    1e-6,
    'log',
  );
});

test('literal and iota count in row-major order', () => {
  assert.equal(apply('iota', [], { axis: 1, dtype: 'int32', shape: [2, 2] }), [0, 1, 0, 1]);
  const attrs = { values: [1, 2, 3, 4], dtype: 'float32', shape: [2, 2] };
  assert.equal(apply('literal', [], attrs), [1, 2, 3, 4]);
});

test('stopGradient passes values and no gradient', () => {
  assert.equal(apply('stopGradient', [[f32(2), [3, 4]]]), [3, 4]);
  assert.equal(gradient('stopGradient', [[f32(2), [3, 4]]]), []);
});

test('int32 arithmetic wraps and uint8 sums are modulo 256', () => {
  const big = [2147483647, -2147483648];
  assert.equal(
    apply('add', [
      [i32(2), big],
      [i32(2), [1, -1]],
    ]),
    [-2147483648, 2147483647],
  );
  assert.equal(apply('sum', [[tensor('uint8', [2]), [200, 100]]], { axes: [0] }), [44]);
});

test.run();
