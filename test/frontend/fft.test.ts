/** Fourier transforms against NumPy; lengths of all kinds; two orders of gradients; hybridized. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import { autograd, device, nd } from '../../src/index.ts';

const { fft } = nd;
/** A GPU in software compiles for long: there, one transform of each kind. */
const whole = device.default().kind === 'cpu';

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
interface Case {
  readonly input: Stored;
  readonly output: Stored;
}
const path = new URL('../fixtures/fft.json', import.meta.url);
const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Case>;
const arrayOf = ({ shape, values }: Stored): nd.NDArray => nd.array(values.slice(), { shape });

type F = (x: nd.NDArray) => nd.NDArray;
const lengths = (name: 'fft' | 'ifft' | 'rfft' | 'irfft'): Record<string, F> =>
  Object.fromEntries(
    [1, 2, 3, 17, 35, 37, 64].map((n) => [`${name} ${n}`, (x) => fft[name](x, { n })]),
  );
const norms = (norm: nd.fft.FftNorm): Record<string, F> => ({
  [`fft ${norm}`]: (z) => fft.fft(z, { axis: 1, norm }),
  [`ifft ${norm}`]: (z) => fft.ifft(z, { axis: 0, norm }),
  [`rfft ${norm}`]: (x) => fft.rfft(x, { axis: 1, norm }),
  [`irfft ${norm}`]: (z) => fft.irfft(z, { axis: -2, norm }),
  [`irfftn ${norm}`]: (z) => fft.irfftn(z, { norm }),
});
const CASES: Record<string, F> = {
  ...lengths('fft'),
  ...lengths('ifft'),
  ...lengths('rfft'),
  ...lengths('irfft'),
  ...norms('ortho'),
  ...norms('forward'),
  'fft cut': (z) => fft.fft(z, { n: 3, axis: 1 }),
  'fft padded': (z) => fft.fft(z, { n: 7, axis: 0 }),
  'rfft cut': (x) => fft.rfft(x, { n: 3 }),
  'rfft padded': (x) => fft.rfft(x, { n: 8, axis: 0 }),
  'irfft cut': (z) => fft.irfft(z, { n: 5 }),
  'irfft padded': (z) => fft.irfft(z, { n: 12, axis: 1 }),
  hfft: (z) => fft.hfft(z),
  'hfft odd': (z) => fft.hfft(z, { n: 7, axis: 1, norm: 'ortho' }),
  ihfft: (x) => fft.ihfft(x),
  'ihfft odd': (x) => fft.ihfft(x, { n: 5, axis: 1, norm: 'forward' }),
  fft2: (z) => fft.fft2(z),
  ifft2: (z) => fft.ifft2(z, { axes: [0, 1] }),
  fftn: (z) => fft.fftn(z),
  'fftn sized': (z) => fft.fftn(z, { s: [2, 6], axes: [0, 2] }),
  ifftn: (z) => fft.ifftn(z),
  rfft2: (x) => fft.rfft2(x),
  irfft2: (z) => fft.irfft2(z, { s: [5, 7] }),
  rfftn: (x) => fft.rfftn(x),
  'rfftn axes': (x) => fft.rfftn(x, { axes: [2, 0] }),
  irfftn: (z) => fft.irfftn(z),
  fftshift: (x) => fft.fftshift(x),
  ifftshift: (x) => fft.ifftshift(x, { axes: 0 }),
  fftfreq: () => fft.fftfreq(7, { d: 0.25 }),
  rfftfreq: () => fft.rfftfreq(8, { d: 2 }),
};
const TELLING = ['fft 37', 'irfft 35', 'rfft2'];

/** Off by at most 1e-6 of the largest number, as an error of float32 spreads over a transform. */
const assertNear = (got: nd.NDArray, wanted: nd.NDArray, largest: number, label: string) =>
  assertAllClose(got, wanted, { rtol: 2e-6, atol: 1e-6 * largest, label });
const largestOf = ({ values }: Stored): number =>
  values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);

test('every case of NumPy is here', () => {
  const names = Object.keys(stored).filter((name) => !name.startsWith('long'));
  assert.equal(Object.keys(CASES).sort(), names.sort());
});

for (const [name, f] of Object.entries(CASES))
  if (whole || TELLING.includes(name))
    test(`${name} is what NumPy gives`, async () => {
      const { input, output } = stored[name]!;
      await assertNear(f(arrayOf(input)), arrayOf(output), largestOf(output), name);
    });

/** The input of a long transform: the same whole numbers as in make_fft.py. */
const long = (n: number, k: number): nd.NDArray =>
  nd.array(Float32Array.from({ length: n }, (_, i) => ((i * i * 37 + i * 11 * k) % 101) / 50 - 1));

