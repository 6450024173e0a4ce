/**
 * Element types: the one table of names, sizes and promotion rules that every level shares.
 *
 * Invariant: numbers of the IR are doubles, so 64-bit integers in it (constants, folded values) are safe integers;
 * arrays hold all 64 bits.
 */
import { TigonError } from './errors.ts';

/**
 * All element types, by name: a list of 13, booleans first, then integers, then floats, each by width.
 *
 * @example ir.DTYPES.includes('bfloat16');   // true
 */
export const DTYPES = [
  'bool',
  'int8',
  'uint8',
  'int16',
  'uint16',
  'int32',
  'uint32',
  'int64',
  'uint64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
] as const;
/** An element type that an array can be stored in. */
export type DType = (typeof DTYPES)[number];

type Kind = 'bool' | 'int' | 'uint' | 'float';

/** Spelling in the `.tg` text format and in messages, bytes of an element, kind of number. */
const dtypeTable: Readonly<Record<DType, readonly [short: string, bytes: number, kind: Kind]>> = {
  bool: ['bool', 1, 'bool'],
  int8: ['i8', 1, 'int'],
  uint8: ['u8', 1, 'uint'],
  int16: ['i16', 2, 'int'],
  uint16: ['u16', 2, 'uint'],
  int32: ['i32', 4, 'int'],
  uint32: ['u32', 4, 'uint'],
  int64: ['i64', 8, 'int'],
  uint64: ['u64', 8, 'uint'],
  float16: ['f16', 2, 'float'],
  bfloat16: ['bf16', 2, 'float'],
  float32: ['f32', 4, 'float'],
  float64: ['f64', 8, 'float'],
};

const byShort = new Map<string, DType>(DTYPES.map((d) => [dtypeTable[d][0], d]));

/** The error for a name that is none of the table. */
export const noSuchDtype = (dtype: unknown): TigonError =>
  new TigonError('dtype', `no such dtype: ${String(dtype)}`, `use one of ${DTYPES.join(', ')}`);
const rowOf = (dtype: DType): (typeof dtypeTable)[DType] => {
  const row = dtypeTable[dtype];
  if (row === undefined) throw noSuchDtype(dtype);
  return row;
};

/**
 * The spelling in texts and messages.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.shortName('float32');   // 'f32'
 */
export function shortName(dtype: DType): string {
  return rowOf(dtype)[0];
}
/**
 * The dtype that texts and messages spell so, if there is one.
 *
 * @throws nothing: undefined for any other name
 *
 * @example ir.dtypeFromShort('bf16');   // 'bfloat16'
 */
export const dtypeFromShort = (name: string): DType | undefined => byShort.get(name);
/**
 * Bytes of an element.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.bytesOf('float16');   // 2
 */
export const bytesOf = (dtype: DType): number => rowOf(dtype)[1];
export const kindOf = (dtype: DType): Kind => rowOf(dtype)[2];
/**
 * True for floating point numbers.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.isFloat('float16');   // true
 */
export const isFloat = (dtype: DType): boolean => kindOf(dtype) === 'float';
/**
 * True for integers, of either sign.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.isInteger('uint8');   // true
 */
export const isInteger = (dtype: DType): boolean => kindOf(dtype).endsWith('int');

/** 64-bit elements: not every device has them ({@link Caps} `wide`), and no register holds four. */
export const isWide = (dtype: DType): boolean => bytesOf(dtype) === 8;
/**
 * Floats that are computed in float32 and rounded when they are stored.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.isNarrowFloat('bfloat16');   // true
 */
export const isNarrowFloat = (dtype: DType): boolean => isFloat(dtype) && bytesOf(dtype) < 4;
/** Integers that are computed in int32 and keep their low bits. */
export const isNarrowInteger = (dtype: DType): boolean => isInteger(dtype) && bytesOf(dtype) < 4;

/** The float that means and sums of squares of an array are made in. */
export const summedIn = (dtype: DType): DType => (dtype === 'float64' ? dtype : 'float32');
/** The dtype of sums of an array of integers or booleans. */
export const countedIn = (dtype: DType): DType => (bytesOf(dtype) < 4 ? 'int32' : dtype);

/** Least and greatest value of an integer or bool dtype; of 64 bits as the nearest doubles. */
export const integerRange = (dtype: DType): readonly [least: number, greatest: number] => {
  const bits = 8 * bytesOf(dtype);
  switch (kindOf(dtype)) {
    case 'bool':
      return [0, 1];
    case 'uint':
      return [0, 2 ** bits - 1];
    default:
      return [-(2 ** (bits - 1)), 2 ** (bits - 1) - 1];
  }
};

/**
 * The dtype of `a op b`, as NumPy's table: bool gives way to anything, integers to any float, the narrower of two signs
 * or two floats to the wider one. An unsigned integer with a signed one that is not wider goes one width up and is
 * signed (uint8 with int8: int16). Different from NumPy, as 32 bits are the widest that every device has: uint32 with
 * int32 (or narrower) is int32, and uint64 with a signed integer is int64, not float64. Neither 16-bit float holds the
 * other, so they give float32.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.promote('float16', 'bfloat16');   // 'float32'
 */
export const promote = (a: DType, b: DType): DType => {
  if (a === b) return a;
  const [x, y] = [kindOf(a), kindOf(b)];
  if (x === 'bool') return b;
  if (y === 'bool') return a;
  if (x === 'float' && y === 'float' && bytesOf(a) === bytesOf(b)) return 'float32';
  if (x === y) return bytesOf(a) > bytesOf(b) ? a : b;
  if (x === 'float') return a;
  if (y === 'float') return b;
  const [unsigned, signed] = x === 'uint' ? [a, b] : [b, a];
  if (bytesOf(unsigned) < bytesOf(signed)) return signed;
  switch (bytesOf(unsigned)) {
    case 1:
      return 'int16';
    case 8:
      return 'int64';
    default:
      return 'int32';
  }
};

/** Whether every value of `narrow` is one of `wide`. */
export const holds = (wide: DType, narrow: DType): boolean =>
  promote(wide, narrow) === wide &&
  (narrow === 'bool' || kindOf(wide) === kindOf(narrow) || bytesOf(narrow) < bytesOf(wide));
