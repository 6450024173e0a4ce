import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as amp from '../../../src/frontend/gluon/amp.ts';
import { L2Loss, SoftmaxCrossEntropyLoss } from '../../../src/frontend/gluon/loss.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd, Parameter, random, Trainer, utils } from '../../../src/index.ts';
import { fails } from '../support.ts';

const one = (shape: number[], dtype: 'float32' | 'float16' | 'bfloat16' = 'float32'): nd.NDArray =>
  nd.ones(shape, { dtype });

interface Case {
  readonly name: string;
  readonly run: (narrow: 'float16' | 'bfloat16') => nd.NDArray;
  readonly gives: 'narrow' | 'float32';
}
const CASES: readonly Case[] = [
  { name: 'matmul', run: () => one([2, 3]).matmul(one([3, 2])), gives: 'narrow' },
  { name: 'linear', run: () => nd.linear(one([2, 3]), one([4, 3]), one([4])), gives: 'narrow' },
  {
    name: 'a convolution',
    run: () => {
      const conv = new nn.Conv2D(2, 3, { inChannels: 1 });
      conv.initialize();
      return conv(one([1, 1, 5, 5]));
    },
    gives: 'narrow',
  },
  {
    name: 'attention',
    run: () => nd.scaledDotProductAttention(one([1, 4, 8]), one([1, 4, 8]), one([1, 4, 8])),
    gives: 'narrow',
  },
  { name: 'relu of 16 bits', run: (n) => one([3], n).relu(), gives: 'narrow' },
  { name: 'relu of 32 bits', run: () => one([3]).relu(), gives: 'float32' },
  { name: 'both in a sum', run: (n) => one([3], n).add(one([3])), gives: 'float32' },
  { name: 'softmax', run: (n) => one([3], n).softmax(), gives: 'float32' },
  { name: 'exp', run: (n) => one([3], n).exp(), gives: 'float32' },
  { name: 'a mean', run: (n) => one([3], n).mean(), gives: 'float32' },
  {
    name: 'layer norm',
    run: (n) => {
      const norm = new nn.LayerNorm({ inChannels: 3 });
      norm.initialize();
      return norm(one([2, 3], n));
    },
    gives: 'float32',
  },
  {
    name: 'a loss',
    run: (n) => new SoftmaxCrossEntropyLoss()(one([2, 3], n), nd.array([0, 1], { dtype: 'int32' })),
    gives: 'float32',
  },
];
/** Those that are traced, too. */
const TRACED = ['matmul', 'softmax', 'both in a sum'];
for (const { name, run, gives } of CASES)
  test(`precision of ${name}`, () => {
    for (const dtype of ['float16', 'bfloat16'] as const) {
      const wanted = gives === 'narrow' ? dtype : 'float32';
      const y = amp.autocast(() => run(dtype), { dtype });
      assert.is(y.dtype, wanted);
      if (dtype === 'float16' && TRACED.includes(name))
        assert.is(hybridize(() => amp.autocast(() => run(dtype)))().dtype, wanted);
    }
  });

test('lists of names, parts without a policy, and the whole program', () => {
  const x = one([2, 2]);
  const own = { targetPrecisionOps: ['softmax'], fp32Ops: ['matmul'] };
  assert.is(amp.autocast(() => x.softmax(), own).dtype, 'float16');
  assert.is(amp.autocast(() => x.matmul(x), own).dtype, 'float32');
  assert.is(amp.autocast(() => amp.disable(() => x.matmul(x))).dtype, 'float32');
  const f = hybridize((a: nd.NDArray) => a.matmul(a));
  assert.is(f(x).dtype, 'float32');
  amp.init({ dtype: 'bfloat16' });
  try {
    assert.is(f(x).dtype, 'bfloat16');
    assert.is(x.matmul(x).dtype, 'bfloat16');
  } finally {
    amp.init({ active: false });
  }
  assert.is(f(x).dtype, 'float32');
  assert.is(amp.precisions().get('linear'), 'target');
  assert.is(amp.precisions().get('relu'), 'widest');
});

