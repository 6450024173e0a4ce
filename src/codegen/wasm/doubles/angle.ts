/**
 * Angles brought within a quarter turn around 0, however large they are.
 *
 * Invariant: `x = q π/2 + near + tail` with |near| ≤ π/4 (a little more where x is close to an odd multiple of π/4), near
 * and tail together right to 2^-64 of near; of q the low two bits count. The result is a vector: near as a double in
 * the first half, tail as a float in lane 2, q in lane 3.
 */
import { i32, i64, lane, op, type Wasm } from '../tree.ts';
import {
  abs,
  add,
  type Body,
  bitsOf,
  choose,
  define,
  ge,
  lt,
  mul,
  nearest,
  neg,
  ofBits,
  sub,
  type Unary,
} from './build.ts';

export interface Angle {
  readonly near: Wasm;
  readonly tail: Wasm;
  readonly quadrant: Wasm;
}

const packed = (near: Wasm, tail: Wasm, q: Wasm): Wasm =>
  lane(
    'i32x4.replace_lane',
    3,
    lane('f32x4.replace_lane', 2, op('f64x2.splat', near), op('f32.demote_f64', tail)),
    q,
  );

/** What `angleOf` gave, in its parts. */
export const unpacked = (b: Body, vector: Wasm): Angle => {
  const all = b.fb.hold(vector, 'v128', 'angle');
  return {
    near: b.keep(lane('f64x2.extract_lane', 0, all), 'near'),
    tail: b.keep(op('f64.promote_f32', lane('f32x4.extract_lane', 2, all)), 'tail'),
    quadrant: b.keepInt(lane('i32x4.extract_lane', 3, all), 'quadrant'),
  };
};

/** π/2 in four parts: of the first three, 33 bits each, products with numbers below 2^20 are exact (Cody and Waite). */
const HALF_PI_PARTS = [
  1.5707963267341256, 6.077100506303966e-11, 2.0222662487111665e-21, 8.4784276603689e-32,
] as const;
/** Angles from here on have too many quarter turns for them. */
const FAR = 2 ** 20;

/** The rounded sum, and exactly what rounding took (Knuth). */
const twoSum = (b: Body, x: Wasm, y: Wasm): readonly [Wasm, Wasm] => {
  const total = b.keep(add(x, y), 'total');
  const part = b.keep(sub(total, x), 'part');
  return [total, b.keep(add(sub(x, sub(total, part)), sub(y, part)), 'lost')];
};

const fewTurns = (b: Body, x: Wasm): Wasm => {
  const n = b.keep(nearest(mul(x, 2 / Math.PI)), 'n');
  const [first, second, third, fourth] = HALF_PI_PARTS;
  const begin = b.keep(sub(x, mul(n, first)), 'begin');
  const [middle, lostFirst] = twoSum(b, begin, b.keep(mul(n, -second), 'step'));
  const [end, lostSecond] = twoSum(b, middle, b.keep(mul(n, -third), 'step'));
  const rest = b.keep(sub(add(lostFirst, lostSecond), mul(n, fourth)), 'rest');
  const near = b.keep(add(end, rest), 'near');
  return packed(near, add(sub(end, near), rest), op('i32.trunc_sat_f64_s', n));
};

/** 64 bits of nothing, then the first 1216 bits of 2/π. */
const TWO_OVER_PI = [
  0x0n,
  0xa2f9836e4e441529n,
  0xfc2757d1f534ddc0n,
  0xdb6295993c439041n,
  0xfe5163abdebbc561n,
  0xb7246e3a424dd2e0n,
  0x06492eea09d1921cn,
  0xfe1deb1cb129a73en,
  0xe88235f52ebb4484n,
  0xe99c7026b45f7e41n,
  0x3991d639835339f4n,
  0x9c845f8bbdf9283bn,
  0x1ff897ffde05980fn,
  0xef2f118b5a0a6d1fn,
  0x6d367ecf27cb09b7n,
  0x4f463f669e5fea2dn,
  0x7527bac7ebe5f17bn,
  0x3d0739f78a5292ean,
  0x6bfb5fb11f8d5d08n,
  0x56033046fc7b6babn,
] as const;

const wordOfTwoOverPi = define(
  'f64.two_over_pi',
  { params: ['i32'], result: 'i64', note: 'a word of 2 / pi' },
  (b, at) => {
    const pick = (from: number, to: number): void => {
      if (to - from === 1) {
        b.fb.push({ kind: 'return', value: i64(TWO_OVER_PI[from]!) });
        return;
      }
      const middle = (from + to) >> 1;
      const then = b.fb.nested(() => pick(from, middle));
      const otherwise = b.fb.nested(() => pick(middle, to));
      b.fb.push({ kind: 'if', condition: op('i32.lt_s', at!, i32(middle)), then, otherwise });
    };
    pick(0, TWO_OVER_PI.length);
    return i64(0n);
  },
);

/** The upper half of a product of two unsigned words. */
const highProduct = define(
  'i64.high_product',
  { params: ['i64', 'i64'], result: 'i64', note: 'upper half of a product' },
  (b, x, y) => {
    const low = (w: Wasm): Wasm => op('i64.and', w, i64(0xffff_ffffn));
    const high = (w: Wasm): Wasm => op('i64.shr_u', w, i64(32n));
    const product = (u: Wasm, v: Wasm): Wasm => op('i64.mul', u, v);
    const first = product(low(x!), low(y!));
    const second = b.keepLong(op('i64.add', product(high(x!), low(y!)), high(first)), 'second');
    const third = b.keepLong(op('i64.add', product(low(x!), high(y!)), low(second)), 'third');
    return op('i64.add', op('i64.add', product(high(x!), high(y!)), high(second)), high(third));
  },
);

