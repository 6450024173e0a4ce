/**
 * Why: what people who come from Gluon rely on in recurrent nets: names, shapes, compositions, layers that are their cells.
 *
 * Invariant: an unrolled cell is what its steps by hand are, with gradients, in every layout.
 */
import { autograd, explain, hybridize, nd, type Parameter, random } from 'tigon';
import * as rnn from 'tigon/rnn';
import { assertAllClose } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { fails } from '../frontend/support.ts';

const input = (...shape: number[]): nd.NDArray =>
  nd
    .arange(shape.reduce((n, d) => n * d, 1))
    .reshape(shape)
    .mul(0.9)
    .cos();

const CELL = ['h2hBias', 'h2hWeight', 'i2hBias', 'i2hWeight'];
const STACK = 'both directions under zoneout under dropout';
const CELLS: Readonly<
  Record<string, readonly [make: () => rnn.RecurrentCell, names: readonly string[], out: number]>
> = {
  RNNCell: [() => new rnn.RNNCell(6), CELL, 6],
  LSTMCell: [() => new rnn.LSTMCell(6), CELL, 6],
  GRUCell: [() => new rnn.GRUCell(6), CELL, 6],
  LSTMPCell: [() => new rnn.LSTMPCell(6, 2), [...CELL, 'h2rWeight'].sort(), 2],
  'a stack': [
    () =>
      new rnn.HybridSequentialRNNCell(
        new rnn.LSTMCell(3),
        new rnn.ResidualCell(new rnn.GRUCell(3)),
      ),
    [...CELL.map((n) => `0.${n}`), ...CELL.map((n) => `1.base.${n}`)],
    3,
  ],
  [STACK]: [
    () =>
      new rnn.SequentialRNNCell(
        new rnn.BidirectionalCell(new rnn.RNNCell(2), new rnn.GRUCell(3)),
        new rnn.DropoutCell(0.3),
        new rnn.ZoneoutCell(new rnn.LSTMCell(4), { outputs: 0.2, states: 0.2 }),
        new rnn.VariationalDropoutCell(new rnn.RNNCell(5), {
          inputs: 0.2,
          states: 0.1,
          outputs: 0.2,
        }),
      ),
    [
      ...CELL.map((n) => `0.left.${n}`),
      ...CELL.map((n) => `0.right.${n}`),
      ...CELL.map((n) => `2.base.${n}`),
      ...CELL.map((n) => `3.base.${n}`),
    ],
    5,
  ],
};

for (const [name, [make, names, out]] of Object.entries(CELLS))
  test(`${name}: names of parameters, sizes learnt from the input, shapes of outputs and states`, async () => {
    const cell = make();
    cell.initialize({ init: 'xavier' });
    assert.equal([...cell.collectParams().keys()].sort(), names);
    assert.ok(cell.parameters().some((p) => p.shape.includes(0)));
    const [steps, states] = cell.unroll(
      3,
      [0, 1, 2].map(() => input(2, 4)),
      { mergeOutputs: false },
    );
    assert.equal(
      steps.map((y) => y.shape),
      [
        [2, out],
        [2, out],
        [2, out],
      ],
    );
    assert.equal(
      states.map((s) => s.shape),
      cell.stateInfo(2).map(({ shape }) => shape),
    );
    assert.not(cell.parameters().some((p) => p.shape.includes(0)));
  });

test('a stack that draws in training learns the same imperative and compiled', async () => {
  const cell = CELLS[STACK]![0]();
  cell.initialize({ init: 'xavier' });
  const run = (x: nd.NDArray): nd.NDArray => {
    random.seed(4);
    return cell.unroll(3, x)[0].square().sum();
  };
  const found: number[][] = [];
  for (const f of [run, hybridize(run)]) {
    autograd.record(() => f(input(2, 3, 4))).backward();
    found.push(Array.from(await cell.parameters()[0]!.grad().data()));
  }
  await assertAllClose(found[1]!, found[0]!, { rtol: 1e-4, atol: 1e-6 });
});

