/**
 * Remainders of doubles with the sign of the divisor, exact however large the quotient is.
 *
 * Invariant: long division in base 2^11: a significand of 53 bits shifted by 11 fits a word, and so does each remainder.
 */
import { get, i32, i64, type Label, op, set, type Wasm } from '../tree.ts';
import {
  abs,
  add,
  type Binary,
  type Body,
  binary,
  bitsOf,
  both,
  choose,
  eq,
  lt,
  ne,
  scaled,
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

export const mod: Binary = binary('mod', 'remainder with the sign of the divisor', (b, x, y) => {
  const size = b.keep(abs(x), 'size');
  const by = b.keep(abs(y), 'by');
  const finite = both(lt(size, Number.POSITIVE_INFINITY), op('i32.and', eq(y, y), ne(y, 0)));
  b.when(op('i32.eqz', finite), () => Number.NaN);
  const rest = b.fb.local('f64', 'remainder');
  const compute = b.fb.nested(() => b.fb.push(set(rest, withSign(restOfSizes(b, size, by), x))));
  const condition = lt(size, by);
  b.fb.push({ kind: 'if', condition, then: [set(rest, x)], otherwise: compute });
  const other = op('i32.ne', lt(get(rest), 0), lt(y, 0));
  return choose(both(ne(get(rest), 0), other), add(get(rest), y), get(rest));
});
