import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as init from '../../../src/frontend/gluon/init.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { device, nd, Parameter, random } from '../../../src/index.ts';

const draw = (
  initializer: init.Initializer,
  shape: readonly number[],
  name = 'weight',
): nd.NDArray => {
  random.seed(17);
  return initializer.draw({ shape, dtype: 'float32', device: device.default(), name });
};
const momentsOf = async (x: nd.NDArray): Promise<[mean: number, deviation: number]> => [
  Number(await x.mean().item()),
  Number(await x.std().item()),
];

test('orthogonal: rows, or columns, are orthogonal and of one length', async () => {
  for (const randType of ['uniform', 'normal'] as const)
    for (const shape of [
      [4, 7],
      [7, 4],
      [5, 5],
      [6, 2, 2, 2],
    ]) {
      const w = draw(new init.Orthogonal({ randType, scale: 2 }), shape).reshape([shape[0]!, -1]);
      const [rows, columns] = w.shape as [number, number];
      const product = rows <= columns ? w.matmul(w.T) : w.T.matmul(w);
      await assertAllClose(product, nd.eye(Math.min(rows, columns)).mul(4), { atol: 1e-5 });
    }
  await assertAllClose(
    draw(new init.Orthogonal(), [3, 3]),
    draw(new init.Orthogonal({ scale: Math.SQRT2 }), [3, 3]),
  );
});

test('bilinear: an enlarging convolution interpolates', async () => {
  const w = draw(new init.Bilinear(), [1, 1, 4, 4]);
  const line = [0.25, 0.75, 0.75, 0.25];
  await assertAllClose(w, [[line.map((p) => line.map((q) => p * q))]]);
  const options = { strides: 2, padding: 1, useBias: false, weightInit: new init.Bilinear() };
  const up = new nn.Conv2DTranspose(1, 4, options);
  up.initialize();
  const x = nd.arange(16).astype('float32').reshape([1, 1, 4, 4]);
  const wanted = nd.upSampling(x, 2, { sampleType: 'bilinear' });
  const inner = [':', ':', [1, -1], [1, -1]] as const;
  await assertAllClose(up(x).slice(...inner), wanted.slice(...inner));
  await assertAllClose(draw(new init.Bilinear(), [1, 1, 3]), [[[0.5, 1, 0.5]]]);
});

test('biases of LSTM cells start with an open forget gate', async () => {
  assert.equal(await draw(new init.LSTMBias(), [8]).array(), [0, 0, 1, 1, 0, 0, 0, 0]);
  assert.equal(await draw(new init.LSTMBias(3), [4]).array(), [0, 3, 0, 0]);
});

test('normal numbers cut off; variances for rectifiers', async () => {
  const cut = draw(new init.TruncatedNormal({ mean: 1, stdev: 0.5, bound: 2 }), [4000]);
  assert.ok(Array.from(await cut.data()).every((v) => v >= 0 && v <= 2));
  const [mean, deviation] = await momentsOf(cut);
  // Deviation of a normal distribution cut at two deviations: 0.8796.
  assert.ok(Math.abs(mean - 1) < 0.03 && Math.abs(deviation - 0.5 * 0.8796) < 0.02);
  const shape = [200, 50];
  for (const [options, wanted] of [
    [{}, Math.sqrt(2 / 50)],
    [{ rndType: 'uniform' }, Math.sqrt(2 / 50)],
    [{ factorType: 'out', slope: 0.5 }, Math.sqrt(2 / (1.25 * 200))],
  ] as const) {
    const [, spread] = await momentsOf(draw(new init.Kaiming(options), shape));
    assert.ok(Math.abs(spread / wanted - 1) < 0.03, `${spread}, expected ${wanted}`);
  }
  assert.is(init.He, init.Kaiming);
});

test('patterns of names choose; the rule of names; values that are there', async () => {
  const mixed = new init.Mixed([
    ['0\\..*bias', 2],
    [/bias$/, 'ones'],
    ['.*', 'zeros'],
  ]);
  class Bare extends nn.HybridSequential {
    extra = new Parameter({ shape: [1] });
  }
  const dense = (): nn.Dense => new nn.Dense(1, { inUnits: 1, biasInit: mixed });
  const net = new Bare(dense(), dense());
  net.initialize({ init: mixed });
  const values = [...net.collectParams()].map(async ([name, p]) => [name, await p.data().array()]);
  assert.equal((await Promise.all(values)).sort(), [
    ['0.bias', [2]],
    ['0.weight', [[0]]],
    ['1.bias', [1]],
    ['1.weight', [[0]]],
    ['extra', [0]],
  ]);
  const rule = new init.ByName(7);
  for (const [name, value] of [
    ['a.bias', 0],
    ['runningMean', 0],
    ['a.gamma', 1],
    ['runningVar', 1],
    ['a.weight', 7],
  ] as const)
    assert.equal(await draw(rule, [1], name).array(), [value], name);
  const table = { 'arg:0.weight': nd.array([[5]]), extra: nd.array([6], { dtype: 'int32' }) };
  const loaded = new Bare(
    new nn.Dense(1, { inUnits: 1, useBias: false }),
    new nn.Dense(1, { useBias: false }),
  );
  loaded.initialize({ init: new init.Load(table, 'ones') });
  loaded(nd.ones([1, 1]));
  const found = [loaded[0], loaded[1]].map((l) => (l as nn.Dense).weight.data().item());
  assert.equal(await Promise.all(found), [5, 1]);
  assert.is(await loaded.extra.data().item(), 6);
  assert.is(loaded.extra.data().dtype, 'float32');
});

test('own names; a seed fixes everything', async () => {
  init.register('tiny', () => new init.Constant(0.125));
  const dense = new nn.Dense(1, { inUnits: 1, weightInit: 'tiny' });
  dense.initialize();
  assert.equal(await dense.weight.data().array(), [[0.125]]);
  for (const make of [
    () => new init.Orthogonal(),
    () => new init.Orthogonal({ randType: 'normal' }),
    () => new init.TruncatedNormal(),
    () => new init.Kaiming(),
  ])
    await assertAllClose(draw(make(), [3, 2]), draw(make(), [3, 2]), { rtol: 0, atol: 0 });
});

test.run();
