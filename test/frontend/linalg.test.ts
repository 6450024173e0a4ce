/** Matrix functions against NumPy; what singular and ill-conditioned matrices give; gradients; hybridized. */
import { readFileSync } from 'node:fs';
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients, checkHybridize } from '../../src/frontend/testing.ts';
import { device, nd } from '../../src/index.ts';

const { linalg } = nd;
/** A GPU in software compiles for long: there, one function of each kind. */
const whole = device.default().kind === 'cpu';

interface Stored {
  readonly shape: readonly number[];
  readonly values: readonly number[];
}
interface Case {
  readonly inputs: readonly Stored[];
  readonly outputs: readonly Stored[];
}
const path = new URL('../fixtures/linalg.json', import.meta.url);
const stored = JSON.parse(readFileSync(path, 'utf8')) as Record<string, Case>;

type F = (...x: nd.NDArray[]) => nd.NDArray | readonly nd.NDArray[];
const CASES: Record<string, F> = {
  cholesky: (a) => linalg.cholesky(a),
  qr: (a) => linalg.qr(a),
  qrWide: (a) => linalg.qr(a),
  qrSquare: (a) => linalg.qr(a),
  svdvals: linalg.svdvals,
  svdvalsMany: linalg.svdvals,
  svdvalsHilbert: linalg.svdvals,
  eigvalsh: linalg.eigvalsh,
  solve: linalg.solve,
  solveVector: linalg.solve,
  inv: linalg.inv,
  det: linalg.det,
  slogdet: linalg.slogdet,
  pinvTall: (a) => linalg.pinv(a),
  pinvWide: (a) => linalg.pinv(a),
  pinvLow: (a) => linalg.pinv(a),
  lstsq: (a, b) => linalg.lstsq(a!, b!),
  lstsqLow: (a, b) => linalg.lstsq(a, b)[0],
  matrixRank: (a) => linalg.matrixRank(a),
  cond: (a) => [
    linalg.cond(a),
    linalg.cond(a, { ord: 1 }),
    linalg.cond(a, { ord: -2 }),
    linalg.cond(a, { ord: 'fro' }),
  ],
  matrixPower: (a) => [linalg.matrixPower(a, 5), linalg.matrixPower(a, -2)],
  multiDot: (...x) => linalg.multiDot(x),
  tensorsolve: linalg.tensorsolve,
  tensorinv: (a) => linalg.tensorinv(a!),
  vectorNorms: (x) =>
    [0, 1, 2, 3.5, -1, Infinity, -Infinity].map((ord) => linalg.vectorNorm(x, { ord, axis: 1 })),
  matrixNorms: (x) =>
    (['fro', 'nuc', 1, -1, 2, -2, Infinity, -Infinity] as const).map((ord) =>
      linalg.matrixNorm(x, { ord }),
    ),
};
const TELLING = ['cholesky', 'qrWide', 'svdvals', 'eigvalsh', 'solve', 'slogdet'];

const arrayOf = ({ shape, values }: Stored): nd.NDArray => nd.array(values.slice()).reshape(shape);

for (const [name, f] of Object.entries(CASES))
  if (whole || TELLING.includes(name))
    test(`${name} is what NumPy gives`, async () => {
      const { inputs, outputs } = stored[name]!;
      const made = [f(...inputs.map(arrayOf))].flat() as nd.NDArray[];
      for (const [i, wanted] of outputs.entries()) {
        const scale = wanted.values.reduce((most, v) => Math.max(most, Math.abs(v)), 1e-6);
        const got = made[i]!.astype('float32');
        await assertAllClose(got, arrayOf(wanted), {
          rtol: 2e-5,
          atol: 5e-6 * scale,
          label: `${i}`,
        });
      }
    });

