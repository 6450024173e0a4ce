/**
 * Positions as numbers that attention can use: waves that are added, or rotations of queries and keys.
 *
 * Invariant: position `t` depends on `start + t` alone; angles are computed in float32, for float64 in float64.
 */
import { type DType, summedIn } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { floating } from './math.ts';

interface Attrs {
  readonly start: number;
  readonly base: number;
  readonly interleaved: boolean;
}
export interface PositionOptions {
  /** Position of the first element. Default 0. */
  readonly start?: number;
  /** Wavelengths go from 2π to 2π · base. Default 10000. */
  readonly base?: number;
}

/** [positions, half]: `(start + t) / base^(i / half)`. */
const anglesOf = (
  b: GraphBuilder,
  positions: number,
  half: number,
  dtype: DType,
  { start, base }: Attrs,
): Node => {
  const shape = [positions, half];
  const at = (axis: number): Node => b.emit(iota, [], { axis, dtype, shape });
  const place = b.op('add', at(0), b.lit(start, at(0)));
  const power = b.op('mul', at(1), b.lit(-Math.log(base) / half, at(1)));
  return b.op('mul', place, b.op('exp', power));
};

const checked = (
  name: string,
  x: NDArray,
  options: PositionOptions,
  interleaved: boolean,
): Attrs => {
  checkArray(name, x);
  const { start = 0, base = 10000 } = options;
  if (x.ndim < 2 || x.shape[x.ndim - 1]! % 2 !== 0)
    throw failure(
      'shape',
      `${name}: takes [..., positions, features] with an even number of features, not ${showType(x.type)}`,
      'features come in pairs, one for the sine and one for the cosine',
    );
  if (!Number.isInteger(start) || !(base > 0))
    throw failure(
      'option',
      `${name}: start ${shown(start)}, base ${shown(base)}`,
      'pass an integer and a number > 0',
    );
  return { start, base, interleaved };
};
const keyOf = ({ start, base, interleaved }: Attrs): string => `${start}/${base}/${interleaved}`;

const adding: Fragment<Attrs> = fragment<Attrs>('sinusoidalEncoding', (b, [x], attrs) => {
  const { shape, dtype } = floating(b, x!).type;
  const [positions, features] = shape.slice(-2) as [number, number];
  const value = b.cast(x!, summedIn(dtype));
  const angles = anglesOf(b, positions, features / 2, value.type.dtype, attrs);
  const pair = [b.op('sin', angles), b.op('cos', angles)].map((n) =>
    b.reshape(n, [positions, features / 2, 1]),
  );
  const waves = b.reshape(b.emit(concat, pair, { axis: 2 }), [positions, features]);
  return b.cast(b.op('add', value, b.broadcastTo(waves, shape)), dtype);
});

/**
 * `x` [..., positions, features] plus waves: `sin(t / base^(2i / features))` to feature 2i and the cosine to feature 2i
 * + 1. (Vaswani et al., "Attention is all you need", NIPS 2017, §3.5.) The shape stays; floats keep their dtype
 * (computed in float32 at least), integers and booleans give float32.
 *
 * @throws {ShapeError} for fewer than two axes, and an odd number of features
 * @throws {OptionError} unless `start` is an integer and `base` a number > 0
 *
 * @example
 * nd.sinusoidalEncoding(nd.zeros([2, 2]));   // [[0, 1], [0.8415, 0.5403]]
 */
export const sinusoidalEncoding = (x: NDArray, options: PositionOptions = {}): NDArray => {
  checkOptions('sinusoidalEncoding', options, ['start', 'base']);
  const attrs = checked('sinusoidalEncoding', x, options, true);
  return call(adding, [x], { attrs, key: keyOf(attrs) });
};

const rotating: Fragment<Attrs> = fragment<Attrs>('rotaryEmbedding', (b, [x], attrs) => {
  const value = b.cast(x!, summedIn(x!.type.dtype));
  const { shape, dtype } = value.type;
  const [positions, features] = shape.slice(-2) as [number, number];
  const half = features / 2;
  const rank = shape.length;
  // Pairs are neighbours, or one from each half.
  const paired = [...shape.slice(0, -1), ...(attrs.interleaved ? [half, 2] : [2, half])];
  const axis = attrs.interleaved ? rank : rank - 1;
  const parts = b.reshape(value, paired);
  const [p, q] = [0, 1].map((i) => sliceAxis(b, parts, axis, i, i + 1)) as [Node, Node];
  const angles = anglesOf(b, positions, half, dtype, attrs);
  const spread = (n: Node): Node =>
    b.broadcastTo(
      b.reshape(n, attrs.interleaved ? [positions, half, 1] : [positions, 1, half]),
      p.type.shape,
    );
  const [s, c] = [spread(b.op('sin', angles)), spread(b.op('cos', angles))];
  const first = b.op('sub', b.op('mul', p, c), b.op('mul', q, s));
  const second = b.op('add', b.op('mul', q, c), b.op('mul', p, s));
  const turned = b.reshape(b.emit(concat, [first, second], { axis }), shape);
  return b.cast(turned, floating(b, x!).type.dtype);
});

export interface RotaryOptions extends PositionOptions {
  /** Features 2i and 2i + 1 are a pair; false: i and i + features / 2. Default false. */
  readonly interleaved?: boolean;
}
/**
 * `x` [..., positions, features] with pairs of features turned by angles that grow with the position, so that products
 * of queries and keys depend on their distance. (Su et al., "RoFormer", 2021.) The shape stays; floats keep their dtype
 * (computed in float32 at least), integers and booleans give float32.
 *
 * @throws {ShapeError} for fewer than two axes, and an odd number of features
 * @throws {OptionError} unless `start` is an integer and `base` a number > 0
 *
 * @example
 * nd.rotaryEmbedding(nd.array([[1, 0], [1, 0]]));   // [[1, 0], [0.5403, 0.8415]]
 */
export const rotaryEmbedding = (x: NDArray, options: RotaryOptions = {}): NDArray => {
  checkOptions('rotaryEmbedding', options, ['start', 'base', 'interleaved']);
  const attrs = checked('rotaryEmbedding', x, options, options.interleaved ?? false);
  return call(rotating, [x], { attrs, key: keyOf(attrs) });
};
