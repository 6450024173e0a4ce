/**
 * Logarithms of doubles: log and log1p.
 *
 * Invariant: `x = 2^k (1 + f)` with 1 + f in [√½, √2]; `log(1 + f) = f - f²/2 + s (f²/2 + R(s²))` with `s = f / (2 + f)`,
 * the coefficients of R those of fdlibm's e_log (Sun Microsystems, 1993).
 */
import { i64, op, type Wasm } from '../tree.ts';
import {
  abs,
  add,
  type Body,
  bitsOf,
  choose,
  div,
  eq,
  ge,
  le,
  lt,
  mul,
  ofBits,
  poly,
  sub,
  type Unary,
  unary,
} from './build.ts';

const LN2_HIGH = 6.931471803691238e-1;
const LN2_LOW = 1.9082149292705877e-10;
/** R in s², without its s²: highest first. */
const LOG = [
  1.4798198605116586e-1, 1.5313837699209373e-1, 1.818357216161805e-1, 2.2222198432149784e-1,
  2.857142874366239e-1, 3.999999999940942e-1, 6.666666666666735e-1,
];
/** Bits of √½, rounded up. */
const ROOT_HALF = 0x3fe6_a09e_667f_3bcdn;

/** k as a double, and 2^-k x, of a normal positive number. */
export const exponentOf = (b: Body, x: Wasm): { k: Wasm; mantissa: Wasm } => {
  const bits = b.keepLong(bitsOf(x), 'bits');
  const k = b.keepLong(op('i64.shr_s', op('i64.sub', bits, i64(ROOT_HALF)), i64(52n)), 'k');
  const mantissa = ofBits(op('i64.sub', bits, op('i64.shl', k, i64(52n))));
  return { k: op('f64.convert_i64_s', k), mantissa };
};

/** `log(2^k (1 + f)) + more`. */
const sum = (b: Body, f: Wasm, k: Wasm, more: (small: Wasm) => Wasm): Wasm => {
  const s = b.keep(div(f, add(2, f)), 's');
  const z = b.keep(mul(s, s), 'z');
  const half = b.keep(mul(mul(f, f), 0.5), 'halfSquare');
  const tail = add(mul(s, add(half, mul(z, poly(z, LOG)))), more(mul(k, LN2_LOW)));
  return add(mul(k, LN2_HIGH), sub(f, sub(half, tail)));
};

/** Infinite, NaN or the number itself, where there is nothing to compute. */
const outside = (b: Body, x: Wasm): void => {
  b.when(lt(x, 0), () => Number.NaN);
  b.when(eq(x, 0), () => Number.NEGATIVE_INFINITY);
  b.when(op('i32.eqz', lt(x, Number.POSITIVE_INFINITY)), () => x);
};

/** Natural logarithm. */
export const log: Unary = unary('log', 'natural logarithm', (b, x) => {
  outside(b, x);
  const tiny = b.keepInt(lt(x, 2 ** -1022), 'tiny');
  const normal = b.keep(mul(x, choose(tiny, 2 ** 54, 1)), 'normal');
  const { k: exponent, mantissa } = exponentOf(b, normal);
  const k = b.keep(sub(exponent, choose(tiny, 54, 0)), 'exponent');
  return sum(b, b.keep(sub(mantissa, 1), 'f'), k, (small) => small);
});

/** log(1 + x): the logarithm of the rounded sum, and what rounding took as a share of it. */
export const log1p: Unary = unary('log1p', 'logarithm of 1 + x', (b, x) => {
  b.when(lt(abs(x), 2 ** -54), () => x);
  const u = b.keep(add(1, x), 'u');
  outside(b, u);
  const near = b.keepInt(op('i32.and', ge(x, Math.SQRT1_2 - 1), le(x, Math.SQRT2 - 1)), 'near');
  const { k: exponent, mantissa } = exponentOf(b, u);
  const k = b.keep(choose(near, 0, exponent), 'exponent');
  const f = b.keep(choose(near, x, sub(mantissa, 1)), 'f');
  const rest = choose(ge(u, 2), sub(1, sub(u, x)), sub(x, sub(u, 1)));
  const lost = choose(near, 0, div(rest, u));
  return sum(b, f, k, (small) => add(small, lost));
});
