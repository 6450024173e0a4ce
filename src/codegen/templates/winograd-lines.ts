/**
 * Winograd's transforms of a line of three taps (Lavin and Gray, 2015), as arithmetic on vectors: two results from four
 * inputs, or four from six.
 *
 * Four results come from the points 0, ±5/8, ±3/2 and infinity: the error is a third of that of the usual 0, ±1, ±2.
 * Invariant: coefficients for inputs and results are exact in float32.
 */
import { constantOf, fma, mul, operate, regType } from '../../ir/thread/build.ts';
import type { TExpr } from '../../ir/thread/thread.ts';

/** Results that a tile has along a line. */
export type TileSize = 2 | 4;

/** What becomes of a line; `name` gives a value that is used again a register. */
export type LineTransform = (line: readonly TExpr[], name: (v: TExpr) => TExpr) => TExpr[];

export interface Line {
  readonly input: LineTransform;
  readonly weight: LineTransform;
  readonly result: LineTransform;
}

const c = (value: number): TExpr => constantOf(value, regType('f32', 4));
const plus = (x: TExpr, y: TExpr): TExpr => operate('add', x, y);
const minus = (x: TExpr, y: TExpr): TExpr => operate('sub', x, y);
const times = (k: number, x: TExpr): TExpr => mul(x, c(k));
const plusTimes = (k: number, x: TExpr, y: TExpr): TExpr => fma(x, c(k), y);

const two: Line = {
  input: ([d0, d1, d2, d3]) => [minus(d0!, d2!), plus(d1!, d2!), minus(d2!, d1!), minus(d1!, d3!)],
  weight: ([g0, g1, g2], name) => {
    const even = name(times(0.5, plus(g0!, g2!)));
    return [g0!, plusTimes(0.5, g1!, even), plusTimes(-0.5, g1!, even), g2!];
  },
  result: ([m0, m1, m2, m3]) => [plus(m0!, plus(m1!, m2!)), minus(minus(m1!, m2!), m3!)],
};

const [A, B] = [5 / 8, 3 / 2];
const [A2, B2] = [A * A, B * B];
const [NA, NB] = [2 * A2 * (A2 - B2), 2 * B2 * (B2 - A2)];

const four: Line = {
  input: ([d0, d1, d2, d3, d4, d5], name) => {
    const at = (p: number, square: number): [TExpr, TExpr] => {
      const even = name(plusTimes(-square, d2!, d4!));
      const odd = name(plusTimes(-square, d1!, d3!));
      return [plusTimes(p, odd, even), plusTimes(-p, odd, even)];
    };
    return [
      plusTimes(A2 * B2, d0!, plusTimes(-A2 - B2, d2!, d4!)),
      ...at(A, B2),
      ...at(B, A2),
      plusTimes(A2 * B2, d1!, plusTimes(-A2 - B2, d3!, d5!)),
    ];
  },
  weight: ([g0, g1, g2], name) => {
    const at = (p: number, n: number): [TExpr, TExpr] => {
      const even = name(plusTimes((p * p) / n, g2!, times(1 / n, g0!)));
      return [plusTimes(p / n, g1!, even), plusTimes(-p / n, g1!, even)];
    };
    return [times(1 / (A2 * B2), g0!), ...at(A, NA), ...at(B, NB), g2!];
  },
  result: ([m0, m1, m2, m3, m4, m5], name) => {
    const [p, q] = [name(plus(m1!, m2!)), name(minus(m1!, m2!))];
    const [r, s] = [name(plus(m3!, m4!)), name(minus(m3!, m4!))];
    return [
      plus(m0!, plus(p, r)),
      plusTimes(A, q, times(B, s)),
      plusTimes(A2, p, times(B2, r)),
      plusTimes(A2 * A, q, plusTimes(B2 * B, s, m5!)),
    ];
  },
};

/** The same seen from the weight: of gradients of results, and of the sums of six products. */
export interface GradientLine {
  readonly input: LineTransform;
  readonly gradient: LineTransform;
  readonly weight: LineTransform;
}

