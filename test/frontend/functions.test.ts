import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { nd } from '../../src/index.ts';
import { fails } from './support.ts';

const x = nd.array([
  [1, 2, 3],
  [4, 5, 6],
]);

test('reductions over axes, kept or not', async () => {
  assert.is(await x.sum().item(), 21);
  assert.equal(await x.sum({ axis: 0 }).array(), [5, 7, 9]);
  assert.equal(await x.sum({ axis: -1, keepDims: true }).array(), [[6], [15]]);
  assert.equal(await x.mean({ axis: [0, 1] }).item(), 3.5);
  assert.is(await x.prod().item(), 720);
  assert.equal(await x.max({ axis: 0 }).array(), [4, 5, 6]);
  assert.is(await x.min().item(), 1);
  assert.equal(await x.argmax({ axis: 1 }).array(), [2, 2]);
  assert.is(await x.argmax().item(), 5);
  assert.is(x.argmin({ axis: 0 }).dtype, 'int32');
  await assertAllClose(x.var(), 35 / 12);
  await assertAllClose(x.std({ axis: 1, ddof: 1 }), [1, 1]);
  await assertAllClose(x.norm(), Math.sqrt(91));
  await assertAllClose(
    x.logSumExp(),
    Math.log([1, 2, 3, 4, 5, 6].reduce((t, v) => t + Math.exp(v), 0)),
  );
  assert.is(await nd.array([1e4, 1e4]).logSumExp().item(), Math.fround(1e4 + Math.LN2));
  assert.is(await x.gt(0).all().item(), 1);
  assert.equal(await x.gt(5).any({ axis: 0 }).array(), [false, false, true]);
  assert.is(nd.array([true, true, false]).sum().dtype, 'int32');
  assert.is(await nd.array([1, 2], { dtype: 'int32' }).mean().item(), 1.5);
  assert.is(await nd.zeros([0]).sum().item(), 0);
  fails(() => nd.zeros([0]).max(), 'shape', 'max', 'no elements');
  fails(() => x.sum({ axes: 0 } as never), 'option', 'did you mean "axis"?');
});

test('products of matrices, vectors and batches', async () => {
  const a = nd.array([
    [1, 2],
    [3, 4],
  ]);
  assert.equal(await a.matmul(a).array(), [
    [7, 10],
    [15, 22],
  ]);
  assert.equal(await a.matmul(nd.array([1, 1])).array(), [3, 7]);
  assert.equal(await nd.array([1, 1]).matmul(a).array(), [4, 6]);
  assert.is(
    await nd
      .array([1, 2])
      .dot(nd.array([3, 4]))
      .item(),
    11,
  );
  assert.equal(await a.T.matmul(a).array(), [
    [10, 14],
    [14, 20],
  ]);
  const batch = nd.stack([a, a.mul(2)]);
  assert.equal(await batch.matmul(a).array(), [
    [
      [7, 10],
      [15, 22],
    ],
    [
      [14, 20],
      [30, 44],
    ],
  ]);
  assert.equal(a.matmul(batch).shape, [2, 2, 2]);
  assert.equal(nd.ones([3, 1, 2, 4]).matmul(nd.ones([5, 4, 6])).shape, [3, 5, 2, 6]);
  assert.equal(await nd.array([1, 0]).matmul(batch).array(), [
    [1, 2],
    [2, 4],
  ]);
  assert.equal(await batch.batchDot(batch, { transposeB: true }).slice(0).array(), [
    [5, 11],
    [11, 25],
  ]);
  assert.equal(await nd.linear(a, nd.ones([3, 2]), nd.array([0, 1, 2])).array(), [
    [3, 4, 5],
    [7, 8, 9],
  ]);
  fails(
    () => nd.zeros([2, 3]).matmul(nd.zeros([5, 4])),
    'shape',
    'matmul: inner sizes differ: a f32[2, 3] · b f32[5, 4] (3 ≠ 5)',
    'functions.test.ts:',
  );
  fails(() => nd.zeros([2, 3]).matmul(nd.zeros([5, 3])), 'shape', 'a.matmul(b.T)');
  fails(() => nd.zeros([2, 2, 3]).matmul(nd.zeros([3, 3, 4])), 'shape', 'batch sizes', '2 ≠ 3');
  fails(() => a.batchDot(a), 'shape', 'batchDot');
});

