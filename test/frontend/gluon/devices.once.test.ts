import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SoftmaxCrossEntropyLoss } from '../../../src/frontend/gluon/loss.ts';
import { Accuracy } from '../../../src/frontend/gluon/metric.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import * as none from '../../../src/frontend/gluon/several-none.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import {
  autograd,
  type Block,
  device,
  HybridBlock,
  hybridize,
  nd,
  Parameter,
  random,
  Trainer,
  utils,
} from '../../../src/index.ts';
import { CpuDevice } from '../../../src/runtime/cpu/device.ts';
import type { Device } from '../../../src/runtime/device.ts';
import { fails, rejects } from '../support.ts';

/** Two devices, neither of them the default one. */
const [first, second] = [new CpuDevice({ threads: 1 }), new CpuDevice({ threads: 1 })];
const both: readonly Device[] = [first, second];

const mlp = (): nn.HybridSequential =>
  new nn.HybridSequential(
    new nn.Dense(16, { activation: 'relu' }),
    new nn.Dense(9, { activation: 'tanh' }),
    new nn.Dense(4),
  );

const SAMPLES = 24;
const batchAt = (step: number): { readonly x: nd.NDArray; readonly y: nd.NDArray } => {
  const x = Array.from({ length: SAMPLES }, (_, i) =>
    Array.from({ length: 6 }, (_, j) => Math.sin(1 + i * 7 + j * 3 + step * 11)),
  );
  const y = Array.from({ length: SAMPLES }, (_, i) => (i * 5 + step) % 4);
  return { x: nd.array(x), y: nd.array(y, { dtype: 'int32' }) };
};

const loss = new SoftmaxCrossEntropyLoss();

type Net = Block & { forward(x: nd.NDArray): nd.NDArray };

/** Losses of a batch's parts, with gradients flown back. */
const lossesOn = (net: Net, devices: readonly Device[], step: number): nd.NDArray[] => {
  const { x, y } = batchAt(step);
  const xs = utils.splitAndLoad(x, devices);
  const ys = utils.splitAndLoad(y, devices);
  const losses = autograd.record(() => xs.map((part, i) => loss(net(part), ys[i]!)));
  autograd.backward(losses);
  return losses;
};

const stepOn = async (
  net: Net,
  trainer: Trainer,
  devices: readonly Device[],
  step: number,
): Promise<void> => {
  lossesOn(net, devices, step);
  await trainer.step(SAMPLES);
};

const valuesOn = (net: Block, d: Device): number[][] =>
  net.parameters().map((p) => Array.from(p.data(d).dataSync()));

const trained = async (
  devices: readonly Device[],
  optimizer: 'sgd' | 'adam',
  hybrid: boolean,
): Promise<Block> => {
  random.seed(5);
  const net = mlp();
  net.initialize({ init: 'xavier', device: devices });
  if (hybrid) net.hybridize();
  const trainer =
    optimizer === 'sgd'
      ? new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9, wd: 0.01 })
      : new Trainer(net.parameters(), 'adam', { learningRate: 0.01 });
  for (let step = 0; step < 12; step++) await stepOn(net, trainer, devices, step);
  return net;
};

for (const optimizer of ['sgd', 'adam'] as const)
  for (const hybrid of [false, true])
    test(`${optimizer}, ${hybrid ? 'hybridized' : 'imperative'}: two devices with half a batch each give the parameters of one with all of it, to 2e-5`, async () => {
      const alone = await trained([first], optimizer, hybrid);
      const net = await trained(both, optimizer, hybrid);
      const wanted = valuesOn(alone, first);
      const got = valuesOn(net, first);
      assert.equal(got, valuesOn(net, second), 'copies are equal to the bit');
      for (const [i, values] of got.entries())
        await assertAllClose(values, wanted[i]!, { atol: 2e-5 });
    });

