/**
 * Transcendental functions on four floats. Greatest errors, in units of the last place (measured against doubles by the
 * test of this file): pow 0.6; log 1; exp 1.2; sin, cos 1.6; erf, expm1, sigmoid 2.2; log1p, tanh 2.5; tan 3.5.
 *
 * Invariant: right at the extremes too (overflow to infinity, gradual underflow, NaN, signed zero, arguments outside the
 * domain). The order of operands of `pmin`/`pmax` decides what NaN does: `pmax(x, c)` keeps a NaN in `x`.
 */
import { op, type Wasm } from './tree.ts';
import { DOUBLE_ROUNDER, shift, throughDoubles, type Vectors } from './vector.ts';

export { cos, sin, tan } from './trig.ts';

const LOG2E = Math.LOG2E;
/** ln 2 in two parts: the first has few bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;
/** Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
const ROUNDER = 12582912;
const SIGN = -0x80000000;

/** `exp(r) = 1 + r + r² Q(r)` for |r| ≤ ln2 / 2, to 3 · 10⁻⁹: coefficients of Q, highest first. */
const EXP = [
  1.382073387503624e-3, 8.368677459657192e-3, 4.166826605796814e-2, 1.666652113199234e-1,
  4.999999403953552e-1,
];

/** Splits `x` into `k ln2 + r`; `bias` is added to the k found in the low bits of `bits`. */
const splitExponent = (v: Vectors, x: Wasm, bias: number): { bits: Wasm; k: Wasm; r: Wasm } => {
  const magic = v.f(ROUNDER + bias);
  const bits = v.keep(v.madd(x, v.f(LOG2E), magic), 'bits');
  const k = v.keep(op('f32x4.sub', bits, magic), 'k');
  const r = v.keep(v.madd(k, v.f(-LN2_LOW), v.madd(k, v.f(-LN2_HIGH), x)), 'r');
  return { bits, k, r };
};

const expPolynomial = (v: Vectors, r: Wasm): Wasm => v.poly(r, [...EXP, 1, 1]);

/**
 * 2^k comes as a product of two powers, each in range while k is not: k + 254 sits in the low bits of `bits`, half of it
 * goes to either exponent field. So results below the normal range round once, and those above become infinite.
 */
export const exp = (v: Vectors, x: Wasm): Wasm => {
  const low = op('f32x4.pmax', x, v.f(LEAST_EXPONENT));
  const { bits, r } = splitExponent(v, v.keep(op('f32x4.pmin', low, v.f(89)), 'x'), 254);
  const first = v.keep(op('v128.and', shift('i32x4.shl', bits, 22), v.i(0x7f800000)), 'scale');
  const second = op('i32x4.sub', shift('i32x4.shl', bits, 23), first);
  return op('f32x4.mul', op('f32x4.mul', expPolynomial(v, r), first), second);
};

/** Its exponential and all below are 0. */
const LEAST_EXPONENT = -104;

/**
 * exp of what is at most 0 (or NaN), in three quarters of the time: 2^(k + 64) is a normal number for all k that matter,
 * and 2^-64 of it is 2^k, below the normal range too. Multiplications are what there is least room for.
 */
export const expOfNegative = (v: Vectors, x: Wasm): Wasm => {
  const clamped = v.keep(op('f32x4.pmax', x, v.f(LEAST_EXPONENT)), 'x');
  const { bits, r } = splitExponent(v, clamped, 127 + 64);
  const scale = op('f32x4.mul', shift('i32x4.shl', bits, 23), v.f(2 ** -64));
  return op('f32x4.mul', expPolynomial(v, r), scale);
};

/**
 * `x - k factor ln2` where k is small, or what is left hardly matters where it is not: as a float ln 2 is right to
 * 2 · 10⁻⁹, which a product that is not rounded keeps.
 */
