/**
 * Singular values and vectors by one-sided rotations (M. Hestenes, 1958): columns are rotated in pairs until all are
 * orthogonal; their lengths are the singular values.
 *
 * Invariants: at least as many rows as columns (a QR factorization makes the matrix square first); singular values
 * descend. In the gradient (J. Townsend, "Differentiating the singular value decomposition", 2016) equal singular values
 * share no direction: their terms are left out.
 */
import { tensor } from '../../../type.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { concat } from '../concat.ts';
import { defineOp } from '../define.ts';
import { argsort } from '../order.ts';
import { reduceMax } from '../reduce.ts';
import { takeAlong } from '../take.ts';
import {
  batchOf,
  block,
  diagonalOf,
  forEach,
  identity,
  matrixRule,
  negative,
  placesIn,
  product,
  scaleColumns,
  sizesOf,
  spread,
  transposed,
} from './define.ts';
import { addedColumn, columnsAt, evenSized, firstOf, inverseOrZero } from './eigh.ts';
import {
  placesList,
  rotateLines,
  rotationOf,
  roundsFor,
  straightened,
  successors,
} from './jacobi.ts';
import { qr } from './qr.ts';
import { repeat } from './repeat.ts';

export type SvdAttrs = {
  /** 0: the values; 1: left vectors, as columns; 2: right vectors, as columns. */
  readonly result: number;
};

/** `a = u · diag(s) · vᵀ` for matrices [..., m, n], m >= n: u [..., m, n], s [..., n], v [..., n, n]. */
export const svd: Op<SvdAttrs> = defineOp<SvdAttrs>({
  name: 'svd',
  kind: 'composite',
  schema: { result: { kind: 'int', default: 0 } },
  type: (inputs, { result }) => {
    const rule = matrixRule('svd', inputs, ['a']);
    const { dtype, shape } = inputs[0]!;
    const [m, n] = [shape.at(-2)!, shape.at(-1)!];
    rule.check(m >= n, `${m} rows are fewer than ${n} columns`, 'factor the transpose');
    const batch = batchOf(shape);
    return tensor(dtype, [...batch, ...[[n], [m, n], [n, n]][result]!]);
  },
  decompose: (b, [a], { result }) => {
    const [m, n] = sizesOf(a!);
    const tall = m > n;
    const square = tall ? b.emit(qr, [a!], { result: 1, complete: false }) : a!;
    const { columns, vectors, lengths, order } = orthogonalize(b, square);
    const rank = a!.type.shape.length;
    if (result === 0) return b.emit(takeAlong, [lengths, order], { axis: rank - 2 });
    if (result === 2) return columnsAt(b, vectors, order);
    // columns of zeros have no direction: a QR factorization finds one for them
    const inOrder = columnsAt(b, columns, order);
    const directions = b.emit(qr, [inOrder], { result: 0, complete: false });
    const signs = diagonalOf(b, b.emit(qr, [inOrder], { result: 1, complete: false }));
    const turned = scaleColumns(b, directions, b.op('copysign', b.lit(1, signs), signs));
    return tall ? product(b, b.emit(qr, [a!], { result: 0, complete: false }), turned) : turned;
  },
  gradient: (b, node, dy) => {
    const [a] = node.inputs as [Node];
    const [s, u, v] = [0, 1, 2].map((result) => b.emit(svd, [a], { result })) as [Node, Node, Node];
    const back = (inner: Node): Node =>
      product(b, product(b, u, inner), v, { right: 'transposed' });
    if (node.attrs.result === 0)
      return [product(b, scaleColumns(b, u, dy), v, { right: 'transposed' })];
    const [vectors, isLeft] = node.attrs.result === 1 ? [u, true] : [v, false];
    const along = product(b, vectors, dy, { left: 'transposed' });
    const { shape } = along.type;
    const squares = b.op('mul', s, s);
    const gap = b.op('sub', spread(b, squares, shape, 'row'), spread(b, squares, shape, 'column'));
    const skew = b.op('sub', along, transposed(b, along));
    const turning = b.op('mul', skew, inverseOrZero(b, gap));
    const inner = isLeft
      ? scaleColumns(b, turning, s)
      : b.op('mul', turning, spread(b, s, shape, 'column'));
    // what lies outside of the space that the vectors span
    const outside = b.op('sub', dy, product(b, vectors, along));
    const scaled = scaleColumns(b, outside, inverseOrZero(b, s));
    const rest = isLeft
      ? product(b, scaled, v, { right: 'transposed' })
      : product(b, u, scaled, { right: 'transposed' });
    return [b.op('add', back(inner), rest)];
  },
});

interface Orthogonal {
  readonly columns: Node;
  readonly vectors: Node;
  readonly lengths: Node;
  /** The columns by length, longest first. */
  readonly order: Node;
}

