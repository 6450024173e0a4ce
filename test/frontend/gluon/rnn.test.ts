/**
 * Recurrent layers and cells: against PyTorch, layers against their cells, loops against steps by hand.
 */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { Parameter } from '../../../src/frontend/gluon/parameter.ts';
import * as rnn from '../../../src/frontend/gluon/rnn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd, random } from '../../../src/index.ts';
import { synchronous } from '../support.ts';
import { ATOL, type Case, casesOf, RTOL } from './fixtures.ts';

const LAYERS: Readonly<Record<string, () => rnn.RecurrentLayer>> = {
  'rnn tanh': () => new rnn.RNN(4, { activation: 'tanh' }),
  'rnn relu 2 layers': () => new rnn.RNN(4, { numLayers: 2 }),
  lstm: () => new rnn.LSTM(4),
  'lstm 2 layers both ways': () => new rnn.LSTM(4, { numLayers: 2, bidirectional: true }),
  'lstm projected': () => new rnn.LSTM(5, { projectionSize: 2 }),
  'lstm both ways lengths': () => new rnn.LSTM(4, { bidirectional: true }),
  gru: () => new rnn.GRU(4),
  'gru 2 layers both ways lengths': () => new rnn.GRU(4, { numLayers: 2, bidirectional: true }),
};
/** What differs between devices is how a loop runs: GPUs run what tells, as programs. */
const ON_GPUS: ReadonlySet<string> = new Set(['lstm', 'gru', 'lstm both ways lengths', 'stack']);
const onDevice = (name: string): boolean => synchronous || ON_GPUS.has(name);
const WAYS = synchronous ? ['imperative', 'hybridized'] : ['hybridized'];
const CLOSE = { rtol: RTOL, atol: ATOL };

const parametersOf = (block: object, expected: Case): [string, Parameter][] =>
  Object.keys(expected)
    .filter((key) => key.startsWith('p_'))
    .map((key) => {
      const name = key.slice(2);
      const own = (block as Record<string, Parameter | undefined>)[name];
      if (own === undefined) throw new Error(`the layer has no parameter ${name}`);
      return [name, own];
    });

for (const [name, expected] of [...casesOf('rnn')].filter(([name]) => onDevice(name)))
  for (const way of WAYS)
    test(`${name}, ${way}: outputs, states and gradients are PyTorch's`, async () => {
      const layer = LAYERS[name]!();
      layer.initialize();
      const x = expected['x']!;
      const parameters = parametersOf(layer, expected);
      for (const [key, parameter] of parameters) {
        parameter.infer(expected[`p_${key}`]!.shape);
        parameter.setData(expected[`p_${key}`]!);
      }
      if (way === 'hybridized') layer.hybridize();
      x.attachGrad();
      const start = layer.beginState(x.shape[1]!);
      const [y, states] = autograd.record(() => {
        const [outputs, last] = layer(
          x,
          start,
          ...(expected['lengths'] ? [expected['lengths']] : []),
        );
        const loss = outputs.mul(expected['dy']!).sum();
        loss.add(last.at(-1)!.mul(expected['dlast']!).sum()).backward();
        return [outputs, last] as const;
      });
      await assertAllClose(y, expected['y']!, { ...CLOSE, label: 'outputs' });
      for (const [i, state] of states.entries())
        await assertAllClose(state, expected[`state${i}`]!, { ...CLOSE, label: `state ${i}` });
      await assertAllClose(x.grad!, expected['d_x']!, { ...CLOSE, label: 'd_x' });
      for (const [key, parameter] of parameters)
        await assertAllClose(parameter.grad(), expected[`d_${key}`]!, {
          ...CLOSE,
          label: `d_${key}`,
        });
    });

/** A cell stepped by hand. */
const byHand = (cell: rnn.RecurrentCell, x: nd.NDArray): nd.NDArray[] => {
  let states = cell.beginState(x.shape[0]!);
  return Array.from({ length: x.shape[1]! }, (_, t) => {
    const [y, next] = cell(x.slice(':', t), states) as rnn.CellResult;
    states = next;
    return y;
  });
};

const CELLS: Readonly<Record<string, () => rnn.RecurrentCell>> = {
  RNNCell: () => new rnn.RNNCell(4),
  LSTMCell: () => new rnn.LSTMCell(4),
  LSTMPCell: () => new rnn.LSTMPCell(4, 2),
  GRUCell: () => new rnn.GRUCell(4, { activation: 'relu' }),
  ResidualCell: () => new rnn.ResidualCell(new rnn.GRUCell(3)),
  stack: () =>
    new rnn.SequentialRNNCell(new rnn.LSTMCell(4), new rnn.DropoutCell(0.5), new rnn.GRUCell(2)),
};

for (const [name, make] of Object.entries(CELLS).filter(([name]) => onDevice(name)))
  test(`${name}: unrolled, imperative and hybridized, is what its steps are`, async () => {
    random.seed(3);
    const cell = make();
    cell.initialize();
    const x = random.normal([2, 5, 3]);
    const wanted = nd.stack(byHand(cell, x), 1);
    const [merged] = cell.unroll(5, x);
    await assertAllClose(merged, wanted, CLOSE);
    const compiled = hybridize((v: nd.NDArray) => cell.unroll(5, v)[0]);
    await assertAllClose(compiled(x), wanted, CLOSE);
    const [steps] = cell.unroll(
      5,
      nd.split(x, 5, 1).map((s) => s.squeeze(1)),
      { mergeOutputs: false },
    );
    assert.is(steps.length, 5);
    await assertAllClose(steps[4]!, wanted.slice(':', 4), CLOSE);
  });

