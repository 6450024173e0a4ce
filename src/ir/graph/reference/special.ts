/**
 * What formulas mean, in double precision.
 *
 * Invariant: by other series than the formulas use, or by the functions of JavaScript.
 */
import { erf } from '../../numbers.ts';
import type { Attrs, Op } from '../graph.ts';
import { acos, asin, atan, atan2 } from '../ops/arcs.ts';
import { digamma, gamma, lgamma, polygamma } from '../ops/gamma.ts';
import { acosh, asinh, atanh, cosh, sinh } from '../ops/hyperbolic.ts';
import { erfinv } from '../ops/normal.ts';
import { cbrt, exp2, hypot, log2, log10, logaddexp } from '../ops/powers.ts';
import { defineReference, f32, type Reference } from './define.ts';

/** Lanczos' series with g = 7. */
const LANCZOS = [
  676.5203681218851, -1259.1392167224028, 771.3234287776531, -176.6150291621406, 12.507343278686905,
  -0.13857109526572012, 9.984369578019572e-6, 1.5056327351493116e-7,
];

/** `log |gamma(x)|`. */
export const lgammaOf = (x: number): number => {
  if (x === 1 || x === 2) return 0;
  if (x === Number.NEGATIVE_INFINITY) return -x;
  if (x < 0.5) {
    const near = x - Math.round(x);
    return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * near))) - lgammaOf(1 - x);
  }
  if (x === Number.POSITIVE_INFINITY) return x;
  const sum = LANCZOS.reduce((s, c, i) => s + c / (x + i), 0.9999999999998099);
  const t = x + 6.5;
  return 0.5 * Math.log(2 * Math.PI) + (x - 0.5) * Math.log(t) - t + Math.log(sum);
};

/** The gamma function. */
export const gammaOf = (x: number): number => {
  if (x === 0) return 1 / x;
  if (x < 0 && (Number.isInteger(x) || x === Number.NEGATIVE_INFINITY)) return Number.NaN;
  if (Number.isInteger(x) && x < 30) {
    let product = 1;
    for (let i = 2; i < x; i++) product *= i;
    return product;
  }
  return Math.exp(lgammaOf(x)) * (x < 0 && Math.floor(x) % 2 !== 0 ? -1 : 1);
};

/** `sum over k ≥ 0 of 1 / (x + k)^s`: a thousand terms and an integral. */
const zeta = (s: number, x: number): number => {
  let sum = 0;
  for (let k = 999; k >= 0; k--) sum += (x + k) ** -s;
  const at = x + 1000;
  return sum + at ** (1 - s) / (s - 1) + at ** -s / 2 + (s * at ** (-s - 1)) / 12;
};

/** The n-th derivative of the derivative of `lgamma`. */
export const polygammaOf = (n: number, x: number): number => {
  if (n > 0) {
    if (x < 0 && n === 1)
      return (Math.PI / Math.sin(Math.PI * (x - Math.round(x)))) ** 2 - polygammaOf(1, 1 - x);
    let factor = n % 2 === 0 ? -1 : 1;
    for (let i = 2; i <= n; i++) factor *= i;
    return x < 0 ? Number.NaN : factor * zeta(n + 1, x);
  }
  if (x === 0) return -1 / x;
  if (x < 0)
    return Number.isInteger(x) || x === Number.NEGATIVE_INFINITY
      ? Number.NaN
      : polygammaOf(0, 1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  let sum = 0;
  let at = x;
  for (; at < 100; at++) sum -= 1 / at;
  return sum + Math.log(at) - 0.5 / at - 1 / (12 * at * at) + 1 / (120 * at ** 4);
};

/** The number whose `erf` this is, by Newton's steps. */
export const erfinvOf = (x: number): number => {
  if (Math.abs(x) >= 1) return Math.abs(x) === 1 ? x * Number.POSITIVE_INFINITY : Number.NaN;
  let y = 0;
  for (let i = 0; i < 100; i++) {
    const step = ((erf(y) - x) * Math.sqrt(Math.PI)) / (2 * Math.exp(-y * y));
    y -= Math.max(-0.5, Math.min(0.5, step));
  }
  return y;
};

const logaddexpOf = (x: number, y: number): number =>
  x === y ? x + Math.LN2 : Math.max(x, y) + Math.log1p(Math.exp(-Math.abs(x - y)));

interface Cases<A extends Attrs> {
  /** Of all operands. */
  readonly range: readonly [number, number];
  readonly operands?: 1 | 2;
  readonly attrs?: readonly A[];
}

const reference = <A extends Attrs>(
  op: Op<A>,
  value: (args: readonly number[], attrs: A) => number,
  { range, operands = 1, attrs }: Cases<A>,
): Reference =>
  defineReference(op, {
    evaluate: (inputs, node) =>
      new Float64Array(node.type.size).map((_, i) =>
        value(
          inputs.map((v) => v[i]!),
          node.attrs,
        ),
      ),
    examples: (attrs ?? [undefined]).flatMap((given) =>
      [f32(), f32(7), f32(2, 3, 5)].map((t) => ({
        inputs: new Array<typeof t>(operands).fill(t),
        range: new Array<typeof range>(operands).fill(range),
        ...(given === undefined ? {} : { attrs: given }),
      })),
    ),
  });

const of =
  (f: (x: number) => number) =>
  ([x]: readonly number[]): number =>
    f(x!);

export const specials: readonly Reference[] = [
  reference(atan2, ([y, x]) => Math.atan2(y!, x!), { range: [0.3, 2], operands: 2 }),
  reference(atan, of(Math.atan), { range: [-3, 3] }),
  reference(asin, of(Math.asin), { range: [-0.9, 0.9] }),
  reference(acos, of(Math.acos), { range: [-0.9, 0.9] }),
  reference(sinh, of(Math.sinh), { range: [-2, 2] }),
  reference(cosh, of(Math.cosh), { range: [-2, 2] }),
  reference(asinh, of(Math.asinh), { range: [-3, 3] }),
  reference(acosh, of(Math.acosh), { range: [1.2, 4] }),
  reference(atanh, of(Math.atanh), { range: [-0.8, 0.8] }),
  reference(log2, of(Math.log2), { range: [0.2, 9] }),
  reference(log10, of(Math.log10), { range: [0.2, 9] }),
  reference(
    exp2,
    of((x) => 2 ** x),
    { range: [-2, 2] },
  ),
  reference(cbrt, of(Math.cbrt), { range: [0.3, 9] }),
  reference(hypot, ([x, y]) => Math.hypot(x!, y!), { range: [0.3, 2], operands: 2 }),
  reference(logaddexp, ([x, y]) => logaddexpOf(x!, y!), { range: [-2, 2], operands: 2 }),
  reference(lgamma, of(lgammaOf), { range: [0.4, 11] }),
  reference(gamma, of(gammaOf), { range: [0.6, 4] }),
  reference(
    digamma,
    of((x) => polygammaOf(0, x)),
    { range: [0.6, 9] },
  ),
  reference(polygamma, ([x], { n }) => polygammaOf(n, x!), {
    range: [0.9, 4],
    attrs: [{ n: 1 }, { n: 2 }],
  }),
  reference(erfinv, of(erfinvOf), { range: [-0.8, 0.8] }),
];
