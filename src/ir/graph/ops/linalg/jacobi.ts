/**
 * Rotations of pairs of rows or columns, all pairs in rounds: what Jacobi's methods do.
 *
 * In a round every line is in one pair: with the line half a matrix further. Then all but the first move on by one, so
 * that after `lines - 1` rounds each has met each (R. P. Brent and F. T. Luk, 1985).
 * Invariant: the number of lines is even; how many rounds are done depends on it alone.
 */
import type { DType } from '../../../dtype.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node } from '../../graph.ts';
import { literal } from '../leaf.ts';
import { take } from '../take.ts';
import { identity, product, spread } from './define.ts';

/** Rounds in which all pairs meet, often enough: convergence is quadratic at the end, so that doubles need one more. */
export const roundsFor = (lines: number, dtype: DType): number =>
  (lines - 1) * ((dtype === 'float64' ? 4 : 3) + Math.ceil(Math.log2(lines)));

/** The line that comes to each place after a round. */
export const successors = (lines: number): number[] => {
  const half = lines / 2;
  return Array.from({ length: lines }, (_, i) => {
    if (i === 0 || half === 1) return i;
    if (i === 1) return half;
    if (i < half) return i - 1;
    return i === lines - 1 ? half - 1 : i + 1;
  });
};

/** A list of places, as a node. */
export const placesList = (b: GraphBuilder, values: readonly number[]): Node =>
  b.emit(literal, [], { values, dtype: 'int32', shape: [values.length] });

/** A rotation that makes a pair orthogonal, for each line: its share of itself and of its partner. */
export interface Rotation {
  readonly own: Node;
  readonly partner: Node;
}

/**
 * The rotations for pairs with products `first · first`, `second · second` and `first · second` (one number for each
 * line; that of a pair stands at both): tan = sign(z) / (|z| + sqrt(1 + z²)), z = (second - first) / (2 both).
 */
export const rotationOf = (
  b: GraphBuilder,
  first: Node,
  second: Node,
  both: Node,
  isFirst: Node,
): Rotation => {
  const one = b.lit(1, both);
  const zero = b.lit(0, both);
  const none = b.op('eq', both, zero);
  const safe = b.op('select', none, one, both);
  const z = b.op('div', b.op('sub', second, first), b.op('add', safe, safe));
  const root = b.op('sqrt', b.op('add', one, b.op('mul', z, z)));
  const size = b.op('div', one, b.op('add', b.op('abs', z), root));
  const tangent = b.op('select', none, zero, b.op('copysign', size, z));
  const own = b.op('rsqrt', b.op('add', one, b.op('mul', tangent, tangent)));
  const sine = b.op('mul', own, tangent);
  return { own, partner: b.op('select', isFirst, b.op('neg', sine), sine) };
};

/** `x` with its rows (or columns) rotated in pairs, in the order of `from`, where `partners` are those they pair with. */
export const rotateLines = (
  b: GraphBuilder,
  x: Node,
  rotation: Rotation,
  lines: 'rows' | 'columns',
  from: Node,
  partners: Node,
): Node => {
  const { shape } = x.type;
  const axis = shape.length - (lines === 'rows' ? 2 : 1);
  const as = lines === 'rows' ? 'column' : 'row';
  const share = (v: Node): Node => {
    const moved = b.emit(take, [v, from], { axis: v.type.shape.length - 1 });
    return spread(b, moved, shape, as);
  };
  const at = (places: Node): Node => b.emit(take, [x, places], { axis });
  return b.op(
    'add',
    b.op('mul', share(rotation.own), at(from)),
    b.op('mul', share(rotation.partner), at(partners)),
  );
};

/**
 * An almost orthogonal matrix, made more so: rotations by the thousand add up their rounding. One step of Newton's
 * iteration for the polar factor (N. Higham, 1986) squares what is missing.
 */
export const straightened = (b: GraphBuilder, x: Node): Node => {
  const inner = product(b, x, x, { left: 'transposed' });
  const half = (y: Node): Node => b.op('mul', y, b.lit(0.5, y));
  const ones = identity(b, inner);
  const more = product(b, x, half(b.op('sub', ones, inner)));
  return b.op('add', x, more);
};