if (whole) {
  test('eigenvalues and eigenvectors of any matrix', async () => {
    const a = arrayOf(stored['eigvals']!.inputs[0]!);
    const [values, vectors] = await linalg.eig(a);
    const list = (await values.array()) as [number, number][];
    const byReal = list
      .map(([re, im]) => [re, Math.abs(im)])
      .sort((x, y) => x[0]! - y[0]! || x[1]! - y[1]!);
    await assertAllClose(byReal as number[][], arrayOf(stored['eigvals']!.outputs[0]!), {
      atol: 1e-5,
    });
    // a v = w v, real and imaginary parts
    const [v, vi] = [0, 1].map((k) => vectors.slice('...', k)) as [nd.NDArray, nd.NDArray];
    const [w, wi] = [0, 1].map((k) => values.slice('...', k)) as [nd.NDArray, nd.NDArray];
    await assertAllClose(a.matmul(v), v.mul(w).sub(vi.mul(wi)), { atol: 1e-5 });
    await assertAllClose(a.matmul(vi), v.mul(wi).add(vi.mul(w)), { atol: 1e-5 });
    await assertAllClose(v.square().add(vi.square()).sum({ axis: 0 }), nd.ones([6]));
    assert.throws(() => linalg.eig(nd.ones([2, 3])), /eig: f32\[2, 3\] holds no square matrices/);
  });

  test('matrices without an inverse: determinant 0, solutions that are not finite, rank', async () => {
    const a = nd.array([
      [1, 2],
      [2, 4],
    ]);
    assert.is(await linalg.det(a).item(), 0);
    const [sign, log] = linalg.slogdet(a);
    assert.is(await sign.item(), 0);
    assert.is(await log.item(), -Infinity);
    const x = await linalg.inv(a).data();
    assert.ok(Array.from(x).some((v) => !Number.isFinite(v)));
    assert.is(await linalg.matrixRank(a).item(), 1);
    assert.ok((await linalg.cond(a).item()) > 1e6);
    const l = await linalg
      .cholesky(
        nd.array([
          [1, 2],
          [2, 1],
        ]),
      )
      .data();
    assert.ok(Number.isNaN(l[3]!));
  });

  test('factors of larger matrices solve their equations', async () => {
    const n = 150;
    const a = nd
      .array(
        Float32Array.from({ length: n * n }, (_, i) => Math.sin(i * i)),
        {},
      )
      .reshape([n, n]);
    const eye = nd.eye(n);
    const spd = a.matmul(a.T).add(eye.mul(n / 10));
    const l = linalg.cholesky(spd);
    await assertAllClose(l.matmul(l.T), spd, { atol: 2e-4 });
    await assertAllClose(a.matmul(linalg.solve(a, eye)), eye, { atol: 1e-3 });
    const [q, r] = linalg.qr(a);
    await assertAllClose(q.matmul(r), a, { atol: 2e-5 });
    await assertAllClose(q.T.matmul(q), eye, { atol: 1e-5 });
    const [w, v] = linalg.eigh(spd);
    await assertAllClose(v.mul(w).matmul(v.T), spd, { atol: 1e-3 });
    await assertAllClose(v.T.matmul(v), eye, { atol: 1e-5 });
    const [u, s, vt] = linalg.svd(a);
    await assertAllClose(u.mul(s).matmul(vt), a, { atol: 1e-4 });
  });

  test('singular vectors that span all of space', async () => {
    const a = arrayOf(stored['qr']!.inputs[0]!);
    const [u, , vt] = linalg.svd(a, { fullMatrices: true });
    await assertAllClose(u.T.matmul(u), nd.eye(7), { atol: 1e-5 });
    await assertAllClose(vt.matmul(vt.T), nd.eye(3), { atol: 1e-5 });
  });

  const x = (): nd.NDArray =>
    nd.array([
      [1.2, 0.3, -0.5],
      [0.4, -1.1, 0.7],
      [0.2, 0.6, 1.5],
    ]);
  for (const [name, f] of Object.entries({
    'nuclear norm': (a) => linalg.matrixNorm(a, { ord: 'nuc' }),
    'least squares': (a) => linalg.lstsq(a, nd.array([1, 2, 3]))[0],
    'wide qr': (a) => linalg.qr(a.slice([0, 2])),
    'condition number': (a) => linalg.cond(a).log(),
    gelqf: (a) => linalg.gelqf(a.slice([0, 2])),
    trsm: (a) => linalg.trsm(a, nd.ones([2, 3]), { rightside: true }),
    potri: (a) => linalg.potri(a),
    'triangles as vectors': (a) => linalg.makeTrian(linalg.extractTrian(a).square()),
    'inverse power': (a) => linalg.matrixPower(a, -2),
  } satisfies Record<string, F>))
    test(`gradients of ${name}`, () => checkGradients(f, [x()]));
}

test('functions of matrices run hybridized', async () => {
  const a = nd.array([
    [2, 0.5],
    [0.5, 1],
  ]);
  await checkHybridize((m: nd.NDArray) => linalg.solve(m, linalg.cholesky(m)), [a]);
});

test.run();
