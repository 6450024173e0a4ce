import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assign } from '../../src/frontend/call.ts';
import { autograd, hybridize, nd } from '../../src/index.ts';
import { CpuDevice } from '../../src/runtime/cpu/device.ts';
import { fails } from './support.ts';

const KB = 1024;

test('disposed arrays give their memory back at once', () => {
  const { device } = nd.zeros([1]);
  const x = nd.zeros([256 * KB]);
  const before = device.memory().inUse;
  for (let i = 0; i < 50; i++) x.add(1).dispose();
  assert.ok(device.memory().inUse - before < 8 * KB * KB);
});

test('a scope frees what it does not return', () => {
  const { device } = nd.zeros([1]);
  const x = nd.zeros([256 * KB]);
  const before = device.memory().inUse;
  let lost: nd.NDArray | undefined;
  for (let i = 0; i < 50; i++) {
    const { y } = nd.scope(() => {
      lost = x.add(1);
      return { y: lost.mul(2).sub(x) };
    });
    assert.is(y.size, x.size);
    y.dispose();
  }
  assert.ok(device.memory().inUse - before < 8 * KB * KB);
  fails(() => lost!.add(1), 'freed', 'disposed');
});

test('scopes nest, and leave gradients and assigned values alone', () => {
  const w = nd.array([1, 2]).attachGrad();
  const r = nd.scope(() => {
    const inner = nd.scope(() => w.mul(3));
    autograd.record(() => w.mul(inner).sum()).backward();
    assign(w, w.add(1));
    return inner.add(0.5);
  });
  assert.equal(r.arraySync(), [3.5, 6.5]);
  assert.equal(w.grad!.arraySync(), [3, 6]);
  assert.equal(w.arraySync(), [2, 3]);
  fails(() => nd.scope(async () => 1), 'value', 'promise');
});

test('backward lets go of what the tape saved: parameters stay in place', () => {
  const w = nd.ones([300]).attachGrad();
  const x = nd.ones([300]);
  const update = hybridize(() => {
    assign(w, w.sub(w.grad!.mul(0.1)));
  });
  const step = (): void => {
    autograd.record(() => x.mul(w).exp().sum()).backward();
    update();
  };
  step();
  step();
  const held = w.storage;
  for (let i = 0; i < 5; i++) {
    step();
    assert.ok(w.storage === held, `step ${i}`);
  }
});

test('running out of memory names what holds it', () => {
  const device = new CpuDevice({ maximumPages: 64, threads: 1 });
  const held: nd.NDArray[] = [];
  fails(
    () => {
      for (let i = 0; i < 100; i++) held.push(nd.zeros([64 * KB], { device }).add(1));
    },
    'memory',
    'add',
  );
  assert.ok(held.length > 3);
});

test('arrays on different devices do not mix', () => {
  const other = new CpuDevice({ maximumPages: 64, threads: 1 });
  const x = nd.ones([2]);
  const y = nd.ones([2], { device: other });
  fails(() => x.add(y), 'device', 'add', 'cpu()');
  fails(() => nd.concat([x, y]), 'device', 'concat');
  fails(() => hybridize((a: nd.NDArray, b: nd.NDArray) => a.add(b))(x, y), 'device');
  fails(() => hybridize((a: nd.NDArray) => a.add(y))(x), 'device', 'traced for');
  assert.equal(y.add(1).arraySync(), [2, 2]);
});

test.run();
