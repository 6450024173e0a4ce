/** Reverse mode over whole graphs: what flows where, what does not, and what the emitted graph looks like. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { isFloat } from '../../src/ir/dtype.ts';
import { GraphBuilder } from '../../src/ir/graph/builder.ts';
import {
  type Graph,
  type Node,
  type Op,
  reachable,
  topological,
} from '../../src/ir/graph/graph.ts';
import { interpretGraph } from '../../src/ir/graph/interpret.ts';
import { logSoftmax, softmax } from '../../src/ir/graph/ops/composite.ts';
import { takeAlong } from '../../src/ir/graph/ops/take.ts';
import { verifyGraph } from '../../src/ir/graph/verify.ts';
import { tensor } from '../../src/ir/type.ts';
import { gradients, vjpGraph } from '../../src/passes/autodiff.ts';
import { assertClose, opCases } from '../ir/graph/cases.ts';

const vector = tensor('float32', [3]);

/** Gradients of `f(inputs)` (a float vector) with a gradient of ones, at `data`. */
const gradientsAt = (
  f: (builder: GraphBuilder, ...inputs: Node[]) => Node,
  data: readonly (readonly number[])[],
): number[][] => {
  const builder = new GraphBuilder();
  const inputs = data.map((v) => builder.input(tensor('float32', [v.length])));
  const y = f(builder, ...inputs);
  const found = gradients(builder, [y], [builder.lit(1, y)], inputs);
  const graph = builder.graph(
    'grads',
    found.map((g, i) => g ?? builder.lit(Number.NaN, inputs[i]!)),
  );
  verifyGraph(graph);
  const values = data.map((v) => Float64Array.from(v));
  return interpretGraph(graph, values, { exact: true }).outputs.map((v) => [...v]);
};

test('a value that is used twice receives both gradients', () => {
  const [dx] = gradientsAt((b, x) => b.op('add', b.op('mul', x, x), x), [[1, 2, 3]]);
  assert.equal(dx, [3, 5, 7]);
});

test('inputs that nothing depends on have no gradient', () => {
  const builder = new GraphBuilder();
  const [x, y] = [builder.input(vector), builder.input(vector)];
  const out = builder.op('exp', x);
  const [dx, dy] = gradients(builder, [out], [builder.lit(1, out)], [x, y]);
  assert.ok(dx);
  assert.is(dy, null);
});

test('an output that is its own input receives its gradient as it is', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  const dy = builder.lit(2, x);
  assert.is(gradients(builder, [x], [dy], [x])[0], dy);
});

test('gradients with respect to inner nodes stop there and also flow on', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  const middle = builder.op('mul', x, builder.lit(3, x));
  const y = builder.op('mul', middle, middle);
  const found = gradients(builder, [y], [builder.lit(1, y)], [x, middle]) as Node[];
  const { outputs } = interpretGraph(builder.graph('g', found), [Float64Array.of(1, 2, 3)]);
  assert.equal([...outputs[0]!], [18, 36, 54]);
  assert.equal([...outputs[1]!], [6, 12, 18]);
});

test('several outputs add up', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  const outs = [builder.op('neg', x), builder.op('mul', x, x)];
  const [dx] = gradients(builder, outs, [builder.lit(10, x), builder.lit(1, x)], [x]);
  const { outputs } = interpretGraph(builder.graph('g', [dx!]), [Float64Array.of(1, 2, 3)]);
  assert.equal([...outputs[0]!], [-8, -6, -4]);
});

test('nothing flows through integers, comparisons and stopGradient', () => {
  const [dx] = gradientsAt(
    (b, x) => b.op('mul', x, b.cast(b.cast(x, 'int32'), 'float32')),
    [[1.5, 2.5, -3.5]],
  );
  assert.equal(dx, [1, 2, -3]);
});

test('a gradient of the wrong type is refused', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  const wrong = builder.full(1, 'float32', [2]);
  assert.throws(
    () => gradients(builder, [x], [wrong], [x]),
    /result of type f32\[3\] has type f32\[2\]/,
  );
});

const opaque: Op = {
  name: 'opaque',
  kind: 'map',
  schema: {},
  type: ([x]) => x!,
};

test('a float path through an op without gradient is an error that names it and the line', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  builder.origin = 'train.ts:41:18';
  const y = builder.emit(opaque, [x], {});
  assert.throws(
    () => gradients(builder, [y], [builder.lit(1, y)], [x]),
    (error: Error) =>
      error.name === 'GradientError' &&
      /opaque: has no gradient: f32\[3\] → f32\[3\]\n {2}at train.ts:41:18\n {2}help: /.test(
        error.message,
      ),
  );
  const other = builder.input(vector);
  const sum = builder.op('add', y, other);
  assert.ok(gradients(builder, [sum], [builder.lit(1, sum)], [other])[0]);
});

