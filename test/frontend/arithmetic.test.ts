import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose } from '../../src/frontend/testing.ts';
import { nd } from '../../src/index.ts';
import { fails } from './support.ts';

const x = nd.array([
  [1, 2, 3],
  [4, 5, 6],
]);

test('arrays broadcast as in NumPy', async () => {
  assert.equal(await x.add(nd.array([10, 20, 30])).array(), [
    [11, 22, 33],
    [14, 25, 36],
  ]);
  assert.equal(
    await nd
      .array([[1], [2]])
      .mul(nd.array([1, 10]))
      .array(),
    [
      [1, 10],
      [2, 20],
    ],
  );
  assert.equal(nd.zeros([0, 3]).add(nd.ones([3])).shape, [0, 3]);
});

test('shapes that do not broadcast name both operands and the line', () => {
  fails(
    () => x.add(nd.zeros([2])),
    'shape',
    'add',
    'f32[2, 3] with f32[2]',
    '3 ≠ 2',
    'arithmetic.test.ts:',
  );
});

test('dtypes promote: bool < uint8 < uint32 < int32 < float16, bfloat16 < float32', () => {
  const of = (dtype: nd.DType): nd.NDArray => nd.ones([1], { dtype });
  assert.is(of('uint8').add(of('int32')).dtype, 'int32');
  assert.is(of('bool').add(of('bool')).dtype, 'int32');
  assert.is(of('int32').mul(of('float16')).dtype, 'float16');
  assert.is(of('float16').mul(of('float32')).dtype, 'float32');
  assert.is(of('int32').mul(of('bfloat16')).dtype, 'bfloat16');
  assert.is(of('bfloat16').mul(of('float32')).dtype, 'float32');
  assert.is(of('bfloat16').mul(of('float16')).dtype, 'float32');
  assert.is(nd.concat([of('float16'), of('bfloat16')], 0).dtype, 'float32');
  assert.is(of('int32').div(of('int32')).dtype, 'float32');
  assert.is(of('int32').lt(of('float32')).dtype, 'bool');
});

test('numbers take the dtype of the array, or the smallest that holds them', async () => {
  const i = nd.array([1, 2], { dtype: 'int32' });
  assert.is(i.add(1).dtype, 'int32');
  assert.is(i.add(0.5).dtype, 'float32');
  assert.is(await nd.ones([1], { dtype: 'uint8' }).add(300).item(), 301);
  assert.is(await nd.ones([1], { dtype: 'uint8' }).sub(2).item(), 255, 'uint8 wraps');
  assert.is(await nd.ones([1], { dtype: 'uint8' }).add(-2).item(), -1);
  assert.is(nd.ones([1], { dtype: 'float16' }).add(1).dtype, 'float16');
  assert.is(nd.ones([1], { dtype: 'bfloat16' }).add(0.5).dtype, 'bfloat16');
  assert.equal(await nd.sub(10, i).array(), [9, 8]);
  assert.equal(await nd.div(1, nd.array([2, 4])).array(), [0.5, 0.25]);
  fails(() => nd.add(1, 2), 'value', 'at least one array');
  fails(() => x.add([1, 2] as never), 'value', 'JavaScript array');
});

test('remainders and floor division follow the divisor, as in Python', async () => {
  const a = nd.array([-7, 7, -7, 7], { dtype: 'int32' });
  const b = nd.array([3, 3, -3, -3], { dtype: 'int32' });
  assert.equal(await a.mod(b).array(), [2, 1, -1, -2]);
  assert.equal(await a.floorDiv(b).array(), [-3, 2, 2, -3]);
});

test('comparisons, logic and choice', async () => {
  assert.equal(await x.gt(3).array(), [
    [false, false, false],
    [true, true, true],
  ]);
  assert.equal(await x.gt(1).logicalAnd(x.lt(5)).sum().item(), 3);
  assert.equal(await nd.array([true, false]).logicalNot().array(), [false, true]);
  assert.equal(await x.where(x.gt(4), 0).array(), [
    [0, 0, 0],
    [0, 5, 6],
  ]);
  assert.equal(await nd.where(nd.array([1, 0]), nd.array([5, 6]), -1).array(), [5, -1]);
  assert.is(nd.where(nd.array([true]), 1, nd.array([2], { dtype: 'int32' })).dtype, 'int32');
  const mixed = x.sub(1).logicalAnd(nd.array([2, 0, 1], { dtype: 'int32' }));
  assert.equal(await mixed.array(), [
    [false, false, true],
    [true, false, true],
  ]);
});

