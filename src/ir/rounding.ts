/**
 * What numbers become in memory: rounded by a store, converted by a cast, held by a constant.
 *
 * Invariant: numbers are doubles; of 64-bit integers they are the nearest double, exact up to 2^53.
 */
import { fromBfloatBits, toBfloatBits } from './bfloat.ts';
import {
  bytesOf,
  type DType,
  integerRange,
  isFloat,
  isInteger,
  isWide,
  noSuchDtype,
} from './dtype.ts';
import { roundEven } from './numbers.ts';

/** The low 64 bits, as a number. */
export const wrapWide = (dtype: DType, x: bigint): number =>
  Number(dtype === 'int64' ? BigInt.asIntN(64, x) : BigInt.asUintN(64, x));

/** Whether the IR may hold a number as a constant of the dtype: of 64-bit integers only those that doubles hold exactly. */
export const isExactIn = (dtype: DType, x: number): boolean =>
  isFloat(dtype) || !isWide(dtype) || (Number.isSafeInteger(x) && x >= integerRange(dtype)[0]);

/**
 * Rounds a double to what the dtype can hold, as a store to memory does.
 *
 * Integers keep their low bits, as in memory; bool is `!= 0`.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.roundTo('float16', 2049);   // 2048
 */
export const roundTo = (dtype: DType, x: number): number => {
  switch (dtype) {
    case 'float64':
      return x;
    case 'float32':
      return Math.fround(x);
    case 'float16':
      return roundToHalf(x);
    case 'bfloat16':
      return fromBfloatBits(toBfloatBits(x));
    case 'int32':
      return x | 0;
    case 'uint32':
      return x >>> 0;
    case 'int8':
    case 'int16': {
      const above = 32 - 8 * bytesOf(dtype);
      return (x << above) >> above;
    }
    case 'uint8':
      return x & 255;
    case 'uint16':
      return x & 65535;
    case 'int64':
    case 'uint64': {
      if (!Number.isFinite(x)) return 0;
      // The nearest number to the greatest value lies above it, and stands for it.
      const [least, greatest] = integerRange(dtype);
      const whole = Math.trunc(x);
      return whole >= least && whole <= greatest ? whole : wrapWide(dtype, BigInt(whole));
    }
    case 'bool':
      return x === 0 ? 0 : 1;
    default:
      throw noSuchDtype(dtype satisfies never);
  }
};

/**
 * Conversion between dtypes: float to integer truncates and saturates (NaN gives 0); anything to bool is `!= 0`.
 *
 * @throws {DTypeError} for what is no dtype
 *
 * @example ir.castTo('int32', -1.7);   // -1
 */
export const castTo = (to: DType, x: number): number => {
  if (!isInteger(to)) return roundTo(to, x);
  const [least, greatest] = integerRange(to);
  return Number.isNaN(x) ? 0 : Math.max(least, Math.min(greatest, Math.trunc(x)));
};

const roundToHalf = (x: number): number => {
  if (!Number.isFinite(x) || x === 0) return x;
  const a = Math.abs(x);
  if (a >= 65520) return x > 0 ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const exponent = Math.max(-14, Math.floor(Math.log2(a)));
  const step = 2 ** (exponent - 10);
  return Math.sign(x) * roundEven(a / step) * step;
};
