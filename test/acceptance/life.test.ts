/**
 * Why: nets that are dropped must give their memory back, and threads must not see each other's modes.
 *
 * Invariant: nothing here depends on when the collector looks by itself: it is told to.
 */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Worker } from 'node:worker_threads';
import { autograd, type Block, device, nd, random, Trainer } from 'tigon';
import * as nn from 'tigon/nn';
import { test } from 'uvu';
import * as assert from 'uvu/assert';

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
      (await import('tsx/esm/api')).register();
      const { autograd, random, nd, Parameter } = await import('tigon');
      const modes = [autograd.isRecording(), autograd.isTraining()];
      random.seed(5);
      const w = new Parameter({ shape: [2], init: 'ones' });
      w.initialize();
      autograd.record(() => w.data().mul(random.uniform([2])).sum()).backward();
      parentPort.postMessage({ modes, gradient: Array.from(await w.grad().data()) });
    });`;
  const worker = new Worker(code, { eval: true, execArgv: process.execArgv });
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
