/**
 * What compiled functions keep of weights from call to call: never a stale result, whoever changes a weight, and memory
 * that comes back.
 *
 * Invariant: a function is held against the same net run imperatively.
 */
import fs from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as nn from '../../src/frontend/gluon/nn/index.ts';
import { plansOf } from '../../src/frontend/hybridize.ts';
import { choose } from '../../src/frontend/kept/holder.ts';
import { Keeper } from '../../src/frontend/kept/keeper.ts';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { autograd, device, explain, hybridize, nd, random, Trainer } from '../../src/index.ts';

const folder = fs.mkdtempSync(join(tmpdir(), 'tigon-keep-'));
test.after(() => fs.rmSync(folder, { recursive: true }));
const cpu = device.cpu();
device.setDefault(cpu);

/** A convolution by transformed weights, a product from panels of weights, and the batch's mean of a norm. */
const made = (): nn.HybridSequential => {
  const net = new nn.HybridSequential();
  net.add(
    new nn.Conv2D(32, 3, { padding: 1, inChannels: 32 }),
    new nn.BatchNorm(),
    new nn.Activation('relu'),
    new nn.Flatten(),
    new nn.Dense(256, { activation: 'tanh' }),
    new nn.Dense(128),
  );
  net.initialize();
  return net;
};

const images = (batch: number): nd.NDArray => random.normal([batch, 32, 12, 12]);

/** Kernels that `f` launches. */
const launches = (f: () => unknown): number => {
  const before = device.activity().kernels;
  f();
  return device.activity().kernels - before;
};

const bytesKept = (): number =>
  cpu
    .memory()
    .largest.filter(({ label }) => label.endsWith(': kept from call to call'))
    .reduce((sum, { bytes }) => sum + bytes, 0);

random.seed(3);
const net = made();
const x = images(24);
net(x);
const predict = hybridize((batch: nd.NDArray) => net(batch), { name: 'predict' });
const same = (label: string, batch = x): Promise<void> =>
  assertAllClose(predict(batch), net(batch), { rtol: 2e-4, atol: 2e-4, label });

test('the second call launches less, and explain says what is kept', async () => {
  const first = launches(() => predict(x));
  const second = launches(() => predict(x));
  await same('first');
  const [report] = explain(predict).reports;
  const { kept } = report!.memory;
  assert.is(first - second, report!.kernels.filter((k) => k.kept).length);
  assert.ok(kept.length >= 2 && first - second >= 2, `${kept.length} kept`);
  const text = explain(predict).text();
  assert.match(text, /weights transformed before/);
  assert.match(text, /columns packed before/);
  assert.match(text, new RegExp(`kept from call to call: ${kept.length} arrangements, .* [kM]B`));
  assert.ok(bytesKept() >= kept.reduce((sum, { bytes }) => sum + bytes, 0));
  const all = hybridize((batch: nd.NDArray) => net(batch), { without: ['keep'] });
  all(x);
  assert.is(
    launches(() => all(x)),
    all.cached.plans[0]!.loaded!.compiled.program.steps.length,
  );
  assert.equal(explain(all).reports[0]!.memory.kept, []);
});

test('a stale result is impossible, whoever changes a weight', async () => {
  const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.05, momentum: 0.9 });
  const learn = (batch: nd.NDArray): nd.NDArray => {
    const loss = autograd.record(() => net(batch).square().mean());
    loss.backward();
    trainer.step(1);
    return loss;
  };
  const step = hybridize(learn);
  const dense = net.at(5) as nn.Dense;
  const conv = net.at(0) as nn.Conv2D;
  const grow = hybridize(() => {
    nd.assign(dense.weight.data(), dense.weight.data().mul(1.1));
  });
  const file = join(folder, 'net.safetensors');
  await net.saveParameters(file);
  const ways: Record<string, () => unknown> = {
    'an imperative step': () => learn(x),
    'a compiled step, in place': () => step(x),
    'a compiled step again': () => step(x),
    'a compiled assignment': () => grow(),
    setData: () => conv.weight.setData(conv.weight.data().mul(-0.5)),
    assign: () => nd.assign(dense.weight.data(), dense.weight.data().sub(0.01)),
    'a new initialization': () => net.initialize({ forceReinit: true }),
    'a view of another array': () =>
      nd.assign(dense.weight.data(), random.normal([256, 128]).mul(0.02).T),
    loadParameters: () => net.loadParameters(file),
    'a copy from elsewhere': () => nd.copyTo(random.normal([128, 256]), dense.weight.data()),
  };
  for (const [way, change] of Object.entries(ways)) {
    const before = await predict(x).data();
    await change();
    const [first, second] = [launches(() => predict(x)), launches(() => predict(x))];
    assert.ok(first! > second!, `${way}: made again`);
    await same(way);
    const after = await predict(x).data();
    assert.ok(
      after.some((v, i) => v !== before[i]),
      `${way} changes results`,
    );
  }
  autograd.record(() => net(x));
  await same('running statistics');
  assert.equal(explain(step).reports[0]!.memory.kept, [], 'a step keeps nothing it changes');
  await same('another shape', images(4));
  learn(x);
  await same('both shapes see it', images(4));
  await same('the first again');
});