const HALF_PI = Math.PI / 2;
const HALF_PI_LOW = 6.123233995736766e-17;
/** π/2 in 26 bits and the 27 after them. */
const HALF_PI_SPLIT = [1.5707963109016418, 1.5893254712295857e-8] as const;

/** `(x + y) π/2`, as a sum too: the product of x by Dekker's method. */
const timesHalfPi = (b: Body, x: Wasm, y: Wasm): readonly [Wasm, Wasm] => {
  const upper = b.keep(ofBits(op('i64.and', bitsOf(x), i64(-0x800_0000n))), 'upper');
  const lower = b.keep(sub(x, upper), 'lower');
  const product = b.keep(mul(x, HALF_PI), 'product');
  const [p, q] = HALF_PI_SPLIT;
  const exact = add(add(sub(mul(upper, p), product), mul(upper, q)), mul(lower, p));
  const lost = add(add(exact, mul(lower, q)), add(mul(x, HALF_PI_LOW), mul(y, HALF_PI)));
  const rest = b.keep(lost, 'rest');
  const near = b.keep(add(product, rest), 'near');
  return [near, add(sub(product, near), rest)];
};

/**
 * Payne and Hanek (1983): of `m 2^e * 2/π`, whole turns do not count, so that of 2/π only the 192 bits from bit e - 2 on
 * do; the product's first two bits are the quadrant, 126 more are the place in it.
 */
const manyTurns = (b: Body, x: Wasm): Wasm => {
  const bits = b.keepLong(bitsOf(x), 'bits');
  const exponent = op('i32.wrap_i64', op('i64.shr_u', op('i64.shl', bits, i64(1n)), i64(53n)));
  // bit e - 2 of 2/π, and 64 for the empty word: e is the biased exponent less 1023 + 52
  const start = b.keepInt(op('i32.sub', exponent, i32(1075 + 2 - 64)), 'start');
  const word = b.keepInt(op('i32.shr_u', start, i32(6)), 'word');
  const by = b.keepLong(op('i64.extend_i32_u', op('i32.and', start, i32(63))), 'by');
  const rest = b.keepLong(op('i64.sub', i64(63n), by), 'rest');
  const words = [0, 1, 2, 3].map((n) =>
    b.keepLong(wordOfTwoOverPi(op('i32.add', word, i32(n))), `word${n}`),
  );
  const window = [0, 1, 2].map((n) => {
    const after = op('i64.shr_u', op('i64.shr_u', words[n + 1]!, i64(1n)), rest);
    return b.keepLong(op('i64.or', op('i64.shl', words[n]!, by), after), `window${n}`);
  });
  const significand = op('i64.and', bits, i64(0xf_ffff_ffff_ffffn));
  const m = b.keepLong(op('i64.or', significand, i64(1n << 52n)), 'm');
  const carried = b.keepLong(highProduct(m, window[2]!), 'carried');
  const second = b.keepLong(op('i64.add', op('i64.mul', m, window[1]!), carried), 'second');
  const carry = op('i64.extend_i32_u', op('i64.lt_u', second, carried));
  const upper = op('i64.add', op('i64.mul', m, window[0]!), highProduct(m, window[1]!));
  const first = b.keepLong(op('i64.add', upper, carry), 'first');
  // the place in the quadrant as a signed number: beyond the middle, what is missing to the next one
  const inside = b.keepLong(
    op('i64.or', op('i64.shl', first, i64(2n)), op('i64.shr_u', second, i64(62n))),
    'inside',
  );
  const below = b.keepLong(op('i64.shl', second, i64(2n)), 'below');
  const over = b.keepLong(op('i64.shr_s', inside, i64(63n)), 'over');
  // negated where it is over: flip all bits; that is short by one of the last ones, which do not count
  const high = b.keepLong(op('i64.xor', inside, over), 'high');
  const low = op('i64.xor', below, over);
  const top = b.keep(
    mul(op('f64.convert_i64_u', op('i64.and', high, i64(-2048n))), 2 ** -64),
    'top',
  );
  const lowest = add(
    mul(op('f64.convert_i64_u', op('i64.and', high, i64(2047n))), 2 ** -64),
    mul(op('f64.convert_i64_u', low), 2 ** -128),
  );
  const bottom = b.keep(lowest, 'bottom');
  const share = b.keep(add(top, bottom), 'share');
  const [near, tail] = timesHalfPi(b, share, b.keep(sub(bottom, sub(share, top)), 'bottomRest'));
  const turns = op('i64.sub', op('i64.shr_u', first, i64(62n)), over);
  const q = b.keepInt(op('i32.wrap_i64', turns), 'q');
  const negative = b.keepInt(lt(x, 0), 'negative');
  const flipped = b.keepInt(op('i32.xor', negative, op('i64.ne', over, i64(0n))), 'flipped');
  const held = b.keep(tail, 'tail');
  return packed(
    choose(flipped, neg(near), near),
    choose(flipped, neg(held), held),
    op('select', op('i32.sub', i32(0), q), q, negative),
  );
};

const farAngle = define(
  'f64.far_angle',
  { params: ['f64'], result: 'v128', note: 'a large angle less its quarter turns' },
  (b, x) => manyTurns(b, x!),
);

/** Takes finite numbers. */
export const angleOf: Unary = define(
  'f64.angle',
  { params: ['f64'], result: 'v128', note: 'an angle less its quarter turns' },
  (b, x) => {
    b.when(ge(abs(x!), FAR), () => farAngle(x!));
    return fewTurns(b, x!);
  },
);
