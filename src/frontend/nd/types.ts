/**
 * Questions about element types: what two of them give together, what fits where, how far each goes.
 *
 * Invariant: the answers are those that operations on arrays act by.
 */
import {
  bytesOf,
  type DType,
  holds,
  integerRange,
  isFloat,
  isInteger,
  isWide,
  kindOf,
  promote,
} from '../../ir/dtype.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkChoice, shown } from '../options.ts';
import { weakDtype } from './arithmetic.ts';
import { checkDtype } from './creation.ts';

/**
 * The dtype of `x + y` for arrays of two dtypes, whatever their shapes: NumPy's table, but uint32 with signed integers
 * is int32, uint64 with them int64, and any integer with a float is that float.
 *
 * @throws {OptionError} for names that are no dtypes
 *
 * @example
 * nd.promoteTypes('uint8', 'int8');       // 'int16'
 * nd.promoteTypes('int64', 'float16');    // 'float16'
 */
export const promoteTypes = (a: DType, b: DType): DType =>
  promote(checkDtype('promoteTypes', a), checkDtype('promoteTypes', b));

/**
 * The dtype that an operation on all of these gives: arrays (of any shape), dtypes, and numbers, which take the dtype
 * of the others where it holds them (float32 if there are no others).
 *
 * @throws {ValueError} for no operands, and for what is none
 * @throws {OptionError} for names that are no dtypes
 *
 * @example
 * nd.resultType(nd.ones([2], { dtype: 'int16' }), 3);   // 'int16'
 * nd.resultType('bool', 'float16', 2.5);                // 'float16'
 */
export const resultType = (...operands: readonly (NDArray | DType | number)[]): DType => {
  if (operands.length === 0)
    throw failure('value', 'resultType: no operands', 'pass arrays, dtypes or numbers');
  const known: DType[] = [];
  const numbers: number[] = [];
  for (const x of operands) {
    if (typeof x === 'number') numbers.push(x);
    else if (isNDArray(x)) known.push(x.dtype);
    else if (typeof x === 'string') known.push(checkDtype('resultType', x));
    else throw failure('value', `resultType: ${shown(x)} is no array, dtype or number`);
  }
  const [first = 'float32', ...rest] = known;
  return numbers.reduce(
    (dtype, x) => promote(dtype, weakDtype(dtype, x)),
    rest.reduce(promote, first),
  );
};

const CASTINGS = ['no', 'safe', 'sameKind', 'unsafe'] as const;
/** What a conversion may do: nothing, keep every value, keep the kind of number, anything. */
export type Casting = (typeof CASTINGS)[number];
const KINDS = ['bool', 'uint', 'int', 'float'];

/**
 * Whether an array (or a dtype) may be converted, whatever its shape. `safe` (default): every value is kept;
 * `sameKind`: also to fewer bits, not from signed to unsigned, nor from floats to integers. Stricter than NumPy where
 * its safe casts round: from int64 to float64.
 *
 * @throws {OptionError} for names that are no dtypes, and another `casting`
 *
 * @example
 * nd.canCast('uint8', 'int16');                  // true
 * nd.canCast('float64', 'float32');              // false
 * nd.canCast('float64', 'float32', 'sameKind');  // true
 */
export const canCast = (from: NDArray | DType, to: DType, casting: Casting = 'safe'): boolean => {
  checkChoice('canCast', 'casting', casting, CASTINGS);
  const source = checkDtype('canCast', isNDArray(from) ? from.dtype : from);
  const target = checkDtype('canCast', to);
  switch (casting) {
    case 'no':
      return source === target;
    case 'safe':
      return holds(target, source);
    case 'sameKind':
      return KINDS.indexOf(kindOf(source)) <= KINDS.indexOf(kindOf(target));
    case 'unsafe':
      return true;
    default:
      return casting satisfies never;
  }
};

/** How far a float dtype goes. */
export interface FloatInfo {
  readonly dtype: DType;
  readonly bits: number;
  /** From 1 to the next number. */
  readonly eps: number;
  readonly max: number;
  readonly min: number;
  /** The least positive number with all its digits, and the least of all. */
  readonly tiny: number;
  readonly smallestSubnormal: number;
}

/** Digits of the fraction, and the least exponent of normal numbers. */
const FLOATS: Readonly<Partial<Record<DType, readonly [digits: number, exponent: number]>>> = {
  float16: [10, -14],
  bfloat16: [7, -126],
  float32: [23, -126],
  float64: [52, -1022],
};

/**
 * How far a float dtype goes: scalars, as JavaScript's numbers.
 *
 * @throws {DTypeError} for integers and booleans
 * @throws {OptionError} for names that are no dtypes
 *
 * @example
 * nd.finfo('float16').max;   // 65504
 */
export const finfo = (dtype: DType): FloatInfo => {
  const row = FLOATS[checkDtype('finfo', dtype)];
  if (row === undefined)
    throw failure('dtype', `finfo: ${dtype} is no float`, 'use nd.iinfo for integers');
  const [digits, exponent] = row;
  const eps = 2 ** -digits;
  const max = (2 - eps) * 2 ** (1 - exponent);
  const tiny = 2 ** exponent;
  const bits = 8 * bytesOf(dtype);
  return { dtype, bits, eps, max, min: -max, tiny, smallestSubnormal: tiny * eps };
};

/** How far an integer dtype goes: in BigInts where numbers do not hold it. */
export interface IntegerInfo {
  readonly dtype: DType;
  readonly bits: number;
  readonly min: number | bigint;
  readonly max: number | bigint;
}

/**
 * How far an integer dtype goes: scalars, BigInts where numbers do not hold them.
 *
 * @throws {DTypeError} for floats and booleans
 * @throws {OptionError} for names that are no dtypes
 *
 * @example
 * nd.iinfo('int8').min;     // -128
 * nd.iinfo('uint64').max;   // 18446744073709551615n
 */
export const iinfo = (dtype: DType): IntegerInfo => {
  if (!isInteger(checkDtype('iinfo', dtype)))
    throw failure(
      'dtype',
      `iinfo: ${dtype} is no integer`,
      isFloat(dtype) ? 'use nd.finfo for floats' : 'booleans are false and true',
    );
  const bits = 8 * bytesOf(dtype);
  const [min, max] = integerRange(dtype);
  if (!isWide(dtype)) return { dtype, bits, min, max };
  return { dtype, bits, min: BigInt(min), max: BigInt(max) - 1n };
};
