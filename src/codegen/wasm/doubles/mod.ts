/**
 * Remainders of doubles, exact however large the quotient is, and quotients rounded down by way of them.
 *
 * Invariant: long division in base 2^11: a significand of 53 bits shifted by 11 fits a word, and so does each remainder.
 */
import { get, i32, i64, type Label, lane, op, set, type Wasm } from '../tree.ts';
import { vectors } from '../vector.ts';
import {
  abs,
  add,
  type Binary,
  type Body,
  binary,
  bitsOf,
  both,
  choose,
  define,
  div,
  eq,
  gt,
  lt,
  ne,
  scaled,
  sub,
  withSign,
} from './build.ts';

const DIGIT = 11;

/** `m` and `e` of a positive number `m 2^(e - 1075)`; the smallest ones have an m below 2^52. */
const partsOf = (b: Body, size: Wasm): { m: Wasm; e: Wasm } => {
  const bits = b.keepLong(bitsOf(size), 'bits');
  const field = b.keepInt(op('i32.wrap_i64', op('i64.shr_u', bits, i64(52n))), 'field');
  const fraction = op('i64.and', bits, i64(0xf_ffff_ffff_ffffn));
  const leading = op('select', i64(1n << 52n), i64(0n), field);
  return {
    m: b.keepLong(op('i64.or', fraction, leading), 'm'),
    e: b.keepInt(op('select', field, i32(1), field), 'e'),
  };
};

/** The remainder of sizes, where the first is not below the second. */
const restOfSizes = (b: Body, x: Wasm, y: Wasm): Wasm => {
  const dividend = partsOf(b, x);
  const divisor = partsOf(b, y);
  const rest = b.fb.local('i64', 'rest');
  const digits = b.fb.local('i32', 'digits');
  const step = b.fb.local('i32', 'step');
  b.fb.push(set(rest, op('i64.rem_u', dividend.m, divisor.m)));
  b.fb.push(set(digits, op('i32.sub', dividend.e, divisor.e)));
  const done: Label = { name: 'done' };
  const again: Label = { name: 'again' };
  const more = op('i32.lt_s', get(digits), i32(DIGIT));
  const shifted = op('i64.shl', get(rest), op('i64.extend_i32_u', get(step)));
  b.fb.push({
    kind: 'block',
    label: done,
    body: [
      {
        kind: 'loop',
        label: again,
        body: [
          { kind: 'branch', label: done, condition: op('i32.eqz', get(digits)) },
          set(step, op('select', get(digits), i32(DIGIT), more)),
          set(rest, op('i64.rem_u', shifted, divisor.m)),
          set(digits, op('i32.sub', get(digits), get(step))),
          { kind: 'branch', label: again, condition: undefined },
        ],
      },
    ],
  });
  return scaled(b, op('f64.convert_i64_u', get(rest)), op('i32.sub', divisor.e, i32(1075)));
};

const fmod: Binary = binary('fmod', 'remainder with the sign of the dividend', (b, x, y) => {
  const size = b.keep(abs(x), 'size');
  const by = b.keep(abs(y), 'by');
  const finite = both(lt(size, Number.POSITIVE_INFINITY), op('i32.and', eq(y, y), ne(y, 0)));
  b.when(op('i32.eqz', finite), () => Number.NaN);
  const rest = b.fb.local('f64', 'remainder');
  const compute = b.fb.nested(() => b.fb.push(set(rest, withSign(restOfSizes(b, size, by), x))));
  const condition = lt(size, by);
  b.fb.push({ kind: 'if', condition, then: [set(rest, x)], otherwise: compute });
  return get(rest);
});

/** Whether a remainder with the sign of the dividend lies on the other side of zero than the divisor. */
const isOther = (rest: Wasm, y: Wasm): Wasm =>
  both(ne(rest, 0), op('i32.ne', lt(rest, 0), lt(y, 0)));

export const mod: Binary = binary('mod', 'remainder with the sign of the divisor', (b, x, y) => {
  const rest = b.keep(fmod(x, y), 'remainder');
  const same = choose(eq(rest, 0), withSign(0, y), rest);
  return choose(isOther(rest, y), add(rest, y), same);
});

/** Quotients of floats below it have products with the divisor that are exact in doubles. */
const FEW = 2 ** 29;

/** The remainders of two pairs of floats as doubles: at once where quotients are small, else each by {@link mod}. */
export const modOfFloats: Binary = define(
  'f64x2.mod',
  { params: ['v128', 'v128'], result: 'v128', note: 'remainders of floats, as doubles' },
  (b, x, y) => {
    const v = vectors(b.fb, false);
    const quotient = v.keep(op('f64x2.trunc', op('f64x2.div', x!, y!)), 'quotient');
    const many = op('f64x2.ge', op('f64x2.abs', quotient), v.d(FEW));
    const endless = op('f64x2.eq', op('f64x2.abs', y!), v.d(Number.POSITIVE_INFINITY));
    const each = (at: number): Wasm =>
      mod(lane('f64x2.extract_lane', at, x!), lane('f64x2.extract_lane', at, y!));
    b.when(op('v128.any_true', op('v128.or', many, endless)), () =>
      lane('f64x2.replace_lane', 1, op('f64x2.splat', each(0)), each(1)),
    );
    const rest = v.keep(op('f64x2.sub', x!, op('f64x2.mul', quotient, y!)), 'rest');
    const other = op('v128.xor', op('f64x2.lt', rest, v.d(0)), op('f64x2.lt', y!, v.d(0)));
    const zero = op('f64x2.eq', rest, v.d(0));
    const moved = op('f64x2.add', rest, op('v128.and', other, y!));
    return v.choose(zero, op('v128.and', y!, v.d(-0)), moved);
  },
);

export const floorDiv: Binary = binary('floordiv', 'quotient rounded down', (b, x, y) => {
  const plain = b.keep(div(x, y), 'plain');
  b.when(eq(y, 0), () => plain);
  const rest = b.keep(fmod(x, y), 'remainder');
  const below = op('f64.convert_i32_u', isOther(rest, y));
  const quotient = b.keep(sub(div(sub(x, rest), y), below), 'quotient');
  const low = b.keep(op('f64.floor', quotient), 'low');
  const whole = add(low, op('f64.convert_i32_u', gt(sub(quotient, low), 0.5)));
  return choose(eq(quotient, 0), withSign(0, plain), whole);
});