test('copies have equal initial values, also of parameters whose shape is learnt from an input', () => {
  random.seed(3);
  const net = mlp();
  net.initialize({ init: 'normal', device: both });
  assert.equal(net.parameters()[0]!.listDevices(), both);
  net(nd.ones([2, 6], { device: second }));
  assert.equal(valuesOn(net, first), valuesOn(net, second));
  random.seed(3);
  const alone = mlp();
  alone.initialize({ init: 'normal', device: first });
  alone(nd.ones([2, 6], { device: first }));
  assert.equal(valuesOn(alone, first), valuesOn(net, first));
  assert.equal(
    net.parameters().flatMap((p) => p.listData().map((x) => x.device)),
    net.parameters().flatMap(() => both),
  );
});

test('a block computes on the device of its arguments, and so do arrays that it makes', () => {
  class Shifted extends HybridBlock {
    factor = new Parameter({ shape: [1], init: 'ones' });
    override forward(x: nd.NDArray): nd.NDArray {
      return x.mul(this.factor.data()).add(nd.ones(x.shape));
    }
  }
  const net = new Shifted();
  net.initialize({ device: both });
  for (const hybrid of [false, true]) {
    if (hybrid) net.hybridize();
    for (const d of both) {
      const y = net(nd.full([2], 3, { device: d }));
      assert.is(y.device, d);
      assert.equal(Array.from(y.dataSync()), [4, 4]);
    }
  }
  assert.is(device.default(), device.cpu());
});

test('parts may differ in size, and a device without one counts as zero when told so', async () => {
  const alone = new nn.Dense(2, { inUnits: 3, weightInit: 'ones' });
  const net = new nn.Dense(2, { inUnits: 3, weightInit: 'ones' });
  alone.initialize({ device: first });
  net.initialize({ device: both });
  const of = (block: Block): Trainer =>
    new Trainer(block.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.5 });
  const trainers = [of(alone), of(net)];
  for (const count of [5, 1, 4]) {
    const x = nd.arange(count * 3).reshape([count, 3]);
    for (const [i, block] of [alone, net].entries()) {
      const parts = utils.splitAndLoad(x, i === 0 ? [first] : both, { evenSplit: false });
      assert.is(parts.length, i === 0 ? 1 : Math.min(2, count));
      autograd.backward(autograd.record(() => parts.map((p) => block(p).square().sum())));
      await trainers[i]!.step(count * 100, { ignoreStaleGrad: true });
    }
  }
  assert.equal(valuesOn(net, first), valuesOn(net, second));
  for (const [i, values] of valuesOn(net, second).entries())
    await assertAllClose(values, valuesOn(alone, first)[i]!, { atol: 1e-5 });
});

test('gradients can be summed apart from the update, and changed in between', async () => {
  const p = new Parameter({ shape: [2], init: 'zeros' });
  p.initialize({ device: both });
  const trainer = new Trainer([p], 'sgd', { learningRate: 1 });
  const backward = (): void =>
    autograd.backward(
      autograd.record(() =>
        both.map((d, i) =>
          p
            .data(d)
            .mul(i + 1)
            .sum(),
        ),
      ),
    );
  backward();
  fails(() => trainer.update(1), 'value', 'have not been summed', 'allreduceGrads()');
  await trainer.allreduceGrads();
  assert.equal(
    p.listGrad().map((g) => Array.from(g.dataSync())),
    [
      [3, 3],
      [3, 3],
    ],
  );
  fails(() => trainer.step(1), 'value', 'have been summed', 'update(batchSize)');
  trainer.update(3);
  assert.equal(
    p.listData().map((x) => Array.from(x.dataSync())),
    [
      [-1, -1],
      [-1, -1],
    ],
  );
  backward();
  await trainer.step(3);
  assert.equal(Array.from(p.grad(second).dataSync()), [3, 3]);
  assert.equal(Array.from(p.data(second).dataSync()), [-2, -2]);
});

