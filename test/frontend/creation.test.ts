import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { nd } from '../../src/index.ts';
import { fails } from './support.ts';

test('nested arrays become float32, booleans bool, typed arrays keep their dtype', async () => {
  const x = nd.array([
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.equal(x.shape, [2, 3]);
  assert.is(x.dtype, 'float32');
  assert.equal(await x.array(), [
    [1, 2, 3],
    [4, 5, 6],
  ]);
  assert.equal(await nd.array([true, false]).array(), [true, false]);
  assert.is(nd.array(new Uint8Array(3)).dtype, 'uint8');
  assert.is(nd.array(new Int32Array(3)).dtype, 'int32');
  assert.is(nd.array(new Float64Array(3)).dtype, 'float32');
  assert.is(nd.array(new Int8Array([-1])).dtype, 'int8');
  assert.is(nd.array(new Int16Array(1)).dtype, 'int16');
  assert.is(nd.array(new Uint16Array(1)).dtype, 'uint16');
  assert.is(await nd.array(7).item(), 7);
  assert.equal(nd.array(7).shape, []);
});

test('values of flat arrays take the shape given', async () => {
  const x = nd.array(new Float32Array([1, 2, 3, 4]), { shape: [2, 2] });
  assert.equal(await x.array(), [
    [1, 2],
    [3, 4],
  ]);
  fails(() => nd.array([1, 2, 3], { shape: [2, 2] }), 'shape', '3 values', '[2, 2]');
});

test('BigInts fit the dtype asked for', async () => {
  const labels = nd.array(new BigInt64Array([3n, -5n]), { dtype: 'int32' });
  assert.is(labels.dtype, 'int32');
  assert.equal(await labels.array(), [3, -5]);
  fails(
    () => nd.array(new BigInt64Array([1n, 9007199254740993n]), { dtype: 'int32' }),
    'value',
    'value 1',
    'int32',
    'creation.test.ts',
  );
  fails(() => nd.array([-1n], { dtype: 'uint64' }), 'value', '-1 does not fit uint64', 'negative');
  fails(() => nd.array([2 ** 60], { dtype: 'int64' }), 'value', 'int64', 'BigInt');
});

test('values that do not fit are named', () => {
  fails(() => nd.array([1, 256], { dtype: 'uint8' }), 'value', 'value 1', '256', 'uint8');
  fails(() => nd.array([1.5], { dtype: 'int32' }), 'value', '1.5', 'int32');
  fails(() => nd.array([Number.NaN], { dtype: 'int32' }), 'value', 'NaN');
  fails(() => nd.array(['a'] as never), 'value', 'value 0: "a" is not a number');
  fails(() => nd.full([2], 2, { dtype: 'bool' }), 'value', '0 or 1');
});

test('ragged nesting says where', () => {
  fails(() => nd.array([[1, 2], [3]]), 'shape', '[1]', 'array of 1', 'expected an array of 2');
  fails(() => nd.array([[1], 2]), 'shape', 'single value');
});

test('unknown options are refused with the nearest spelling', () => {
  fails(
    () => nd.zeros([2], { dtpye: 'int32' } as never),
    'option',
    'unknown option "dtpye"',
    'known: dtype, device',
    'did you mean "dtype"?',
    'creation.test.ts',
  );
  fails(() => nd.zeros([2], { dtype: 'double' as never }), 'option', 'double', '"float64"');
  fails(() => nd.zeros([-1]), 'shape', '[-1]');
});

test('constant arrays', async () => {
  assert.equal(await nd.zeros([2], { dtype: 'int32' }).array(), [0, 0]);
  assert.equal(await nd.ones([2], { dtype: 'bool' }).array(), [true, true]);
  assert.equal(await nd.full([2], 0.5).array(), [0.5, 0.5]);
  assert.equal(await nd.eye(2, 3).array(), [
    [1, 0, 0],
    [0, 1, 0],
  ]);
  assert.equal(await nd.arange(3).array(), [0, 1, 2]);
  assert.is(nd.arange(3).dtype, 'int32');
  assert.equal(await nd.arange(1, 2, 0.25).array(), [1, 1.25, 1.5, 1.75]);
  assert.equal(await nd.arange(5, 0, -2).array(), [5, 3, 1]);
  assert.equal(await nd.linspace(0, 1, 5).array(), [0, 0.25, 0.5, 0.75, 1]);
  assert.equal(await nd.onesLike(nd.zeros([1, 2])).array(), [[1, 1]]);
  assert.equal(await nd.zeros([0, 3]).array(), []);
});

test('bfloat16 is stored rounded, read as float32 and printed', async () => {
  const dtype = 'bfloat16';
  const values = [1 / 3, 65504, 1e-8, -0.5, 257, 259, -0, 3.4e38, Number.NaN];
  const rounded = [
    0.333984375,
    65536,
    1.0011717677116394e-8,
    -0.5,
    256,
    260,
    -0,
    Number.POSITIVE_INFINITY,
    Number.NaN,
  ];
  for (const x of [nd.array(values, { dtype }), nd.array(values).astype(dtype)]) {
    assert.is(x.dtype, dtype);
    const read = await x.data();
    assert.instance(read, Float32Array);
    assert.equal(Array.from(read), rounded);
    assert.equal(Array.from(await x.astype('float32').data()), rounded);
  }
  assert.match(
    String(nd.array([0.1, 2], { dtype })),
    /NDArray bf16\[2\] on [^\n]*(\n.*0\.1001|await)/,
  );
  assert.equal(await nd.full([2], 0.1, { dtype }).array(), [0.10009765625, 0.10009765625]);
  assert.equal(await nd.zeros([3], { dtype }).array(), [0, 0, 0]);
  assert.equal(await nd.array([-1.5, 300]).astype(dtype).astype('uint8').array(), [0, 255]);
  assert.equal(
    await nd
      .array([7, 2 ** 24 + 1], { dtype: 'int32' })
      .astype(dtype)
      .array(),
    [7, 2 ** 24],
  );
  const y = nd.array(values.slice(0, 6), { dtype, shape: [2, 3] });
  assert.equal(await y.T.slice(1).array(), [65536, 256]);
});

test('half precision is stored rounded and read as numbers', async () => {
  const x = nd.array([1 / 3, 65504, 1e-8, -0.5, 2049], { dtype: 'float16' });
  assert.is(x.dtype, 'float16');
  assert.equal(await x.array(), [0.333251953125, 65504, 0, -0.5, 2048]);
  assert.equal(await nd.array([1e6], { dtype: 'float16' }).array(), [Number.POSITIVE_INFINITY]);
  const sum = x.add(x);
  assert.is(sum.dtype, 'float16');
  assert.is((await sum.array())[0 as never], 0.66650390625 as never);
});

test.run();
