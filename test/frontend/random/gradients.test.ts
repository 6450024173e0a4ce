import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { assertAllClose, checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, nd, random } from '../../../src/index.ts';
import { gammaCdf } from './reference.ts';

const shape = [3, 2];
const column = nd.array([[0.7], [1.4], [2.6]]);
const row = nd.array([0.8, 1.9]);

/** The draws stay the same while the parameters move. */
const smooth: Readonly<Record<string, (a: nd.NDArray, b: nd.NDArray) => nd.NDArray>> = {
  uniform: (a, b) => random.uniform(shape, a.neg(), b),
  normal: (a, b) => random.normal(shape, a, b),
  exponential: (a) => random.exponential(shape, a),
  laplace: (a, b) => random.laplace(shape, a, b),
  logistic: (a, b) => random.logistic(shape, a, b),
  gumbel: (a, b) => random.gumbel(shape, a, b),
  weibull: (a, b) => random.weibull(shape, a.add(1), b),
  pareto: (a) => random.pareto(shape, a.add(2)),
  power: (a) => random.power(shape, a),
  rayleigh: (a) => random.rayleigh(shape, a),
  lognormal: (a, b) => random.lognormal(shape, a, b.mul(0.3)),
};

test('gradients flow through numbers that are drawn, to parameters that broadcast', async () => {
  random.seed(3);
  const all = (a: nd.NDArray, b: nd.NDArray): nd.NDArray =>
    nd.stack(Object.values(smooth).map((f) => f(a, b)));
  await checkGradients((a, b) => all(a!, b!), [column, row], { rtol: 2e-2, atol: 1e-2 });
});

/** `-(dF/da) / (dF/dx)` by differences in double precision. */
const implicit = (a: number, x: number): number => {
  const h = 1e-5 * a;
  const k = 1e-5 * x;
  const up = gammaCdf(a + h, x) - gammaCdf(a - h, x);
  return -up / (2 * h) / ((gammaCdf(a, x + k) - gammaCdf(a, x - k)) / (2 * k));
};

test('gamma numbers move with their shape by the implicit slope', async () => {
  random.seed(8);
  const shapes = [1, 1.3, 2, 5, 17, 120, 900];
  const a = nd
    .array(shapes.map((v) => [v]))
    .broadcastTo([shapes.length, 40])
    .copy()
    .attachGrad();
  const x = autograd.record(() => random.gamma(a.shape, a));
  x.backward();
  const slopes = await a.grad!.data();
  const values = await x.data();
  values.forEach((v, i) => {
    const own = shapes[Math.floor(i / 40)]!;
    const p = gammaCdf(own, v);
    // further out the reference itself has no digits left
    if (p < 1e-4 || p > 1 - 1e-4) return;
    const wanted = implicit(own, v);
    const off = Math.abs(slopes[i]! - wanted) / wanted;
    assert.ok(off < 2e-4, `a ${own}, x ${v}: ${slopes[i]}, not ${wanted}`);
  });
});

test('means of gradients are gradients of means', async () => {
  random.seed(4);
  const n = 20000;
  const mean = async (f: (a: nd.NDArray) => nd.NDArray, at: number): Promise<number> => {
    const a = nd.array([at]).attachGrad();
    autograd.record(() => f(a).mean()).backward();
    return await a.grad!.item();
  };
  const close = (got: number, wanted: number, name: string): void =>
    assert.ok(
      Math.abs(got - wanted) < 0.05 * Math.abs(wanted) + 0.003,
      `${name}: ${got}, ${wanted}`,
    );
  for (const at of [0.3, 0.8, 2.5]) {
    close(await mean((a) => random.gamma([n], a), at), 1, `mean of gamma ${at}`);
    close(await mean((a) => random.gamma([n], a).square(), at), 2 * at + 1, `squares ${at}`);
    close(await mean((a) => random.beta([n], a, 2), at), 2 / (at + 2) ** 2, `mean of beta ${at}`);
  }
  close(await mean((a) => random.studentT([n], a).abs(), 5), -0.0381, 'studentT');
});

test('draws in compiled functions have the gradients of imperative ones', async () => {
  random.seed(6);
  const f = (a: nd.NDArray, b: nd.NDArray): nd.NDArray[] => [
    random.normal(shape, a, b),
    random.gamma(shape, a, b),
    random.beta(shape, a, b),
    random.dirichlet(shape, a),
    random.weibull(shape, a, b),
  ];
  await checkHybridize((a, b) => f(a!, b!), [column, row], { rtol: 1e-3, atol: 1e-4 });
});

test('counts have no gradients', async () => {
  const rate = nd.array([3, 30]).attachGrad();
  autograd.record(() => random.poisson([2], rate).add(rate).sum()).backward();
  await assertAllClose(rate.grad!, [1, 1]);
});

test.run();
