import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose, checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, nd, random } from '../../../src/index.ts';
import { synchronous, testAtOnce } from '../support.ts';

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

/** Layers that are smooth around their inputs. */
const SMOOTH: readonly (readonly [string, () => One, nd.NDArray])[] = [
  [
    'Conv2DTranspose',
    () => new nn.Conv2DTranspose(2, 2, { strides: 2, padding: 1, activation: 'tanh' }),
    inputOf(1, 2, 2, 2),
  ],
  ['Conv1D last', () => new nn.Conv1D(2, 2, { layout: 'NWC' }), inputOf(1, 3, 2)],
  ['LPPool1D', () => new nn.LPPool1D(2), inputOf(1, 2, 4).add(2)],
  ['AdaptiveAvgPool1D', () => new nn.AdaptiveAvgPool1D(2), inputOf(1, 2, 5)],
  ['GroupNorm', () => new nn.GroupNorm(2, { epsilon: 0.1 }), inputOf(2, 4, 2)],
  ['InstanceNorm', () => new nn.InstanceNorm({ epsilon: 0.1 }), inputOf(1, 2, 4)],
  ['RMSNorm', () => new nn.RMSNorm({ epsilon: 0.1 }), inputOf(2, 4)],
  ['UpSampling', () => new nn.UpSampling(2, { sampleType: 'bilinear' }), inputOf(1, 1, 3)],
  ['ReflectionPad2D', () => new nn.ReflectionPad2D(1), inputOf(1, 1, 2, 3)],
  ['PixelShuffle1D', () => new nn.PixelShuffle1D(2), inputOf(1, 2, 3)],
  [
    'ModulatedDeformableConvolution',
    () =>
      new nn.ModulatedDeformableConvolution(1, 2, {
        offsetBiasInit: 0.4,
        offsetWeightInit: 'uniform',
      }),
    inputOf(1, 1, 3, 3),
  ],
  ['RotaryEmbedding', () => new nn.RotaryEmbedding({ interleaved: true }), inputOf(2, 4)],
  ['MultiHeadAttention', () => new nn.MultiHeadAttention(4, 2, { dropout: 0.3 }), inputOf(1, 3, 4)],
  ['Swish', () => new nn.Swish(2), inputOf(5)],
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

// Other devices run the same graphs: there, first gradients are enough.
for (const [name, make, x] of SMOOTH)
  test(`${name}: gradients, also of gradients; hybridized is imperative`, async () => {
    const layer = ready(make());
    layer(x);
    const f = (v: nd.NDArray): nd.NDArray => {
      random.seed(3);
      return layer(v);
    };
    await checkGradients(layer, [x]);
    if (!synchronous) return;
    await checkGradients(derivative(f), [x], { rtol: 3e-2, atol: 1e-2 });
    const state = layer.parameters().map((p) => p.data());
    await checkHybridize(layer, [x], { state });
  });

test('channels last: the same parameters, the same numbers', async () => {
  const first = ready(new nn.Conv2D(3, 2, { strides: 2 }));
  const x = inputOf(2, 4, 6, 2);
  const last = ready(new nn.Conv2D(3, 2, { strides: 2, layout: 'NHWC' }));
  const wanted = first(x.transpose([0, 3, 1, 2])).transpose([0, 2, 3, 1]);
  last.weight.setData(first.weight.data());
  await assertAllClose(last(x), wanted);
});

/** Arrays that are looked at otherwise before a layer takes them: [2, 4, 6, 6] each. */
const VIEWS: Readonly<Record<string, (x: nd.NDArray) => nd.NDArray>> = {
  reshape: (x) => x.reshape([2, 4, 6, 6]),
  slice: (x) => nd.concat([x, x], 0).reshape([4, 4, 6, 6]).slice([1, 3]),
  transpose: (x) => x.reshape([6, 6, 4, 2]).transpose(),
};
const TAKERS: Readonly<Record<string, () => One>> = {
  Conv2D: () => new nn.Conv2D(3, 3, { padding: 1 }),
  Conv2DTranspose: () => new nn.Conv2DTranspose(2, 2, { strides: 2 }),
  BatchNorm: () => new nn.BatchNorm(),
  GroupNorm: () => new nn.GroupNorm(2),
  AvgPool2D: () => new nn.AvgPool2D(2),
  MaxPool2D: () => new nn.MaxPool2D(2),
  Dense: () => new nn.Dense(3),
};
for (const [name, make] of Object.entries(TAKERS))
  testAtOnce(`${name} takes views: hybridized is imperative`, async () => {
    const x = inputOf(2, 4, 36);
    for (const [view, look] of Object.entries(VIEWS)) {
      const net = new nn.HybridSequential(new nn.HybridLambda(look), make());
      ready(net)(x);
      await checkHybridize(net, [x], { label: view });
    }
  });

test('sizes of transposed convolutions undo those of convolutions', () => {
  for (const [size, strides, padding, dilation] of [
    [11, 3, 2, 1],
    [9, 2, 1, 2],
  ] as const) {
    const down = ready(new nn.Conv1D(2, 3, { strides, padding, dilation }));
    const y = down(nd.ones([1, 2, size]));
    const rest = (size + 2 * padding - dilation * 2 - 1) % strides;
    const options = { strides, padding, dilation, outputPadding: rest };
    const up = ready(new nn.Conv1DTranspose(2, 3, options));
    assert.equal(up(y).shape, [1, 2, size]);
  }
});

test('attention: dropout keeps the mean, and queries without keys give the bias', async () => {
  const attention = ready(new nn.MultiHeadAttention(4, 2, { dropout: 0.5, useBias: false }));
  const x = inputOf(1, 3, 4);
  const none = nd.zeros([1, 3], { dtype: 'bool' });
  await assertAllClose(attention(x, x, x, none), nd.zeros([1, 3, 4]));
  await assertAllClose(
    autograd.record(() => attention(x, x, x, none)),
    nd.zeros([1, 3, 4]),
  );
  const shares = attention.weights(x);
  await assertAllClose(shares.sum({ axis: -1 }), nd.ones([1, 2, 3]));
  const runs = Array.from({ length: 200 }, () => autograd.record(() => attention(x)));
  const mean = nd.stack(runs).mean({ axis: 0 });
  await assertAllClose(mean, attention(x), { rtol: 0, atol: 0.15 });
});

test('encoders and decoders are stacks of layers; what is masked does not matter', async () => {
  const options = { hiddenSize: 4, normFirst: true } as const;
  const encoder = ready(new nn.TransformerEncoder(2, 4, 2, options));
  const decoder = ready(new nn.TransformerDecoder(1, 4, 2, options));
  const x = inputOf(1, 4, 4);
  const mask = nd.array([[true, true, false, true]]);
  const other = x.set([':', 2], 9);
  const seen = (y: nd.NDArray): nd.NDArray =>
    y.take(nd.array([0, 1, 3], { dtype: 'int32' }), { axis: 1 });
  for (const hybrid of [false, true]) {
    if (hybrid) for (const net of [encoder, decoder]) net.hybridize();
    await assertAllClose(seen(encoder(x, mask)), seen(encoder(other, mask)));
    const memory = encoder(x, mask);
    const y = decoder(x, memory, undefined, mask);
    assert.equal(y.shape, [1, 4, 4]);
    await assertAllClose(
      decoder(other, memory, undefined, mask).slice(':', [0, 2]),
      y.slice(':', [0, 2]),
    );
  }
  assert.ok(encoder.collectParams().has('layers.1.selfAttention.query.weight'));
});

test('rotary attention depends on distances alone', async () => {
  const q = inputOf(1, 5, 4);
  const at = (start: number): nd.NDArray => {
    const turned = nd.rotaryEmbedding(q, { start });
    return turned.matmul(turned.swapAxes(1, 2));
  };
  await assertAllClose(at(7), at(0), { atol: 1e-5 });
});

test('batch norms: synchronized is plain on one device, with a rectifier it is fused', async () => {
  const x = inputOf(4, 3, 2);
  const train = (norm: nn.BatchNorm): nd.NDArray => autograd.record(() => ready(norm)(x));
  const wanted = train(new nn.BatchNorm());
  await assertAllClose(train(new nn.SyncBatchNorm({ momentum: 0.5 })), wanted);
  await assertAllClose(train(new nn.BatchNormReLU()), wanted.relu());
});

test('blocks side by side, parts of rows, names of methods', async () => {
  const wide = ready(
    new nn.HybridConcatenate([new nn.Dense(2), new nn.Identity(), new nn.HybridLambda('square')]),
  );
  const x = inputOf(2, 3);
  const y = wide(x);
  await assertAllClose(y.slice(':', [2, 5]), x);
  await assertAllClose(y.slice(':', [5, 8]), x.mul(x));
  await checkHybridize(wide, [x]);
  const row = ready(new nn.HybridSequential(new nn.Dense(4), new nn.Identity(), new nn.Dense(2)));
  assert.is(row.slice(1).length, 2);
  assert.is(row.slice(-1).at(0), row.at(2));
  const concurrent = new nn.Concurrent([new nn.Identity(), new nn.Identity()], { axis: 0 });
  assert.equal(concurrent(x).shape, [4, 3]);
});

test('pooling by name: kinds, and one window over everything', async () => {
  const x = nd.array([[[1, 2, 2, 4]]]);
  const [kernel, p] = [2, 1];
  await assertAllClose(nd.pooling(x, { kernel }), [[[2, 4]]]);
  await assertAllClose(nd.pooling(x, { kernel, poolType: 'sum' }), [[[3, 6]]]);
  await assertAllClose(nd.pooling(x, { poolType: 'lp', globalPool: true }), [[[5]]]);
  await assertAllClose(nd.pooling(x, { kernel, p, poolType: 'lp', strides: 1 }), [[[3, 4, 6]]]);
  const zero = nd.zeros([1, 1, 2]).attachGrad();
  autograd.record(() => nd.lpPool(zero, { kernel: 2 })).backward();
  await assertAllClose(zero.grad!, nd.zeros([1, 1, 2]));
});

test.run();
