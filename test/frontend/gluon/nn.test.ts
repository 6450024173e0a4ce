import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, nd, random } from '../../../src/index.ts';
import { fails, testAtOnce } from '../support.ts';

type One = HybridBlock & { forward(x: nd.NDArray): nd.NDArray };

const ready = <T extends HybridBlock>(block: T): T => {
  random.seed(11);
  block.initialize({ init: 'xavier' });
  return block;
};
const inputOf = (...shape: number[]): nd.NDArray => {
  random.seed(5);
  return random.uniform(shape, -1, 1);
};

/** Layers that are smooth (or whose windows keep their maxima under small steps), with an input each. */
const SMOOTH: readonly (readonly [string, () => One, nd.NDArray])[] = [
  ['Dense', () => new nn.Dense(3, { activation: 'tanh' }), inputOf(2, 4)],
  ['Conv1D', () => new nn.Conv1D(2, 2, { activation: 'softrelu' }), inputOf(1, 2, 4)],
  ['Conv2D', () => new nn.Conv2D(2, 2, { strides: 2, padding: 1, groups: 2 }), inputOf(1, 2, 3, 3)],
  ['Conv3D', () => new nn.Conv3D(2, 2), inputOf(1, 1, 2, 3, 2)],
  ['MaxPool2D', () => new nn.MaxPool2D(2), nd.arange(16).astype('float32').reshape([1, 1, 4, 4])],
  ['AvgPool2D', () => new nn.AvgPool2D(2, { strides: 1, padding: 1 }), inputOf(1, 1, 3, 3)],
  ['AvgPool1D', () => new nn.AvgPool1D(2, { ceilMode: true }), inputOf(1, 2, 5)],
  ['GlobalAvgPool2D', () => new nn.GlobalAvgPool2D(), inputOf(2, 2, 2, 2)],
  ['LayerNorm', () => new nn.LayerNorm({ epsilon: 0.1 }), inputOf(2, 4)],
  ['BatchNorm', () => new nn.BatchNorm({ epsilon: 0.1 }), inputOf(3, 2)],
  ['Flatten', () => new nn.Flatten(), inputOf(2, 2, 2)],
  ['Dropout', () => new nn.Dropout(0.4), inputOf(3, 3)],
  ['gelu', () => new nn.Activation('gelu'), inputOf(5)],
  ['mish', () => new nn.Activation('mish'), inputOf(5)],
];

/** First derivatives as a function, to be differentiated again. */
const derivative =
  (f: (x: nd.NDArray) => nd.NDArray) =>
  (x: nd.NDArray): nd.NDArray =>
    autograd.record(() => {
      if (x.grad === undefined) x.attachGrad();
      const y = f(x);
      return autograd.grad(y.mul(y), [x], { createGraph: true })[0]!;
    });

for (const [name, make, x] of SMOOTH) {
  test(`${name}: gradients are the limits of differences, also of gradients`, async () => {
    const layer = ready(make());
    layer(x);
    await checkGradients(layer, [x]);
    // Random numbers go on from where they are, so both runs of a difference must start alike.
    const f = (v: nd.NDArray): nd.NDArray => {
      random.seed(3);
      return layer(v);
    };
    await checkGradients(derivative(f), [x], { rtol: 3e-2, atol: 1e-2 });
  });
  test(`${name}: hybridized is imperative, in training and in prediction`, async () => {
    const layer = ready(make());
    layer(x);
    const state = layer.parameters().map((p) => p.data());
    await checkHybridize(layer, [x], { state });
    await checkHybridize(layer, [x], { state, backward: false });
    layer.hybridize();
    await checkGradients(layer, [x]);
  });
}

