/** Element types of 8, 16 and 64 bits on the device: what is computed with them, or why not. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { checkGradients } from '../../src/frontend/testing.ts';
import { autograd, device, hybridize, nd } from '../../src/index.ts';
import { fails } from './support.ts';

type NDArray = nd.NDArray;

const { wide } = device.default().caps;
const i8 = (...x: number[]): NDArray => nd.array(x, { dtype: 'int8' });
const i16 = (...x: number[]): NDArray => nd.array(x, { dtype: 'int16' });
const u16 = (...x: number[]): NDArray => nd.array(x, { dtype: 'uint16' });

test('narrow integers wrap, fold, convert and are packed, alone and among neighbours', async () => {
  const f = hybridize((a: NDArray, b: NDArray, c: NDArray) => [
    a.add(a),
    a.neg(),
    a.abs().sub(1),
    b.mul(b),
    c.sub(7),
    c.astype('int8'),
    a.astype('float32').mul(0.5).astype('uint16'),
    a.max(),
    b.sum(),
    c.argmin(),
    a.flip(0).add(c),
    nd.where(a.gt(0), b, 3),
    nd.bitwiseNot(c),
    nd.sort(b),
  ]);
  const got = f(i8(127, -128, 5, -6, 7), i16(300, -300, 2, 181, -4), u16(65535, 3, 0, 9, 40000));
  const wanted: readonly (readonly [string, unknown])[] = [
    ['int8', [-2, 0, 10, -12, 14]],
    ['int8', [-127, -128, -5, 6, -7]],
    ['int8', [126, 127, 4, 5, 6]],
    ['int16', [24464, 24464, 4, -32775 + 65536, 16]],
    ['uint16', [65528, 65532, 65529, 2, 39993]],
    ['int8', [127, 3, 0, 9, 127]],
    ['uint16', [63, 0, 2, 0, 3]],
    ['int8', 127],
    ['int32', 179],
    ['int32', 2],
    ['int32', [65542, -3, 5, -119, 40127]],
    ['int16', [300, 3, 2, 3, -4]],
    ['uint16', [0, 65532, 65535, 65526, 25535]],
    ['int16', [-300, -4, 2, 181, 300]],
  ];
  for (const [i, [dtype, values]] of wanted.entries()) {
    assert.is(got[i]!.dtype, dtype, `result ${i}`);
    assert.equal(await got[i]!.array(), values, `result ${i}`);
  }
});

test('indices and labels have any integer dtype', async () => {
  const table = nd.array([
    [1, 2],
    [3, 4],
    [5, 6],
  ]);
  for (const dtype of ['int8', 'uint8', 'int16', 'uint16', 'uint32', 'int64', 'uint64'] as const) {
    if (!wide && dtype.endsWith('64')) continue;
    const at = nd.array([2, 0], { dtype });
    assert.equal(
      await nd.take(table, at, { axis: 0 }).array(),
      [
        [5, 6],
        [1, 2],
      ],
      dtype,
    );
    assert.equal(
      await nd.embedding(at, table).array(),
      [
        [5, 6],
        [1, 2],
      ],
      dtype,
    );
    assert.equal(
      await nd.oneHot(at, 3).array(),
      [
        [0, 0, 1],
        [1, 0, 0],
      ],
      dtype,
    );
    assert.equal(await nd.pick(table.T, at.reshape([2]), { axis: 1 }).array(), [5, 2], dtype);
  }
});

if (wide) {
  const f64 = (x: number[], shape = [x.length]): NDArray =>
    nd.array(x, { dtype: 'float64', shape });

  test('float64 is computed in double precision', async () => {
    const x = [0.1, -1.7, 2.5, 30.25, -0.3];
    const f = hybridize((a: NDArray) => [
      nd.exp(a),
      nd.tanh(a),
      nd.sin(a),
      nd.log1p(nd.abs(a)),
      nd.sigmoid(a),
      nd.erf(a),
      a.mul(3).add(1e-12),
      a.sum(),
      a.mean(),
      nd.cumsum(a),
      nd.sort(a),
      a.astype('int64'),
    ]);
    const sum = x.reduce((p, q) => p + q);
    const wanted: readonly (number | readonly number[])[] = [
      x.map(Math.exp),
      x.map(Math.tanh),
      x.map(Math.sin),
      x.map((v) => Math.log1p(Math.abs(v))),
      x.map((v) => 1 / (1 + Math.exp(-v))),
      [0.1124629160182849, -0.9837904585907745, 0.999593047982555, 1, -0.3286267594591274],
      x.map((v) => v * 3 + 1e-12),
      sum,
      sum / 5,
      x.map((_, i) => x.slice(0, i + 1).reduce((p, q) => p + q)),
      x.toSorted((p, q) => p - q),
      x.map(Math.trunc),
    ];
    for (const [i, y] of f(f64(x)).entries()) {
      assert.is(y.dtype, i === 11 ? 'int64' : 'float64');
      const got = [await y.array()].flat() as number[];
      for (const [k, want] of [wanted[i]!].flat().entries())
        assert.ok(
          Math.abs(got[k]! - want) <= 4e-15 * Math.abs(want) + 1e-15,
          `${i}: ${got[k]}, not ${want}`,
        );
    }
  });

  test('products of float64 of any size, and gradients to many digits', async () => {
    const n = 33;
    const a = nd.array(
      Array.from({ length: n * n }, (_, i) => Math.sin(i)),
      { dtype: 'float64', shape: [n, n] },
    );
    const y = a.dot(a.T);
    let want = 0;
    for (let k = 0; k < n; k++) want += Math.sin(n + k) * Math.sin(2 * n + k);
    const got = (await y.data())[n + 2]!;
    assert.ok(Math.abs(got - want) < 1e-13, `${got}, not ${want}`);
    const weight = f64([0.3, -0.2, 0.7, 0.1, 0.5, -0.6], [2, 1, 3]);
    const image = f64([1, 2, -1, 0.5, 3, 1, 4], [1, 1, 7]);
    const f = (x: NDArray, w: NDArray): NDArray => nd.softmax(nd.convolution(x, w));
    await checkGradients(f, [image, weight], { step: 1e-5, rtol: 1e-7, atol: 1e-9 });
    const x = f64([0.25, 4]).attachGrad();
    autograd.backward(autograd.record(() => nd.sqrt(x).sum()));
    assert.equal(await x.grad!.array(), [1, 0.25]);
  });

  test('integers of 64 bits keep all of them', async () => {
    const big = 2n ** 60n + 1n;
    const x = nd.array([big, -5n, 2n ** 62n]);
    assert.is(x.dtype, 'int64');
    const f = hybridize((a: NDArray) => [
      a.add(a),
      a.mul(3),
      a.max(),
      a.min(),
      nd.rightShift(a, 2),
      a.argmax(),
      nd.sort(a),
    ]);
    const wanted = [
      [2n * big, -10n, -(2n ** 63n)],
      [3n * big, -15n, 3n * 2n ** 62n - 2n ** 64n],
      [2n ** 62n],
      [-5n],
      [2n ** 58n, -2n, 2n ** 60n],
      [2],
      [-5n, big, 2n ** 62n],
    ];
    for (const [i, y] of f(x).entries())
      assert.equal([...(await y.data<BigInt64Array>())], wanted[i], `result ${i}`);
    const most = nd.array(BigUint64Array.of(2n ** 64n - 1n, 7n));
    assert.equal([...(await most.min().data<BigUint64Array>())], [7n]);
    assert.equal([...(await most.add(1).data<BigUint64Array>())], [0n, 8n]);
    assert.equal(await nd.array([-7n, 9n]).div(2).array(), [-3.5, 4.5]);
    try {
      await x.array();
      assert.unreachable();
    } catch (error) {
      assert.match(String(error), /element 0 is 1152921504606846977[\s\S]*x\.data\(\)/);
    }
  });
} else
  test('elements of 64 bits are refused by name, with what to do', () => {
    const name = device.default().name;
    fails(() => nd.zeros([2], { dtype: 'float64' }), 'dtype', 'f64[2]', name, 'float32');
    fails(() => nd.array([1n]), 'dtype', 'i64[1]', name, 'int32', 'device.cpu()');
    fails(() => nd.ones([2]).astype('float64').add(1), 'dtype', 'float64', 'float32');
    const f = hybridize((x: NDArray) => x.astype('int64').add(1).astype('float32'));
    fails(() => f(nd.ones([2])), 'dtype', 'int64', 'WebGPU');
  });

test.run();
