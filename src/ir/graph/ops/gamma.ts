/**
 * The gamma function, its logarithm and the derivatives of that, closed under differentiation.
 *
 * Invariant: for positive numbers errors are below 6 units of the last place (`digamma` near its zero: of 1; of float64
 * twice that), near zeros and poles too; factorials up to 7! are exact. Poles give infinity (`gamma`, `digamma`: NaN at negative integers, where the
 * sides differ).
 */
import type { Node, Op } from '../graph.ts';
import type { NoAttrs } from './define.ts';
import { defineFormula, isDouble, polynomial, type Write } from './formula.ts';

const { POSITIVE_INFINITY: INF, NaN: NAN } = Number;

/** `lgamma(2 + t) / t` for |t| ≤ 1/2: highest first, off by 3e-10. */
const NEAR_TWO = [
  1.16554677e-4, -2.53862244e-4, 5.04784926e-4, -0.0011858375, 0.00289111978, -0.00738617767,
  0.020580777, -0.0673522813, 0.322467034, 0.422784335,
];

/** The same for doubles, off by 3e-17. */
const NEAR_TWO_DOUBLE = [
  6.379047507619774e-8, -1.3412819758517287e-7, 2.0304806751615227e-7, -4.303558760359961e-7,
  9.578663334114758e-7, -2.0449201467015115e-6, 4.374374916915131e-6, -9.438458716242811e-6,
  2.050726741605779e-5, -4.4926351103833334e-5, 9.945750909889392e-5, -0.00022315475074520367,
  0.0005096695248853096, -0.0011927539120010226, 0.002890510330738737, -0.0073855510286681535,
  0.02058080842778457, -0.06735230105319814, 0.3224670334241132, 0.42278433509846713,
];

/** From here on Stirling's series is exact. */
const FAR = 8;

interface Shifted {
  /** `lgamma` of an argument moved to [1.5, 2.5). */
  readonly log: Node;
  /** What `gamma` of that has to be multiplied with, and divided by. */
  readonly times: Node;
  readonly over: Node;
}

/** Moves positive arguments below {@link FAR} to [1.5, 2.5) by `gamma(x + 1) = x gamma(x)`. */
const shifted = (f: Write, x: Node): Shifted => {
  let at = x;
  let times: Node | undefined;
  for (let step = 0; step < 6; step++) {
    const above = f('ge', at, 2.5);
    at = f('select', above, f('sub', at, 1), at);
    const factor = f('select', above, at, 1);
    times = times === undefined ? factor : f('mul', times, factor);
  }
  // the distance from 2 after moving up, without the sum, which would round
  const [low, lower] = [f('lt', at, 1.5), f('lt', at, 0.5)];
  const t = f('sub', at, f('select', lower, 0, f('select', low, 1, 2)));
  const over = f('select', lower, f('mul', at, f('add', at, 1)), f('select', low, at, 1));
  const table = isDouble(x) ? NEAR_TWO_DOUBLE : NEAR_TWO;
  return { log: f('mul', polynomial(f, t, table), t), times: times!, over };
};

/** Bernoulli's numbers by what they are divided by in these series: `B(2j)`, the last ones first. */
const BERNOULLI = [-3617 / 510, 7 / 6, -691 / 2730, 5 / 66, -1 / 30, 1 / 42, -1 / 30, 1 / 6];
/** Coefficients made of the first so many of them, by their place from 1 on. */
const series = (count: number, of: (b: number, j: number) => number): number[] =>
  BERNOULLI.slice(-count).map((b, i) => of(b, count - i));

/** `1/12x - 1/360x³ + 1/1260x⁵ ...`. */
const stirling = (f: Write, x: Node): Node => {
  const r = f('div', 1, x);
  const terms = series(isDouble(x) ? 8 : 3, (b, j) => b / (2 * j * (2 * j - 1)));
  return f('mul', polynomial(f, f('mul', r, r), terms), r);
};

const LOG_ROOT_TURN = 0.5 * Math.log(2 * Math.PI);