const lessLogarithms = (v: Vectors, k: Wasm, factor: number, x: Wasm): Wasm =>
  v.fused
    ? v.madd(k, v.f(-Math.LN2 * factor), x)
    : v.madd(k, v.f(-LN2_LOW * factor), v.madd(k, v.f(-LN2_HIGH * factor), x));

/** -|x|. */
const minusSize = (v: Vectors, x: Wasm): Wasm => op('v128.or', x, v.i(SIGN));

/** `2^k (exp(r) - 1) + (2^k - 1)`, halved on the way so that k = 128 does not overflow early. */
export const expm1 = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const clamped = v.keep(op('f32x4.pmin', op('f32x4.pmax', given, v.f(-18)), v.f(89)), 'x');
  const { bits, r } = splitExponent(v, clamped, 126);
  const half = v.keep(shift('i32x4.shl', bits, 23), 'half');
  const q = op('f32x4.mul', r, v.madd(v.poly(r, EXP), r, v.f(1)));
  const result = v.madd(half, q, op('f32x4.sub', half, v.f(0.5)));
  return v.copySign(op('f32x4.mul', result, v.f(2)), given);
};

/** `log(1 + f) = f - f²/2 + f³ P(f)` for 1 + f in [√½, √2]: coefficients of P, highest first. */
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
  -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

export const log = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const tiny = v.keep(op('f32x4.lt', given, v.f(1.1754943508222875e-38)), 'tiny');
  const scaled = v.keep(v.choose(tiny, op('f32x4.mul', given, v.f(8388608)), given), 'scaled');
  const biased = op('i32x4.sub', scaled, v.i(0x3f3504f3));
  const exponent = v.keep(shift('i32x4.shr_s', biased, 23), 'exponent');
  const mantissa = op('i32x4.sub', scaled, shift('i32x4.shl', exponent, 23));
  const f = v.keep(op('f32x4.sub', mantissa, v.f(1)), 'f');
  const e = v.keep(
    op('f32x4.sub', op('f32x4.convert_i32x4_s', exponent), op('v128.and', tiny, v.f(23))),
    'e',
  );
  const square = v.keep(op('f32x4.mul', f, f), 'square');
  const tail = v.madd(e, v.f(LN2_LOW), op('f32x4.mul', op('f32x4.mul', v.poly(f, LOG), f), square));
  const sum = op('f32x4.add', v.madd(square, v.f(-0.5), tail), f);
  const result = v.madd(e, v.f(LN2_HIGH), sum);
  const outside = v.choose(
    op('f32x4.eq', given, v.f(0)),
    v.f(Number.NEGATIVE_INFINITY),
    v.f(Number.NaN),
  );
  const infinite = v.choose(op('f32x4.lt', given, v.f(Number.POSITIVE_INFINITY)), result, given);
  return v.choose(op('f32x4.gt', given, v.f(0)), infinite, outside);
};

/** `log(u) x / (u - 1)` with `u = 1 + x` rounded: the factor repairs what the rounding of u took away. */
export const log1p = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const u = v.keep(op('f32x4.add', given, v.f(1)), 'u');
  const ratio = op('f32x4.div', given, op('f32x4.sub', u, v.f(1)));
  const product = op('f32x4.mul', log(v, u), ratio);
  const itself = op(
    'v128.or',
    op('f32x4.eq', u, v.f(1)),
    op('f32x4.eq', given, v.f(Number.POSITIVE_INFINITY)),
  );
  return v.choose(itself, given, product);
};

/** `tanh(r) = r + r³ P(r²)` for |r| ≤ ln2 / 4: coefficients of P, highest first. */
const TANH = [1.3110452890396118e-1, -3.333126902580261e-1];

/** tanh of |r| ≤ ln2 / 4. */
const smallTanh = (v: Vectors, r: Wasm): Wasm => {
  const square = v.keep(op('f32x4.mul', r, r), 'square');
  return v.madd(v.poly(square, TANH), op('f32x4.mul', square, r), r);
};