test('unrolling by a loop is unrolling step by step, in both layouts, with gradients', async () => {
  const cell = new rnn.LSTMCell(3, { inputSize: 2 });
  cell.initialize({ init: 'xavier' });
  const run = async (f: (x: nd.NDArray) => nd.NDArray, x: nd.NDArray): Promise<nd.NDArray[]> => {
    const given = x.copy().attachGrad();
    const y = autograd.record(() => f(given));
    y.backward(y.detach());
    return [y, given.grad!, ...cell.parameters().map((p) => p.grad().copy())];
  };
  const byHand = (x: nd.NDArray): nd.NDArray => {
    let states = cell.beginState(2);
    const outputs: nd.NDArray[] = [];
    for (let t = 0; t < 4; t++) {
      const [y, next] = cell(x.at(t), states) as rnn.CellResult;
      outputs.push(y);
      states = next;
    }
    return nd.stack(outputs);
  };
  const x = input(4, 2, 2);
  const wanted = await run(byHand, x);
  const loop = (v: nd.NDArray): nd.NDArray => cell.unroll(4, v, { layout: 'TNC' })[0];
  const batchFirst = (v: nd.NDArray): nd.NDArray =>
    cell.unroll(4, v.swapAxes(0, 1), { layout: 'NTC' })[0].swapAxes(0, 1);
  for (const f of [loop, hybridize(loop), hybridize(batchFirst)])
    for (const [i, y] of (await run(f, x)).entries())
      await assertAllClose(y, wanted[i]!, { rtol: 1e-4, atol: 1e-6 });
  fails(() => cell.unroll(5, x, { layout: 'TNC' }), 'shape', 'length is 5');
});

/** Two layers of each kind, and a cell of it; 16 bits are the same code for all. */
const LAYERS: readonly (readonly [
  kind: string,
  layer: () => rnn.RecurrentLayer,
  cell: () => rnn.RecurrentCell,
  dtype: 'float32' | 'float16',
])[] = [
  [
    'RNN',
    () => new rnn.RNN(4, { numLayers: 2 }),
    () => new rnn.RNNCell(4, { activation: 'relu' }),
    'float32',
  ],
  ['LSTM', () => new rnn.LSTM(4, { numLayers: 2 }), () => new rnn.LSTMCell(4), 'float32'],
  ['GRU', () => new rnn.GRU(4, { numLayers: 2 }), () => new rnn.GRUCell(4), 'float32'],
  ['LSTM', () => new rnn.LSTM(4, { numLayers: 2 }), () => new rnn.LSTMCell(4), 'float16'],
];
for (const [kind, makeLayer, makeCell, dtype] of LAYERS)
  test(`${kind} of two layers in ${dtype} is a stack of its cells: values and gradients`, async () => {
    random.seed(9);
    const layer = makeLayer();
    const stack = new rnn.SequentialRNNCell(makeCell(), makeCell());
    const x = input(3, 2, 5).astype(dtype);
    for (const net of [layer, stack]) {
      net.initialize({ init: 'xavier' });
      net.cast(dtype);
    }
    layer(x);
    stack.unroll(3, x, { layout: 'TNC' });
    const pairs = [0, 1].flatMap((i) =>
      CELL.map((role): [Parameter, Parameter] => {
        const own = layer.collectParams().get(`l${i}${role[0]!.toUpperCase()}${role.slice(1)}`)!;
        return [own, stack.collectParams().get(`${i}.${role}`)!];
      }),
    );
    for (const [own, other] of pairs) other.setData(own.data());
    layer.hybridize();
    const y = autograd.record(() => layer(x));
    y.backward();
    const z = autograd.record(() => stack.unroll(3, x, { layout: 'TNC' })[0]);
    z.backward();
    assert.is(y.dtype, dtype);
    const close = dtype === 'float32' ? { rtol: 1e-4, atol: 1e-5 } : { rtol: 2e-2, atol: 2e-2 };
    await assertAllClose(y.astype('float32'), z.astype('float32'), close);
    for (const [own, other] of pairs) {
      const [a, b] = [own.grad().astype('float32'), other.grad().astype('float32')];
      await assertAllClose(a, b, { ...close, label: own.name });
    }
  });