test('elements are chosen by arrays of positions', async () => {
  const idx = nd.array([1, 0, 1], { dtype: 'int32' });
  assert.equal(await x.take(idx).array(), [
    [4, 5, 6],
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.equal(await x.take(idx, { axis: 1 }).array(), [
    [2, 1, 2],
    [5, 4, 5],
  ]);
  assert.equal(await x.take(nd.array([[9]], { dtype: 'int32' })).array(), [[[4, 5, 6]]], 'clamped');
  assert.equal(await x.pick(nd.array([2, 0], { dtype: 'uint8' })).array(), [3, 4]);
  assert.equal(await x.pick(idx, { axis: 0, keepDims: true }).array(), [[4, 2, 6]]);
  assert.equal(
    await x
      .gather(
        nd.array(
          [
            [0, 0],
            [2, 1],
          ],
          { dtype: 'int32' },
        ),
      )
      .array(),
    [
      [1, 1],
      [6, 5],
    ],
  );
  assert.equal(await nd.oneHot(idx, 2).array(), [
    [0, 1],
    [1, 0],
    [0, 1],
  ]);
  assert.equal(await idx.oneHot(2, { on: 5, off: 1, dtype: 'int32' }).array(), [
    [1, 5],
    [5, 1],
    [1, 5],
  ]);
  assert.equal(nd.embedding(idx, x).shape, [3, 3]);
  fails(() => x.take(nd.array([0.5])), 'dtype', 'take', 'integers', 'f32[1]');
  fails(() => x.pick(nd.array([0], { dtype: 'int32' })), 'shape', 'pick', '[2]');
});

test('softmax and its logarithm', async () => {
  const exps = [1, 2, 3].map(Math.exp);
  const sum = exps.reduce((a, b) => a + b, 0);
  await assertAllClose(
    x.softmax().slice(0),
    exps.map((e) => e / sum),
  );
  await assertAllClose(
    x.logSoftmax({ axis: 1 }).slice(1),
    exps.map((e) => Math.log(e / sum)),
  );
  await assertAllClose(nd.array([1000, 0]).softmax(), [1, 0]);
  await assertAllClose(nd.array([1000, 0]).logSoftmax(), [0, -1000]);
  await assertAllClose(x.softmax({ axis: 0 }).sum({ axis: 0 }), [1, 1, 1]);
});

test('convolution slides the kernel over space', async () => {
  const image = nd.arange(16, undefined, 1, { dtype: 'float32' }).reshape([1, 1, 4, 4]);
  const kernel = nd.array([
    [
      [
        [1, 0],
        [0, -1],
      ],
    ],
  ]);
  assert.equal(await nd.convolution(image, kernel).slice(0, 0).array(), [
    [-5, -5, -5],
    [-5, -5, -5],
    [-5, -5, -5],
  ]);
  assert.equal(
    await nd
      .convolution(image, kernel, nd.array([5]), { strides: 2 })
      .sum()
      .item(),
    0,
  );
  assert.equal(nd.convolution(image, kernel, undefined, { padding: 1 }).shape, [1, 1, 5, 5]);
  assert.equal(nd.convolution(image, kernel, undefined, { dilation: 2 }).shape, [1, 1, 2, 2]);
  assert.equal(
    nd.convolution(nd.ones([2, 4, 5]), nd.ones([6, 2, 3]), undefined, { groups: 2 }).shape,
    [2, 6, 3],
  );
  fails(() => nd.convolution(image, nd.ones([1, 2, 2, 2])), 'shape', 'conv');
  fails(() => nd.convolution(image, kernel, nd.zeros([2])), 'shape', 'bias', '[1]');
  fails(
    () => nd.convolution(image, kernel, undefined, { stride: 2 } as never),
    'option',
    '"strides"',
  );
  fails(() => nd.convolution(image, kernel, undefined, { strides: 0 }), 'option', 'strides is 0');
});

test('pooling takes maxima and means of windows', async () => {
  const image = nd.arange(16, undefined, 1, { dtype: 'float32' }).reshape([1, 1, 4, 4]);
  assert.equal(await nd.maxPool(image, { kernel: 2 }).slice(0, 0).array(), [
    [5, 7],
    [13, 15],
  ]);
  assert.equal(await nd.avgPool(image, { kernel: 2 }).slice(0, 0).array(), [
    [2.5, 4.5],
    [10.5, 12.5],
  ]);
  assert.equal(nd.maxPool(image, { kernel: 3, strides: 2, ceil: true }).shape, [1, 1, 2, 2]);
  assert.equal(nd.maxPool(image, { kernel: 3, strides: 2 }).shape, [1, 1, 1, 1]);
  await assertAllClose(nd.avgPool(image, { kernel: 2, padding: 1 }).at(0, 0, 0, 0), 0);
  await assertAllClose(
    nd.avgPool(nd.ones([1, 1, 4, 4]), { kernel: 2, padding: 1, countPadding: false }),
    nd.ones([1, 1, 3, 3]),
  );
  await assertAllClose(nd.maxPool(image.sub(100), { kernel: 2, padding: 1 }).at(0, 0, 0, 0), -100);
  fails(() => nd.maxPool(image, { kernel: 5 }), 'shape', 'window of 5');
  fails(() => nd.maxPool(nd.zeros([2, 3]), { kernel: 2 }), 'shape', 'f32[2, 3]');
});

test('normalization', async () => {
  const y = nd.layerNorm(x, nd.ones([3]), nd.zeros([3]), { eps: 0 });
  const s = Math.sqrt(1.5);
  await assertAllClose(y, [
    [-s, 0, s],
    [-s, 0, s],
  ]);
  const [z, mean, variance] = nd.batchNormTraining(x, nd.ones([3]), nd.ones([3]), { eps: 0 });
  await assertAllClose(z, [
    [0, 0, 0],
    [2, 2, 2],
  ]);
  await assertAllClose(mean, [2.5, 3.5, 4.5]);
  await assertAllClose(variance, [2.25, 2.25, 2.25]);
  await assertAllClose(nd.batchNorm(x, nd.ones([3]), nd.ones([3]), mean, variance, { eps: 0 }), z);
  fails(
    () => nd.batchNorm(x, nd.ones([2]), nd.ones([3]), mean, variance),
    'shape',
    'batchNorm',
    'f32[2]',
    '[3]',
  );
});

test('means of half-precision values are right where their sums would overflow', async () => {
  const x = nd.full([100000], 4, { dtype: 'float16' });
  for (const [y, wanted] of [
    [x.mean(), 4],
    [x.var(), 0],
    [x.norm().div(100), Math.fround(12.65)],
    [nd.layerNorm(x.mul(100), nd.ones([100000]), nd.ones([100000])).max(), 1],
    [nd.avgPool(x.mul(1000).reshape([1, 1, 1000, 100]), { kernel: 100 }).max(), 4000],
    [nd.batchNormTraining(x.reshape([100000, 1]), nd.ones([1]), nd.ones([1]))[0].max(), 1],
    [x.logSumExp(), 4 + Math.log(100000)],
  ] as const) {
    assert.is(y.dtype, 'float16');
    await assertAllClose(y.astype('float32'), wanted, { rtol: 1e-3 });
  }
});

test.run();