/**
 * Of |x| = k ln2 / 2 + r, by the sum of tangents: `((s - 1) + (s + 1) t) / ((s + 1) + (s - 1) t)` with s = 2^k and
 * t = tanh(r), one division; from |x| = 9.1 on it is 1.
 */
export const tanh = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const size = v.keep(op('v128.and', given, v.i(~SIGN)), 'size');
  const z = v.keep(op('f32x4.pmin', size, v.f(9.1)), 'z');
  const magic = v.f(ROUNDER + 127);
  const bits = v.keep(v.madd(z, v.f(2 * LOG2E), magic), 'bits');
  const k = v.keep(op('f32x4.sub', bits, magic), 'k');
  const t = v.keep(smallTanh(v, v.keep(lessLogarithms(v, k, 0.5, z), 'r')), 't');
  const scale = v.keep(shift('i32x4.shl', bits, 23), 'scale');
  const less = v.keep(op('f32x4.sub', scale, v.f(1)), 'less');
  const more = v.keep(op('f32x4.add', scale, v.f(1)), 'more');
  const result = op('f32x4.div', v.madd(more, t, less), v.madd(less, t, more));
  return op('v128.or', result, op('v128.xor', given, size));
};

/** With `e = exp(-|x|)`, which cannot overflow: 1 / (1 + e), times e for negative x. */
export const sigmoid = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const e = v.keep(expOfNegative(v, minusSize(v, given)), 'e');
  const one = op('v128.and', op('f32x4.ge', given, v.f(0)), v.f(1));
  return op('f32x4.div', op('f32x4.pmax', e, one), op('f32x4.add', e, v.f(1)));
};

/** `-log(1 - erf(z)) / z - 1` for z in [0, 4], highest first. */
const ERF = [
  -9.389168553752825e-6, 1.1886929860338569e-4, -6.373829673975706e-4, 1.6756982076913118e-3,
  -1.695151295280084e-4, -1.914782077074051e-2, 1.0277630388736725e-1, 6.366195678710938e-1,
  1.2837916612625122e-1,
];
/** `(1 - e^-q) / q` for |q| ≤ ln2 / 2, highest first. */
const FALL = [...EXP.map((c, i) => (i % 2 === 0 ? -c : c)), 1];

/**
 * `1 - e^-a` with a = `-log(1 - erf(|x|))`, which is nearly a multiple of x and has no pole; from |x| = 4 on it is 1.
 */
export const erf = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const size = v.keep(op('v128.and', given, v.i(~SIGN)), 'size');
  const z = v.keep(op('f32x4.pmin', size, v.f(4)), 'z');
  const a = v.keep(v.madd(v.poly(z, ERF), z, z), 'a');
  const magic = v.f(ROUNDER + 127);
  const bits = v.keep(v.madd(a, v.f(-LOG2E), magic), 'bits');
  const k = v.keep(op('f32x4.sub', bits, magic), 'k');
  const q = v.keep(lessLogarithms(v, k, -1, a), 'q');
  const scale = v.keep(shift('i32x4.shl', bits, 23), 'scale');
  const product = op('f32x4.mul', q, scale);
  const result = v.madd(v.poly(q, FALL), product, op('f32x4.sub', v.f(1), scale));
  return op('v128.or', result, op('v128.xor', given, size));
};

