import { test } from 'uvu';
import { checkGradients, checkHybridize } from '../../../src/frontend/testing.ts';
import { autograd, nd } from '../../../src/index.ts';

const int = (...values: number[]): nd.NDArray => nd.array(values, { dtype: 'int32' });
const a = nd.array([
  [0.3, -0.7, 1.2],
  [0.9, 0.4, -1.6],
]);
const b = nd.array([
  [0.8, 1.1, -0.4],
  [-0.6, 0.5, 0.7],
]);
const unit = a.mul(0.5);
const positive = a.abs().add(1.2);

type Case = readonly [(...xs: nd.NDArray[]) => nd.NDArray | readonly nd.NDArray[], ...nd.NDArray[]];

/** Graphs are the same on every device, and what devices make of each op is compared elsewhere. */
const CASES: Readonly<Record<string, Case>> = {
  'functions of one number': [
    (x) => [
      nd.sinh(x),
      nd.cosh(x),
      nd.arctan(x),
      nd.arcsinh(x),
      nd.exp2(x),
      nd.cbrt(x.add(3)),
      nd.sinc(x),
    ],
    a,
  ],
  'functions with a domain': [
    (x) => [nd.arcsin(x), nd.arccos(x), nd.arctanh(x), nd.erfinv(x)],
    unit,
  ],
  'functions of positive numbers': [
    (x) => [
      nd.arccosh(x),
      nd.log2(x),
      nd.log10(x),
      nd.gammaln(x),
      nd.gamma(x),
      nd.digamma(x),
      nd.polygamma(1, x),
    ],
    positive,
  ],
  'functions of two numbers': [
    (x, y) => [
      nd.arctan2(x, y),
      nd.hypot(x, y),
      nd.logaddexp(x, y),
      nd.copysign(x, y),
      nd.fmod(x, y.add(3)),
      nd.fmax(x, y),
    ],
    a,
    b,
  ],
  'elements moved': [
    (x) => [
      nd.roll(x, 1, 1),
      nd.rot90(x),
      nd.diagonal(x),
      nd.diag(nd.ravel(x), 1),
      nd.tril(x),
      nd.resizeTo(x, [7]),
    ],
    a,
  ],
  'elements put in and added': [
    (x, y) => [
      nd.insert(x, [0, 2], y.slice(':', ':2'), 1),
      x.pad([1, 2], { mode: 'reflect' }),
      x.pad([2, 1], { mode: 'wrap' }),
      nd.fillDiagonal(x, y.slice(0)),
    ],
    a,
    b,
  ],
  'lines of samples': [
    (x, y) => [
      nd.diff(x, { n: 2 }),
      nd.polyval(y.slice(0), x),
      nd.interp(x, nd.array([-1, 0.1, 1]), y.slice(0)),
    ],
    a,
    b,
  ],
  'reads at arrays of positions': [
    (x) => [
      x.at(int(1, 0, 1)),
      x.at(int(0, 1, 1), int(2, 0, 0)),
      x.at(':', int(2, 0, -1)),
      x.at(null, int(1), '::-1'),
    ],
    a,
  ],
  'writes at arrays of positions': [
    (x, y) => [
      x.set([':', int(2, 0)], y.slice(':', ':2')),
      x.set([int(1, 1)], y),
      nd.indexAdd(x, [int(1, 1)], y),
    ],
    a,
    b,
  ],
  products: [
    (x, y) => [
      nd.einsum('ij,kj->ik', x, y),
      nd.einsum('ij,ij->i', x, y),
      nd.einsum('ij,kj,kl->il', x, y, y),
      nd.tensordot(x, y, [[0], [0]]),
      nd.kron(x, y.slice(0)),
      nd.cross(x, y),
    ],
    a,
    b,
  ],
  reductions: [
    (x, y) => [
      nd.average(x, { weights: y.abs().add(1), axis: 1 }),
      nd.ptp(x),
      x.var({ where: y.gt(0) }),
      x.prod({ axis: 0, initial: 2 }),
      ...nd.moments(x, { axis: 1 }),
    ],
    a,
    b,
  ],
};

for (const [name, [f, ...inputs]] of Object.entries(CASES)) {
  test(`${name}: gradients`, () => checkGradients(f, inputs, { step: 3e-3, atol: 4e-3 }));
  test(`${name}: gradients of gradients`, async () => {
    const slope = (...xs: nd.NDArray[]): nd.NDArray[] => {
      const at = autograd.isRecording() ? xs : xs.map((x) => x.copy().attachGrad());
      return autograd.record(() => {
        const heads = [f(...at)].flat().map((y) => y.mul(y).sum());
        return autograd.grad(heads, at, { createGraph: true });
      });
    };
    await checkGradients(slope, inputs, { step: 3e-3, rtol: 4e-2, atol: 4e-2 });
  });
  test(`${name}: hybridized`, () => checkHybridize(f as (...xs: nd.NDArray[]) => unknown, inputs));
}

test.run();
