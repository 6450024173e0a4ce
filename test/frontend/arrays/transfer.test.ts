import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { autograd, device, hybridize, nd } from '../../../src/index.ts';
import { fails } from '../support.ts';

test('assign changes a handle, not values', async () => {
  const x = nd.array([1, 2, 3], { dtype: 'int32' });
  const view = x.slice([0, 2]);
  assert.is(nd.assign(x, nd.array([4.9])), x);
  assert.equal(await x.array(), [4, 4, 4]);
  assert.equal(await view.array(), [1, 2]);
  assert.is(x.dtype, 'int32');
  nd.assign(x, x.add(1));
  assert.equal(await x.array(), [5, 5, 5]);
  fails(() => nd.assign(x, nd.zeros([2])), 'shape', 'f32[2] does not stretch to i32[3]');
  fails(() => autograd.record(() => nd.assign(x, 0)), 'gradient', 'while its use is recorded');
});

test('a hybridized function assigns each time it runs', async () => {
  const counter = nd.zeros([2]);
  const step = hybridize((by: nd.NDArray) => {
    nd.assign(counter, counter.add(by));
    return counter.mul(10);
  });
  step(nd.array([1, 2]));
  assert.equal(await (step(nd.array([1, 2])) as nd.NDArray).array(), [20, 40]);
  assert.equal(await counter.array(), [2, 4]);
});

test('an assigned array that gradients are asked for keeps asking', async () => {
  const w = nd.ones([2]).attachGrad();
  nd.assign(w, 3);
  autograd.record(() => w.mul(w).sum()).backward();
  assert.equal(await w.grad!.array(), [6, 6]);
});

test('values travel between devices and back', async () => {
  const x = nd.arange(6).reshape([2, 3]).T;
  const there = await nd.toDevice(x, device.cpu());
  assert.is(there.device, device.cpu());
  assert.equal(there.shape, [3, 2]);
  const back = nd.zeros([3, 2]);
  assert.is(await nd.copyTo(there, back), back);
  assert.equal(await back.array(), await x.array());
  assert.is(back.dtype, 'float32');
});

test.run();