const makeNet = (): nn.HybridSequential => {
  random.seed(4);
  const net = new nn.HybridSequential(
    new nn.Dense(16, { inUnits: 6, activation: 'relu' }),
    new nn.Dense(3, { inUnits: 16 }),
  );
  net.initialize({ init: 'xavier' });
  return net;
};
const batch = (): [nd.NDArray, nd.NDArray] => [
  nd.arange(48).reshape([8, 6]).mul(0.7).sin(),
  nd.arange(8).mod(3).astype('int32'),
];

test('gradients are those of float32 but for rounding, parameters stay in float32', async () => {
  const [x, y] = batch();
  const loss = new SoftmaxCrossEntropyLoss();
  const gradients = async (dtype: 'float16' | 'bfloat16' | undefined, compiled: boolean) => {
    const net = makeNet();
    if (compiled) net.hybridize();
    const run = (): nd.NDArray => autograd.record(() => loss(net(x), y));
    (dtype === undefined ? run() : amp.autocast(run, { dtype })).backward();
    return Promise.all(
      net.parameters().map(async (p) => {
        assert.is(p.grad().dtype, 'float32');
        return Array.from(await p.grad().data());
      }),
    );
  };
  const exact = await gradients(undefined, false);
  for (const [dtype, atol] of [
    ['float16', 5e-3],
    ['bfloat16', 4e-2],
  ] as const)
    for (const compiled of [false, true]) {
      const found = await gradients(dtype, compiled);
      for (const [i, g] of found.entries())
        await assertAllClose(nd.array(g), exact[i]!, { rtol: 0.02, atol });
    }
});

for (const compiled of [false, true])
  test(`a step that overflows halves the scale and is as if it had not been${compiled ? ', in a program' : ''}`, async () => {
    const make = (): Parameter => {
      const w = new Parameter({ shape: [2], init: 'ones' });
      w.initialize();
      return w;
    };
    const [w, plain] = [make(), make()];
    const trainer = new Trainer([w], 'adam', { learningRate: 0.1 });
    const scaler = amp.initTrainer(trainer, { initScale: 8, scaleWindow: 2, maxScale: 16 });
    const reference = new Trainer([plain], 'adam', { learningRate: 0.1 });
    const body = (g: nd.NDArray): void => {
      const l = autograd.record(() => w.data().mul(g).sum());
      amp.scaleLoss(l, trainer).backward();
      trainer.step(2);
    };
    const step = compiled ? hybridize(body) : body;
    const scales: number[] = [];
    const bad = Number.POSITIVE_INFINITY;
    for (const g of [
      [bad, 1],
      [1, -2],
      [Number.NaN, 1],
      [3, 1],
      [2, 2],
      [1, 1],
      [1, 2],
      [0.5, 1],
    ]) {
      step(nd.array(g));
      if (g.every(Number.isFinite)) {
        autograd.record(() => plain.data().mul(nd.array(g)).sum()).backward();
        reference.step(2);
      }
      scales.push(await scaler.scale());
      await assertAllClose(w.data(), Array.from(await plain.data().data()), { rtol: 1e-6 });
    }
    assert.equal(scales, [4, 4, 2, 2, 4, 4, 8, 8]);
    assert.is(await scaler.skipped(), 2);
  });

test('gradients are unscaled once, to be clipped before the step', async () => {
  const w = new Parameter({ shape: [2], init: 'zeros' });
  w.initialize();
  const trainer = new Trainer([w], 'sgd', { learningRate: 1 });
  amp.initTrainer(trainer, { initScale: 1024 });
  const step = hybridize((g: nd.NDArray) => {
    amp
      .scaleLoss(
        autograd.record(() => w.data().mul(g).sum()),
        trainer,
      )
      .backward();
    amp.unscale(trainer);
    utils.clipGlobalNorm([w], 1);
    trainer.step(1);
  });
  step(nd.array([3, -4]));
  await assertAllClose(w.data(), [-0.6, 0.8]);
  autograd.record(() => amp.scaleLoss(w.data().sum(), trainer)).backward();
  amp.unscale(trainer);
  await assertAllClose(w.grad(), [1, 1]);
  fails(() => amp.unscale(trainer), 'value', 'have been unscaled');
  trainer.step(1);
  await assertAllClose(w.data(), [-1.6, -0.2]);
});

