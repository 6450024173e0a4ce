import { inspect } from 'node:util';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assign } from '../../src/frontend/call.ts';
import { nd } from '../../src/index.ts';
import { fails, rejects, synchronous } from './support.ts';

test('values come back as typed arrays, nested arrays and numbers', async () => {
  const x = nd.array([[1, 2]]);
  assert.equal(await x.data(), new Float32Array([1, 2]));
  assert.equal(await x.array(), [[1, 2]]);
  assert.is(await x.sum().item(), 3);
  assert.equal(await nd.array([1, 0], { dtype: 'bool' }).data(), new Uint8Array([1, 0]));
});

if (synchronous)
  test('values are there at once', () => {
    const x = nd.array([[1, 2]]);
    assert.is(x.sum().itemSync(), 3);
    assert.equal(x.dataSync(), new Float32Array([1, 2]));
    assert.equal(x.T.arraySync(), [[1], [2]]);
  });
else
  test('values cannot be had at once: the error says what to write', () => {
    const x = nd.array([[1, 2]]);
    fails(() => x.sum().itemSync(), 'device', 'cannot be read synchronously', 'await');
    fails(() => x.dataSync(), 'device', x.device.name, 'await x.data()');
    fails(() => x.arraySync(), 'device', 'reading.test.ts');
  });

test('views are read in their own order', async () => {
  const x = nd.arange(6).reshape([2, 3]);
  assert.equal(await x.T.array(), [
    [0, 3],
    [1, 4],
    [2, 5],
  ]);
  assert.equal(await x.slice(':', '::-1').array(), [
    [2, 1, 0],
    [5, 4, 3],
  ]);
  assert.equal(await x.slice(1).data(), new Int32Array([3, 4, 5]));
});

test('what was read does not change with later work', async () => {
  const x = nd.array([1, 2]);
  const before = await x.data();
  const pending = x.add(1).data();
  x.dispose();
  nd.array([9, 9]);
  assert.equal(before, new Float32Array([1, 2]));
  assert.equal(await pending, new Float32Array([2, 3]));
});

test('values are those at the time of the call', async () => {
  const x = nd.array([1, 2]);
  const pending = x.data();
  assign(x, nd.array([5, 6]));
  assert.equal(await pending, new Float32Array([1, 2]));
  assert.equal(await x.data(), new Float32Array([5, 6]));
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
  assert.equal(await view.array(), [[1], [2]], 'other views live on');
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
  const shown = (values: string): string => (synchronous ? values : ' (read with await x.data())');
  const { name } = x.device;
  const text = `NDArray f32[2, 2] on ${name}${shown('\n[[      1,    -2.5],\n [0.33333,       4]]')}`;
  assert.is(String(x), text);
  assert.is(inspect(x), text);
  assert.is(String(nd.array(true)), `NDArray bool[] on ${name}${shown('\ntrue')}`);
  const digits = shown('\n[0, 1, 2, …, 7, 8, 9]');
  assert.is(String(nd.arange(10)), `NDArray i32[10] on ${name}${digits}`);
  const gone = nd.array([1]);
  gone.dispose();
  assert.match(String(gone), 'disposed');
});

test.run();
