/**
 * Eigenvalues and eigenvectors of symmetric matrices, by Jacobi's method: rotations from both sides, all pairs in rounds.
 *
 * Invariants: the matrix is taken to be symmetric; eigenvalues ascend; eigenvectors are the columns. In the gradient
 * (M. Giles, "Collected matrix derivative results", 2008) equal eigenvalues share no direction: their terms are left out.
 */
import { tensor } from '../../../type.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { defineOp } from '../define.ts';
import { argsort } from '../order.ts';
import { pad } from '../slice.ts';
import { take, takeAlong } from '../take.ts';
import {
  block,
  checkSquare,
  diagonalOf,
  identity,
  matrixRule,
  placesIn,
  product,
  scaleColumns,
  sizesOf,
  spread,
  transposed,
} from './define.ts';
import {
  placesList,
  rotateLines,
  rotationOf,
  roundsFor,
  straightened,
  successors,
} from './jacobi.ts';
import { repeat } from './repeat.ts';

export type EighAttrs = {
  /** 0: the values; 1: the vectors. */
  readonly result: number;
};

export const eigh: Op<EighAttrs> = defineOp<EighAttrs>({
  name: 'eigh',
  kind: 'composite',
  schema: { result: { kind: 'int', default: 0 } },
  type: (inputs, { result }) => {
    const rule = matrixRule('eigh', inputs, ['a']);
    const [a] = inputs;
    checkSquare(rule, a!);
    return result === 0 ? tensor(a!.dtype, a!.shape.slice(0, -1)) : a!;
  },
  decompose: (b, [a], { result }) => {
    const { values, vectors } = diagonalize(b, a!);
    const [n] = sizesOf(a!);
    const rank = a!.type.shape.length;
    const order = b.emit(argsort, [values], { axis: rank - 2, descending: false });
    const first = firstOf(b, order, n);
    if (result === 0) return b.emit(takeAlong, [values, first], { axis: rank - 2 });
    return columnsAt(b, block(b, vectors, 0, n, 0, vectors.type.shape.at(-1)!), first);
  },
  gradient: (b, node, dy) => {
    const [a] = node.inputs as [Node];
    const other = b.emit(eigh, [a], { result: 1 - node.attrs.result });
    const [values, vectors] =
      node.attrs.result === 0 ? [node as Node, other] : [other, node as Node];
    if (node.attrs.result === 0)
      return [product(b, scaleColumns(b, vectors, dy), vectors, { right: 'transposed' })];
    const { shape } = vectors.type;
    const along = product(b, vectors, dy, { left: 'transposed' });
    const gap = b.op('sub', spread(b, values, shape, 'row'), spread(b, values, shape, 'column'));
    const inner = b.op('mul', along, inverseOrZero(b, gap));
    const whole = product(b, product(b, vectors, inner), vectors, { right: 'transposed' });
    const sum = b.op('add', whole, transposed(b, whole));
    return [b.op('mul', sum, b.lit(0.5, sum))];
  },
});

/** `1 / x`, and 0 for 0. */
export const inverseOrZero = (b: GraphBuilder, x: Node): Node => {
  const none = b.op('eq', x, b.lit(0, x));
  const one = b.lit(1, x);
  return b.op('select', none, b.lit(0, x), b.op('div', one, b.op('select', none, one, x)));
};

/** The first `n` along the last axis. */
export const firstOf = (b: GraphBuilder, x: Node, n: number): Node => {
  const { shape } = x.type;
  const batch = shape.slice(0, -1);
  return b.slice(
    x,
    shape.map(() => 0),
    [...batch, n],
    shape.map(() => 1),
  );
};

/** Columns in an order given for each matrix: as many as the order has. */
export const columnsAt = (b: GraphBuilder, x: Node, order: Node): Node => {
  const shape = [...x.type.shape.slice(0, -1), order.type.shape.at(-1)!];
  return b.emit(takeAlong, [x, spread(b, order, shape, 'row')], { axis: shape.length - 1 });
};

/** A matrix with a row and a column of zeros more where it has an odd number of them. */
export const evenSized = (b: GraphBuilder, x: Node, rows: number, columns: number): Node => {
  const zeros = x.type.shape.map(() => 0);
  if (rows + columns === 0) return x;
  return b.emit(pad, [x], {
    low: zeros,
    high: [...zeros.slice(2), rows, columns],
    interior: zeros,
    value: 0,
  });
};

/** Rotates until nothing is off the diagonal; what was added for an even number of lines gets the value ∞. */
const diagonalize = (
  b: GraphBuilder,
  a: Node,
): { readonly values: Node; readonly vectors: Node } => {
  const [n] = sizesOf(a);
  if (n <= 1) return { values: diagonalOf(b, a), vectors: identity(b, a) };
  const odd = n % 2;
  const lines = n + odd;
  const half = lines / 2;
  const start = evenSized(b, a, odd, odd);
  const { shape } = start.type;
  const rank = shape.length;
  const batch = shape.slice(0, -2);
  const from = successors(lines);
  const partnerOf = (i: number): number => (i + half) % lines;
  const first = (i: number): number => i % half;
  const all = Array.from({ length: lines }, (_, i) => i);
  const lists = [
    from,
    from.map(partnerOf),
    all.map((i) => first(i) * lines + first(i)),
    all.map((i) => (first(i) + half) * lines + first(i) + half),
    all.map((i) => first(i) * lines + first(i) + half),
  ];
  const { states } = repeat(b, {
    trips: roundsFor(lines, a.type.dtype),
    states: [start, identity(b, start)],
    captures: lists.map((list) => placesList(b, list)),
    step: (inner, _, [rest, vectors], [own, partners, p, q, both]) => {
      const flat = inner.reshape(rest!, [...batch, lines * lines]);
      const at = (places: Node): Node => inner.emit(take, [flat, places], { axis: rank - 2 });
      const place = placesIn(inner, [...batch, lines]);
      const isFirst = inner.op('lt', place, inner.lit(half, place));
      const rotation = rotationOf(inner, at(p!), at(q!), at(both!), isFirst);
      const turn = (x: Node, which: 'rows' | 'columns'): Node =>
        rotateLines(inner, x, rotation, which, own!, partners!);
      return { states: [turn(turn(rest!, 'rows'), 'columns'), turn(vectors!, 'columns')] };
    },
  });
  const vectors = straightened(b, states[1]!);
  const turned = product(b, start, vectors);
  const values = b.sum(b.op('mul', vectors, turned), [rank - 2]);
  if (odd === 0) return { values, vectors };
  const last = b.lit(Number.POSITIVE_INFINITY, values);
  return { values: b.op('select', addedColumn(b, states[1]!, n), last, values), vectors };
};

/** Which column of rotated identities belongs to line `added`, that took no part. */
export const addedColumn = (b: GraphBuilder, vectors: Node, added: number): Node => {
  const { shape } = vectors.type;
  const row = b.reshape(block(b, vectors, added, added + 1, 0, shape.at(-1)!), [
    ...shape.slice(0, -2),
    shape.at(-1)!,
  ]);
  return b.op('ne', row, b.lit(0, row));
};
