import { test } from 'uvu';
import * as assert from 'uvu/assert';
import type { HybridBlock } from '../../../src/frontend/gluon/block.ts';
import * as nn from '../../../src/frontend/gluon/nn/index.ts';
import { assertAllClose } from '../../../src/frontend/testing.ts';
import { autograd, hybridize, nd } from '../../../src/index.ts';

type One = HybridBlock & { forward(x: nd.NDArray): nd.NDArray };

/** Running mean and variance after training on batches of [n, 1], by the formula. */
const expectedStatistics = (batches: readonly number[][], momentum: number): [number, number] =>
  batches.reduce<[number, number]>(
    ([m, v], batch) => {
      const mean = batch.reduce((a, b) => a + b, 0) / batch.length;
      const variance = batch.reduce((a, b) => a + (b - mean) ** 2, 0) / batch.length;
      return [momentum * m + (1 - momentum) * mean, momentum * v + (1 - momentum) * variance];
    },
    [0, 1],
  );
const BATCHES = [
  [1, 2, 3, 6],
  [-1, 0, 4, 5],
  [2, 2, 3, 9],
];
const column = (values: readonly number[]): nd.NDArray =>
  nd.array(values, { shape: [values.length, 1] });

const trained: Readonly<Record<string, (net: HybridBlock & One) => (x: nd.NDArray) => void>> = {
  'imperative, without recording': (net) => (x) => {
    autograd.trainMode(() => net(x));
  },
  recorded: (net) => (x) => autograd.record(() => net(x)).backward(),
  'hybridized, recorded': (net) => {
    net.hybridize();
    return (x) => autograd.record(() => net(x)).backward();
  },
  'hybridized, not recorded': (net) => {
    net.hybridize();
    return (x) => {
      autograd.trainMode(() => net(x));
    };
  },
  'inside a hybridized step': (net) =>
    hybridize((x: nd.NDArray) => {
      const l = autograd.record(() => net(x).sum());
      l.backward();
      return l;
    }),
  'as one of two hybridized parts': (net) => {
    const second = new nn.HybridSequential(new nn.Dense(1, { weightInit: 'ones' }));
    second.initialize();
    net.hybridize();
    second.hybridize();
    return (x) => autograd.record(() => second(net(x))).backward();
  },
};
for (const [how, prepare] of Object.entries(trained))
  test(`BatchNorm keeps running statistics: ${how}`, async () => {
    const norm = new nn.BatchNorm({ momentum: 0.8 });
    const net = new nn.HybridSequential(norm);
    net.initialize();
    const step = prepare(net as HybridBlock & One);
    for (const [i, batch] of BATCHES.entries()) {
      step(column(batch));
      const [mean, variance] = expectedStatistics(BATCHES.slice(0, i + 1), 0.8);
      await assertAllClose(norm.runningMean.data(), [mean]);
      await assertAllClose(norm.runningVar.data(), [variance]);
    }
    const [mean, variance] = expectedStatistics(BATCHES, 0.8);
    const y = net(column([7]));
    await assertAllClose(y, [[(7 - mean) / Math.sqrt(variance + 1e-5)]]);
    await assertAllClose(
      autograd.record(() => net(column([7])), { training: false }),
      y,
    );
    await assertAllClose(norm.runningMean.data(), [mean]);
    assert.is(norm.runningMean.data().grad, undefined);
  });

test('BatchNorm: fixed factor, offset and statistics', async () => {
  const norm = new nn.BatchNorm({ scale: false, center: false, useGlobalStats: true });
  norm.initialize();
  const x = column([1, 3]).attachGrad();
  autograd.record(() => norm(x)).backward();
  await assertAllClose(x.grad!, [[1 / Math.sqrt(1 + 1e-5)], [1 / Math.sqrt(1 + 1e-5)]]);
  assert.is(await norm.runningMean.data().item(), 0);
  assert.is(norm.gamma.gradReq, 'null');
  assert.is(norm.beta.gradReq, 'null');
  const learnt = new nn.LayerNorm({ scale: false });
  learnt.initialize();
  autograd.record(() => learnt(nd.array([[1, 2]]))).backward();
  assert.equal(await learnt.beta.grad().array(), [1, 1]);
  assert.is(learnt.gamma.data().grad, undefined);
});

test('batch norm stays float32 in a half-precision net', async () => {
  const norm = new nn.BatchNorm();
  const net = new nn.HybridSequential(norm);
  net.initialize();
  net(nd.ones([1, 2]));
  net.cast('float16');
  const x = nd.full([4, 2, 200, 200], 300, { dtype: 'float16' });
  assert.is(autograd.record(() => net(x)).dtype, 'float16');
  assert.is(norm.runningMean.dtype, 'float32');
  await assertAllClose(norm.runningMean.data(), [30, 30]);
  net.cast('bfloat16');
  assert.is(norm.runningMean.dtype, 'float32');
  assert.is(autograd.predictMode(() => net(x.astype('bfloat16'))).dtype, 'bfloat16');
});

test.run();