test('powers, squares of integers, extremes', async () => {
  assert.equal(await nd.array([2, 3], { dtype: 'int32' }).pow(2).array(), [4, 9]);
  await assertAllClose(nd.array([2, 4]).pow(0.5), [Math.SQRT2, 2]);
  await assertAllClose(nd.array([2, 4]).pow(nd.array([3, -1])), [8, 0.25]);
  assert.equal(await nd.maximum(nd.array([1, Number.NaN]), 2).array(), [2, Number.NaN]);
  assert.equal(await nd.minimum(nd.array([1, 5]), 2).array(), [1, 2]);
});

test('elementwise functions agree with JavaScript', async () => {
  const v = [-1.5, -0.25, 0, 0.5, 2];
  const a = nd.array(v);
  const close = (y: nd.NDArray, f: (t: number) => number): Promise<void> =>
    assertAllClose(y, v.map(f), { rtol: 2e-6, atol: 1e-6 });
  await close(a.exp(), Math.exp);
  await close(a.expm1(), Math.expm1);
  await close(a.tanh(), Math.tanh);
  await close(a.sigmoid(), (t) => 1 / (1 + Math.exp(-t)));
  await close(a.sin(), Math.sin);
  await close(a.cos(), Math.cos);
  await close(a.relu(), (t) => Math.max(t, 0));
  await close(a.leakyRelu(0.1), (t) => (t > 0 ? t : 0.1 * t));
  await close(a.elu(), (t) => (t > 0 ? t : Math.expm1(t)));
  await close(a.softplus(), (t) => Math.log1p(Math.exp(t)));
  await close(a.silu(), (t) => t / (1 + Math.exp(-t)));
  await close(a.softsign(), (t) => t / (1 + Math.abs(t)));
  await close(a.abs().sqrt(), (t) => Math.sqrt(Math.abs(t)));
  await close(a.abs().add(1).log(), (t) => Math.log(1 + Math.abs(t)));
  await close(a.clip(-1, 1), (t) => Math.min(1, Math.max(-1, t)));
  await close(a.sign(), Math.sign);
  assert.equal(await nd.array([0.5, 1.5, 2.5, -0.5]).round().array(), [0, 2, 2, -0]);
  assert.equal(await nd.array([1, Number.NaN, Number.POSITIVE_INFINITY]).isFinite().array(), [
    true,
    false,
    false,
  ]);
  assert.equal(await nd.array([1, Number.NaN]).isNaN().array(), [false, true]);
  fails(() => a.clip(2, 1), 'value', 'clip');
});

test('integers are clipped exactly, and what is no array is refused', async () => {
  const big = nd.array([2147483647, -5], { dtype: 'int32' });
  assert.equal(await big.clip(0, 2147483646).array(), [2147483646, 0]);
  assert.equal(await nd.array([5], { dtype: 'int32' }).clip(0, 2.5).array(), [2]);
  fails(() => nd.exp(3 as never), 'value', 'exp: 3 is not an NDArray');
  fails(() => nd.exp(undefined as never), 'value', 'exp');
  fails(() => x.matmul([[1]] as never), 'value', 'matmul', 'JavaScript array');
});

test('conversions saturate and truncate', async () => {
  assert.equal(
    await nd.array([1.9, -1.9, 300, Number.NaN]).astype('uint8').array(),
    [1, 0, 255, 0],
  );
  assert.equal(await nd.array([1.9, -1.9, 3e9]).astype('int32').array(), [1, -1, 2147483647]);
  assert.equal(await nd.array([0, 0.1]).astype('bool').array(), [false, true]);
  fails(() => x.astype('float' as never), 'option', 'astype');
});

test.run();
