/**
 * Floats as the bits of 32-bit words, as matrix units take them.
 *
 * Invariant: what `wordOf` packs, `floatOf` gives back (NaN as some NaN); numbers are rounded once.
 */
import { fromBfloatBits, toBfloatBits } from '../bfloat.ts';
import { fromHalfBits, toHalfBits } from '../half.ts';
import { roundTo } from '../rounding.ts';

/** What a word can hold: one float32, or two of 16 bits. */
export type WordOf = 'float32' | 'float16' | 'bfloat16';

const word = new DataView(new ArrayBuffer(4));

const floatBits = (x: number): number => {
  word.setFloat32(0, x);
  return word.getUint32(0);
};
const bitsFloat = (bits: number): number => {
  word.setUint32(0, bits);
  return word.getFloat32(0);
};

/** The word of one float32 or two 16-bit floats, `first` in the low half. */
export const wordOf = (of: WordOf, first: number, second: number): number => {
  switch (of) {
    case 'float32':
      return floatBits(first);
    case 'float16':
      return (toHalfBits(roundTo(of, first)) | (toHalfBits(roundTo(of, second)) << 16)) >>> 0;
    case 'bfloat16':
      return (toBfloatBits(first) | (toBfloatBits(second) << 16)) >>> 0;
    default:
      return of satisfies never;
  }
};

/** Float number `part` of a word. */
export const floatOf = (of: WordOf, bits: number, part: 0 | 1): number => {
  switch (of) {
    case 'float32':
      return bitsFloat(bits);
    case 'float16':
      return fromHalfBits((bits >>> (16 * part)) & 0xffff);
    case 'bfloat16':
      return fromBfloatBits((bits >>> (16 * part)) & 0xffff);
    default:
      return of satisfies never;
  }
};

/** A float32 as matrix units take it: 10 bits of mantissa, to nearest, ties away from zero. */
export const roundToTf32 = (x: number): number => {
  if (!Number.isFinite(x)) return x;
  return bitsFloat((floatBits(x) + 0x1000) & 0xffffe000);
};
