/**
 * Random numbers as nodes of a graph: words of Threefry, uniform and normal numbers made of them, and choosing among
 * several proposals without branches.
 *
 * Invariant: word `d` of element `i` is threefry(seed, i, d) alone, so that the same call gives the same numbers on every
 * device. Doubles are the same draws with more bits, from words of a key that no seed has. (Functions such as the logarithm may differ in the last place between devices, and so may what is made of them.)
 */
import { type DType, isFloat, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { type Write, writing } from '../../ir/graph/ops/formula.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { argmax } from '../../ir/graph/ops/reduce.ts';
import type { Shape } from '../../ir/type.ts';

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

/** `dtype`: see {@link drawnIn}. */
export const sourceOf = (
  b: GraphBuilder,
  key: readonly Node[],
  shape: Shape,
  dtype: DType,
): Source => {
  const [low, high, draw] = key as [Node, Node, Node];
  return { b, low, high, draw, elements: shape, shape, dtype };
};

/** Float64 if one of these dtypes of parameters is, else float32. */
export const widestOf = (parameters: readonly DType[]): DType =>
  parameters.includes('float64') ? 'float64' : 'float32';
/** What numbers of `dtype` are made in: integers as their parameters are. */
export const drawnIn = (dtype: DType, parameters: readonly DType[]): DType =>
  isFloat(dtype) ? summedIn(dtype) : widestOf(parameters);

/** Formulas over the elements of `source`. */
export const formulas = ({ b, shape, dtype }: Source): Write => writing(b, b.full(0, dtype, shape));

/** The same source some draws further on. */
export const later = (source: Source, draws: number): Source => {
  if (draws === 0) return source;
  const { b, draw } = source;
  return { ...source, draw: b.op('add', draw, b.lit(draws, draw)) };
};

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
const whole = (source: Source, bits: number): Node => {
  if (source.dtype !== 'float64') return topBits(source, bits);
  const { b } = source;
  const rest = bits - 3;
  const top = topBits(source, 32);
  return b.op('add', b.op('mul', top, b.lit(2 ** rest, top)), topBits(further(source), rest));
};
/** Random bits of a number of which `bits` are those of a float32. */
const bitsOf = ({ dtype }: Source, bits: number): number =>
  dtype === 'float64' ? bits + 29 : bits;

/** Uniform floats in [0, 1) with 24 random bits, `(word >> 8) · 2⁻²⁴`; doubles with 53. */
export const unit = (source: Source): Node => {
  const top = whole(source, 24);
  return source.b.op('mul', top, source.b.lit(2 ** -bitsOf(source, 24), top));
};

/** Uniform floats in (0, 1), symmetric around 1/2, with 23 random bits: `((word >> 9) + 1/2) · 2⁻²³`; doubles with 52. */
export const openUnit = (source: Source): Node => {
  const { b } = source;
  const top = whole(source, 23);
  return b.op('mul', b.op('add', top, b.lit(0.5, top)), b.lit(2 ** -bitsOf(source, 23), top));
};

/** Standard normal numbers by Box–Muller, of two draws: `sqrt(-2 log(1 - u)) · cos(2π v)`. */
export const standardNormal = (source: Source): Node => {
  const { b } = source;
  const u = unit(source);
  const v = unit(later(source, 1));
  const radius = b.op('sqrt', b.op('mul', b.op('log', b.op('sub', b.lit(1, u), u)), b.lit(-2, u)));
  return b.op('mul', radius, b.op('cos', b.op('mul', v, b.lit(2 * Math.PI, v))));
};

/**
 * Rejection without branches: all of a fixed number of proposals are looked at, and the first that is accepted counts. A
 * proposal of `draws` words is made by `propose`, which says whether to accept it and what it is. If none is accepted, the
 * first counts all the same: `count` is to make that too rare to matter.
 */
export const firstAccepted = (
  source: Source,
  count: number,
  draws: number,
  propose: (source: Source) => { readonly accepted: Node; readonly value: Node },
): Node => {
  const { b, draw, shape } = source;
  const many = [count, ...shape];
  const number = b.emit(iota, [], { axis: 0, dtype: 'uint32', shape: many });
  const ahead = b.op('mul', number, b.lit(draws, number));
  const tried = propose({
    ...source,
    draw: b.op('add', b.broadcastTo(draw, many), ahead),
    shape: many,
  });
  const first = b.cast(b.emit(argmax, [b.cast(tried.accepted, 'uint8')], { axes: [0] }), 'uint32');
  const skipped = b.op('mul', first, b.lit(draws, first));
  return propose({ ...source, draw: b.op('add', b.broadcastTo(draw, shape), skipped) }).value;
};

/** `x`, one value per element, for each proposal of a source made by {@link firstAccepted} too. */
export const perElement = ({ b, shape }: Source, x: Node): Node => b.broadcastTo(x, shape);
