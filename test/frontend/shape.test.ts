import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { autograd, nd } from '../../src/index.ts';
import { fails } from './support.ts';

const x = nd.arange(24, undefined, 1, { dtype: 'float32' }).reshape([2, 3, 4]);
const sharesMemory = (a: nd.NDArray, b: nd.NDArray): boolean => a.storage === b.storage;

test('movement functions are views', () => {
  for (const y of [
    x.reshape([6, 4]),
    x.T,
    x.transpose([1, 0, 2]),
    x.slice(1),
    x.slice(':', [0, 2], '::2'),
    x.expandDims(1),
    x.slice(0).broadcastTo([5, 3, 4]),
    x.slice(':', 0).reshape([2, 2, 2]),
  ])
    assert.ok(sharesMemory(x, y), `${y.shape}`);
  assert.not.ok(sharesMemory(x, x.T.reshape([24])), 'a reshape of a transpose moves elements');
});

test('reshape infers one size and refuses what does not fit', async () => {
  assert.equal(x.reshape([-1, 4]).shape, [6, 4]);
  assert.equal(await x.T.reshape([-1]).slice([0, 4]).array(), [0, 12, 4, 16]);
  fails(() => x.reshape([5, -1]), 'shape', 'reshape', 'f32[2, 3, 4]', '24 elements', '[5, -1]');
  fails(() => x.reshape([2, 2]), 'shape', '[2, 2]');
});

test('axes are added, removed and exchanged', () => {
  assert.equal(x.expandDims(-1).shape, [2, 3, 4, 1]);
  assert.equal(nd.zeros([1, 2, 1]).squeeze().shape, [2]);
  assert.equal(nd.zeros([1, 2, 1]).squeeze(-1).shape, [1, 2]);
  assert.equal(x.swapAxes(0, -1).shape, [4, 3, 2]);
  assert.equal(x.flatten().shape, [2, 12]);
  fails(() => x.squeeze(1), 'shape', 'squeeze', 'size 3');
  fails(() => x.expandDims(5), 'shape', 'expandDims', 'axis 5', 'axes go from -4 to 3');
  fails(() => x.transpose([0, 0, 1]), 'shape', 'transpose', '[0, 0, 1]');
  fails(() => x.sum({ axis: 3 }), 'shape', 'sum', 'axis 3', '3 axes', 'shape.test.ts');
  fails(() => x.sum({ axis: [0, -3] }), 'shape', 'twice');
});

test('slices follow Python', async () => {
  const v = nd.arange(6);
  assert.equal(await v.slice([1, 4]).array(), [1, 2, 3]);
  assert.equal(await v.slice('1:4').array(), [1, 2, 3]);
  assert.equal(await v.slice([null, null, 2]).array(), [0, 2, 4]);
  assert.equal(await v.slice('::-1').array(), [5, 4, 3, 2, 1, 0]);
  assert.equal(await v.slice([-2]).array(), [4, 5]);
  assert.equal(await v.slice([4, 1]).array(), []);
  assert.equal(await v.slice([4, 1, -1]).array(), [4, 3, 2]);
  assert.is(await v.slice(-1).item(), 5);
  assert.equal(x.slice('...', 0).shape, [2, 3]);
  assert.equal(await x.slice([0, 10], ':', -1).array(), [
    [3, 7, 11],
    [15, 19, 23],
  ]);
  assert.equal(await x.at(1, 2).array(), [20, 21, 22, 23]);
  fails(() => x.at(2), 'value', 'position 2', 'axis 0', 'f32[2, 3, 4]');
  fails(() => x.slice(0, 0, 0, 0), 'shape', '4 indices');
  fails(() => v.slice('a:b'), 'value', '"a:b"');
  fails(() => v.slice([0, 4, 0]), 'value', 'step');
});

test('views of views compute what copies do', async () => {
  const y = x.transpose([2, 0, 1]).slice([1, 4], ':', '::-1').add(1);
  const expected = [1, 2, 3].map((k) =>
    [0, 1].map((i) => [2, 1, 0].map((j) => 12 * i + 4 * j + k + 1)),
  );
  assert.equal(await y.array(), expected);
});

test('arrays are joined and cut', async () => {
  const a = nd.array([[1, 2]]);
  const b = nd.array([[3, 4]], { dtype: 'int32' });
  assert.equal(await nd.concat([a, b]).array(), [
    [1, 2],
    [3, 4],
  ]);
  assert.equal(await nd.concat([a, b], -1).array(), [[1, 2, 3, 4]]);
  assert.equal(nd.stack([a, b], 1).shape, [1, 2, 2]);
  const many = Array.from({ length: 40 }, (_, i) => nd.array([i, 2 * i]).attachGrad());
  const bytes = many.map((y) => y.astype('uint8'));
  assert.equal(await nd.stack(bytes, 1).slice(1, [30, 33]).array(), [60, 62, 64]);
  const squares = autograd.record(() => nd.stack(many, 1).square());
  squares.backward();
  assert.equal(await squares.slice(1, [30, 32]).array(), [3600, 3844]);
  assert.equal(await many[39]!.grad!.array(), [78, 156]);
  assert.equal(
    await Promise.all(
      nd
        .arange(6)
        .split(3)
        .map((p) => p.array()),
    ),
    [
      [0, 1],
      [2, 3],
      [4, 5],
    ],
  );
  assert.equal(
    nd
      .arange(6)
      .split([1, 4])
      .map((p) => p.size),
    [1, 3, 2],
  );
  fails(() => nd.arange(5).split(2), 'shape', 'split', '2 equal parts');
  fails(() => nd.concat([a, nd.zeros([1, 3])]), 'shape', 'concat', 'f32[1, 2]', 'f32[1, 3]');
  fails(() => nd.stack([a, nd.zeros([3])]), 'shape', 'stack');
});

test('arrays are repeated and padded', async () => {
  const v = nd.arange(2);
  assert.equal(await v.tile(2).array(), [0, 1, 0, 1]);
  assert.equal(await v.tile([2, 1]).array(), [
    [0, 1],
    [0, 1],
  ]);
  assert.equal(await v.repeat(2).array(), [0, 0, 1, 1]);
  assert.equal(nd.array([[1], [2]]).repeat(2, 0).shape, [4, 1]);
  assert.equal(await v.pad([[1, 2]], { value: 9 }).array(), [9, 0, 1, 9, 9]);
  fails(() => v.pad([[1, -1]]), 'shape', 'pad');
  fails(() => v.pad([1], { vale: 1 } as never), 'option', 'did you mean "value"?');
});

test('set replaces a part and leaves the array alone', async () => {
  const m = nd.zeros([2, 4]);
  assert.equal(await m.set([0, [1, 3]], 7).array(), [
    [0, 7, 7, 0],
    [0, 0, 0, 0],
  ]);
  assert.equal(await m.set([':', '::-2'], nd.array([1, 2])).array(), [
    [0, 2, 0, 1],
    [0, 2, 0, 1],
  ]);
  assert.equal(await m.set(1, nd.arange(4)).array(), [
    [0, 0, 0, 0],
    [0, 1, 2, 3],
  ]);
  assert.equal(
    await nd
      .array([1, -2])
      .set(nd.array([1, -2]).lt(0), 0)
      .array(),
    [1, 0],
  );
  assert.is(nd.arange(3).set(0, 5).dtype, 'int32');
  assert.equal(await m.sum().item(), 0);
  fails(() => m.set([5], 1), 'value', 'set', 'position 5');
  fails(() => m.set([0], nd.zeros([3])), 'shape', 'set');
});

test.run();
