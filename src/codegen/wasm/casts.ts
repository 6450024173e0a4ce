/**
 * Conversions between dtypes, as `castTo` of the scalar table: to integers they truncate and saturate, NaN gives 0.
 *
 * Invariant: a scalar and a lane give the same bits; elements of 64 bits have one lane.
 */
import { type DType, integerRange } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import { type Elem, isWideElem } from '../../ir/thread/thread.ts';
import { fromHalf, throughBfloat, toHalf } from './numbers.ts';
import { f32, f64, i32, i64, lane, op, type Wasm } from './tree.ts';
import type { Vectors } from './vector.ts';

/** A conversion from a register of 32 bits. */
interface Conversion {
  readonly v: Vectors;
  readonly from: Elem;
  /** Whether it is of four lanes. */
  readonly four: boolean;
  readonly x: Wasm;
}

/** Conversion of a register. */
export const cast = (v: Vectors, from: Elem, to: DType, lanes: 1 | 4, x: Wasm): Wasm => {
  if (isWideElem(from)) return fromWide(v, from, to, x);
  const c: Conversion = { v, from, four: lanes === 4, x };
  switch (to) {
    case 'float32':
      return toFloat(c);
    case 'float16':
      return rounded(c, (four) => fromHalf(v, toHalf(v, four)));
    case 'bfloat16':
      return rounded(c, (four) => throughBfloat(v, four));
    case 'int32':
      if (from === 'f32') return op(c.four ? 'i32x4.trunc_sat_f32x4_s' : 'i32.trunc_sat_f32_s', x);
      return from === 'bool' ? flag(c) : from === 'u32' ? bound(c, 'min_u', x, 0x7fffffff) : x;
    case 'uint32':
      if (from === 'f32') return op(c.four ? 'i32x4.trunc_sat_f32x4_u' : 'i32.trunc_sat_f32_u', x);
      return from === 'bool' ? flag(c) : from === 'i32' ? bound(c, 'max_s', x, 0) : x;
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16': {
      if (from === 'bool') return flag(c);
      const [least, greatest] = integerRange(to);
      if (from === 'u32') return bound(c, 'min_u', x, greatest);
      const whole = from === 'f32' ? cast(v, 'f32', 'int32', lanes, x) : x;
      return bound(c, 'min_s', bound(c, 'max_s', whole, least), greatest);
    }
    case 'bool':
      if (from === 'bool') return x;
      if (from === 'f32') return c.four ? op('f32x4.ne', x, v.f(0)) : op('f32.ne', x, f32(0));
      return c.four ? op('i32x4.ne', x, v.i(0)) : op('i32.ne', x, i32(0));
    case 'float64':
      if (from === 'f32') return op('f64.promote_f32', x);
      return op(from === 'i32' ? 'f64.convert_i32_s' : 'f64.convert_i32_u', x);
    case 'int64':
      if (from === 'f32') return op('i64.trunc_sat_f32_s', x);
      return op(from === 'i32' ? 'i64.extend_i32_s' : 'i64.extend_i32_u', x);
    case 'uint64':
      if (from === 'f32') return op('i64.trunc_sat_f32_u', x);
      return op('i64.extend_i32_u', from === 'i32' ? bound(c, 'max_s', x, 0) : x);
    default:
      return to satisfies never;
  }
};

/** 0 or 1 of a bool. */
const flag = ({ v, four, x }: Conversion): Wasm => (four ? op('v128.and', x, v.i(1)) : x);

/** The minimum or maximum of integers and a limit. */
const bound = (
  { v, four }: Conversion,
  name: 'min_s' | 'min_u' | 'max_s',
  value: Wasm,
  limit: number,
): Wasm => {
  if (four) return op(`i32x4.${name}`, value, v.i(limit));
  const held = v.fb.hold(value, 'i32');
  const test = name === 'max_s' ? 'i32.gt_s' : name === 'min_s' ? 'i32.lt_s' : 'i32.lt_u';
  return op('select', held, i32(limit), op(test, held, i32(limit)));
};

const toFloat = ({ v, from, four, x }: Conversion): Wasm => {
  switch (from) {
    case 'f32':
      return x;
    case 'bool':
      return four ? op('v128.and', x, v.f(1)) : op('f32.convert_i32_u', x);
    case 'i32':
      return op(four ? 'f32x4.convert_i32x4_s' : 'f32.convert_i32_s', x);
    default:
      if (!four) return op('f32.convert_i32_u', x);
      // processors convert signed numbers only
      return op(isBelowSign(x) ? 'f32x4.convert_i32x4_s' : 'f32x4.convert_i32x4_u', x);
  }
};

/** Whether the highest bit of each lane is seen to be 0. */
const isBelowSign = (x: Wasm): boolean => {
  if (x.kind !== 'plain' || x.op !== 'i32x4.shr_u') return false;
  const by = x.args[1]!;
  return by.kind === 'const' && by.value % 32 !== 0;
};

/** As a float of 16 bits, through a function of four lanes. */
const rounded = (c: Conversion, round: (four: Wasm) => Wasm): Wasm => {
  const value = toFloat(c);
  return c.four ? round(value) : lane('f32x4.extract_lane', 0, round(op('f32x4.splat', value)));
};

/** Conversion of a register of 64 bits. */
const fromWide = (v: Vectors, from: Elem, to: DType, x: Wasm): Wasm => {
  const float = from === 'f64';
  const unsigned = from === 'u64';
  /** The value, no less and no more than these; of unsigned ones the least does not count. */
  const within = (least: bigint, most: bigint): Wasm => {
    const a = v.fb.hold(x, 'i64');
    const below = op('select', a, i64(most), op(unsigned ? 'i64.lt_u' : 'i64.lt_s', a, i64(most)));
    if (unsigned) return below;
    const b = v.fb.hold(below, 'i64');
    return op('select', b, i64(least), op('i64.gt_s', b, i64(least)));
  };
  switch (to) {
    case 'float64':
      if (float) return x;
      return op(unsigned ? 'f64.convert_i64_u' : 'f64.convert_i64_s', x);
    case 'float32':
      if (float) return op('f32.demote_f64', x);
      return op(unsigned ? 'f32.convert_i64_u' : 'f32.convert_i64_s', x);
    case 'int64':
      if (float) return op('i64.trunc_sat_f64_s', x);
      return unsigned ? within(0n, 0x7fff_ffff_ffff_ffffn) : x;
    case 'uint64':
      if (float) return op('i64.trunc_sat_f64_u', x);
      return unsigned ? x : within(0n, 0x7fff_ffff_ffff_ffffn);
    case 'int32':
      if (float) return op('i32.trunc_sat_f64_s', x);
      return op('i32.wrap_i64', within(-0x8000_0000n, 0x7fff_ffffn));
    case 'uint32':
      if (float) return op('i32.trunc_sat_f64_u', x);
      return op('i32.wrap_i64', within(0n, 0xffff_ffffn));
    case 'bool':
      return float ? op('f64.ne', x, f64(0)) : op('i64.ne', x, i64(0n));
    case 'int8':
    case 'uint8':
    case 'int16':
    case 'uint16':
    case 'float16':
    case 'bfloat16':
      throw new TigonError('verify', `a cast of ${from} to ${to} goes by 32 bits`);
    default:
      return to satisfies never;
  }
};