test('sizes are learnt from the first input, imperative or hybridized', async () => {
  for (const hybrid of [false, true]) {
    const dense = new nn.Dense(4);
    const conv = new nn.Conv2D(6, 3, { groups: 2 });
    const norm = new nn.BatchNorm();
    assert.equal(dense.weight.shape, [4, 0]);
    const net = new nn.HybridSequential(conv, norm, new nn.MaxPool2D(2), dense);
    net.initialize();
    assert.not(dense.weight.isInitialized);
    assert.ok(dense.bias!.isInitialized);
    if (hybrid) net.hybridize();
    assert.equal(net(nd.ones([2, 4, 8, 8])).shape, [2, 4]);
    assert.equal(conv.weight.shape, [6, 2, 3, 3]);
    assert.equal(norm.runningVar.shape, [6]);
    assert.equal(dense.weight.shape, [4, 6 * 3 * 3]);
    assert.equal(net(nd.ones([5, 4, 8, 8])).shape, [5, 4]);
  }
  const given = new nn.Dense(4, { inUnits: 7 });
  given.initialize();
  assert.equal(given.weight.data().shape, [4, 7]);
  const norm = new nn.LayerNorm({ inChannels: 3 });
  norm.initialize();
  assert.equal(await norm.gamma.data().array(), [1, 1, 1]);
  const conv = new nn.Conv1D(4, 3, { inChannels: 6, groups: 2 });
  conv.initialize();
  assert.equal(conv.weight.data().shape, [4, 3, 3]);
});

test('parameters start as told', async () => {
  const dense = new nn.Dense(2, { inUnits: 3, weightInit: 0.5, biasInit: 'ones' });
  const norm = new nn.BatchNorm({
    inChannels: 2,
    gammaInit: 2,
    runningVarInit: 4,
    runningMeanInit: 1,
  });
  const table = new nn.Embedding(2, 2, { weightInit: 'ones' });
  for (const layer of [dense, norm, table]) layer.initialize({ init: 'zeros' });
  await assertAllClose(dense(nd.ones([1, 3])), [[2.5, 2.5]]);
  await assertAllClose(norm(nd.ones([1, 2]).mul(3)), [[2, 2]], { atol: 1e-4 });
  assert.equal(await table(nd.array([1], { dtype: 'int32' })).array(), [[1, 1]]);
  assert.is(new nn.Dense(2, { useBias: false }).bias, undefined);
  assert.is(new nn.Dense(2, { useBias: false }).collectParams().size, 1);
});

test('layers refuse inputs that do not fit, naming layer, shapes and the fix', () => {
  const dense = ready(new nn.Dense(4));
  fails(() => new nn.Dense(4)(nd.ones([1, 2])), 'value', 'not initialized', 'net.initialize()');
  dense(nd.ones([2, 5]));
  fails(
    () => dense(nd.ones([2, 6])),
    'shape',
    'Dense: the input f32[2, 6] has 6 features',
    'for 5',
  );
  fails(
    () => dense(nd.ones([5])),
    'shape',
    'Dense: takes [batch, ...features], not f32[5]',
    'flatten',
  );
  assert.equal(ready(new nn.Dense(4, { flatten: false }))(nd.ones([5])).shape, [4]);
  const conv = ready(new nn.Conv2D(2, 3));
  fails(
    () => conv(nd.ones([3, 8, 8])),
    'shape',
    'Conv2D: takes [batch, channels, height, width], not f32[3, 8, 8]',
    'expandDims(0)',
  );
  conv(nd.ones([1, 3, 8, 8]));
  fails(() => conv(nd.ones([1, 4, 8, 8])), 'shape', 'Conv2D', '4 channels', 'for 3');
  fails(() => conv(nd.ones([1, 3, 2, 2])), 'shape', 'Conv2D: window 3');
  fails(
    () => ready(new nn.Conv2D(4, 3, { groups: 2 }))(nd.ones([1, 3, 8, 8])),
    'option',
    '3 input',
  );
  fails(() => new nn.MaxPool2D(5)(nd.ones([1, 1, 4, 4])), 'shape', 'a window of 5 does not fit');
  fails(() => new nn.GlobalAvgPool1D()(nd.ones([1, 2])), 'shape', 'GlobalAvgPool1D', 'width]');
  const norm = ready(new nn.BatchNorm());
  norm(nd.ones([2, 3]));
  fails(() => norm(nd.ones([2, 4])), 'shape', 'BatchNorm', '4 channels', 'for 3');
  fails(() => norm(nd.ones([2])), 'shape', 'BatchNorm: axis 1 is out of range');
  const other = ready(new nn.LayerNorm());
  other(nd.ones([2, 3]));
  fails(() => other(nd.ones([2, 4])), 'shape', 'LayerNorm', 'for 3');
  fails(() => ready(new nn.PReLU({ inChannels: 3 }))(nd.ones([2, 4])), 'shape', 'PReLU', 'for 3');
});

