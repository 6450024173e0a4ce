/**
 * Powers of doubles.
 *
 * Invariant: `|x|^y = 2^(y log2|x|)` with the logarithm, and its product with y, in two parts (the method and the
 * coefficients of fdlibm's e_pow, Sun Microsystems, 1993); special cases are those of JavaScript: `NaN ** 0` is 1,
 * `1 ** NaN` and `1 ** Infinity` are NaN.
 */
import { i64, op, type Wasm } from '../tree.ts';
import {
  abs,
  add,
  type Binary,
  type Body,
  binary,
  bitsOf,
  both,
  choose,
  div,
  eq,
  gt,
  head,
  lt,
  max,
  min,
  mul,
  ne,
  nearest,
  neg,
  ofBits,
  poly,
  scaled,
  sub,
  withSign,
} from './build.ts';
import { expOfRest } from './exp.ts';

/** `3/2 (log(1 + s) - log(1 - s)) - 3 s - s³` in s², without its s⁵: highest first. */
const LOG = [
  2.0697501780033842e-1, 2.3066074577556175e-1, 2.72728123808534e-1, 3.3333332981837743e-1,
  4.285714285785502e-1, 5.999999999999946e-1,
];
/** 2 / (3 ln 2), and in two parts. */
const SCALE = 9.617966939259756e-1;
const SCALE_HIGH = 9.617967009544373e-1;
const SCALE_LOW = -7.028461650952758e-9;
/** log2(3/2) in two parts. */
const LOG_OF_HALVES_HIGH = 5.849624872207642e-1;
const LOG_OF_HALVES_LOW = 1.350039202129749e-8;
const LN2 = 6.931471805599453e-1;
const LN2_HIGH = 6.931471824645996e-1;
const LN2_LOW = -1.904654299957768e-9;

/** Bits of √(3/4) and of √(3/2), where the point that the series is around changes. */
const LOWEST = 0x3feb_b67a_0000_0000n;
const HALVES = 0x3ff3_988e_0000_0000n;

/** Two doubles whose sum is meant; the first has no more than 21 bits. */
type Pair = readonly [Wasm, Wasm];

/** log2 of a positive finite number, by a series around 1 or 3/2 in `s = (m - c) / (m + c)`. */
const log2 = (b: Body, x: Wasm): Pair => {
  const tiny = b.keepInt(lt(x, 2 ** -1022), 'tiny');
  const bits = b.keepLong(bitsOf(mul(x, choose(tiny, 2 ** 53, 1))), 'bits');
  const exponent = b.keepLong(
    op('i64.shr_s', op('i64.sub', bits, i64(LOWEST)), i64(52n)),
    'exponent',
  );
  const mBits = b.keepLong(op('i64.sub', bits, op('i64.shl', exponent, i64(52n))), 'mBits');
  const n = b.keep(sub(op('f64.convert_i64_s', exponent), choose(tiny, 53, 0)), 'n');
  const halves = b.keepInt(op('i64.ge_u', mBits, i64(HALVES)), 'halves');
  const m = b.keep(ofBits(mBits), 'm');
  const c = b.keep(choose(halves, 1.5, 1), 'c');

  const u = b.keep(sub(m, c), 'u');
  const inverse = b.keep(div(1, add(m, c)), 'inverse');
  const s = b.keep(mul(u, inverse), 's');
  const sHead = b.keep(head(s), 'sHead');
  const sumHead = b.keep(head(add(m, c)), 'sumHead');
  const sumTail = sub(m, sub(sumHead, c));
  const sTail = b.keep(
    mul(inverse, sub(sub(u, mul(sHead, sumHead)), mul(sHead, sumTail))),
    'sTail',
  );

  const z = b.keep(mul(s, s), 'z');
  const series = add(mul(mul(z, z), poly(z, LOG)), mul(sTail, add(sHead, s)));
  const r = b.keep(series, 'r');
  const square = b.keep(mul(sHead, sHead), 'square');
  const factor = b.keep(head(add(add(3, square), r)), 'factor');
  const factorTail = sub(r, sub(sub(factor, 3), square));
  const high = b.keep(mul(sHead, factor), 'high');
  const low = b.keep(add(mul(sTail, factor), mul(factorTail, s)), 'low');
  const p = b.keep(head(add(high, low)), 'p');
  const pTail = sub(low, sub(p, high));
  const q = b.keep(mul(p, SCALE_HIGH), 'q');
  const qTail = b.keep(
    add(add(mul(p, SCALE_LOW), mul(pTail, SCALE)), choose(halves, LOG_OF_HALVES_LOW, 0)),
    'qTail',
  );
  const around = b.keep(choose(halves, LOG_OF_HALVES_HIGH, 0), 'around');
  const first = b.keep(head(add(add(add(q, qTail), around), n)), 'first');
  return [first, b.keep(sub(qTail, sub(sub(sub(first, n), around), q)), 'second')];
};

/** The size of a result from those of a base that is no limit and a finite power. */
const sizeOf = (b: Body, base: Wasm, power: Wasm): Wasm => {
  const [first, second] = log2(b, base);
  // powers beyond are infinite or 0 all the same
  const y = b.keep(max(min(power, 2 ** 65), -(2 ** 65)), 'power');
  const yHead = b.keep(head(y), 'yHead');
  const low = b.keep(add(mul(sub(y, yHead), first), mul(y, second)), 'low');
  const high = b.keep(mul(yHead, first), 'high');
  const z = b.keep(add(low, high), 'z');
  b.when(gt(z, 1100), () => Number.POSITIVE_INFINITY);
  b.when(lt(z, -1100), () => 0);
  const n = b.keep(nearest(z), 'n');
  const rest = b.keep(sub(high, n), 'rest');
  const t = b.keep(head(add(low, rest)), 't');
  const u = b.keep(mul(t, LN2_HIGH), 'u');
  const v = b.keep(add(mul(sub(low, sub(t, rest)), LN2), mul(t, LN2_LOW)), 'v');
  return scaled(b, expOfRest(b, u, b.keep(neg(v), 'minusV')), op('i32.trunc_sat_f64_s', n));
};

const powerOfSize = binary('pow_size', 'power of a positive finite number', sizeOf);

export const pow: Binary = binary('pow', 'x to the power of y', (b, x, y) => {
  b.when(eq(y, 0), () => 1);
  b.when(op('i32.or', ne(x, x), ne(y, y)), () => Number.NaN);
  const size = b.keep(abs(x), 'size');
  const raises = b.keepInt(op('i32.eq', gt(size, 1), gt(y, 0)), 'raises');
  b.when(eq(abs(y), Number.POSITIVE_INFINITY), () =>
    choose(eq(size, 1), Number.NaN, choose(raises, Number.POSITIVE_INFINITY, 0)),
  );
  const half = b.keep(mul(y, 0.5), 'half');
  const whole = b.keepInt(eq(nearest(y), y), 'whole');
  const odd = both(whole, ne(nearest(half), half));
  const sign = b.keep(choose(odd, withSign(1, x), 1), 'sign');
  const limit = op('i32.or', eq(size, 0), eq(size, Number.POSITIVE_INFINITY));
  b.when(limit, () => mul(sign, choose(raises, Number.POSITIVE_INFINITY, 0)));
  b.when(op('i32.and', lt(x, 0), op('i32.eqz', whole)), () => Number.NaN);
  b.when(eq(size, 1), () => sign);
  return mul(sign, powerOfSize(size, y));
});
