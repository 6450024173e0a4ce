/**
 * Transcendental functions on four floats. Greatest errors, in units of the last place (measured against doubles by the
 * test of this file): pow 0.6; exp, log 1; erf 1.2; tanh 1.5; sin, cos 1.6; expm1, sigmoid 2.2; log1p 2.5; tan 3.5.
 *
 * Invariant: right at the extremes too (overflow to infinity, gradual underflow, NaN, signed zero, arguments outside the
 * domain). The order of operands of `pmin`/`pmax` decides what NaN does: `pmax(x, c)` keeps a NaN in `x`.
 */
import { FunctionBuilder } from './builder.ts';
import {
  call,
  f32,
  f64,
  get,
  i32,
  i64,
  lane,
  op,
  set,
  shuffle,
  type Wasm,
  type WasmFunction,
} from './tree.ts';
import { narrow, shift, throughDoubles, type Vectors } from './vector.ts';

const LOG2E = Math.LOG2E;
/** ln 2 in two parts: the first has few bits, so that its product with an exponent is exact. */
const LN2_HIGH = 0.693359375;
const LN2_LOW = -2.1219444005469057e-4;
/** Adding 1.5 * 2^23 rounds to an integer and leaves it in the low bits. */
const ROUNDER = 12582912;

/** `exp(r) = 1 + r + r² Q(r)` for |r| ≤ ln2 / 2: coefficients of Q, highest first. */
const EXP = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
  5.0000001201e-1,
];

/** Splits `x` into `k ln2 + r`; `bias` is added to the k found in the low bits of `bits`. */
const splitExponent = (v: Vectors, x: Wasm, bias: number): { bits: Wasm; k: Wasm; r: Wasm } => {
  const magic = v.f(ROUNDER + bias);
  const bits = v.keep(v.madd(x, v.f(LOG2E), magic), 'bits');
  const k = v.keep(op('f32x4.sub', bits, magic), 'k');
  const r = v.keep(v.madd(k, v.f(-LN2_LOW), v.madd(k, v.f(-LN2_HIGH), x)), 'r');
  return { bits, k, r };
};

const expPolynomial = (v: Vectors, r: Wasm): Wasm =>
  op('f32x4.add', v.madd(op('f32x4.mul', v.poly(r, EXP), r), r, r), v.f(1));

/**
 * 2^k comes as a product of two powers, each in range while k is not: k + 254 sits in the low bits of `bits`, half of it
 * goes to either exponent field. So results below the normal range round once, and those above become infinite.
 */
const expClamped = (v: Vectors, x: Wasm): Wasm => {
  const { bits, r } = splitExponent(v, x, 254);
  const first = v.keep(op('v128.and', shift('i32x4.shl', bits, 22), v.i(0x7f800000)), 'scale');
  const second = op('i32x4.sub', shift('i32x4.shl', bits, 23), first);
  return op('f32x4.mul', op('f32x4.mul', expPolynomial(v, r), first), second);
};

export const exp = (v: Vectors, x: Wasm): Wasm =>
  expClamped(v, v.keep(op('f32x4.pmin', op('f32x4.pmax', x, v.f(-104)), v.f(89)), 'x'));

/** exp for arguments in [-87, 88]. */
const expInRange = (v: Vectors, x: Wasm): Wasm => {
  const { bits, r } = splitExponent(v, x, 0);
  return op('i32x4.add', expPolynomial(v, r), shift('i32x4.shl', bits, 23));
};

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

/** π/2 in two doubles; the first has 26 trailing zero bits, so that its product with a quadrant number is exact. */
const HALF_PI_HIGH = 1.570796325802803;
const HALF_PI_LOW = 9.920935796805404e-10;
const DOUBLE_ROUNDER = 6755399441055744;
/** Up to here two parts of π/2 are enough. */
const NEAR = 67108864;

/** The first 256 bits of 2/π. */
const TWO_OVER_PI = [
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
] as const;

/**
 * `x` itself while it is near, else an angle in [0, 2π) that differs from it by whole turns (Payne and Hanek): of
 * `m * 2^e * 2/π` only the 64 bits below 4 matter, and they come from 96 bits of 2/π that start at bit e - 2.
 */