test('errors say in which block of which net they happened', () => {
  class Net extends HybridBlock {
    features = new nn.HybridSequential(new nn.Dense(3));
    override forward(x: nd.NDArray): nd.NDArray {
      return this.features(x);
    }
  }
  const net = ready(new Net());
  net(nd.ones([1, 2]));
  fails(() => net(nd.ones([1, 9])), 'shape', 'nn.test.ts', 'in Net › features', '› 0 (Dense)');
  net.hybridize();
  fails(() => net(nd.ones([1, 9])), 'shape', 'nn.test.ts', 'in Net › features', '› 0 (Dense)');
});

test('unknown options and wrong arguments are refused when the layer is made', () => {
  const wrong: readonly (readonly [() => unknown, ...string[]])[] = [
    [() => new nn.Dense(2, { activaton: 'relu' } as never), 'Dense', 'did you mean "activation"?'],
    [() => new nn.Dense(2, { activation: 'rellu' as never }), 'Dense', 'did you mean "relu"?'],
    [() => new nn.Dense(0), 'Dense: units is 0', 'an integer ≥ 1'],
    [() => new nn.Activation('swishy' as never), 'Activation', 'allowed: "relu"'],
    [() => new nn.Conv2D(2, 3, { stride: 2 } as never), 'Conv2D', 'did you mean "strides"?'],
    [() => new nn.Conv2D(2, [3, 3, 3]), 'Conv2D: kernelSize is [3,3,3]', 'or 2 of them'],
    [() => new nn.Conv1D(2, 3, { padding: -1 }), 'Conv1D: padding is -1', 'an integer ≥ 0'],
    [() => new nn.Conv2D(3, 3, { groups: 2 }), 'Conv2D: 3 channels do not divide into 2 groups'],
    [() => new nn.Conv2D(4, 3, { groups: 2, inChannels: 3 }), '3 inChannels do not divide'],
    [() => new nn.MaxPool2D(2, { ceil: true } as never), 'MaxPool2D', 'did you mean "ceilMode"?'],
    [
      () => new nn.AvgPool3D(2, { countIncludePads: true } as never),
      'did you mean "countIncludePad"?',
    ],
    [() => new nn.BatchNorm({ eps: 1 } as never), 'BatchNorm', 'unknown option "eps"', 'epsilon'],
    [() => new nn.BatchNorm({ momentum: 2 }), 'BatchNorm: momentum is 2'],
    [() => new nn.BatchNorm({ epsilon: -1 }), 'BatchNorm: epsilon is -1'],
    [() => new nn.LayerNorm({ axes: 1 } as never), 'LayerNorm', 'did you mean "axis"?'],
    [() => new nn.Embedding(2, 2, { dtyp: 'float32' } as never), 'did you mean "dtype"?'],
    [() => new nn.Embedding(2.5, 2), 'Embedding: inputDim is 2.5'],
    [() => new nn.Dropout(0.5, { axis: [1] } as never), 'Dropout', 'did you mean "axes"?'],
    [() => new nn.PReLU({ alpha: 1 } as never), 'PReLU', 'did you mean "alphaInit"?'],
  ];
  for (const [make, ...parts] of wrong) fails(make, 'option', ...parts);
  fails(() => new nn.Dropout(1), 'value', 'Dropout: rate 1 must be from 0 to below 1');
});

