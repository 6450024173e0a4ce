/**
 * Factors of covariances, `C = L Lᵀ` with L lower triangular, and what is solved with them: for a few dozen variables.
 *
 * Invariant: column by column, unrolled into one program, so that gradients are those of the steps. A matrix that is not
 * positive definite gives NaN.
 */
import { promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';

/** More would make programs too long. */
const MOST = 128;

const sizeOf = (name: string, x: Node): number => {
  const [rows, columns] = x.type.shape.slice(-2);
  if (rows === undefined || rows !== columns)
    throw new TigonError(
      'shape',
      `${name}: ${showType(x.type)} is not square in its last two axes`,
    );
  if (rows > MOST)
    throw new TigonError('shape', `${name}: ${rows} variables are more than ${MOST}`);
  return rows;
};

/** The part of `x` at position `at` of its last `axes` axes, which go away. */
const cut = (b: GraphBuilder, x: Node, at: readonly (number | undefined)[]): Node => {
  const { shape } = x.type;
  const first = shape.length - at.length;
  const position = (i: number): number | undefined => (i < first ? undefined : at[i - first]);
  const part = b.slice(
    x,
    shape.map((_, i) => position(i) ?? 0),
    shape.map((d, i) => (position(i) === undefined ? d : position(i)! + 1)),
    shape.map(() => 1),
  );
  return b.reshape(
    part,
    shape.filter((_, i) => position(i) === undefined),
  );
};

/** `x` [..., n] along axis `axis` of [..., n, n]: -2 for columns, -1 for rows. */
const along = (b: GraphBuilder, x: Node, axis: -2 | -1): Node => {
  const { shape } = x.type;
  const n = shape[shape.length - 1]!;
  const lead = shape.slice(0, -1);
  const rank = lead.length;
  return b.broadcast(x, [...lead, n, n], [...lead.keys(), rank + 2 + axis]);
};

const swapped = (rank: number): number[] => [
  ...Array.from({ length: rank - 2 }, (_, i) => i),
  rank - 1,
  rank - 2,
];

const factoring: Fragment = fragment('cholesky', (b, [given]) => {
  const n = sizeOf('cholesky', given!);
  const whole = b.cast(given!, summedIn(given!.type.dtype));
  const { shape } = whole.type;
  // half of each side, so that gradients are symmetric
  const turned = b.transpose(whole, swapped(shape.length));
  let rest = b.op('mul', b.op('add', whole, turned), b.lit(0.5, whole));
  const vector = shape.slice(0, -1);
  const lead = vector.slice(0, -1);
  const places = b.emit(iota, [], { axis: vector.length - 1, dtype: 'int32', shape: vector });
  const columns: Node[] = [];
  for (let j = 0; j < n; j++) {
    const pivot = b.op('sqrt', cut(b, rest, [j, j]));
    const column = cut(b, rest, [undefined, j]);
    const scaled = b.op('div', column, b.broadcast(pivot, vector, [...lead.keys()]));
    const low = b.op('ge', places, b.lit(j, places));
    const own = b.op('select', low, scaled, b.lit(0, scaled));
    columns.push(b.reshape(own, [...vector, 1]));
    rest = b.op('sub', rest, b.op('mul', along(b, own, -2), along(b, own, -1)));
  }
  return b.emit(concat, columns, { axis: shape.length - 1 });
});
/** L of symmetric positive definite matrices in the last two axes. */
export const cholesky = (x: NDArray): NDArray => call(factoring, [x], { attrs: {}, key: '' });

interface SolveAttrs {
  readonly shape: Shape;
}
const solving: Fragment<SolveAttrs> = fragment<SolveAttrs>('solveLower', (b, [l, y], { shape }) => {
  const n = sizeOf('solveLower', l!);
  const lead = shape.slice(0, -1);
  const dtype = summedIn(promote(l!.type.dtype, y!.type.dtype));
  const matrix = b.broadcastTo(b.cast(l!, dtype), [...shape, n]);
  let rest = b.broadcastTo(b.cast(y!, dtype), shape);
  const found: Node[] = [];
  for (let j = 0; j < n; j++) {
    const value = b.op('div', cut(b, rest, [j]), cut(b, matrix, [j, j]));
    found.push(b.reshape(value, [...lead, 1]));
    const column = cut(b, matrix, [undefined, j]);
    rest = b.op('sub', rest, b.op('mul', column, b.broadcast(value, shape, [...lead.keys()])));
  }
  return b.emit(concat, found, { axis: lead.length });
});
/** The x with `L x = y`, for L in the last two axes and y in the last; `shape`: what y and the lead of L broadcast to. */
export const solveLower = (l: NDArray, y: NDArray, shape: Shape): NDArray =>
  call(solving, [l, y], { attrs: { shape }, key: shape.join('.') });