/** Of positive numbers. */
const positiveLog = (f: Write, x: Node): Node => {
  const { log, times, over } = shifted(f, f('min', x, FAR));
  // not of the quotient, which would round: one of the two is 1
  const low = f('lt', x, 1.5);
  const factor = f('log', f('select', low, over, times));
  const near = f('add', log, f('select', low, f('neg', factor), factor));
  const power = f('mul', f('sub', x, 0.5), f('sub', f('log', x), 1));
  const far = f('add', power, f('add', stirling(f, x), LOG_ROOT_TURN - 0.5));
  return f('select', f('lt', x, FAR), near, f('select', f('eq', x, INF), INF, far));
};

/** Of positive numbers: `x^(x - 1/2) e^-x` as two halves, which do not overflow before the result does. */
const positiveGamma = (f: Write, x: Node): Node => {
  const { log, times, over } = shifted(f, f('min', x, FAR));
  const near = f('div', f('mul', f('exp', log), times), over);
  const [most, limit] = isDouble(x) ? [180, 172] : [40, 36];
  const large = f('min', x, most);
  const half = f('pow', large, f('mul', f('sub', large, 0.5), 0.5));
  const rest = f('mul', f('exp', stirling(f, large)), Math.sqrt(2 * Math.PI));
  const far = f('mul', f('mul', f('mul', half, f('exp', f('neg', large))), rest), half);
  // through the minimum above NaN comes as it is
  return f('select', f('lt', x, FAR), near, f('select', f('ge', x, limit), INF, far));
};

/** `sin(πx) (-1)^n` with n the nearest integer: its size is that of `sin(πx)`. */
const sineOf = (f: Write, x: Node): Node => f('sin', f('mul', f('sub', x, f('round', x)), Math.PI));
const isOdd = (f: Write, n: Node): Node => f('ne', f('mod', n, 2), 0);

/** `log |gamma(x)|`. */
export const lgamma: Op<NoAttrs> = defineFormula({
  name: 'lgamma',
  operands: ['x'],
  value: (f, [x]) => {
    const mirrored = f('le', x!, 0);
    const log = positiveLog(f, f('select', mirrored, f('sub', 1, x!), x!));
    const sine = f('abs', sineOf(f, x!));
    const other = f('sub', f('sub', Math.log(Math.PI), f('log', sine)), log);
    const finite = f('gt', x!, Number.NEGATIVE_INFINITY);
    return f('select', mirrored, f('select', finite, other, INF), log);
  },
  slopes: (_f, [x], _node, _attrs, b) => [b.emit(digamma, [x!], {})],
});

/** The gamma function. */
export const gamma: Op<NoAttrs> = defineFormula({
  name: 'gamma',
  operands: ['x'],
  value: (f, [x]) => {
    const mirrored = f('lt', x!, 0);
    const value = positiveGamma(f, f('select', mirrored, f('sub', 1, x!), f('abs', x!)));
    const nearest = f('round', x!);
    const sine = sineOf(f, x!);
    const signed = f('select', isOdd(f, nearest), f('neg', sine), sine);
    const pole = f('or', f('eq', x!, nearest), f('le', x!, Number.NEGATIVE_INFINITY));
    const other = f('select', pole, NAN, f('div', Math.PI, f('mul', signed, value)));
    const zero = f('eq', x!, 0);
    return f('select', mirrored, other, f('select', zero, f('copysign', INF, x!), value));
  },
  slopes: (f, [x], y, _attrs, b) => [f('mul', y, b.emit(digamma, [x!], {}))],
});

/** Of positive numbers: moved up to 6 (doubles: 10) and beyond by `digamma(x) = digamma(x + 1) - 1/x`. */
const positiveDigamma = (f: Write, x: Node): Node => {
  const [far, count] = isDouble(x) ? [10, 8] : [6, 4];
  let at = x;
  let above: Node | undefined;
  let below: Node | undefined;
  // the fractions that were left out, as one
  for (let step = 0; step < far; step++) {
    const low = f('lt', at, far);
    const factor = f('select', low, at, 1);
    const one = f('select', low, 1, 0);
    above = above === undefined ? one : f('add', f('mul', above, factor), f('mul', one, below!));
    below = below === undefined ? factor : f('mul', below, factor);
    at = f('select', low, f('add', at, 1), at);
  }
  const r = f('div', 1, f('mul', at, at));
  // 1/12x² - 1/120x⁴ + 1/252x⁶ ...
  const terms = polynomial(
    f,
    r,
    series(count, (b, j) => b / (2 * j)),
  );
  const rest = f('add', f('div', 0.5, at), f('mul', terms, r));
  return f('sub', f('sub', f('log', at), rest), f('div', above!, below!));
};

