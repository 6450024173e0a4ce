/**
 * Why: what is left of MXNet's tests: long chains of updates, errors, shapes without running, samplers, shards, and that
 * nets that are dropped give their memory back.
 *
 * Invariant: numbers are exact where they can be; nothing depends on when the collector looks: it is told to.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { autograd, type Block, device, hybridize, nd, random, Trainer } from 'tigon';
import { ArrayDataset, DataLoader } from 'tigon/data';
import * as nn from 'tigon/nn';
import * as rnn from 'tigon/rnn';
import { assertAllClose } from 'tigon/testing';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { fails, rejects } from '../frontend/support.ts';
import { SOURCE } from '../support/node.ts';

test('long chains of updates in place give exact results, imperative and in programs', async () => {
  const x = nd.ones([10, 2]);
  for (let i = 0; i < 200; i++) nd.assign(x, x.add(1));
  assert.is(await x.min().item(), 201);
  const many = hybridize(() => {
    for (let i = 0; i < 50; i++) nd.assign(x, x.add(1));
  });
  for (let i = 0; i < 4; i++) many();
  assert.equal([await x.min().item(), await x.max().item()], [401, 401]);
});

test('after an error everything goes on: arrays, modes, programs and random numbers are as they were', async () => {
  random.seed(4);
  const x = nd.array([1, 2]).attachGrad();
  const f = hybridize((v: nd.NDArray, w: nd.NDArray) => v.matmul(w));
  const { draws } = random.getState();
  fails(() => autograd.record(() => f(x, nd.ones([3, 3]))), 'shape', 'matmul');
  fails(() => random.normal([2], 0, -1), 'value', 'deviation is -1');
  assert.not(autograd.isRecording());
  assert.is(random.getState().draws, draws);
  const y = autograd.record(() => f(x, nd.ones([2, 2])));
  y.backward();
  assert.equal(await x.grad!.array(), [2, 2]);
  // whoever waits is told, every time
  const gone = x.mul(2);
  gone.dispose();
  for (let i = 0; i < 2; i++) await rejects(() => gone.data(), 'freed', 'disposed');
  const [first, second] = await Promise.all([y.data(), y.data()]);
  assert.equal(first, second);
});

test('shapes and dtypes are told without running, and from parts of what is known', () => {
  const net = new nn.HybridSequential(
    new nn.Conv2D(4, 3, { strides: 2 }),
    new nn.BatchNorm(),
    new nn.MaxPool2D(2),
    new nn.Flatten(),
    new nn.Dense(5, { activation: 'tanh' }),
    new nn.LayerNorm(),
  );
  net.initialize();
  net.inferShape([{ shape: [2, 3, 11, 9], dtype: 'float16' }]);
  assert.equal(
    [...net.collectParams()].map(([name, p]) => [name, p.shape]),
    [
      ['0.weight', [4, 3, 3, 3]],
      ['0.bias', [4]],
      ['1.gamma', [4]],
      ['1.beta', [4]],
      ['1.runningMean', [4]],
      ['1.runningVar', [4]],
      ['4.weight', [5, 16]],
      ['4.bias', [5]],
      ['5.gamma', [5]],
      ['5.beta', [5]],
    ],
  );
  const layer = new rnn.GRU(3, { bidirectional: true });
  layer.initialize();
  layer.inferShape([[7, 2, 6]]);
  assert.equal(layer.collectParams().get('r0I2hWeight')!.shape, [9, 6]);
  // a size that is given has to be the one that the input has
  const dense = new nn.Dense(2, { inUnits: 4 });
  dense.initialize();
  fails(() => dense.inferShape([[1, 5]]), 'shape', '5 features');
});

test("classes by Zipf's law come as often as they are said to", async () => {
  random.seed(11);
  const [range, sampled] = [20, 20_000];
  const labels = nd.array([[3], [0]], { dtype: 'int32' });
  const draw = hybridize((classes: nd.NDArray) => random.randZipfian(classes, sampled, range));
  for (const [samples, expectedTrue, expectedSampled] of [
    random.randZipfian(labels, sampled, range),
    draw(labels),
  ]) {
    const values = Array.from(await samples.data());
    assert.is(samples.dtype, 'int32');
    assert.ok(values.every((k) => k >= 0 && k < range));
    const chance = (k: number): number => Math.log((k + 2) / (k + 1)) / Math.log(range + 1);
    let square = 0;
    for (let k = 0; k < range; k++) {
      const expected = sampled * chance(k);
      square += (values.filter((v) => v === k).length - expected) ** 2 / expected;
    }
    // 19 degrees of freedom: above 43.8 once in a thousand seeds
    assert.ok(square < 43.8, `chi-square ${square}`);
    const close = { rtol: 1e-4 };
    await assertAllClose(expectedTrue, [[sampled * chance(3)], [sampled * chance(0)]], close);
    await assertAllClose(expectedSampled.at(0), sampled * chance(values[0]!), close);
  }
  assert.equal(random.randZipfian(labels, 0, 1)[0].shape, [0]);
  fails(() => random.randZipfian(labels, 1, 0), 'value', 'range is 0', '≥ 1');
  fails(() => random.randZipfian(labels, 0.5, 1), 'value', 'sampled is 0.5');
});

test('shards of a dataset are disjoint, whole together, and as even as can be', async () => {
  const data = new ArrayDataset(Int32Array.from({ length: 10 }, (_, i) => i));
  const shards = [0, 1, 2].map((i) => data.shard(3, i));
  assert.equal(
    shards.map((s) => s.length),
    [4, 3, 3],
  );
  const seen: number[] = [];
  for (const shard of shards)
    for await (const batch of new DataLoader(shard, { batchSize: 2 }))
      seen.push(...((await batch.array()) as number[]));
  assert.equal(seen, [0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  assert.is(new ArrayDataset([1]).shard(3, 2).length, 0);
  fails(() => data.shard(3, 3), 'value', 'no part 3 of 3', '0 to 2');
  fails(() => data.shard(0, 0), 'value', '0 is not a number of parts');
});

test('arrays without elements and without axes go through every kind of file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'tigon-arrays-'));
  try {
    const arrays = { none: nd.zeros([0, 3]), one: nd.array(5), flags: nd.array([true, false]) };
    for (const ending of ['params', 'npz', 'safetensors']) {
      const path = join(folder, `all.${ending}`);
      await nd.save(path, arrays);
      const read = (await nd.load(path)) as Record<string, nd.NDArray>;
      assert.equal(Object.keys(read).sort(), ['flags', 'none', 'one'], ending);
      for (const [name, x] of Object.entries(arrays)) {
        assert.equal(
          [read[name]!.dtype, read[name]!.shape],
          [x.dtype, x.shape],
          `${ending}: ${name}`,
        );
        assert.equal(await read[name]!.array(), await x.array());
      }
      await nd.save(path, {});
      assert.equal(Object.keys(await nd.load(path)), [], ending);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('numbers come from typed arrays and iterables of other programs, and go back as such', async () => {
  const wide = nd.array(Float64Array.of(1, 2.5), { dtype: 'float32' });
  assert.equal([wide.dtype, await wide.array()], ['float32', [1, 2.5]]);
  const shared = new Float32Array(new SharedArrayBuffer(8));
  shared.set([3, 4]);
  assert.equal(await nd.array(shared).array(), [3, 4]);
  const x = nd.arange(6).reshape([2, 3]);
  const column = x.at(':', 1);
  assert.ok(nd.sharesMemory(x, column));
  assert.equal(Math.max(...(await column.data())), 4);
  assert.equal(JSON.parse(JSON.stringify(await x.array())), [
    [0, 1, 2],
    [3, 4, 5],
  ]);
});

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

test('a net that was trained, compiled and hooked is freed when it is dropped', async () => {
  const use = (hybrid: boolean): WeakRef<Block> => {
    const net = new nn.HybridSequential(new nn.Dense(64, { inUnits: 64 }), new nn.Dense(8));
    net.initialize();
    if (hybrid) net.hybridize();
    net.registerForwardHook((block) => assert.is(block, net));
    const trainer = new Trainer(net.parameters(), 'adam');
    for (let i = 0; i < 2; i++) {
      autograd.record(() => net(nd.ones([4, 64])).sum()).backward();
      trainer.step(4);
    }
    return new WeakRef(net);
  };
  const nets = [use(false), use(true)];
  for (let i = 0; i < 10 && nets.some((net) => net.deref() !== undefined); i++) {
    await new Promise((done) => setTimeout(done, 5));
    collect();
  }
  assert.equal(
    nets.map((net) => net.deref()),
    [undefined, undefined],
  );
  const before = device.default().memory().inUse;
  for (let i = 0; i < 6; i++) {
    use(i % 2 === 0);
    await new Promise((done) => setTimeout(done, 1));
    collect();
  }
  await new Promise((done) => setTimeout(done, 5));
  assert.ok(device.default().memory().inUse < before + 100_000, 'four nets would be more');
});

test('modes, seeds and names of blocks belong to their thread', async () => {
  const code = `
    const { parentPort } = require('node:worker_threads');
    parentPort.once('message', async () => {
      await import(${JSON.stringify(SOURCE.at(-1))});
      const { autograd, random, nd, Parameter } = await import('tigon');
      const modes = [autograd.isRecording(), autograd.isTraining()];
      random.seed(5);
      const w = new Parameter({ shape: [2], init: 'ones' });
      w.initialize();
      autograd.record(() => w.data().mul(random.uniform([2])).sum()).backward();
      parentPort.postMessage({ modes, gradient: Array.from(await w.grad().data()) });
    });`;
  const worker = new Worker(code, { eval: true, execArgv: [...SOURCE] });
  try {
    random.seed(5);
    const wanted = Array.from(await random.uniform([2]).data());
    random.seed(1);
    const { draws } = random.getState();
    const answer = new Promise<{ modes: boolean[]; gradient: number[] }>((done, failed) => {
      worker.once('message', done);
      worker.once('error', failed);
    });
    autograd.record(() => worker.postMessage('go'));
    const { modes, gradient } = await answer;
    assert.equal(modes, [false, false]);
    assert.equal(gradient, wanted);
    assert.is(random.getState().draws, draws);
  } finally {
    await worker.terminate();
  }
});

test.run();