const product: Op = {
  name: 'product',
  kind: 'composite',
  schema: {},
  type: ([x]) => x!,
  decompose: (b, [x, y]) => b.op('mul', x!, b.op('exp', y!)),
};

test('a composite without a rule uses those of its decomposition, each operand once', () => {
  const [same] = gradientsAt((b, x) => b.emit(product, [x, x], {}), [[0, 1]]);
  assertClose(same!, [1, 2 * Math.E], 1e-12, 'both operands the same');
  const [chained] = gradientsAt((b, x) => b.emit(product, [x, b.op('neg', x)], {}), [[0, 1]]);
  assertClose(chained!, [1, 0], 1e-12, 'one operand made from the other');
});

test('deep graphs do not overflow the stack (20,000 nodes)', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  let y = x;
  for (let i = 0; i < 20_000; i++) y = builder.op('sin', y);
  assert.ok(gradients(builder, [y], [builder.lit(1, y)], [x])[0]);
});

test('gradient nodes carry the line of the node they belong to', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector);
  builder.origin = 'net.ts:1:1';
  const y = builder.op('tanh', x);
  builder.origin = undefined;
  const [dx] = gradients(builder, [y], [builder.lit(1, y)], [x]);
  assert.is(dx!.origin, 'net.ts:1:1');
  assert.is(builder.origin, undefined);
});

test('cross-entropy trains without a scatter or a gather in its gradient', () => {
  const builder = new GraphBuilder();
  const logits = builder.input(tensor('float32', [4, 5]));
  const labels = builder.input(tensor('int32', [4, 1]));
  const scores = builder.emit(logSoftmax, [logits], { axis: 1 });
  const picked = builder.emit(takeAlong, [scores, labels], { axis: 1 });
  const [dx] = gradients(builder, [picked], [builder.lit(-1, picked)], [logits]);
  const kinds = new Set(reachable([dx!]).map((node) => node.op.kind));
  assert.not(kinds.has('scatter'));
  assert.not(kinds.has('gather'));
  const data = Float64Array.from({ length: 20 }, (_, i) => Math.sin(i));
  const graph = builder.graph('g', [dx!, builder.emit(softmax, [logits], { axis: 1 })]);
  const [found, p] = interpretGraph(graph, [data, Float64Array.of(0, 3, 4, 1)], {
    exact: true,
  }).outputs;
  const expected = p!.map((v, i) => v - ([0, 8, 14, 16].includes(i) ? 1 : 0));
  assertClose(found!, expected, 1e-12, 'softmax minus one-hot');
});

test('vjpGraph: inputs and seeds in, wanted gradients out', () => {
  const builder = new GraphBuilder();
  const x = builder.input(vector, { name: 'x', role: 'param' });
  const y = builder.input(vector, { name: 'y' });
  const idx = builder.op('lt', x, y);
  const graph = builder.graph('f', [idx, builder.op('mul', x, y), builder.op('neg', y)]);
  const vjp = vjpGraph(graph, [true, false]);
  verifyGraph(vjp.graph);
  assert.equal(vjp.seeds, [1]);
  assert.equal(vjp.results, [0, null]);
  assert.equal(
    vjp.graph.inputs.map((n) => n.attrs['name']),
    ['x', 'y', 'dy1'],
  );
  const data = [
    [1, 2, 3],
    [4, 5, 6],
    [1, 10, 100],
  ].map((v) => Float64Array.from(v));
  assert.equal([...interpretGraph(vjp.graph, data).outputs[0]!], [4, 50, 600]);
});

test('vjpGraph: an input that is not reached has no result', () => {
  const builder = new GraphBuilder();
  const [x, y] = [builder.input(vector), builder.input(vector)];
  const vjp = vjpGraph(builder.graph('f', [builder.op('exp', x)]), [true, true]);
  assert.equal(vjp.results, [0, null]);
  assert.is(vjp.graph.inputs.length, 3);
  assert.is(y.op.name, 'input');
});

test('vjp graphs can be differentiated again, three times over, for every op', () => {
  for (const { graph, title } of opCases()) {
    let current: Graph = graph;
    for (let order = 1; order <= 3 && current.outputs.length > 0; order++) {
      const wanted = current.inputs.map((x) => isFloat(x.type.dtype));
      const vjp = vjpGraph(current, wanted);
      verifyGraph(vjp.graph);
      vjp.results.forEach((r, i) => {
        if (r !== null) assert.is(vjp.graph.outputs[r]!.type, current.inputs[i]!.type, title);
      });
      assert.ok(topological(vjp.graph).length < 4000, `${title}: order ${order} explodes`);
      current = vjp.graph;
    }
  }
});

test.run();