test('Dropout: the right share, scaled; nothing in prediction; axes share their draw', async () => {
  const drop = new nn.Dropout(0.25);
  const x = nd.ones([100, 100]);
  random.seed(1);
  assert.equal(await drop(x).sum().item(), 10000);
  for (const hybrid of [false, true]) {
    if (hybrid) drop.hybridize();
    random.seed(1);
    const y = autograd.record(() => drop(x));
    const values = Array.from(await y.data());
    const zeros = values.filter((v) => v === 0).length;
    // Three standard deviations of a binomial count: 3 · sqrt(10000 · 0.25 · 0.75) = 130.
    assert.ok(Math.abs(zeros - 2500) < 130, `${zeros} zeros`);
    assert.ok(values.every((v) => v === 0 || Math.abs(v - 4 / 3) < 1e-6));
    assert.not.equal(await autograd.record(() => drop(x)).data(), await y.data());
  }
  const rows = autograd.record(() => new nn.Dropout(0.5, { axes: [1] })(nd.ones([50, 3])));
  for (const row of (await rows.array()) as number[][]) assert.ok(row.every((v) => v === row[0]));
  assert.equal(await autograd.record(() => new nn.Dropout(0)(x)).data(), await x.data());
});

test('Embedding: gradients of repeated rows add up', async () => {
  const table = new nn.Embedding(3, 2);
  table.initialize();
  const idx = nd.array(
    [
      [0, 2],
      [2, 2],
    ],
    { dtype: 'int32' },
  );
  autograd.record(() => table(idx)).backward();
  assert.equal(await table.weight.grad().array(), [
    [1, 1],
    [0, 0],
    [3, 3],
  ]);
  fails(() => table(nd.array([0.5])), 'dtype', 'Embedding: indices must be integers', 'astype');
});

testAtOnce('Embedding: wrong indices are refused', () => {
  const table = new nn.Embedding(3, 2);
  table.initialize();
  const parts = ['Embedding: index 3 at [1] of i32[2] is out of range for 3 rows', '0 to 2'];
  for (const hybrid of [false, true]) {
    if (hybrid) table.hybridize();
    fails(() => table(nd.array([0, 3], { dtype: 'int32' })), 'value', 'nn.test.ts', ...parts);
    fails(() => table(nd.array([-1], { dtype: 'int32' })), 'value', 'index -1 at [0]');
    assert.equal(table(nd.array([2], { dtype: 'uint8' })).shape, [1, 2]);
  }
});

test('layers keep the dtype of their input and follow cast()', async () => {
  const net = new nn.HybridSequential(
    new nn.Conv2D(2, 3, { padding: 1 }),
    new nn.BatchNorm(),
    new nn.Activation('relu'),
    new nn.GlobalAvgPool2D(),
    new nn.Dense(3),
    new nn.LayerNorm(),
  );
  const x = inputOf(4, 2, 4, 4);
  ready(net)(x);
  const wide = net(x);
  for (const [dtype, tolerance] of [
    ['float16', 0.02],
    ['bfloat16', 0.1],
  ] as const) {
    net.cast(dtype);
    for (const hybrid of [false, true]) {
      if (hybrid) net.hybridize();
      const y = net(x.astype(dtype));
      assert.is(y.dtype, dtype);
      await assertAllClose(y.astype('float32'), wide, { rtol: tolerance, atol: tolerance });
      const trained = autograd.record(() => net(x.astype(dtype)));
      trained.backward();
      assert.is(net.collectParams().get('0.weight')!.grad().dtype, dtype);
    }
  }
});

test('pools: the first of equal maxima gets the gradient of a window; global ones share it', async () => {
  const x = nd.ones([1, 1, 2, 2]).attachGrad();
  autograd.record(() => new nn.MaxPool2D(2)(x)).backward();
  assert.equal(await x.grad!.array(), [
    [
      [
        [1, 0],
        [0, 0],
      ],
    ],
  ]);
  autograd.record(() => new nn.GlobalMaxPool2D()(x)).backward();
  assert.equal(await x.grad!.array(), [
    [
      [
        [0.25, 0.25],
        [0.25, 0.25],
      ],
    ],
  ]);
});

test.run();
