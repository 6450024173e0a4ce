import { test } from 'uvu';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, nd } from '../../../src/index.ts';

/** Gradients through choices that data makes, on every device. */
const int = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });

test('what is replaced passes no gradient on', async () => {
  const x = nd.array([1, Number.NaN, 2, 3]).attachGrad();
  autograd.record(() => nd.nansum(x).add(nd.nanToNum(x).sum())).backward();
  await assertAllClose(x.grad!, [2, 0, 2, 2]);
  const y = nd.array([1, 2, 3]).attachGrad();
  autograd.record(() => y.set(nd.array([true, false, true]), 5).sum()).backward();
  await assertAllClose(y.grad!, [0, 1, 0]);
});

test('of several values written to one place the last one gets the gradient', async () => {
  const x = nd.zeros([3]).attachGrad();
  const values = nd.array([1, 2, 3, 4]).attachGrad();
  const y = autograd.record(() => x.set([int(0, 2, 0, 2)], values));
  await assertAllClose(y, [3, 0, 4]);
  y.backward(nd.array([10, 20, 30]));
  await assertAllClose(x.grad!, [0, 20, 0]);
  await assertAllClose(values.grad!, [0, 0, 10, 30]);
});

test.run();