/** log2 of four positive floats (two pairs of doubles at a time) by the series of the area tangent. */
const log2Doubles = (v: Vectors, x: Wasm): Wasm => {
  // doubles hold subnormal floats as normal numbers: no scaling needed
  const biased = op('i64x2.sub', x, v.fb.constant('i64x2', 0x3fe6a09e667f3bcdn));
  const aligned = v.keep(biased, 'biased');
  const bias = v.fb.constant('i64x2', 1024n);
  // an arithmetic shift of 64-bit lanes is slow where the machine has none: bias the exponent to keep it positive
  const positive = op('i64x2.add', aligned, v.fb.constant('i64x2', 1024n << 52n));
  const exponent = v.keep(op('i64x2.sub', shift('i64x2.shr_u', positive, 52), bias), 'exponent');
  const m = v.keep(op('i64x2.sub', x, shift('i64x2.shl', exponent, 52)), 'mantissa');
  // exponent as a double: add it to the bits of 1.5 * 2^52
  const e = op('f64x2.sub', op('i64x2.add', exponent, v.d(DOUBLE_ROUNDER)), v.d(DOUBLE_ROUNDER));
  const s = v.keep(op('f64x2.div', op('f64x2.sub', m, v.d(1)), op('f64x2.add', m, v.d(1))), 's');
  const z = v.keep(op('f64x2.mul', s, s), 'z');
  let sum = v.d(1 / 15);
  for (const n of [13, 11, 9, 7, 5, 3, 1])
    sum = op('f64x2.add', op('f64x2.mul', sum, z), v.d(1 / n));
  return op('f64x2.add', e, op('f64x2.mul', op('f64x2.mul', sum, s), v.d(2 * LOG2E)));
};

/** 2^z of a pair of doubles within [-1000, 1000]. */
const exp2Doubles = (v: Vectors, z: Wasm): Wasm => {
  const rounded = v.keep(op('f64x2.add', z, v.d(DOUBLE_ROUNDER)), 'rounded');
  const f = v.keep(op('f64x2.sub', z, op('f64x2.sub', rounded, v.d(DOUBLE_ROUNDER))), 'f');
  let sum = v.d(LN2_POWERS[0]!);
  for (const c of LN2_POWERS.slice(1)) sum = op('f64x2.add', op('f64x2.mul', sum, f), v.d(c));
  return op('i64x2.add', sum, shift('i64x2.shl', rounded, 52));
};
/** (ln 2)^n / n!, highest first. */
const LN2_POWERS = [8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => {
  let c = 1;
  for (let i = 1; i <= n; i++) c *= Math.LN2 / i;
  return c;
});

/** `2^(y log2|x|)` in doubles, with the sign and the domain of real powers; `NaN ** 0` is 1, `1 ** NaN` is NaN. */
export const pow = (v: Vectors, x: Wasm, y: Wasm): Wasm => {
  const base = v.keep(x, 'x');
  const power = v.keep(y, 'y');
  const size = v.keep(op('f32x4.abs', base), 'size');
  const result = throughDoubles(v, [size, power], (a, b) => {
    const magnitude = log2Doubles(v, a!);
    const atZero = v.choose(op('f64x2.eq', a!, v.d(0)), v.d(Number.NEGATIVE_INFINITY), magnitude);
    const inside = op('f64x2.lt', a!, v.d(Number.POSITIVE_INFINITY));
    const exponent = op('f64x2.mul', b!, v.choose(inside, atZero, a!));
    const capped = op('f64x2.pmin', op('f64x2.pmax', exponent, v.d(-200)), v.d(200));
    return exp2Doubles(v, v.keep(capped, 'exponent'));
  });
  const half = v.keep(op('f32x4.mul', power, v.f(0.5)), 'half');
  const whole = v.keep(op('f32x4.eq', op('f32x4.nearest', power), power), 'whole');
  const odd = op('v128.and', whole, op('f32x4.ne', op('f32x4.nearest', half), half));
  const signed = op(
    'v128.xor',
    result,
    op('v128.and', op('v128.and', base, odd), v.i(-0x80000000)),
  );
  const negative = op('f32x4.lt', base, v.f(0));
  const finite = op('f32x4.lt', size, v.f(Number.POSITIVE_INFINITY));
  const undefinedThere = op('v128.and', op('v128.andnot', negative, whole), finite);
  return v.choose(
    op('f32x4.eq', power, v.f(0)),
    v.f(1),
    v.choose(undefinedThere, v.f(Number.NaN), signed),
  );
};
