/**
 * Why: identities between losses, what a trainer does with many and with shared parameters, nets converted to 16 bits.
 *
 * Invariant: one thing computed in two ways, or a step worked out by hand.
 */
import { autograd, hybridize, nd, Parameter, random, Trainer } from 'tigon';
import * as amp from 'tigon/amp';
import { CTCLoss, SDMLLoss, SigmoidBCELoss, SoftmaxCELoss } from 'tigon/loss';
import * as nn from 'tigon/nn';
import * as optim from 'tigon/optim';
import * as rnn from 'tigon/rnn';
import { assertAllClose } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';

/** All but the one that draws noise. */
const NAMES = [
  ...(['sgd', 'nag', 'dcasgd', 'signsgd', 'signum', 'lion', 'adam', 'adamw', 'adamax'] as const),
  ...(['nadam', 'adabelief', 'adagrad', 'groupadagrad', 'adadelta', 'rmsprop'] as const),
  ...(['ftrl', 'ftml', 'lars', 'lamb', 'lans', 'muon'] as const),
];
const input = (...shape: number[]): nd.NDArray =>
  nd
    .arange(shape.reduce((n, d) => n * d, 1))
    .reshape(shape)
    .mul(1.7)
    .sin();

test('the cross-entropy of yes and no is that of two classes, with gradients', async () => {
  const scores = input(6, 1).attachGrad();
  const yes = nd.array([1, 0, 0, 1, 1, 0], { shape: [6, 1] });
  const binary = autograd.record(() => new SigmoidBCELoss()(scores, yes));
  binary.backward();
  const gradient = scores.grad!.copy();
  const two = autograd.record(() =>
    new SoftmaxCELoss()(nd.concat([scores.mul(0), scores], 1), yes.reshape([6]).astype('int32')),
  );
  two.backward();
  await assertAllClose(binary, two);
  await assertAllClose(gradient, scores.grad!, { atol: 1e-6 });
  const dense = new SoftmaxCELoss({ sparseLabel: false, fromLogits: true });
  const shares = nd.concat([yes.mul(-1).add(1), yes], 1);
  const p = scores.sigmoid();
  await assertAllClose(dense(nd.concat([p.mul(-1).add(1).log(), p.log()], 1), shares), two, {
    atol: 1e-6,
  });
});

test('connectionist losses have the values of MXNet', async () => {
  const label = nd.array([
    [1, 0, -1, -1],
    [2, 1, 1, -1],
  ]);
  const pred = nd.ones([2, 20, 4]);
  const wanted = [18.82820702, 16.50581741];
  await assertAllClose(new CTCLoss()(pred, label), wanted, { rtol: 1e-5 });
  const timeFirst = new CTCLoss({ layout: 'TNC', labelLayout: 'TN' });
  await assertAllClose(timeFirst(pred.swapAxes(0, 1), label.T), wanted, { rtol: 1e-5 });
  const [steps, lengths] = [nd.array([20, 20]), nd.array([2, 3])];
  await assertAllClose(new CTCLoss()(pred, label, steps, lengths), wanted, { rtol: 1e-5 });
});

test('pairs that belong together come together by the smoothed deep metric loss', async () => {
  random.seed(3);
  const net = new nn.Dense(4, { inUnits: 6 });
  net.initialize({ init: 'xavier' });
  const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 0.1 });
  const loss = new SDMLLoss();
  const x = random.normal([8, 6]);
  const pairs = x.add(random.normal([8, 6]).mul(0.05));
  const step = hybridize(() => {
    const l = autograd.record(() => loss(net(x), net(pairs)));
    l.backward();
    trainer.step(8);
    return l.mean();
  });
  const first = await step().item();
  for (let i = 0; i < 30; i++) step();
  const last = await step().item();
  assert.ok(last < first / 2, `${first} to ${last}`);
  const [a, b] = [net(x), net(pairs)];
  const distances = a.expandDims(1).sub(b.expandDims(0)).square().sum({ axis: 2 });
  assert.equal(await distances.argmin({ axis: 1 }).array(), [0, 1, 2, 3, 4, 5, 6, 7]);
});