test('a sequence ends at its length: outputs behind it are 0, states are those of its last step', async () => {
  const cell = new rnn.GRUCell(3);
  cell.initialize({ init: 'xavier' });
  const x = random.normal([2, 4, 2]);
  const [y, [h]] = cell.unroll(4, x, { validLength: nd.array([4, 2], { dtype: 'int32' }) });
  const [short] = cell.unroll(2, x.slice(':', [0, 2]));
  await assertAllClose(y.slice(1, [0, 2]), short.at(1), CLOSE);
  await assertAllClose(y.slice(1, [2, 4]), nd.zeros([2, 3]), CLOSE);
  await assertAllClose(h!.at(1), short.at(1, 1), CLOSE);
});

test('both directions: the way back starts at the end of each sample', async () => {
  const both = new rnn.BidirectionalCell(new rnn.RNNCell(2), new rnn.RNNCell(2));
  both.initialize({ init: 'xavier' });
  const x = random.normal([2, 4, 3]);
  const lengths = nd.array([3, 4], { dtype: 'int32' });
  const [y] = both.unroll(4, x, { validLength: lengths });
  const [alone] = both.unroll(3, x.slice([0, 1], [0, 3]));
  await assertAllClose(y.slice([0, 1], [0, 3]), alone, CLOSE);
  assert.throws(() => both(x.at(0), []), /cannot make one step/);
});

/** A layer and convolutional cells on a device: outputs, and gradients of the squares of first derivatives. */
const differentiatedTwice = (on: ReturnType<typeof device.default>, compiled: boolean) => {
  const before = device.default();
  device.setDefault(on);
  random.seed(7);
  const parts: readonly (readonly [(x: nd.NDArray) => nd.NDArray, readonly number[]])[] = [
    rnnOver(new rnn.GRU(2)),
    imagesOver(new rnn.Conv1DRNNCell([2, 4], 3), [2, 4]),
    ...(synchronous ? [imagesOver(new rnn.Conv2DLSTMCell([2, 4, 4], 3), [2, 4, 4])] : []),
  ];
  const given = parts.map(([, shape]) => random.normal(shape).attachGrad());
  const all = (...xs: nd.NDArray[]): nd.NDArray[] => {
    const ys = autograd.record(() => parts.map(([run], i) => run(xs[i]!)));
    const square = (list: readonly nd.NDArray[]): nd.NDArray =>
      list.map((y) => y.mul(y).sum()).reduce((sum, y) => sum.add(y));
    autograd.record(() => square(autograd.grad(square(ys), xs, { createGraph: true }))).backward();
    return ys;
  };
  const made = (compiled ? hybridize(all) : all)(...given);
  device.setDefault(before);
  return [...made, ...given.map((x) => x.grad!)];
};
const rnnOver = (layer: rnn.RecurrentLayer) => {
  layer.initialize({ init: 'xavier' });
  return [(x: nd.NDArray) => layer(x), [3, 2, 4]] as const;
};
const imagesOver = (cell: rnn.RecurrentCell, image: readonly number[]) => {
  cell.initialize({ init: 'xavier' });
  return [(x: nd.NDArray) => cell.unroll(2, x)[0], [1, 2, ...image]] as const;
};

test('a layer and convolutional cells, compiled, are what the CPU makes of their steps, differentiated twice', async () => {
  const wanted = differentiatedTwice(device.cpu(), false);
  const made = differentiatedTwice(device.default(), true);
  assert.equal(made[1]!.shape, [1, 2, 3, 4]);
  for (const [i, y] of made.entries())
    await assertAllClose(y, await wanted[i]!.array(), { rtol: 1e-3, atol: 1e-4, label: `${i}` });
});

test('zoneout keeps, variational dropout drops the same channels in all steps', async () => {
  random.seed(5);
  const zone = new rnn.ZoneoutCell(new rnn.RNNCell(64), { outputs: 0.5, states: 0.5 });
  zone.initialize({ init: 'xavier' });
  const x = nd.ones([1, 3, 4]);
  const plain = zone.unroll(3, x)[0];
  await assertAllClose(plain, zone.base.unroll(3, x)[0], CLOSE);
  const [kept] = autograd.record(() => zone.unroll(3, x));
  const first = await kept.slice(0, 0).eq(0).sum().item();
  assert.ok(Number(first) > 16 && Number(first) < 48, `${first} of 64 kept their 0`);
  const drop = new rnn.VariationalDropoutCell(new rnn.RNNCell(64), { outputs: 0.5 });
  drop.initialize({ init: 'xavier' });
  const [dropped] = autograd.record(() => drop.unroll(3, x));
  const zeros = dropped.eq(0).astype('int32');
  assert.equal(await zeros.slice(0, 0).array(), await zeros.slice(0, 2).array());
  const count = Number(await zeros.slice(0, 0).sum().item());
  assert.ok(count > 16 && count < 48, `${count} of 64 dropped`);
});

test.run();
