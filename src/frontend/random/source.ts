/**
 * Random numbers as nodes of a graph: uniform and normal numbers made of words of Threefry, and choosing among several
 * proposals without branches.
 *
 * Invariant: word `d` of element `i` is threefry(seed, i, d) alone, so that the same call gives the same numbers on every
 * device. Doubles are the same draws with more bits, from words of a key that no seed has. (Functions such as the logarithm may differ in the last place between devices, and so may what is made of them.)
 */
import { type DType, isFloat, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { bitsOf, type Source, unit, whole } from '../../ir/graph/ops/draws.ts';
import { type Write, writing } from '../../ir/graph/ops/formula.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { argmax } from '../../ir/graph/ops/reduce.ts';
import type { Shape } from '../../ir/type.ts';

export { type Source, unit, words } from '../../ir/graph/ops/draws.ts';

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
