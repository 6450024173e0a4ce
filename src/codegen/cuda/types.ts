/**
 * Types and constants as CUDA C++ spells them.
 *
 * Invariant: no text needs a header: NVRTC has none. Integer constants have the type they stand for.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import type { Elem, RegType } from '../../ir/thread/thread.ts';
import { atom, type Code, call, converted, double, float, int, uint } from '../text/code.ts';

/** Also the types that 64-bit elements are stored as. */
const SCALARS: Readonly<Record<Elem, string>> = {
  f32: 'float',
  i32: 'int',
  u32: 'unsigned',
  bool: 'bool',
  f64: 'double',
  i64: 'long long',
  u64: 'unsigned long long',
};
const VECTORS: Readonly<Partial<Record<Elem, string>>> = {
  f32: 'float4',
  i32: 'int4',
  u32: 'uint4',
  bool: 'bool4',
};

/** The name of a register type. */
export const typeName = ({ elem, lanes }: RegType): string => {
  const name = (lanes === 1 ? SCALARS : VECTORS)[elem];
  invariant(name !== undefined, `${elem} has one lane`);
  return name;
};

/** Element types of arrays: of 8 and 16 bits as bits. */
export type Stored =
  | ('float' | 'int' | 'unsigned' | 'unsigned short' | 'unsigned char')
  | ('double' | 'long long' | 'unsigned long long');

/** The type that elements of a dtype are stored as. */
export const storedAs = (dtype: DType): Stored => {
  switch (dtype) {
    case 'float32':
      return 'float';
    case 'int32':
      return 'int';
    case 'uint32':
      return 'unsigned';
    case 'float64':
      return 'double';
    case 'int64':
      return 'long long';
    case 'uint64':
      return 'unsigned long long';
    case 'float16':
    case 'bfloat16':
    case 'int16':
    case 'uint16':
      return 'unsigned short';
    case 'int8':
    case 'uint8':
    case 'bool':
      return 'unsigned char';
    default:
      return dtype satisfies never;
  }
};

/** The type of elements that are several dtypes of one size in turn. */
export const storedAsAll = (dtypes: readonly DType[]): Stored => {
  const [first] = dtypes.map(storedAs);
  if (dtypes.every((d) => storedAs(d) === first)) return first!;
  return bytesOf(dtypes[0]!) === 4 ? 'unsigned' : 'unsigned long long';
};

/** A number of type int: the least one has no literal of its type. */
export const integer = (value: number): Code =>
  value === -2147483648 ? { text: '-2147483647 - 1', level: 'sum', depth: 1 } : int(value);

const suffixed = (code: Code, suffix: string): Code => ({ ...code, text: `${code.text}${suffix}` });

/** A constant of an element type; `special` makes infinities and NaN from their bits. */
export const scalarConstant = (elem: Elem, value: number, special: (bits: Code) => Code): Code => {
  switch (elem) {
    case 'f32': {
      const single = Math.fround(value);
      if (Number.isNaN(single)) return special(uint(0x7fc00000));
      if (!Number.isFinite(single)) return special(uint(single > 0 ? 0x7f800000 : 0xff800000));
      const code = float(single);
      return { ...code, text: `${code.text}f` };
    }
    case 'i32':
      return integer(value | 0);
    case 'u32':
      return uint(value >>> 0);
    case 'bool':
      return atom(value === 0 ? 'false' : 'true');
    case 'f64':
      if (Number.isNaN(value)) return converted('double', special(uint(0x7fc00000)));
      if (!Number.isFinite(value))
        return converted('double', special(uint(value > 0 ? 0x7f800000 : 0xff800000)));
      return double(value);
    case 'i64':
      return suffixed(int(value), 'll');
    case 'u64':
      return suffixed(int(value), 'ull');
    default:
      return elem satisfies never;
  }
};

/** A number in all lanes. */
export const inAll = (type: RegType, one: Code, splat: () => string): Code =>
  type.lanes === 1 ? one : call(splat(), one);