const angleOf: WasmFunction = (() => {
  const fb = new FunctionBuilder();
  const x = get(fb.param('f32', 'x'));
  const bits = fb.bind(op('i32.and', op('i32.reinterpret_f32', x), i32(0x7fffffff)), 'i32', 'bits');
  const isNear = op('f32.le', op('f32.abs', x), f32(NEAR));
  fb.push({
    kind: 'if',
    condition: isNear,
    then: [{ kind: 'return', value: op('f64.promote_f32', x) }],
    otherwise: [],
  });
  const start = fb.bind(op('i32.sub', op('i32.shr_u', bits, i32(23)), i32(152)), 'i32', 'start');
  const second = fb.bind(op('i32.lt_u', start, i32(64)), 'i32', 'second');
  const by = fb.bind(op('i64.extend_i32_u', op('i32.and', start, i32(63))), 'i64', 'by');
  const rest = fb.bind(
    op('i64.extend_i32_u', op('i32.sub', i32(63), op('i32.and', start, i32(63)))),
    'i64',
    'rest',
  );
  const words = [0, 1, 2].map((n) =>
    fb.bind(
      op('select', i64(TWO_OVER_PI[n]!), i64(TWO_OVER_PI[n + 1]!), second),
      'i64',
      `word${n}`,
    ),
  );
  const window = (n: number): Wasm =>
    op(
      'i64.or',
      op('i64.shl', words[n]!, by),
      op('i64.shr_u', op('i64.shr_u', words[n + 1]!, i64(1n)), rest),
    );
  const m = fb.bind(
    op('i64.extend_i32_u', op('i32.or', op('i32.and', bits, i32(0x7fffff)), i32(0x800000))),
    'i64',
    'm',
  );
  const low = op('i64.shr_u', op('i64.mul', m, op('i64.shr_u', window(1), i64(32n))), i64(32n));
  const turns = op('i64.add', op('i64.mul', m, window(0)), low);
  const angle = fb.bind(
    op('f64.mul', op('f64.convert_i64_u', turns), f64((Math.PI / 2) * 2 ** -62)),
    'f64',
    'angle',
  );
  const signed = op('select', op('f64.neg', angle), angle, op('f32.lt', x, f32(0)));
  fb.push({
    kind: 'return',
    value: op('select', signed, f64(Number.NaN), op('i32.lt_u', bits, i32(0x7f800000))),
  });
  return fb.finish('angle', { result: 'f64', notes: ['far angles brought near'] });
})();

const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];

/** The reduced argument in [-π/4, π/4] and the quadrant (low two bits), found in doubles. */
const quadrant = (v: Vectors, x: Wasm): { r: Wasm; q: Wasm } => {
  const given = v.keep(x, 'x');
  const halves = [given, shuffle(given, given, [2, 3, 2, 3])].map((w) => {
    const angle = v.fb.local('v128', 'angle');
    v.fb.push(set(angle, op('f64x2.promote_low_f32x4', w)));
    return angle;
  });
  const each = (at: number): Wasm => call(angleOf, lane('f32x4.extract_lane', at, given));
  v.fb.push({
    kind: 'if',
    condition: op('v128.any_true', op('f32x4.gt', op('f32x4.abs', given), v.f(NEAR))),
    then: halves.map((angle, i) =>
      set(angle, lane('f64x2.replace_lane', 1, op('f64x2.splat', each(2 * i)), each(2 * i + 1))),
    ),
    otherwise: [],
  });
  const rounded = halves.map((angle) =>
    v.keep(
      op('f64x2.add', op('f64x2.mul', get(angle), v.d(2 / Math.PI)), v.d(DOUBLE_ROUNDER)),
      'turns',
    ),
  );
  const reduced = halves.map((angle, i) => {
    const k = v.keep(op('f64x2.sub', rounded[i]!, v.d(DOUBLE_ROUNDER)), 'k');
    const near = op('f64x2.sub', get(angle), op('f64x2.mul', k, v.d(HALF_PI_HIGH)));
    return op('f64x2.sub', near, op('f64x2.mul', k, v.d(HALF_PI_LOW)));
  });
  return {
    r: v.keep(narrow(v, reduced[0]!, reduced[1]!), 'r'),
    q: v.keep(shuffle(rounded[0]!, rounded[1]!, [0, 2, 4, 6]), 'q'),
  };
};

