/**
 * Loads and stores as CUDA C++.
 *
 * Invariant: no element outside those Thread IR names is read or written; four at once only where their place is proven
 * to be a multiple of four.
 */
import type { DType } from '../../ir/dtype.ts';
import { type RegType, registerOf, type TExpr } from '../../ir/thread/thread.ts';
import type { Alignment } from '../text/alignment.ts';
import { atom, binary, type Code, call, converted, element } from '../text/code.ts';
import type { Library } from './library.ts';
import { type Stored, storedAs } from './types.ts';

/** Where a buffer's elements are. */
export interface Variable {
  /** A pointer. */
  readonly name: string;
  readonly stored: Stored;
}

/** What narrow elements are called in the names of functions. */
const NARROW = {
  float16: 'half',
  bfloat16: 'bfloat',
  int8: 'char',
  uint8: 'byte',
  int16: 'short',
  uint16: 'word',
  bool: 'bool',
} as const;
const isNarrow = (dtype: DType): dtype is keyof typeof NARROW => Object.hasOwn(NARROW, dtype);

/** The register type that a pointer of words points at. */
const WORDS: Readonly<Partial<Record<Stored, RegType>>> = {
  float: { elem: 'f32', lanes: 1 },
  int: { elem: 'i32', lanes: 1 },
  unsigned: { elem: 'u32', lanes: 1 },
};

export class Memory {
  readonly #value: (e: TExpr) => Code;
  readonly #alignment: Alignment;
  readonly #library: Library;

  constructor(value: (e: TExpr) => Code, alignment: Alignment, library: Library) {
    this.#value = value;
    this.#alignment = alignment;
    this.#library = library;
  }

  load(at: Variable, dtype: DType, index: TExpr, lanes: 1 | 4): Code {
    if (lanes === 1) return this.#widened(at, dtype, element(at.name, this.#value(index)));
    const found = call(this.#four('load4', at, dtype, index), this.address(at, index));
    return isNarrow(dtype) ? found : this.#fromBits(at, dtype, found, 4);
  }

  /** The statement that stores a value. */
  store(at: Variable, dtype: DType, index: TExpr, value: Code, lanes: 1 | 4): string {
    if (lanes === 1) {
      const target = element(at.name, this.#value(index));
      return `${target.text} = ${this.#narrowed(at, dtype, value).text};`;
    }
    const stored = isNarrow(dtype) ? value : this.#toBits(at, dtype, value, 4);
    const name = this.#four('store4', at, dtype, index);
    return `${call(name, this.address(at, index), stored).text};`;
  }

  /** Where an element is. */
  address(at: Variable, index: TExpr): Code {
    if (index.kind === 'const' && index.value === 0) return atom(at.name);
    return binary('+', atom(at.name), this.#value(index));
  }

  /** The function for four elements. */
  #four(verb: 'load4' | 'store4', at: Variable, dtype: DType, index: TExpr): string {
    const apart = this.#alignment.twos(index) >= 2 ? '' : '_apart';
    if (isNarrow(dtype)) return this.#library.one(`${verb}_${NARROW[dtype]}${apart}`);
    return this.#library.use(`${verb}${apart}`, WORDS[at.stored]!);
  }

  /** An element as a register. */
  #widened(at: Variable, dtype: DType, x: Code): Code {
    switch (dtype) {
      case 'float16':
        return call(this.#library.one('half_of'), x);
      case 'bfloat16':
        return call(this.#library.one('bfloat_of'), x);
      case 'uint8':
      case 'uint16':
        return converted('int', x);
      case 'int8':
        return converted('int', converted('signed char', x));
      case 'int16':
        return converted('int', converted('short', x));
      case 'bool':
        return binary('!=', x, atom('0'));
      case 'float32':
      case 'int32':
      case 'uint32':
      case 'float64':
      case 'int64':
      case 'uint64':
        return this.#fromBits(at, dtype, x, 1);
      default:
        return dtype satisfies never;
    }
  }

  /** A register as an element: as a store to the dtype narrows it. */
  #narrowed(at: Variable, dtype: DType, x: Code): Code {
    switch (dtype) {
      case 'float16':
        return call(this.#library.one('half_bits'), x);
      case 'bfloat16':
        return call(this.#library.one('bfloat_bits'), x);
      case 'int8':
      case 'uint8':
        return converted('unsigned char', x);
      case 'int16':
      case 'uint16':
        return converted('unsigned short', x);
      case 'bool':
        return x;
      case 'float32':
      case 'int32':
      case 'uint32':
      case 'float64':
      case 'int64':
      case 'uint64':
        return this.#toBits(at, dtype, x, 1);
      default:
        return dtype satisfies never;
    }
  }

  #fromBits({ stored }: Variable, dtype: DType, x: Code, lanes: 1 | 4): Code {
    if (stored === 'unsigned long long' && dtype !== 'uint64')
      return dtype === 'float64'
        ? call(this.#library.one('bits_double'), x)
        : converted(storedAs(dtype), x);
    if (stored !== 'unsigned' || dtype === 'uint32') return x;
    const name = dtype === 'float32' ? 'bits_float' : 'bits_int';
    return call(this.#library.use(name, { elem: 'u32', lanes }), x);
  }

  #toBits({ stored }: Variable, dtype: DType, x: Code, lanes: 1 | 4): Code {
    if (stored === 'unsigned long long' && dtype !== 'uint64')
      return dtype === 'float64' ? call(this.#library.one('double_bits'), x) : converted(stored, x);
    if (stored !== 'unsigned' || dtype === 'uint32') return x;
    const elem = registerOf(dtype);
    const name = elem === 'f32' ? 'float_bits' : 'int_bits';
    return call(this.#library.use(name, { elem, lanes }), x);
  }
}