for (const n of whole ? [1000, 4099, 30030] : [])
  test(`transforms of length ${n} are exact to 1e-6 of their largest number, and can be undone`, async () => {
    const [x, y] = [long(n, 1), long(n, 3)];
    const z = fft.complex(x, y);
    const spectrum = fft.fft(z);
    const largest = await fft.magnitude(spectrum).max().item();
    const some = (s: nd.NDArray): nd.NDArray => s.slice([null, null, 61]);
    const wanted = arrayOf(stored[`long fft ${n}`]!.output);
    await assertNear(some(spectrum), wanted, largest, 'fft');
    await assertAllClose(fft.ifft(spectrum), z, { atol: 3e-6 });
    const half = fft.rfft(x);
    await assertNear(some(half), arrayOf(stored[`long rfft ${n}`]!.output), largest, 'rfft');
    await assertAllClose(fft.irfft(half, { n }), x, { atol: 3e-6 });
  });

/** By Parseval's theorem the squares of a transform sum to n times those of the input. */
for (const n of whole ? [6, 37, 45] : [6])
  test(`gradients of both orders, length ${n}`, async () => {
    const z = fft.complex(long(n, 1), long(n, 2)).attachGrad();
    const v = nd.array(
      Float32Array.from({ length: 2 * n }, (_, i) => Math.sin(i)),
      {
        shape: [n, 2],
      },
    );
    const [first] = autograd.record(() => {
      const [dz] = autograd.grad(fft.fft(z).square().sum(), [z], { createGraph: true });
      dz!.mul(v).sum().backward();
      return [dz!];
    });
    await assertAllClose(first!, z.mul(2 * n), { rtol: 1e-5, atol: 1e-5 * n });
    await assertAllClose(z.grad!, v.mul(2 * n), { rtol: 1e-5, atol: 1e-5 * n });
  });

if (whole) {
  const z = (): nd.NDArray => nd.array([0.5, -1, 2, 0.3, -0.7, 1.1, 0.9, -0.2], { shape: [4, 2] });
  for (const [name, f] of Object.entries({
    'rfft of an odd length': (x) => fft.rfft(x, { axis: 0, n: 3 }),
    'rfft of an even length': (x) => fft.rfft(x, { axis: 0 }),
    'irfft of an odd length': (x) => fft.irfft(x, { n: 7 }),
    'irfft of an even length': (x) => fft.irfft(x),
    'products, sizes and shifts': (x) =>
      fft.magnitude(fft.multiply(fft.fftshift(x, { axes: 0 }), fft.conjugate(x))),
  } satisfies Record<string, F>))
    test(`gradients of ${name}`, () => checkGradients(f, [z()]));

  test('dtypes: whole numbers become float32, others stay; an empty batch', async () => {
    const n = nd.array([1, 2, 3, 4], { dtype: 'int32' });
    assert.is(fft.rfft(n).dtype, 'float32');
    const half = fft.rfft(n.astype('float16'));
    assert.is(half.dtype, 'float16');
    await assertAllClose(half, [
      [10, 0],
      [-2, 2],
      [-2, 0],
    ]);
    assert.equal(fft.fft(nd.zeros([0, 4, 2])).shape, [0, 4, 2]);
  });

  test('float64 is transformed in float64', async () => {
    const n = 331;
    const x = long(n, 1).astype('float64');
    const half = fft.rfft(x);
    assert.is(half.dtype, 'float64');
    await assertAllClose(fft.irfft(half, { n }), x, { rtol: 0, atol: 1e-14 });
    const spectrum = fft.fft(fft.complex(x));
    await assertAllClose(spectrum.slice([0, 166]), half, { rtol: 0, atol: 1e-12 });
    assert.ok(Math.abs((await spectrum.at(0, 0).item()) - (await x.sum().item())) < 1e-12);
  });

  test('errors name the function and say what to do', () => {
    const x = nd.ones([4, 3]);
    assert.throws(() => fft.fft(x), /fft: f32\[4, 3\] holds no complex numbers/);
    assert.throws(() => fft.real(x), /real: f32\[4, 3\] holds no complex numbers/);
    assert.throws(() => fft.hfft(x), /hfft: f32\[4, 3\] holds no complex numbers/);
    assert.throws(() => fft.rfft(x, { n: 0 }), /rfft: n is 0/);
    assert.throws(() => fft.rfft(x, { axis: 2 }), /rfft: .*axis/);
    assert.throws(() => fft.rfft(x, { norm: 'unit' as 'ortho' }), /rfft: norm .*unit/);
    assert.throws(() => fft.rfftn(x, { s: [2], axes: [0, 1] }), /rfftn: 1 sizes for 2 axes/);
    assert.throws(() => fft.fftn(nd.ones([2])), /fftn: there is no axis/);
    assert.throws(() => fft.rfftn(x, { axes: [0, 0] }), /rfftn: .*0/);
    assert.throws(() => fft.irfft(nd.ones([1, 2])), /irfft: n is 0/);
    assert.throws(() => fft.rfft(nd.zeros([3, 0])), /rfft: n is 0/);
    assert.throws(() => fft.fftfreq(0), /fftfreq: n is 0/);
  });
}

test('transforms run hybridized', async () => {
  const filtered = (x: nd.NDArray): nd.NDArray => {
    const s = fft.rfft(x);
    return fft.irfft(fft.multiply(s, fft.conjugate(s)), { n: 12 });
  };
  await checkHybridize(filtered, [long(24, 1).reshape([2, 12])]);
});

test.run();
