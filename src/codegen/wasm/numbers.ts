/**
 * How values of each dtype come out of memory, go into it and turn into each other.
 *
 * Invariant: floats of 16 bits are rounded half to even when they are stored, and their conversions are exact for
 * subnormals, infinities and NaN. A bool is 0 or 1 as a scalar, all bits or none as a lane. Elements of 64 bits have one
 * lane.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import type { RegType } from '../../ir/thread/thread.ts';
import { i32, lane, memory, op, type ValueType, type Wasm } from './tree.ts';
import { shift, type Vectors } from './vector.ts';

const SCALARS: Readonly<Record<RegType['elem'], ValueType>> = {
  f32: 'f32',
  i32: 'i32',
  u32: 'i32',
  bool: 'i32',
  f64: 'f64',
  i64: 'i64',
  u64: 'i64',
};

export const valueType = (type: RegType): ValueType =>
  type.lanes === 4 ? 'v128' : SCALARS[type.elem];

export const splat = (elem: RegType['elem'], x: Wasm): Wasm => {
  if (elem === 'f32') return op('f32x4.splat', x);
  const bits = op('i32x4.splat', x);
  return elem === 'bool' ? op('i32x4.neg', bits) : bits;
};

export const extract = (elem: RegType['elem'], x: Wasm, at: number): Wasm => {
  if (elem === 'f32') return lane('f32x4.extract_lane', at, x);
  const bits = lane('i32x4.extract_lane', at, x);
  return elem === 'bool' ? op('i32.and', bits, i32(1)) : bits;
};

export const insert = (elem: RegType['elem'], x: Wasm, at: number, value: Wasm): Wasm => {
  if (elem === 'f32') return lane('f32x4.replace_lane', at, x, value);
  const bits = elem === 'bool' ? op('i32.sub', i32(0), value) : value;
  return lane('i32x4.replace_lane', at, x, bits);
};

/** The bits of float16 in 32-bit lanes → float32. Multiplying by 2^112 moves the exponent and normalizes subnormals. */
export const fromHalf = (v: Vectors, bits: Wasm): Wasm => {
  const half = v.keep(bits, 'half');
  const sign = shift('i32x4.shl', op('v128.and', half, v.i(0x8000)), 16);
  const moved = v.keep(shift('i32x4.shl', op('v128.and', half, v.i(0x7fff)), 13), 'moved');
  const special = op('v128.and', op('i32x4.gt_s', moved, v.i(0x0f7fffff)), v.i(0x7f800000));
  const value = op('f32x4.mul', moved, v.f(2 ** 112));
  return op('v128.or', op('v128.or', value, special), sign);
};

/** float32 → the bits of float16 in 32-bit lanes. Adding one half makes the adder round what becomes subnormal. */
export const toHalf = (v: Vectors, x: Wasm): Wasm => {
  const bits = v.keep(x, 'bits');
  const size = v.keep(op('v128.and', bits, v.i(0x7fffffff)), 'size');
  const sign = op('v128.and', shift('i32x4.shr_u', bits, 16), v.i(0x8000));
  const low = op('v128.and', shift('i32x4.shr_u', size, 13), v.i(1));
  const normal = shift(
    'i32x4.shr_u',
    op('i32x4.add', op('i32x4.add', size, v.i(0xc8000fff)), low),
    13,
  );
  const tiny = op('i32x4.sub', op('f32x4.add', size, v.f(0.5)), v.i(0x3f000000));
  const finite = v.choose(op('i32x4.lt_s', size, v.i(0x38800000)), tiny, normal);
  const special = v.choose(op('i32x4.gt_s', size, v.i(0x7f800000)), v.i(0x7e00), v.i(0x7c00));
  return op('v128.or', v.choose(op('i32x4.lt_s', size, v.i(0x47800000)), finite, special), sign);
};

/** bfloat16 is the upper half of a float32. */
const fromBfloat = (bits: Wasm): Wasm => shift('i32x4.shl', bits, 16);

/** float32 → its bits rounded to bfloat16 in the upper halves of the lanes; what is below them is left over. */
const roundUpper = (v: Vectors, x: Wasm): Wasm => {
  const bits = v.keep(x, 'bits');
  const last = op('v128.and', shift('i32x4.shr_u', bits, 16), v.i(1));
  const rounded = op('i32x4.add', op('i32x4.add', bits, v.i(0x7fff)), last);
  return v.choose(op('f32x4.ne', bits, bits), v.i(0x7fc00000), rounded);
};

/** float32 → the nearest bfloat16, as float32. */
export const throughBfloat = (v: Vectors, x: Wasm): Wasm =>
  op('v128.and', roundUpper(v, x), v.i(-0x10000));