/** The derivative of `lgamma`. */
export const digamma: Op<NoAttrs> = defineFormula({
  name: 'digamma',
  operands: ['x'],
  value: (f, [x]) => {
    const mirrored = f('lt', x!, 0);
    const value = positiveDigamma(f, f('select', mirrored, f('sub', 1, x!), f('abs', x!)));
    const nearest = f('round', x!);
    const turn = f('mul', f('sub', x!, nearest), Math.PI);
    const pole = f('or', f('eq', x!, nearest), f('le', x!, Number.NEGATIVE_INFINITY));
    const other = f('sub', value, f('div', Math.PI, f('tan', turn)));
    const zero = f('eq', x!, 0);
    const right = f('select', zero, f('neg', f('copysign', INF, x!)), value);
    return f('select', mirrored, f('select', pole, NAN, other), right);
  },
  slopes: (_f, [x], _node, _attrs, b) => [b.emit(polygamma, [x!], { n: 1 })],
});

export type PolygammaAttrs = { readonly n: number };

/** Terms of the sum that are added one by one; of Euler's and Maclaurin's formula (for doubles three more). */
const TERMS = 10;
const CORRECTIONS = 5;

const powerOf = (f: Write, x: Node, n: number): Node => {
  if (n === 1) return x;
  const half = powerOf(f, x, n >> 1);
  const square = f('mul', half, half);
  return n % 2 === 0 ? square : f('mul', square, x);
};

/** `sum over k ≥ 0 of 1 / (x + k)^s`, by the formula of Euler and Maclaurin after {@link TERMS} terms. */
const zeta = (f: Write, s: number, x: Node): Node => {
  const at = f('add', x, TERMS);
  const r = f('div', 1, at);
  const square = f('mul', r, r);
  // B(2j) / (2j)! times s (s + 1) ... (s + 2j - 2)
  const coefficients = series(isDouble(x) ? 8 : CORRECTIONS, (b, j) => {
    let product = b / (2 * j);
    for (let i = 1; i < 2 * j; i++) product *= (s + i - 1) / i;
    return product;
  });
  const tail = f('mul', polynomial(f, square, coefficients), square);
  // the rest of the sum times `at`: no infinity meets a zero
  const body = f('add', f('add', tail, 1 / (s - 1)), f('mul', r, 0.5));
  // the least terms first
  let sum = f('mul', body, powerOf(f, r, s - 1));
  for (let k = TERMS - 1; k >= 0; k--)
    sum = f('add', sum, powerOf(f, f('div', 1, k === 0 ? x : f('add', x, k)), s));
  return sum;
};

/** The n-th derivative of `digamma`, n ≥ 1. Of negative numbers for n = 1 alone: NaN for others. */
export const polygamma: Op<PolygammaAttrs> = defineFormula<PolygammaAttrs>({
  name: 'polygamma',
  operands: ['x'],
  schema: { n: { kind: 'int' } },
  check: ({ n }, fail) => {
    if (!Number.isInteger(n) || n < 1 || n > 12) fail(`n is ${n}`, 'n goes from 1 to 12');
  },
  value: (f, [x], { n }) => {
    let factor = n % 2 === 0 ? -1 : 1;
    for (let i = 2; i <= n; i++) factor *= i;
    const mirrored = f('lt', x!, 0);
    const value = f('mul', zeta(f, n + 1, f('select', mirrored, f('sub', 1, x!), x!)), factor);
    if (n > 1) return f('select', mirrored, NAN, value);
    const ratio = f('div', Math.PI, sineOf(f, x!));
    return f('select', mirrored, f('sub', f('mul', ratio, ratio), value), value);
  },
  slopes: (_f, [x], _node, { n }, b) => [b.emit(polygamma, [x!], { n: n + 1 })],
});
