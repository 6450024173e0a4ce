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

/** What to do with a line; `name` gives a value that is used again a register. */
export interface Line {
  readonly input: (d: readonly TExpr[], name: (v: TExpr) => TExpr) => TExpr[];
  readonly weight: (g: readonly TExpr[], name: (v: TExpr) => TExpr) => TExpr[];
  readonly result: (m: readonly TExpr[], name: (v: TExpr) => TExpr) => TExpr[];
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

export const lineOf = (tile: TileSize): Line => (tile === 2 ? two : four);
