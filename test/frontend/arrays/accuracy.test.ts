import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { device, nd } from '../../../src/index.ts';
import {
  erfinvOf,
  gammaOf,
  lgammaOf,
  polygammaOf,
} from '../../../src/ir/graph/reference/special.ts';

/** Formulas against doubles, in units of the last place: what the CPU needs, and twice that where division is not exact. */
type Row = readonly [
  name: string,
  value: (x: number) => number,
  formula: (x: nd.NDArray) => nd.NDArray,
  range: readonly [number, number],
  most: number,
];
// biome-ignore format: a table
const ROWS: readonly Row[] = [
  ['arcsin', Math.asin, nd.arcsin, [-1, 1], 2],
  ['arccos', Math.acos, nd.arccos, [-1, 1], 2],
  ['arctan', Math.atan, nd.arctan, [-50, 50], 2],
  ['sinh', Math.sinh, nd.sinh, [-89, 89], 2.5],
  ['sinh near 0', Math.sinh, nd.sinh, [-1, 1], 2.5],
  ['cosh', Math.cosh, nd.cosh, [-89, 89], 2.5],
  ['arcsinh', Math.asinh, nd.arcsinh, [-3, 50], 2.5],
  ['arccosh', Math.acosh, nd.arccosh, [1, 50], 3],
  ['arccosh near 1', Math.acosh, nd.arccosh, [1, 1.1], 3],
  ['arctanh', Math.atanh, nd.arctanh, [-1, 1], 3],
  ['log2', Math.log2, nd.log2, [0, 100], 2],
  ['log2 near 1', Math.log2, nd.log2, [0.7, 1.5], 2],
  ['log10', Math.log10, nd.log10, [0, 1e5], 2],
  ['log10 near 1', Math.log10, nd.log10, [0.2, 4], 2],
  ['exp2', (x) => 2 ** x, nd.exp2, [-120, 127], 1],
  ['cbrt', Math.cbrt, nd.cbrt, [-1000, 1000], 1],
  ['erfinv', erfinvOf, nd.erfinv, [-1, 1], 4],
  ['gamma', gammaOf, nd.gamma, [0, 35], 5],
  ['gammaln', lgammaOf, nd.gammaln, [0, 40], 7],
  ['gammaln near its zeros', lgammaOf, nd.gammaln, [0.5, 3], 7],
  ['gammaln far', lgammaOf, nd.gammaln, [40, 1e6], 2],
  ['digamma', (x) => polygammaOf(0, x), nd.digamma, [2, 50], 9],
  ['trigamma', (x) => polygammaOf(1, x), (x) => nd.polygamma(1, x), [0, 50], 6],
];
const SAMPLES = 2000;
const slack = device.default().kind === 'cpu' ? 1 : 2.5;

for (const [name, value, formula, [lo, hi], most] of ROWS)
  test(`${name}: errors below ${most} units of the last place from ${lo} to ${hi}`, async () => {
    const xs = Float32Array.from(
      { length: SAMPLES },
      (_, i) => lo + ((hi - lo) * (i + 0.5)) / SAMPLES,
    );
    const ys = await formula(nd.array(xs)).data();
    let worst = 0;
    let at = 0;
    xs.forEach((x, i) => {
      const wanted = value(x);
      const unit = 2 ** (Math.floor(Math.log2(Math.max(Math.abs(wanted), 2 ** -126))) - 23);
      const error = Math.abs(ys[i]! - wanted) / unit;
      if (!(error <= worst)) [worst, at] = [error, x];
    });
    assert.ok(worst <= most * slack, `${worst.toFixed(2)} units at ${at}`);
  });

test.run();
