/**
 * Distribution functions in double precision, and how far samples are from them.
 *
 * Invariant: by series and continued fractions of their own, nothing of what draws.
 */

import { lgammaOf } from '../../../src/ir/graph/reference/special.ts';
import { erf } from '../../../src/ir/numbers.ts';

export const normalCdf = (x: number): number => 0.5 * (1 + erf(x / Math.SQRT2));

/** The regularized lower incomplete gamma function. */
export const gammaCdf = (a: number, x: number): number => {
  if (x <= 0) return 0;
  const scale = Math.exp(a * Math.log(x) - x - lgammaOf(a));
  if (x < a + 1) {
    let term = 1 / a;
    let sum = term;
    for (let n = 1; n < 2000 && term > sum * 1e-16; n++) {
      term *= x / (a + n);
      sum += term;
    }
    return sum * scale;
  }
  let f = 0;
  for (let n = 300; n >= 1; n--) f = (n * (n - a)) / (x + 2 * n + 1 - a - f);
  return 1 - scale / (x + 1 - a - f);
};

/** The regularized incomplete beta function. */
export const betaCdf = (a: number, b: number, x: number): number => {
  if (x <= 0) return 0;
  if (x >= 1) return 1;
  if (x > (a + 1) / (a + b + 2)) return 1 - betaCdf(b, a, 1 - x);
  let f = 1;
  for (let m = 150; m >= 1; m--) {
    const even = (m * (b - m) * x) / ((a + 2 * m - 1) * (a + 2 * m));
    const odd = (-(a + m) * (a + b + m) * x) / ((a + 2 * m) * (a + 2 * m + 1));
    f = 1 + even / (1 + odd / f);
  }
  const first = (-(a + b) * x) / (a + 1);
  const start = 1 + first / f;
  const log = a * Math.log(x) + b * Math.log1p(-x) - Math.log(a);
  return Math.exp(log + lgammaOf(a + b) - lgammaOf(a) - lgammaOf(b)) / start;
};

/** Student's t. */
export const studentCdf = (df: number, x: number): number => {
  const tail = 0.5 * betaCdf(df / 2, 0.5, df / (df + x * x));
  return x > 0 ? 1 - tail : tail;
};

/** Kolmogorov and Smirnov's statistic times the root of the count: above 1.95 once in a thousand. */
export const kolmogorov = (samples: ArrayLike<number>, cdf: (x: number) => number): number => {
  const sorted = Float64Array.from(samples).sort();
  const n = sorted.length;
  let most = 0;
  sorted.forEach((x, i) => {
    const p = cdf(x);
    most = Math.max(most, Math.abs(p - i / n), Math.abs(p - (i + 1) / n));
  });
  return most * Math.sqrt(n);
};

/**
 * The chi-square statistic of counts against probabilities as a standard normal number (Wilson and Hilferty): above 3.3
 * once in two thousand. Counts that are expected less than 8 times are taken together.
 */
export const chiSquare = (samples: ArrayLike<number>, pmf: (k: number) => number): number => {
  const n = samples.length;
  const seen = new Map<number, number>();
  for (let i = 0; i < n; i++) seen.set(samples[i]!, (seen.get(samples[i]!) ?? 0) + 1);
  const top = Math.max(...seen.keys());
  let [statistic, cells] = [0, 0];
  let [restSeen, restExpected] = [n, n];
  for (let k = Math.min(0, ...seen.keys()); k <= top; k++) {
    const expected = n * pmf(k);
    if (expected < 8) continue;
    const found = seen.get(k) ?? 0;
    statistic += (found - expected) ** 2 / expected;
    cells++;
    restSeen -= found;
    restExpected -= expected;
  }
  if (restExpected > 1) {
    statistic += (restSeen - restExpected) ** 2 / restExpected;
    cells++;
  } else if (restSeen > 12) return Number.POSITIVE_INFINITY;
  const df = cells - 1;
  return (Math.cbrt(statistic / df) - (1 - 2 / (9 * df))) / Math.sqrt(2 / (9 * df));
};

const logChoose = (n: number, k: number): number =>
  lgammaOf(n + 1) - lgammaOf(k + 1) - lgammaOf(n - k + 1);
export const poissonPmf = (rate: number, k: number): number =>
  Math.exp(k * Math.log(rate) - rate - lgammaOf(k + 1));
export const binomialPmf = (n: number, p: number, k: number): number =>
  k < 0 || k > n ? 0 : Math.exp(logChoose(n, k) + k * Math.log(p) + (n - k) * Math.log1p(-p));
export const negativeBinomialPmf = (r: number, p: number, k: number): number =>
  Math.exp(lgammaOf(k + r) - lgammaOf(r) - lgammaOf(k + 1) + r * Math.log(p) + k * Math.log1p(-p));
