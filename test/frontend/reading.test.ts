import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nd } from '../../src/index.ts';
import { fails, rejects } from './support.ts';

test('values come back as typed arrays, nested arrays and numbers', async () => {
  const x = nd.array([[1, 2]]);
  assert.equal(await x.data(), new Float32Array([1, 2]));
  assert.equal(await x.array(), [[1, 2]]);
  assert.is(await x.sum().item(), 3);
  assert.is(x.sum().itemSync(), 3);
  assert.equal(nd.array([1, 0], { dtype: 'bool' }).dataSync(), new Uint8Array([1, 0]));
});

test('views are read in their own order', async () => {
  const x = nd.arange(6).reshape([2, 3]);
  assert.equal(await x.T.array(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  assert.equal(x.slice(':', '::-1').arraySync(), [
    [2, 1, 0],
    [5, 4, 3],
  ]);
  assert.equal(x.slice(1).dataSync(), new Int32Array([3, 4, 5]));
});

test('what was read does not change with later work', () => {
  const x = nd.array([1, 2]);
  const before = x.dataSync();
  x.dispose();
  nd.array([9, 9]);
  assert.equal(before, new Float32Array([1, 2]));
});

test('item wants one element', async () => {
  await rejects(() => nd.zeros([2]).item(), 'shape', 'item', 'f32[2]', '2 elements');
});

test('use after dispose is an error that says so', async () => {
  const x = nd.array([1, 2]);
  const view = x.reshape([2, 1]);
  x.dispose();
  await rejects(() => x.data(), 'freed', 'f32[2]', 'disposed', 'reading.test.ts');
  fails(() => x.add(1), 'freed', 'add', 'disposed');
  assert.equal(view.arraySync(), [[1], [2]], 'other views live on');
  {
    using y = nd.array([3]);
    y.add(1);
  }
  x.dispose();
});

test('arrays print shape, dtype, device and values', () => {
  const x = nd.array([
    [1, -2.5],
    [1 / 3, 4],
  ]);
  const text = `NDArray f32[2, 2] on cpu()\n[[      1,    -2.5],\n [0.33333,       4]]`;
  assert.is(String(x), text);
  assert.is(inspect(x), text);
  assert.is(String(nd.array(true)), 'NDArray bool[] on cpu()\ntrue');
  assert.is(String(nd.arange(10)), 'NDArray i32[10] on cpu()\n[0, 1, 2, …, 7, 8, 9]');
  const gone = nd.array([1]);
  gone.dispose();
  assert.match(String(gone), 'disposed');
});

test.run();