const sinCos = (v: Vectors, r: Wasm): { sine: Wasm; cosine: Wasm } => {
  const z = v.keep(op('f32x4.mul', r, r), 'z');
  const sine = v.madd(op('f32x4.mul', v.poly(z, SIN), z), r, r);
  const cosine = v.madd(op('f32x4.mul', v.poly(z, COS), z), z, v.madd(z, v.f(-0.5), v.f(1)));
  // the sum loses the sign of zero
  return { sine: v.keep(v.copySign(sine, r), 'sine'), cosine: v.keep(cosine, 'cosine') };
};

/** sin for `turn` 0, cos for `turn` 1: a quarter turn further. */
const wave = (v: Vectors, x: Wasm, turn: 0 | 1): Wasm => {
  const { r, q } = quadrant(v, x);
  const { sine, cosine } = sinCos(v, r);
  const at = turn === 0 ? q : v.keep(op('i32x4.add', q, v.i(1)), 'q');
  const odd = op('i32x4.eq', op('v128.and', at, v.i(1)), v.i(0));
  const sign = shift('i32x4.shl', op('v128.and', at, v.i(2)), 30);
  return op('v128.xor', v.choose(odd, sine, cosine), sign);
};

export const sin = (v: Vectors, x: Wasm): Wasm => wave(v, x, 0);
export const cos = (v: Vectors, x: Wasm): Wasm => wave(v, x, 1);

export const tan = (v: Vectors, x: Wasm): Wasm => {
  const { r, q } = quadrant(v, x);
  const { sine, cosine } = sinCos(v, r);
  const even = v.keep(op('i32x4.eq', op('v128.and', q, v.i(1)), v.i(0)), 'even');
  const above = v.choose(even, sine, op('f32x4.neg', cosine));
  return op('f32x4.div', above, v.choose(even, cosine, sine));
};

/** Coefficients of `(tanh(x)/x - 1)/x²` in x² for |x| < 0.625, highest first. */
const TANH = [
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
];

export const tanh = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const size = v.keep(op('f32x4.abs', given), 'size');
  const z = v.keep(op('f32x4.mul', given, given), 'z');
  const small = v.madd(op('f32x4.mul', v.poly(z, TANH), z), given, given);
  const capped = op('f32x4.pmin', size, v.f(10));
  const e = expInRange(v, v.keep(op('f32x4.add', capped, capped), 'twice'));
  const large = op('f32x4.sub', v.f(1), op('f32x4.div', v.f(2), op('f32x4.add', e, v.f(1))));
  // a NaN takes the branch of small arguments, which keeps it
  return v.copySign(v.choose(op('f32x4.ge', size, v.f(0.625)), large, small), given);
};

/** With `e = exp(-|x|)`, which cannot overflow: 1 / (1 + e), times e for negative x. */
export const sigmoid = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const negative = op('v128.or', given, v.i(-0x80000000));
  const e = v.keep(expClamped(v, v.keep(op('f32x4.pmax', negative, v.f(-104)), 'x')), 'e');
  const above = v.choose(op('f32x4.lt', given, v.f(0)), e, v.f(1));
  return op('f32x4.div', above, op('f32x4.add', e, v.f(1)));
};

/** erf(x)/x - 1 in x² for |x| ≤ 0.92; log(1 - erf(x)) + x, divided by x, in x beyond: highest first. */
const ERF_SMALL = [
  -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1,
];
const ERF_LARGE = [
  -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1,
  -1.28717512e-1,
];

export const erf = (v: Vectors, x: Wasm): Wasm => {
  const given = v.keep(x, 'x');
  const size = v.keep(op('f32x4.pmin', op('f32x4.abs', given), v.f(4)), 'size');
  const z = v.keep(op('f32x4.mul', given, given), 'z');
  const small = v.madd(v.poly(z, ERF_SMALL), given, given);
  const exponent = v.madd(v.poly(size, ERF_LARGE), size, op('f32x4.neg', size));
  const large = op('f32x4.sub', v.f(1), expInRange(v, v.keep(exponent, 'exponent')));
  return v.copySign(v.choose(op('f32x4.ge', size, v.f(0.921875)), large, small), given);
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