test('memory is flat over many calls, and goes back with the function', () => {
  const label = 'temporary';
  const f = hybridize((batch: nd.NDArray) => net(batch), { name: label });
  const run = (): void => f(x).dispose();
  run();
  const { inUse } = cpu.memory();
  for (let i = 0; i < 50; i++) run();
  assert.ok(cpu.memory().inUse - inUse < 1e6);
  const [report] = explain(f).reports;
  const bytes = report!.memory.kept.reduce((sum, k) => sum + k.bytes, 0);
  const before = cpu.memory().inUse;
  f.cached.clear();
  assert.ok(before - cpu.memory().inUse >= bytes);
});

test('who changes weights at each call gets a program that keeps nothing, and the other one back', () => {
  const w = random.normal([256, 256]);
  const f = hybridize((batch: nd.NDArray) => batch.dot(w).tanh(), { name: 'restless' });
  const batch = random.normal([32, 256]);
  const kernels = (): number => launches(() => f(batch));
  assert.is(kernels(), 2);
  assert.is(kernels(), 1);
  const counts = Array.from({ length: 34 }, () => {
    nd.assign(w, w.mul(0.99));
    return kernels();
  });
  assert.equal(counts, [...Array(32).fill(2), 1, 1]);
  const later = Array.from({ length: 300 }, kernels);
  assert.is(later.filter((n) => n === 2).length, 1, 'one trial');
  assert.is(plansOf(f).length, 1);
});

test('nets that are cast, and views that are captured', async () => {
  const dense = new nn.Dense(256, { inUnits: 256, useBias: false });
  dense.initialize();
  const view = dense.weight.data().T.slice(':', '0:128');
  const f = hybridize((batch: nd.NDArray) => [dense(batch), batch.dot(view)]);
  const batch = random.normal([32, 256]);
  const check = async (given: nd.NDArray, tolerance: number): Promise<void> => {
    for (let i = 0; i < 2; i++) {
      const [y, z] = f(given) as [nd.NDArray, nd.NDArray];
      await assertAllClose(y, dense(given), { rtol: tolerance, atol: tolerance });
      await assertAllClose(z, given.dot(view), { rtol: tolerance, atol: tolerance });
    }
  };
  await check(batch, 1e-4);
  dense.weight.setData(dense.weight.data().mul(3));
  await check(batch, 1e-4);
  dense.cast('float64');
  const [wide] = [hybridize((given: nd.NDArray) => dense(given))];
  await assertAllClose(wide(batch.astype('float64')), dense(batch.astype('float64')));
});

test('programs that were kept on disk keep weights, too, and see when they change', async () => {
  const values = new Map<string, unknown>();
  const store = {
    place: 'memory',
    get: (key: string) => values.get(key),
    put: (key: string, value: unknown) => void values.set(key, structuredClone(value)),
    drop: (key: string) => void values.delete(key),
    clear: async () => values.clear(),
  };
  const w = random.normal([256, 256]);
  const batch = random.normal([32, 256]);
  const once = async (): Promise<Keeper> => {
    const keeper = new Keeper(store, 'build', 0);
    choose(keeper);
    const f = hybridize((given: nd.NDArray) => given.dot(w), { name: 'stored' });
    for (let i = 0; i < 3; i++) {
      const counts = [launches(() => f(batch)), launches(() => f(batch))];
      assert.equal(counts, [2, 1]);
      const got = f(batch);
      choose(undefined);
      await assertAllClose(got, batch.dot(w), { rtol: 1e-4, atol: 1e-4 });
      nd.assign(w, w.mul(0.9));
      choose(keeper);
    }
    choose(undefined);
    return keeper;
  };
  assert.is((await once()).found, 0);
  assert.ok((await once()).found > 0);
});

test.run();