test('sizes of layers and cells are learnt from the first input, or given', () => {
  const layer = new rnn.LSTM(3, { numLayers: 2, bidirectional: true });
  layer.initialize();
  const [y, states] = layer(input(5, 2, 4), layer.beginState(2));
  assert.equal(y.shape, [5, 2, 6]);
  assert.equal(
    states.map((s) => s.shape),
    [
      [4, 2, 3],
      [4, 2, 3],
    ],
  );
  const shapes = new Map([...layer.collectParams()].map(([name, p]) => [name, p.shape]));
  assert.equal(shapes.get('l0I2hWeight'), [12, 4]);
  assert.equal(shapes.get('r1I2hWeight'), [12, 6]);
  assert.equal(new rnn.GRUCell(2, { inputSize: 7 }).i2hWeight.shape, [6, 7]);
  assert.equal(new rnn.RNN(2).collectParams().get('l0I2hWeight')!.shape, [2, 0]);
});

test('convolutional cells of all ranks unroll hybridized as by hand', async () => {
  for (const [cell, ...shape] of [
    [new rnn.Conv1DRNNCell([2, 5], 3, { activation: 'relu' }), 2, 5],
    [new rnn.Conv2DGRUCell([1, 4, 3], 2, { i2hKernel: [3, 1], i2hPad: [1, 0] }), 1, 4, 3],
    [new rnn.Conv3DLSTMCell([1, 2, 3, 2], 2), 1, 2, 3, 2],
  ] as const) {
    cell.initialize({ init: 'xavier' });
    const x = input(1, 2, ...shape);
    let states = cell.beginState(1);
    const steps = [0, 1].map((t) => {
      const [y, next] = cell(x.at(':', t), states) as rnn.CellResult;
      states = next;
      return y;
    });
    assert.equal(steps[0]!.shape, [1, cell.hiddenChannels, ...shape.slice(1)]);
    const unrolled = hybridize((v: nd.NDArray) => cell.unroll(2, v)[0]);
    await assertAllClose(unrolled(x), nd.stack(steps, 1), { rtol: 1e-4, atol: 1e-5 });
  }
});

test('one program serves all lengths up to its bound, and its size does not depend on the bound', async () => {
  const [batch, features] = [2, 3];
  const kernels = [6, 12].map(async (bound) => {
    random.seed(3);
    const net = new rnn.LSTM(4, { inputSize: features });
    net.initialize({ init: 'xavier' });
    const run = hybridize((x: nd.NDArray, lengths: nd.NDArray) => net(x, null, lengths));
    const x = input(bound, batch, features);
    for (const [a, b] of [
      [bound, 1],
      [2, bound],
      [3, 4],
    ] as const) {
      const lengths = nd.array([a, b], { dtype: 'int32' });
      const outputs = run(x, lengths);
      for (const [i, length] of [a, b].entries()) {
        const alone = net(x.slice([0, length], [i, i + 1])) as nd.NDArray;
        await assertAllClose(outputs.slice([0, length], [i, i + 1]), alone, {
          rtol: 1e-5,
          atol: 1e-6,
        });
        const beyond = await outputs.slice([length, bound], i).abs().sum().item();
        assert.is(beyond, 0, 'what lies beyond a sample is zero');
      }
    }
    assert.is(plansOf(run).length, 1);
    const [report, another] = JSON.parse(JSON.stringify(explain(run))) as { kernels: unknown[] }[];
    assert.is(another, undefined);
    return report!.kernels.length;
  });
  const [short, long] = await Promise.all(kernels);
  assert.is(short, long);
});

test.run();
