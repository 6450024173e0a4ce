/**
 * Loads and stores as WGSL text, whatever array a buffer became.
 *
 * Invariant: no element outside those Thread IR names is read or written, but for the rest of a vector or word that one
 * of them is in.
 */
import {
  bytesOf,
  type DType,
  integerRange,
  isNarrowFloat,
  isNarrowInteger,
} from '../../ir/dtype.ts';
import { invariant } from '../../ir/errors.ts';
import { registerOf, type TExpr, type ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Alignment } from '../text/alignment.ts';
import { atom, binary, type Code, call, element, int, plus, swizzle, uint } from '../text/code.ts';
import type { Layout, Plain } from './layout.ts';
import { type Place, Places } from './places.ts';

/** Where a buffer's elements are. */
export interface Variable {
  readonly name: string;
  readonly layout: Layout;
}

/** What the text goes into. */
export interface Writer {
  value(e: TExpr): Code;
  /** A name for the value, unless it is one already. */
  hold(value: Code, wanted: string): Code;
  line(text: string): void;
  library(name: string): string;
}

/** The names of the functions between elements of 16 bits and words. */
interface Packed {
  readonly one: string;
  readonly four: string;
  readonly words: string;
  /** Floats to their bits, and to what is left of them. */
  readonly bits?: string;
  readonly round?: string;
}
const HALF: Packed = {
  one: 'half_of',
  four: 'halves_of',
  words: 'words_of',
  bits: 'half_u32',
  round: 'tohalf',
};
const PACKED: Readonly<Partial<Record<DType, Packed>>> = {
  bfloat16: {
    one: 'bfloat_of',
    four: 'bfloats_of',
    words: 'bfloatwords_of',
    bits: 'bfloat_u32',
    round: 'tobfloat',
  },
  int16: { one: 'short_of', four: 'shorts_of', words: 'shortwords_of' },
  uint16: { one: 'ushort_of', four: 'ushorts_of', words: 'shortwords_of' },
};
const packed = (dtype: DType): Packed => PACKED[dtype] ?? HALF;

const LANES = ['x', 'y', 'z', 'w'] as const;

export class Memory {
  readonly #writer: Writer;
  readonly #places: Places;

  constructor(writer: Writer, alignment: Alignment) {
    this.#writer = writer;
    this.#places = new Places((e) => writer.value(e), alignment);
  }