const lengthsOf = (b: GraphBuilder, x: Node): Node =>
  b.op('sqrt', b.sum(b.op('mul', x, x), [x.type.shape.length - 2]));

/** Rotates columns until they are orthogonal. */
const orthogonalize = (b: GraphBuilder, a: Node): Orthogonal => {
  const [n] = sizesOf(a);
  const batch = batchOf(a.type.shape);
  const rank = a.type.shape.length;
  if (n <= 1) {
    const lengths = lengthsOf(b, a);
    const order = placesIn(b, lengths.type.shape);
    return { columns: a, vectors: identity(b, a), lengths, order };
  }
  const odd = n % 2;
  const lines = n + odd;
  const half = lines / 2;
  const start = evenSized(b, a, 0, odd);
  const from = successors(lines);
  const partners = from.map((i) => (i + half) % lines);
  const { states } = repeat(b, {
    trips: roundsFor(lines, a.type.dtype),
    states: [b.emit(concat, [start, identity(b, a, [...batch, lines, lines])], { axis: rank - 2 })],
    captures: [from, partners].map((list) => placesList(b, list)),
    step: (inner, _, [both], [own, others]) => {
      const x = block(inner, both!, 0, n, 0, lines);
      const [left, right] = [block(inner, x, 0, n, 0, half), block(inner, x, 0, n, half, lines)];
      const dots = (p: Node, q: Node): Node => {
        const sums = inner.sum(inner.op('mul', p, q), [rank - 2]);
        return inner.emit(concat, [sums, sums], { axis: rank - 2 });
      };
      const place = placesIn(inner, [...batch, lines]);
      const isFirst = inner.op('lt', place, inner.lit(half, place));
      const rotation = rotationOf(
        inner,
        dots(left, left),
        dots(right, right),
        dots(left, right),
        isFirst,
      );
      return { states: [rotateLines(inner, both!, rotation, 'columns', own!, others!)] };
    },
  });
  const rotated = block(b, states[0]!, n, n + lines, 0, lines);
  const vectors = straightened(b, rotated);
  const columns = product(b, start, vectors);
  const lengths = lengthsOf(b, columns);
  const key =
    odd === 0 ? lengths : b.op('select', addedColumn(b, rotated, n), b.lit(-1, lengths), lengths);
  const order = b.emit(argsort, [key], { axis: rank - 2, descending: true });
  return {
    columns,
    vectors: block(b, vectors, 0, n, 0, lines),
    lengths,
    order: firstOf(b, order, n),
  };
};

export type PinvAttrs = {
  /** Singular values up to this share of the greatest count as zero. */
  readonly rcond: number;
};

/** The pseudoinverse (Moore and Penrose) of matrices [..., m, n], m >= n. */
export const pinv: Op<PinvAttrs> = defineOp<PinvAttrs>({
  name: 'pinv',
  kind: 'composite',
  schema: { rcond: { kind: 'number' } },
  type: (inputs) => {
    const rule = matrixRule('pinv', inputs, ['a']);
    const { dtype, shape } = inputs[0]!;
    rule.check(shape.at(-2)! >= shape.at(-1)!, 'fewer rows than columns', 'factor the transpose');
    return tensor(dtype, [...batchOf(shape), shape.at(-1)!, shape.at(-2)!]);
  },
  decompose: (b, [a], { rcond }) => {
    const [s, u, v] = [0, 1, 2].map((result) => b.emit(svd, [a!], { result })) as [
      Node,
      Node,
      Node,
    ];
    const { shape } = s.type;
    if (s.type.size === 0) return transposed(b, a!);
    const top = b.emit(reduceMax, [s], { axes: [shape.length - 1] });
    const limit = forEach(b, b.op('mul', top, b.lit(rcond, top)), shape);
    const isSmall = b.op('le', s, limit);
    const inverse = inverseOrZero(b, b.op('select', isSmall, b.lit(0, s), s));
    return product(b, scaleColumns(b, v, inverse), u, { right: 'transposed' });
  },
  // G. Golub and V. Pereyra, 1973: for changes that keep the rank
  gradient: (b, node, dy) => {
    const [a] = node.inputs as [Node];
    const y: Node = node;
    const turned = transposed(b, dy);
    const first = product(b, product(b, y, dy, { left: 'transposed' }), y, { right: 'transposed' });
    const rowsLeft = b.op('sub', turned, product(b, a, product(b, y, turned)));
    const second = product(b, rowsLeft, product(b, y, y, { right: 'transposed' }));
    const columnsLeft = b.op('sub', turned, product(b, product(b, turned, y), a));
    const third = product(b, product(b, y, y, { left: 'transposed' }), columnsLeft);
    return [b.op('add', negative(b, first), b.op('add', second, third))];
  },
});