test('the scale and skipped steps go on from a file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-amp-'));
  try {
    const make = () => {
      const w = new Parameter({ shape: [1], init: 'ones' });
      w.initialize();
      const trainer = new Trainer([w], 'adam', { multiPrecision: true });
      return { w, trainer, scaler: amp.initTrainer(trainer, { initScale: 64 }) };
    };
    const a = make();
    autograd.record(() => a.w.data().mul(Number.POSITIVE_INFINITY).sum()).backward();
    a.trainer.step(1);
    const path = join(folder, 'trainer.states');
    await a.trainer.saveStates(path);
    const b = make();
    await b.trainer.loadStates(path);
    assert.is(await b.scaler.scale(), 32);
    assert.is(await b.scaler.skipped(), 1);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a converted net has its policy wherever it is called, but for what is excluded', async () => {
  const [x] = batch();
  const net = makeNet();
  const before = await net(x).array();
  amp.convertHybridBlock(net, { excluded: ['1'], castParams: [x] });
  assert.equal(
    net.parameters().map((p) => p.dtype),
    ['float16', 'float16', 'float32', 'float32'],
  );
  assert.is(net(x).dtype, 'float32');
  net.hybridize();
  await assertAllClose(net(x), before, { rtol: 0.01, atol: 0.01 });
  fails(
    () => amp.convertHybridBlock(net, { excluded: ['11'] }),
    'value',
    'there is no block "11"',
    "did you mean '1'",
  );
});

test('small float16 gradients survive with a scale', async () => {
  const run = async (scale: number): Promise<number[]> => {
    const w = new Parameter({ shape: [1, 2], init: 'ones' });
    w.initialize();
    const trainer = new Trainer([w], 'sgd', { learningRate: 1e4 });
    amp.initTrainer(trainer, { initScale: scale });
    const l = amp.autocast(() =>
      autograd.record(() =>
        amp.scaleLoss(
          new L2Loss()(nd.linear(one([1, 2]), w.data()).mul(1e-4), nd.zeros([1, 1])),
          trainer,
        ),
      ),
    );
    l.backward();
    trainer.step(1);
    return Array.from(await w.data().data(), (v) => (1 - v) / 2e-4);
  };
  assert.equal(await run(1), [0, 0]);
  const [found] = await run(2 ** 16);
  assert.ok(found! > 0.9 && found! < 1.1, `${found}`);
});

test('misuse', () => {
  const w = new Parameter({ shape: [1], init: 'ones' });
  w.initialize();
  const trainer = new Trainer([w], 'sgd');
  fails(
    () => amp.autocast(() => 1, { dtype: 'float32' as 'float16' }),
    'option',
    '"float32"',
    'bfloat16',
  );
  fails(() => amp.autocast(async () => 1), 'value', 'a promise');
  fails(() => amp.autocast(() => 1, { fp32Ops: ['a'], widestOps: ['a'] }), 'option', 'two lists');
  fails(() => amp.scaleLoss(w.data(), trainer), 'value', 'no loss scaler', 'amp.initTrainer');
  amp.initTrainer(trainer);
  fails(() => amp.initTrainer(trainer), 'value', 'has a loss scaler');
  const layer = new nn.Dense(1);
  const text = { excluded: 'output' as never };
  fails(() => amp.convertHybridBlock(layer, text), 'value', 'excluded is "output"');
  fails(() => new amp.LossScaler({ scaleFactor: 1 }), 'option', 'scaleFactor is 1');
});

test.run();
