/**
 * Types and constants as CUDA C++ spells them.
 *
 * Invariant: no text needs a header: NVRTC has none. Integer constants have the type they stand for.
 */
import { bytesOf, type DType } from '../../ir/dtype.ts';
import type { Elem, RegType } from '../../ir/thread/thread.ts';
import { atom, type Code, call, float, int, uint } from '../text/code.ts';

const SCALARS: Readonly<Record<Elem, string>> = {
  f32: 'float',
  i32: 'int',
  u32: 'unsigned',
  bool: 'bool',
};
const VECTORS: Readonly<Record<Elem, string>> = {
  f32: 'float4',
  i32: 'int4',
  u32: 'uint4',
  bool: 'bool4',
};

/** The name of a register type. */
export const typeName = ({ elem, lanes }: RegType): string =>
  (lanes === 1 ? SCALARS : VECTORS)[elem];

/** Element types of arrays. */
export type Stored = 'float' | 'int' | 'unsigned' | 'unsigned short' | 'unsigned char';

/** The type that elements of a dtype are stored as. */
export const storedAs = (dtype: DType): Stored => {
  switch (dtype) {
    case 'float32':
      return 'float';
    case 'int32':
      return 'int';
    case 'uint32':
      return 'unsigned';
    case 'float16':
    case 'bfloat16':
      return 'unsigned short';
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
  return bytesOf(dtypes[0]!) === 4 ? 'unsigned' : first!;
};

/** A number of type int: the least one has no literal of its type. */
export const integer = (value: number): Code =>
  value === -2147483648 ? { text: '-2147483647 - 1', level: 'sum', depth: 1 } : int(value);

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
    default:
      return elem satisfies never;
  }
};

/** A number in all lanes. */
export const inAll = (type: RegType, one: Code, splat: () => string): Code =>
  type.lanes === 1 ? one : call(splat(), one);