/** Reads one or four elements. */
export const load = (
  v: Vectors,
  dtype: DType,
  lanes: 1 | 4,
  address: Wasm,
  offset: number,
): Wasm => {
  switch (dtype) {
    case 'float32':
      return memory(lanes === 4 ? 'v128.load' : 'f32.load', offset, address);
    case 'int32':
    case 'uint32':
      return memory(lanes === 4 ? 'v128.load' : 'i32.load', offset, address);
    case 'float64':
      return memory('f64.load', offset, address);
    case 'int64':
    case 'uint64':
      return memory('i64.load', offset, address);
    case 'int8': {
      if (lanes === 1) return memory('i32.load8_s', offset, address);
      const narrow = memory('v128.load32_zero', offset, address);
      return op('i32x4.extend_low_i16x8_s', op('i16x8.extend_low_i8x16_s', narrow));
    }
    case 'uint8':
    case 'bool': {
      if (lanes === 1) return memory('i32.load8_u', offset, address);
      const narrow = memory('v128.load32_zero', offset, address);
      const all = op('i32x4.extend_low_i16x8_u', op('i16x8.extend_low_i8x16_u', narrow));
      return dtype === 'bool' ? op('i32x4.ne', all, v.i(0)) : all;
    }
    case 'int16':
      return memory(lanes === 4 ? 'v128.load16x4_s' : 'i32.load16_s', offset, address);
    case 'uint16':
      return memory(lanes === 4 ? 'v128.load16x4_u' : 'i32.load16_u', offset, address);
    case 'float16':
      return lanes === 4
        ? fromHalf(v, memory('v128.load16x4_u', offset, address))
        : lane(
            'f32x4.extract_lane',
            0,
            fromHalf(v, op('i32x4.splat', memory('i32.load16_u', offset, address))),
          );
    case 'bfloat16':
      return lanes === 4
        ? fromBfloat(memory('v128.load16x4_u', offset, address))
        : op(
            'f32.reinterpret_i32',
            op('i32.shl', memory('i32.load16_u', offset, address), i32(16)),
          );
    default:
      return dtype satisfies never;
  }
};

/** Packs these bytes of 32-bit lanes to the front. */
const pack = (x: Wasm, v: Vectors, bytes: readonly number[]): Wasm => {
  const picked = [0, 1, 2, 3].flatMap((l) => bytes.map((byte) => 4 * l + byte));
  const held = v.keep(x, 'packed');
  return {
    kind: 'shuffle',
    bytes: [...picked, ...picked, ...picked, ...picked].slice(0, 16),
    args: [held, held],
  };
};

/** Writes one or four elements; integers keep their low bits. */
export const store = (
  v: Vectors,
  dtype: DType,
  lanes: 1 | 4,
  address: Wasm,
  offset: number,
  value: Wasm,
): Wasm => {
  switch (dtype) {
    case 'float32':
      return memory(lanes === 4 ? 'v128.store' : 'f32.store', offset, address, value);
    case 'int32':
    case 'uint32':
      return memory(lanes === 4 ? 'v128.store' : 'i32.store', offset, address, value);
    case 'float64':
      return memory('f64.store', offset, address, value);
    case 'int64':
    case 'uint64':
      return memory('i64.store', offset, address, value);
    case 'int16':
    case 'uint16':
      return lanes === 4
        ? memory('v128.store64_lane', offset, address, pack(value, v, [0, 1]))
        : memory('i32.store16', offset, address, value);
    case 'int8':
    case 'uint8':
    case 'bool': {
      if (lanes === 1) return memory('i32.store8', offset, address, value);
      const bits = dtype === 'bool' ? op('v128.and', value, v.i(1)) : value;
      return memory('v128.store32_lane', offset, address, pack(bits, v, [0]));
    }
    case 'float16':
      return lanes === 4
        ? memory('v128.store64_lane', offset, address, pack(toHalf(v, value), v, [0, 1]))
        : memory(
            'i32.store16',
            offset,
            address,
            lane('i32x4.extract_lane', 0, toHalf(v, op('f32x4.splat', value))),
          );
    case 'bfloat16':
      return lanes === 4
        ? memory('v128.store64_lane', offset, address, pack(roundUpper(v, value), v, [2, 3]))
        : memory(
            'i32.store16',
            offset,
            address,
            op(
              'i32.shr_u',
              lane('i32x4.extract_lane', 0, roundUpper(v, op('f32x4.splat', value))),
              i32(16),
            ),
          );
    default:
      return dtype satisfies never;
  }
};

/** Whether one element can be read into all lanes by one instruction. */
export const splatLoads = (dtype: DType): boolean => bytesOf(dtype) === 4;