const fourOfThree: GradientLine = {
  input: four.input,
  gradient: ([d0, d1, d2, d3], name) => {
    const at = (p: number): [TExpr, TExpr] => {
      const even = name(plusTimes(p * p, d2!, d0!));
      const odd = name(plusTimes(p ** 3, d3!, times(p, d1!)));
      return [plus(even, odd), minus(even, odd)];
    };
    return [d0!, ...at(A), ...at(B), d3!];
  },
  weight: ([m0, m1, m2, m3, m4, m5], name) => {
    const [p, r] = [name(plus(m1!, m2!)), name(plus(m3!, m4!))];
    return [
      plusTimes(1 / NA, p, plusTimes(1 / NB, r, times(1 / (A2 * B2), m0!))),
      plusTimes(A / NA, minus(m1!, m2!), times(B / NB, minus(m3!, m4!))),
      plusTimes(A2 / NA, p, plusTimes(B2 / NB, r, m5!)),
    ];
  },
};

const ofFive: GradientLine = {
  input: four.input,
  gradient: ([d0, d1]) => {
    const at = (p: number): TExpr[] => [plusTimes(p, d1!, d0!), plusTimes(-p, d1!, d0!)];
    return [d0!, ...at(A), ...at(B), d1!];
  },
  weight: ([m0, m1, m2, m3, m4, m5], name) => {
    const [p, r] = [name(plus(m1!, m2!)), name(plus(m3!, m4!))];
    const [q, s] = [name(minus(m1!, m2!)), name(minus(m3!, m4!))];
    return [
      plusTimes(1 / NA, p, plusTimes(1 / NB, r, times(1 / (A2 * B2), m0!))),
      plusTimes(A / NA, q, times(B / NB, s)),
      plusTimes(A2 / NA, p, times(B2 / NB, r)),
      plusTimes((A2 * A) / NA, q, times((B2 * B) / NB, s)),
      plusTimes((A2 * A2) / NA, p, plusTimes((B2 * B2) / NB, r, m5!)),
    ];
  },
};

export const gradientLineOf = (taps: number): GradientLine => (taps === 5 ? ofFive : fourOfThree);

/** Two results of windows of five taps: the points, and with them the inputs, are those of four results of three. */
const twoOfFive: Line = {
  input: four.input,
  weight: ([g0, g1, g2, g3, g4], name) => {
    const at = (p: number, n: number): [TExpr, TExpr] => {
      const [square, odd] = [p * p, p / n];
      const even = name(
        plusTimes((square * square) / n, g4!, plusTimes(square / n, g2!, times(1 / n, g0!))),
      );
      const rest = name(plusTimes(odd * square, g3!, times(odd, g1!)));
      return [plus(even, rest), minus(even, rest)];
    };
    return [times(1 / (A2 * B2), g0!), ...at(A, NA), ...at(B, NB), g4!];
  },
  result: ([m0, m1, m2, m3, m4, m5]) => [
    plus(m0!, plus(plus(m1!, m2!), plus(m3!, m4!))),
    plusTimes(A, minus(m1!, m2!), plusTimes(B, minus(m3!, m4!), m5!)),
  ],
};

/** Six products to the six places that they add to: the transpose of what becomes of inputs. */
const spread: LineTransform = ([m0, m1, m2, m3, m4, m5], name) => {
  const [p, q] = [name(plus(m1!, m2!)), name(minus(m1!, m2!))];
  const [r, s] = [name(plus(m3!, m4!)), name(minus(m3!, m4!))];
  return [
    times(A2 * B2, m0!),
    plusTimes(-A * B2, q, plusTimes(-B * A2, s, times(A2 * B2, m5!))),
    plusTimes(-B2, p, plusTimes(-A2, r, times(-A2 - B2, m0!))),
    plusTimes(A, q, plusTimes(B, s, times(-A2 - B2, m5!))),
    plus(m0!, plus(p, r)),
    m5!,
  ];
};

/** A convolution seen from its input: what four inputs of three taps, or two of five, add to six results. */
export const spreadLineOf = (taps: number): Line => ({
  input: gradientLineOf(taps).gradient,
  weight: lineOf(4, taps).weight,
  result: spread,
});

/**
 * The same transform of three weights as numbers: `first` times the first, then for each pair of points ±p what is even and
 * odd of them, over n; then the last.
 */
export interface WeightPoints {
  readonly first: number;
  readonly pairs: readonly { readonly p: number; readonly n: number }[];
}

export const weightPoints: Readonly<Record<TileSize, WeightPoints>> = {
  2: { first: 1, pairs: [{ p: 1, n: 2 }] },
  4: {
    first: 1 / (A2 * B2),
    pairs: [
      { p: A, n: NA },
      { p: B, n: NB },
    ],
  },
};

/** The transforms for tiles of some size and windows of three or five taps. */
export const lineOf = (tile: TileSize, taps: number): Line =>
  taps === 5 ? twoOfFive : tile === 2 ? two : four;