test('with multiPrecision, every optimizer does to 16 bits what it does to 32', async () => {
  const start = [1, -0.5, 0.25, 2];
  const weight = (dtype: 'float32' | 'float16'): Parameter => {
    const p = new Parameter({ shape: [2, 2], dtype });
    p.setData(nd.array(start, { shape: [2, 2], dtype }));
    return p;
  };
  for (const name of NAMES) {
    const [wide, narrow] = [weight('float32'), weight('float16')];
    const options = { learningRate: 0.125, multiPrecision: true };
    for (const p of [wide, narrow]) {
      const trainer = new Trainer([p], optim.create(name, options));
      for (let t = 0; t < 3; t++) {
        const g = nd.array([1, -2, 0.5, 0.25 * (t + 1)], { shape: [2, 2], dtype: p.dtype });
        autograd.record(() => p.data().mul(g).sum()).backward();
        trainer.step(2);
      }
    }
    assert.is(narrow.dtype, 'float16');
    assert.not.equal(Array.from(await wide.data().data()), start, name);
    const close = { label: name, rtol: 2e-3, atol: 1e-3 };
    await assertAllClose(narrow.data().astype('float32'), wide.data(), close);
  }
});

test('a trainer keeps parameters in their order, each once, and sums gradients of all devices', async () => {
  const both = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 1 })];
  const net = new nn.HybridSequential();
  for (let i = 0; i < 11; i++) net.add(new nn.Dense(2, { inUnits: 2, useBias: false }));
  net.initialize({ init: 'ones', device: both });
  const names = Array.from({ length: 11 }, (_, i) => `${i}.weight`);
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 1 });
  assert.equal(
    trainer.parameters.map((p) => p.name),
    names,
  );
  const tail = net.slice(9);
  const shared = new Trainer([...tail.parameters(), ...net.parameters()], 'sgd');
  assert.is(shared.parameters.length, 11);
  net.hybridize();
  autograd.backward(
    autograd.record(() => both.map((d, i) => net(nd.full([1, 2], i + 1, { device: d })).sum())),
  );
  const before = trainer.parameters[10]!.listGrad().map((g) => g.dataSync()[0]!);
  assert.is.not(before[0], before[1]);
  await trainer.allreduceGrads();
  for (const g of trainer.parameters[10]!.listGrad())
    assert.is(g.dataSync()[0], before[0]! + before[1]!);
  trainer.update(1);
  for (const w of trainer.parameters[10]!.listData())
    assert.is(w.dataSync()[0], 1 - before[0]! - before[1]!);
});

test('nets that share parameters are updated once by their trainers', async () => {
  const a = new nn.Dense(1, { inUnits: 1, useBias: false, weightInit: 'ones' });
  const b = new nn.Dense(1, { inUnits: 1, useBias: false }).shareParameters(a);
  a.initialize();
  const trainer = new Trainer([...a.parameters(), ...b.parameters()], 'sgd', { learningRate: 0.5 });
  const x = nd.ones([1, 1]);
  autograd.record(() => a(x).add(b(x).mul(2)).sum()).backward();
  trainer.step(1);
  assert.equal(await a.weight.data().array(), [[1 - 0.5 * 3]]);
  assert.is(b.weight, a.weight);
});

test('a recurrent net computes in 16 bits once it is converted, but for what is excluded, and trains', async () => {
  class Tagger extends nn.HybridSequential {}
  random.seed(5);
  const net = new Tagger(
    new nn.Embedding(10, 4),
    new rnn.LSTM(6, { layout: 'NTC' }) as unknown as nn.Dense,
    new nn.Dense(3, { flatten: false }),
  );
  net.initialize({ init: 'xavier' });
  const words = nd.array(
    [
      [1, 2, 3],
      [4, 5, 9],
    ],
    { dtype: 'int32' },
  );
  const wanted = net(words);
  amp.convertHybridBlock(net, { dtype: 'bfloat16', excluded: ['2'] });
  for (const hybrid of [false, true]) {
    if (hybrid) net.hybridize();
    const y = autograd.record(() => net(words));
    assert.is(y.dtype, 'float32');
    await assertAllClose(y, wanted, { rtol: 0.03, atol: 0.03 });
    y.backward();
    for (const p of net.parameters()) {
      assert.is(p.grad().dtype, 'float32', p.name);
      assert.ok(Number(await p.grad().abs().sum().item()) > 0, p.name);
    }
  }
});

test('shared parameters are cast once, and stay shared', async () => {
  const first = new nn.Dense(3, { inUnits: 3 });
  const net = new nn.HybridSequential(
    first,
    new nn.Dense(3, { inUnits: 3 }).shareParameters(first),
  );
  net.initialize({ init: 'xavier' });
  const x = input(2, 3);
  const wanted = net(x);
  amp.convertHybridBlock(net, { castParams: [x] });
  const names = net.collectParams();
  assert.equal(
    [...names.values()].map((p: Parameter) => p.dtype),
    ['float16', 'float16'],
  );
  assert.is((net[1] as nn.Dense).weight, first.weight);
  net.hybridize();
  await assertAllClose(net(x).astype('float32'), wanted, { rtol: 0.01, atol: 0.01 });
});

test.run();