  load(at: Variable, buffer: ThreadBuffer, index: TExpr, lanes: 1 | 4): Code {
    const { layout } = at;
    const place = this.#places.of(index);
    if (lanes === 1) return this.#one(at, buffer.dtype, place, 0);
    if (this.#whole(layout, place)) return this.#four(at, buffer.dtype, place);
    const held = this.#places.held(place, (code) => this.#writer.hold(code, 'at'));
    const parts = LANES.map((_, lane) => this.#one(at, buffer.dtype, held, lane));
    const elem = registerOf(buffer.dtype);
    return call(elem === 'bool' ? 'vec4<bool>' : `vec4${elem[0]}`, ...parts);
  }

  store(at: Variable, buffer: ThreadBuffer, index: TExpr, value: Code, lanes: 1 | 4): void {
    const { layout } = at;
    const place = this.#places.of(index);
    if (lanes === 1) {
      this.#putOne(at, buffer.dtype, place, 0, value);
      return;
    }
    if (this.#whole(layout, place)) {
      this.#putFour(at, buffer.dtype, place, value);
      return;
    }
    const held = this.#places.held(place, (code) => this.#writer.hold(code, 'at'));
    const vector = this.#writer.hold(value, 'value');
    LANES.forEach((lane, i) => {
      this.#putOne(at, buffer.dtype, held, i, swizzle(vector, lane));
    });
  }

  /** Whether four lanes from `place` on fill a vector, a pair, or whole words. */
  #whole(layout: Layout, place: Place): boolean {
    switch (layout.kind) {
      case 'scalars':
        return false;
      case 'vectors':
      case 'pairs':
        return this.#places.divides(place, 2);
      case 'words':
      case 'atomics':
        return this.#places.divides(place, layout.bits === 8 ? 2 : 1);
      default:
        return layout satisfies never;
    }
  }

  // --- reading

  #one(at: Variable, dtype: DType, place: Place, lane: number): Code {
    const { layout, name } = at;
    const w = this.#writer;
    switch (layout.kind) {
      case 'scalars':
        return this.#fromPlain(
          dtype,
          layout.elem,
          element(name, this.#places.index(place, lane)),
          1,
        );
      case 'vectors': {
        const offset = place.offset + lane;
        if (place.twos >= 2) {
          const vector = element(name, this.#places.quotient(place, 2, lane));
          return this.#fromPlain(dtype, layout.elem, swizzle(vector, LANES[offset & 3]!), 1);
        }
        const index = w.hold(this.#places.index(place, lane), 'at');
        const vector = element(name, binary('>>', index, uint(2)));
        const one = element(vector.text, binary('&', index, int(3)));
        return this.#fromPlain(dtype, layout.elem, one, 1);
      }
      case 'words':
      case 'atomics': {
        const twos = layout.bits === 8 ? 2 : 1;
        const [word, position] =
          place.twos >= twos
            ? [
                this.#places.quotient(place, twos, lane),
                int((place.offset + lane) & ((1 << twos) - 1)),
              ]
            : this.#wordOf(place, lane, twos);
        const bits = this.#word(at, word);
        if (layout.bits === 16) return call(w.library(packed(dtype).one), bits, position);
        if (dtype === 'int8') return call(w.library('char_of'), bits, position);
        const byte = call(w.library('byte_of'), bits, position);
        return dtype === 'bool' ? binary('!=', byte, uint(0)) : call('i32', byte);
      }
      case 'pairs': {
        const words = element(name, this.#places.quotient(place, 2, lane));
        const four = call(w.library(packed(dtype).four), words);
        return swizzle(four, LANES[(place.offset + lane) & 3]!);
      }
      default:
        return layout satisfies never;
    }
  }

  #wordOf(place: Place, lane: number, twos: number): [Code, Code] {
    const index = this.#writer.hold(this.#places.index(place, lane), 'at');
    return [binary('>>', index, uint(twos)), index];
  }

  #word({ name, layout }: Variable, index: Code): Code {
    const word = element(name, index);
    return layout.kind === 'atomics' ? call('atomicLoad', atom(`&${word.text}`, word.depth)) : word;
  }

  /** Four lanes that fill what they are in. */
  #four(at: Variable, dtype: DType, place: Place): Code {
    const { layout, name } = at;
    const w = this.#writer;
    switch (layout.kind) {
      case 'scalars':
      case 'vectors': {
        const elem = layout.elem;
        return this.#fromPlain(dtype, elem, element(name, this.#places.quotient(place, 2)), 4);
      }
      case 'pairs':
        return call(w.library(packed(dtype).four), element(name, this.#places.quotient(place, 2)));
      case 'words':
      case 'atomics': {
        if (layout.bits === 8) {
          const word = this.#word(at, this.#places.quotient(place, 2));
          if (dtype === 'int8') return call(w.library('chars_of'), word);
          const bytes = call(w.library('bytes_of'), word);
          if (dtype === 'bool') return binary('!=', bytes, call('vec4u', uint(0)));
          return call('vec4i', bytes);
        }
        const first = w.hold(this.#places.quotient(place, 1), 'at');
        const words = [first, plus(first, 1)].map((index) => this.#word(at, index));
        return call(w.library(packed(dtype).four), call('vec2u', ...words));
      }
      default:
        return layout satisfies never;
    }
  }

  /** An element of the array as a register. */
  #fromPlain(dtype: DType, elem: Plain, x: Code, lanes: 1 | 4): Code {
    const type = (e: 'f32' | 'i32' | 'u32'): string => (lanes === 1 ? e : `vec4${e[0]}`);
    if (elem === 'f16') return call(type('f32'), x);
    if (dtype === 'bool') return binary('!=', x, lanes === 1 ? uint(0) : call('vec4u', uint(0)));
    const wanted = registerOf(dtype) as 'f32' | 'i32' | 'u32';
    return wanted === elem ? x : call(`bitcast<${type(wanted)}>`, x);
  }

  // --- writing

  #putOne(at: Variable, dtype: DType, place: Place, lane: number, value: Code): void {
    const { layout, name } = at;
    const w = this.#writer;
    if (layout.kind === 'scalars') {
      const target = element(name, this.#places.index(place, lane));
      w.line(`${target.text} = ${this.#toPlain(dtype, layout.elem, value, 1).text};`);
      return;
    }
    invariant(layout.kind === 'atomics', 'parts of vectors and words are written atomically');
    // cleared, then set: nobody else writes these bits
    const { bits } = layout;
    const twos = bits === 8 ? 2 : 1;
    const index = w.hold(this.#places.index(place, lane), 'at');
    const position = call('u32', binary('&', index, int((1 << twos) - 1)));
    const by = w.hold(binary('*', position, uint(bits)), 'by');
    const word = element(name, binary('>>', index, uint(twos))).text;
    const toBits = bits === 16 ? packed(dtype).bits : undefined;
    const narrow =
      toBits !== undefined
        ? call(w.library(toBits), value)
        : dtype === 'bool'
          ? call('u32', value)
          : binary('&', call('u32', value), uint(2 ** bits - 1));
    // before the old bits go: the value may have been read there
    const part = w.hold(narrow, 'bits');
    w.line(`atomicAnd(&${word}, ~(${uint(2 ** bits - 1).text} << ${by.text}));`);
    w.line(`atomicOr(&${word}, ${binary('<<', part, by).text});`);
  }

  #putFour(at: Variable, dtype: DType, place: Place, value: Code): void {
    const { layout, name } = at;
    const w = this.#writer;
    const put = (index: Code, word: Code): void => {
      const target = element(name, index).text;
      w.line(
        layout.kind === 'atomics'
          ? `atomicStore(&${target}, ${word.text});`
          : `${target} = ${word.text};`,
      );
    };
    switch (layout.kind) {
      case 'scalars':
      case 'vectors':
        put(this.#places.quotient(place, 2), this.#toPlain(dtype, layout.elem, value, 4));
        return;
      case 'pairs':
        put(this.#places.quotient(place, 2), call(w.library(packed(dtype).words), value));
        return;
      case 'words':
      case 'atomics': {
        if (layout.bits === 8) {
          put(this.#places.quotient(place, 2), call(w.library('word_of'), call('vec4u', value)));
          return;
        }
        const first = w.hold(this.#places.quotient(place, 1), 'at');
        const words = w.hold(call(w.library(packed(dtype).words), value), 'words');
        put(first, swizzle(words, 'x'));
        put(plus(first, 1), swizzle(words, 'y'));
        return;
      }
      default:
        layout satisfies never;
    }
  }

  /** A register as an element of the array: narrowed as a store to the dtype does it. */
  #toPlain(dtype: DType, elem: Plain, x: Code, lanes: 1 | 4): Code {
    const type = (e: Plain): string => (lanes === 1 ? e : e === 'f16' ? 'vec4h' : `vec4${e[0]}`);
    if (elem === 'f16') return call(type('f16'), x);
    if (dtype === 'bool') return call(type('u32'), x);
    const all = (n: Code): Code =>
      lanes === 1 ? n : call(`vec4${n.text.at(-1) === 'u' ? 'u' : 'i'}`, n);
    if (isNarrowInteger(dtype)) {
      const [least, greatest] = integerRange(dtype);
      if (least === 0) return binary('&', x, all(int(greatest)));
      const above = all(uint(32 - 8 * bytesOf(dtype)));
      return binary('>>', binary('<<', x, above), above);
    }
    if (isNarrowFloat(dtype)) {
      const round = `${packed(dtype).round}_${type('f32')}`;
      return call(this.#writer.library(round), x);
    }
    return registerOf(dtype) === elem ? x : call(`bitcast<${type(elem)}>`, x);
  }
}
