/**
 * Random words and uniform numbers as nodes: what every distribution, and every op that draws, is made of.
 *
 * Invariant: word `d` of element `i` is threefry(seed, i, d) alone, so that the same key gives the same numbers on every
 * device. Doubles are the same draws with more bits, from words of a key that no seed has.
 */
import type { DType } from '../../dtype.ts';
import type { Shape } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node } from '../graph.ts';
import { iota } from './leaf.ts';

/** Where the words of a call come from. */
export interface Source {
  readonly b: GraphBuilder;
  readonly low: Node;
  readonly high: Node;
  /** Number of the first draw; stretches to `shape`. */
  readonly draw: Node;
  /** Shape of the elements, which are numbered in row-major order. */
  readonly elements: Shape;
  /** What is made: `elements`, with an axis of proposals before them or not. */
  readonly shape: Shape;
  /** What numbers are made in: float32 or float64. */
  readonly dtype: DType;
}

/** Random 32-bit words. */
export const words = ({ b, low, high, draw, elements, shape }: Source): Node => {
  const size = elements.reduce((n, d) => n * d, 1);
  const index = b.reshape(b.emit(iota, [], { axis: 0, dtype: 'uint32', shape: [size] }), elements);
  const [k0, k1, c0, c1] = [low, high, index, draw].map((n) => b.broadcastTo(n, shape));
  return b.op('threefry', k0!, k1!, c0!, c1!);
};

/** The first `bits` bits of words, as a whole number. */
const topBits = (source: Source, bits: number): Node => {
  const { b } = source;
  const word = words(source);
  return b.cast(b.op('shr', word, b.lit(32 - bits, word)), source.dtype);
};

/** What doubles have beyond the first 32 bits: words of the key with its highest bit set. Seeds are below 2⁵³. */
const further = (source: Source): Source => {
  const { b, high } = source;
  return { ...source, high: b.op('xor', high, b.lit(0x80000000, high)) };
};

/** Random whole numbers of `bits` bits; of doubles 29 more. */
export const whole = (source: Source, bits: number): Node => {
  if (source.dtype !== 'float64') return topBits(source, bits);
  const { b } = source;
  const rest = bits - 3;
  const top = topBits(source, 32);
  return b.op('add', b.op('mul', top, b.lit(2 ** rest, top)), topBits(further(source), rest));
};
/** Random bits of a number of which `bits` are those of a float32. */
export const bitsOf = ({ dtype }: Source, bits: number): number =>
  dtype === 'float64' ? bits + 29 : bits;

/** Uniform floats in [0, 1) with 24 random bits, `(word >> 8) · 2⁻²⁴`; doubles with 53. */
export const unit = (source: Source): Node => {
  const top = whole(source, 24);
  return source.b.op('mul', top, source.b.lit(2 ** -bitsOf(source, 24), top));
};

/** `x` without a share `rate` of its elements, the others scaled so that the mean stays; one draw counts along axes of size 1. */
export const dropOut = (source: Source, x: Node, rate: Node): Node => {
  const { b, dtype, shape: drawn } = source;
  const { shape } = x.type;
  const share = b.cast(rate, dtype);
  const keep = b.op('ge', unit(source), b.broadcastTo(share, drawn));
  const factor = b.op('div', b.lit(1, share), b.op('sub', b.lit(1, share), share));
  const scaled = b.op('mul', x, b.broadcastTo(b.cast(factor, x.type.dtype), shape));
  return b.op('select', b.broadcastTo(keep, shape), scaled, b.lit(0, scaled));
};