test('floats of 16 bits are summed in float32, beside those of 32 and 64', async () => {
  const all = (['float16', 'float32', 'bfloat16', 'float64'] as const).map((dtype) => {
    const p = new Parameter({ shape: [3], init: 'zeros', dtype });
    p.initialize({ device: both });
    return p;
  });
  const trainer = new Trainer(all, 'sgd', { learningRate: 1 });
  autograd.backward(
    autograd.record(() =>
      both.flatMap((d, i) =>
        all.map((p) =>
          p
            .data(d)
            .mul(i === 0 ? 0.125 : -3)
            .sum(),
        ),
      ),
    ),
  );
  await trainer.step(1);
  for (const p of all)
    for (const d of both) assert.equal(Array.from(p.data(d).dataSync()), [2.875, 2.875, 2.875]);
});

test('BatchNorm normalizes each part; running statistics are saved as their mean', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-devices-'));
  try {
    const norm = new nn.BatchNorm({ momentum: 0 });
    norm.initialize({ device: both });
    const x = nd.array([[0], [2], [10], [16]]);
    const parts = utils.splitAndLoad(x, both);
    const ys = autograd.record(() => parts.map((part) => norm(part)));
    for (const y of ys) await assertAllClose(y, [[-1], [1]], { atol: 1e-4 });
    const means = norm.runningMean.listData().map((m) => m.dataSync()[0]);
    assert.equal(means, [1, 13]);
    const file = join(folder, 'norm.safetensors');
    await norm.saveParameters(file);
    await norm.loadParameters(file);
    assert.equal(
      norm.runningMean.listData().map((m) => m.dataSync()[0]),
      [7, 7],
    );
    assert.equal(
      norm.runningVar.listData().map((m) => m.dataSync()[0]),
      [5, 5],
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('parameters and trainer states go through files: from two devices to one and back', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-devices-'));
  const [weights, states] = ['net', 'trainer'].map((n) => join(folder, `${n}.safetensors`)) as [
    string,
    string,
  ];
  const adam = (net: Block): Trainer => new Trainer(net.parameters(), 'adam');
  try {
    const net = (await trained(both, 'adam', true)) as nn.HybridSequential;
    const trainer = adam(net);
    for (let step = 0; step < 3; step++) await stepOn(net, trainer, both, step);
    await net.saveParameters(weights);
    await trainer.saveStates(states);
    const alone = mlp();
    alone.initialize({ device: first });
    await alone.loadParameters(weights);
    assert.equal(valuesOn(alone, first), valuesOn(net, first));
    const loaded = mlp();
    loaded.initialize({ device: both });
    await loaded.loadParameters(weights);
    assert.equal(valuesOn(loaded, second), valuesOn(net, first));
    const [one, two] = [adam(alone), adam(loaded)];
    await one.loadStates(states);
    await two.loadStates(states);
    for (let step = 3; step < 6; step++) {
      await stepOn(net, trainer, both, step);
      await stepOn(alone, one, [first], step);
      await stepOn(loaded, two, both, step);
    }
    assert.equal(valuesOn(loaded, second), valuesOn(net, second));
    for (const [i, values] of valuesOn(net, first).entries())
      await assertAllClose(values, valuesOn(alone, first)[i]!, { atol: 2e-5 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('setData, zeroGrad and cast are for all copies', () => {
  const p = new Parameter({ shape: [2], gradReq: 'add' });
  p.initialize({ device: both });
  p.setData(nd.array([1, 2]));
  for (const d of both) assert.equal(Array.from(p.data(d).dataSync()), [1, 2]);
  autograd.backward(autograd.record(() => both.map((d) => p.data(d).sum())));
  p.zeroGrad();
  for (const d of both) assert.equal(Array.from(p.grad(d).dataSync()), [0, 0]);
  p.cast('float16');
  for (const d of both) assert.is(p.data(d).dtype, 'float16');
});

test('metrics count the parts of a batch where they are', async () => {
  const accuracy = new Accuracy();
  for (let round = 0; round < 2; round++) {
    const parts = [
      [1, 0, 1],
      [0, 0, 1],
    ];
    const labels = parts.map((p, i) => nd.array(p, { device: both[i]!, dtype: 'int32' }));
    const ones = both.map((d) => nd.full([3], 1, { device: d, dtype: 'int32' }));
    nd.scope(() => accuracy.update(labels, ones));
    assert.equal(await accuracy.get(), ['accuracy', 0.5]);
    if (round === 0) accuracy.reset();
  }
});

test('each device has as many plans as one would', () => {
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize({ device: both });
  net.hybridize({ maxPlans: 2 });
  const calls = (): number => {
    const before = device.activity().programs;
    for (const d of both) for (const rows of [1, 2]) net(nd.ones([rows, 3], { device: d }));
    return device.activity().programs - before;
  };
  calls();
  const explained = net.explain().text();
  calls();
  assert.is(net.explain().text(), explained);
});

for (const hybrid of [false, true])
  test(`memory stays flat over 200 ${hybrid ? 'hybridized' : 'imperative'} steps`, async () => {
    const net = mlp();
    net.initialize({ device: both });
    if (hybrid) net.hybridize();
    const trainer = new Trainer(net.parameters(), 'adam');
    let kept = 0;
    for (let step = 0; step < 200; step++) {
      const losses = nd.scope(() => lossesOn(net, both, step % 3));
      for (const l of losses) l.dispose();
      await trainer.step(SAMPLES);
      const used = both.reduce((sum, d) => sum + d.memory().inUse, 0);
      if (step === 20) kept = used;
      if (step > 20) assert.ok(used <= kept, `${used} bytes at step ${step}, ${kept} at 20`);
    }
  });

const failsLater = (trainer: Trainer, code: string, ...parts: readonly string[]): Promise<void> =>
  rejects(async () => trainer.step(1), code, ...parts);

const twoCopies = (): Parameter => {
  const p = new Parameter({ shape: [2], init: 'ones' });
  p.name = 'w';
  p.initialize({ device: both });
  return p;
};

test('arrays on other devices, and lists that do not go together, are errors that say what to do', async () => {
  const p = twoCopies();
  fails(() => p.data(), 'device', 'w is on cpu(), cpu(), not on cpu()', 'data(device)');
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize({ device: both });
  for (const hybrid of [false, true]) {
    if (hybrid) net.hybridize();
    fails(() => net(nd.ones([1, 3])), 'device', 'weight is on', 'utils.splitAndLoad');
  }
  const alone = new Parameter({ shape: [1] });
  alone.name = 'v';
  alone.initialize({ device: first });
  const trainer = new Trainer([p, alone], 'sgd');
  await failsLater(trainer, 'device', 'w is on cpu(), cpu(), v on cpu()', 'one list of devices');
  const turned = new Parameter({ shape: [1] });
  turned.initialize({ device: [second, first] });
  await failsLater(new Trainer([p, turned], 'sgd'), 'device', 'one list of devices');
  const initialize =
    (list: readonly Device[]): (() => void) =>
    () =>
      new Parameter({ shape: [1] }).initialize({ device: list });
  fails(initialize([]), 'device', 'the list of devices is empty');
  fails(initialize([first, first]), 'device', 'cpu() is no device, or there twice');
  fails(initialize([first, 'cpu' as never]), 'device', '"cpu" is no device');
});

test('a gradient that is missing on one device is an error that names it', async () => {
  const p = twoCopies();
  const trainer = new Trainer([p], 'sgd');
  await failsLater(trainer, 'gradient', 'gradient of w since the last step on cpu(), cpu()');
  autograd.record(() => p.data(second).sum()).backward();
  await failsLater(
    trainer,
    'gradient',
    'gradient of w since the last step on cpu()\n',
    'losses of all devices',
  );
});

test('computing before a step over several devices is done is an error: imperative, hybridized, or another step', async () => {
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize({ device: both });
  const trainer = new Trainer(net.parameters(), 'sgd');
  const forward = (): nd.NDArray[] => both.map((d) => net(nd.ones([1, 3], { device: d })));
  for (const hybrid of [false, true]) {
    if (hybrid) net.hybridize();
    autograd.backward(autograd.record(forward));
    const before = forward();
    const step = trainer.step(1);
    fails(forward, 'value', 'weight is used before a step', 'await trainer.step');
    fails(() => trainer.step(1), 'value', 'await trainer.step');
    await step;
    const after = forward();
    assert.not.equal(after[1]!.arraySync(), before[1]!.arraySync());
  }
});

test('parameters and states that are made inside a scope outlive it', () => {
  const net = mlp();
  net.initialize({ device: both });
  const trainer = new Trainer(net.parameters().slice(0, 1), 'sgd', { momentum: 0.5 });
  nd.scope(() => lossesOn(net, [first], 0));
  const alone = new Parameter({ shape: [2], init: 'ones' });
  alone.initialize({ device: first });
  const single = new Trainer([alone], 'sgd', { learningRate: 1, momentum: 0.5 });
  for (let step = 0; step < 2; step++)
    nd.scope(() => {
      autograd.record(() => alone.data().sum()).backward();
      single.step(1);
    });
  assert.equal(alone.data().arraySync(), [-1.5, -1.5]);
  assert.is(trainer.parameters[0]!.data(second).shape[1], 6);
});

test('in browsers, one device: the same as here, and lists are refused', () => {
  assert.equal(none.devicesOf('initialize', first), [first]);
  assert.equal(none.devicesOf('initialize', undefined), [device.default()]);
  fails(() => none.devicesOf('initialize', both), 'device', 'in a browser, a net is on one device');
  const x = nd.ones([2], { device: first });
  assert.equal(none.onto(x, first, 'setData').arraySync(), [1, 1]);
  fails(() => none.onto(x, second, 'setData'), 'device', 'in a browser');
  assert.equal(
    none.replicate([first], () => x),
    [x],
  );
  assert.is(
    none.besideArguments([x], () => device.default()),
    device.cpu(),
  );
});

test('a batch that does not split evenly is an error unless allowed', () => {
  fails(() => utils.splitData(nd.ones([5, 2]), 2), 'shape', '5 samples', 'evenSplit: false');
  fails(() => utils.splitData(nd.ones([4]), 2, { batchAxis: 1 }), 'shape', 'no axis 1');
  fails(() => utils.splitData([1] as never, 2), 'value', 'not an NDArray');
  fails(() => utils.splitData(nd.ones([4]), 0), 'value', '0 parts');
  const parts = utils.splitData(nd.arange(10).reshape([2, 5]), 3, {
    batchAxis: 1,
    evenSplit: false,
  });
  assert.equal(
    parts.map((x) => x.shape),
    [
      [2, 2],
      [2, 2],
      [2, 1],
    ],
  );
  assert.equal(parts[1]!.arraySync(), [
    [2, 3],
    [7, 8],
  ]);
});

test('a hybridized function of several devices says how to do it instead', () => {
  const net = new nn.Dense(2, { inUnits: 3 });
  net.initialize({ device: both });
  const trainer = new Trainer(net.parameters(), 'sgd');
  const x = nd.ones([2, 3], { device: first });
  const step = hybridize((part: nd.NDArray) => {
    const l = autograd.record(() => net(part).sum());
    l.backward();
    trainer.step(2);
    return l;
  });
  fails(() => step(x), 'trace', 'trainer.step', 'hybridize the net and the loss');
  const elsewhere = hybridize((part: nd.NDArray) => part.mul(net.bias!.data(second)).sum());
  fails(
    () => elsewhere(nd.ones([2], { device: first })),
    'device',
    'hybridize the net and the loss',
  );
  const pair = hybridize((a: nd.NDArray, b: nd.NDArray) => [a.sum(), b.sum()]);
  fails(() => pair(x, nd.ones([1], { device: second })), 'device', 'arguments live on');
});

test.run();
