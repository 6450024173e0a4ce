/**
 * Exponentials of doubles: exp, expm1, and what is made of them.
 *
 * Invariant: `x = k ln2 + r` with |r| ≤ ln2 / 2, ln 2 in two parts of which the first times k is exact; on r a rational
 * function whose coefficients are those of fdlibm's e_exp and s_expm1 (Sun Microsystems, 1993).
 */
import { op, type Wasm } from '../tree.ts';
import {
  abs,
  add,
  type Body,
  choose,
  div,
  eq,
  ge,
  gt,
  lt,
  mul,
  ne,
  nearest,
  neg,
  poly,
  scaled,
  sub,
  type Unary,
  unary,
  withSign,
} from './build.ts';

const LN2_HIGH = 6.931471803691238e-1;
const LN2_LOW = 1.9082149292705877e-10;
/** `r (exp(r) + 1) / (exp(r) - 1) - 2` in r², without its r²: highest first. */
const EXP = [
  4.1381367970572385e-8, -1.6533902205465252e-6, 6.613756321437934e-5, -2.7777777777015593e-3,
  1.6666666666666602e-1,
];
/** `6 / r ((exp(r) + 1) / (exp(r) - 1) - 2 / r)` in r² / 2. */
const EXPM1 = [
  -2.0109921818362437e-7, 4.008217827329362e-6, -7.93650757867488e-5, 1.5873015872548146e-3,
  -3.333333333333313e-2, 1,
];

/** Beyond, results are infinite or 0 (-1 for expm1) without being computed. */
const MOST = 709.782712893384;
const LEAST = -745.1332191019412;

/** k as a double and the two parts of r: r = high - low. */
const split = (b: Body, x: Wasm): { k: Wasm; high: Wasm; low: Wasm } => {
  const k = b.keep(nearest(mul(x, Math.LOG2E)), 'k');
  const high = b.keep(sub(x, mul(k, LN2_HIGH)), 'high');
  const low = b.keep(mul(k, LN2_LOW), 'low');
  return { k, high, low };
};

const whole = (k: Wasm): Wasm => op('i32.trunc_sat_f64_s', k);

/** `exp(r) = 1 + r + r c / (2 - c)` for `r = high - low`, `c = r - r² EXP(r²)`. */
export const expOfRest = (b: Body, high: Wasm, low: Wasm): Wasm => {
  const r = b.keep(sub(high, low), 'r');
  const z = b.keep(mul(r, r), 'z');
  const c = b.keep(sub(r, mul(z, poly(z, EXP))), 'c');
  return add(1, sub(high, sub(low, div(mul(r, c), sub(2, c)))));
};

/** e^x. */
export const exp: Unary = unary('exp', 'e to the power of x', (b, x) => {
  b.when(gt(x, MOST), () => Number.POSITIVE_INFINITY);
  b.when(lt(x, LEAST), () => 0);
  b.when(ne(x, x), () => x);
  const { k, high, low } = split(b, x);
  return scaled(b, expOfRest(b, high, low), whole(k));
});

/** e^x - 1, to the last bits for small x too. */
export const expm1: Unary = unary('expm1', 'e to the power of x, less 1', (b, x) => {
  b.when(lt(abs(x), 2 ** -54), () => x);
  b.when(gt(x, MOST), () => Number.POSITIVE_INFINITY);
  b.when(lt(x, -39), () => -1);
  b.when(ne(x, x), () => x);
  const { k, high, low } = split(b, x);
  const r = b.keep(sub(high, low), 'r');
  /** What rounding took from r. */
  const lost = b.keep(sub(sub(high, r), low), 'lost');
  const half = b.keep(mul(r, 0.5), 'halfR');
  const z = b.keep(mul(r, half), 'z');
  const q = b.keep(poly(z, EXPM1), 'q');
  const t = b.keep(sub(3, mul(q, half)), 't');
  const e = b.keep(mul(z, div(sub(q, t), sub(6, mul(r, t)))), 'e');
  // exp(r + lost) - 1 = r - error
  const error = b.keep(sub(sub(mul(r, sub(e, lost)), lost), z), 'error');
  b.when(eq(k, 0), () => sub(r, error));
  // 2^k (1 - 2^-k + r - error): the small ones are added first
  const power = b.keep(scaled(b, 1, whole(neg(k))), 'power');
  const near = add(sub(1, power), sub(r, error));
  const far = add(sub(r, add(error, power)), 1);
  return scaled(b, choose(lt(k, 20), near, far), whole(k));
});

/** 1 / (1 + e^-x), through e^-|x|, which cannot overflow. */
export const sigmoid: Unary = unary('sigmoid', '1 / (1 + exp(-x))', (b, x) => {
  const e = b.keep(exp(neg(abs(x))), 'e');
  return div(choose(lt(x, 0), e, 1), add(1, e));
});

/** Through `expm1(2 |x|)`; for small x through `expm1(-2 |x|)`, where no digits cancel. */
export const tanh: Unary = unary('tanh', 'hyperbolic tangent', (b, x) => {
  const size = b.keep(abs(x), 'size');
  b.when(lt(size, 2 ** -28), () => x);
  b.when(gt(size, 22), () => withSign(1, x));
  b.when(ge(size, 1), () => withSign(sub(1, div(2, add(expm1(add(size, size)), 2))), x));
  b.when(ne(x, x), () => x);
  const t = b.keep(expm1(mul(size, -2)), 't');
  return withSign(div(neg(t), add(t, 2)), x);
});
