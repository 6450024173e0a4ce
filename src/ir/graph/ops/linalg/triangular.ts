/**
 * Systems of equations with triangular matrices.
 *
 * Blocks on the diagonal are inverted, all at once and by doubling: of a matrix with inverted halves X on its diagonal
 * and C beside them, X - X C X is the inverse. With these, substitution is by blocks: all work is products.
 * Invariant: only the triangle is read; a zero on the diagonal gives infinities and NaN.
 */
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { concat } from '../concat.ts';
import { defineOp } from '../define.ts';
import { iota } from '../leaf.ts';
import { pad } from '../slice.ts';
import {
  batchOf,
  block,
  checkSquare,
  identity,
  maskedBy,
  matrixRule,
  negative,
  numbers,
  product,
  sizesOf,
  transposed as transpose,
} from './define.ts';

export type TriangularAttrs = {
  /** Which triangle of the matrix is read. */
  readonly upper: boolean;
  /** Solve with the transpose of the matrix. */
  readonly transposed: boolean;
  /** The diagonal counts as ones. */
  readonly unit: boolean;
};

/** Blocks that are inverted. */
const BLOCK = 64;

/** `x` of `t · x = y`, for a triangle `t` of a matrix [..., n, n] and y [..., n, k]. */
export const triangularSolve: Op<TriangularAttrs> = defineOp<TriangularAttrs>({
  name: 'triangularSolve',
  kind: 'composite',
  schema: {
    upper: { kind: 'bool', default: false },
    transposed: { kind: 'bool', default: false },
    unit: { kind: 'bool', default: false },
  },
  type: (inputs) => {
    const rule = matrixRule('triangularSolve', inputs, ['t', 'y']);
    const [t, y] = inputs;
    checkSquare(rule, t!);
    rule.check(
      y!.shape.at(-2) === t!.shape.at(-1),
      'y has another number of rows than t',
      'y holds one equation a row: for a single right-hand side give it an axis of size 1',
    );
    return y!;
  },
  decompose: (b, [t, y], { upper, transposed, unit }) => {
    const given = transposed ? transpose(b, t!) : t!;
    const isUpper = upper !== transposed;
    const one = b.lit(1, given);
    const inside = maskedBy(b, given, isUpper ? 'le' : 'ge');
    const triangle = unit ? maskedBy(b, inside, 'ne', one) : inside;
    return substitute(b, triangle, y!, isUpper);
  },
  gradient: (b, node, dx) => {
    const { upper, transposed, unit } = node.attrs;
    const [t] = node.inputs as [Node, Node];
    const dy = b.emit(triangularSolve, [t, dx], { upper, transposed: !transposed, unit });
    const [left, right] = transposed ? [node, dy] : [dy, node];
    const dt = negative(b, product(b, left, right, { right: 'transposed' }));
    const inside = maskedBy(b, dt, upper ? 'le' : 'ge');
    return [unit ? maskedBy(b, inside, 'ne') : inside, dy];
  },
});

/** Solves by blocks: the halves one after the other. `t` is zero off its triangle. */
const substitute = (b: GraphBuilder, t: Node, y: Node, upper: boolean): Node => {
  const [n] = sizesOf(t);
  const k = y.type.shape.at(-1)!;
  if (n === 0 || k === 0) return y;
  const size = Math.min(BLOCK, 2 ** Math.ceil(Math.log2(n)));
  const count = Math.ceil(n / size);
  const [whole, full] = padded(b, t, y, count * size);
  const inverses = inverseOf(b, diagonalBlocks(b, whole, count, size), upper);
  const solve = (from: number, to: number, right: Node): Node => {
    if (to - from === 1) return product(b, blockAt(b, inverses, from), right);
    const middle = (from + to) >> 1;
    const at = (i: number): number => i * size;
    const rows = (x: Node, first: number, last: number): Node =>
      block(b, x, at(first - from), at(last - from), 0, k);
    const [top, bottom] = [rows(right, from, middle), rows(right, middle, to)];
    const beside = upper
      ? block(b, whole, at(from), at(middle), at(middle), at(to))
      : block(b, whole, at(middle), at(to), at(from), at(middle));
    const less = (x: Node, by: Node): Node => b.op('sub', x, product(b, beside, by));
    const second = upper ? solve(middle, to, bottom) : undefined;
    const first = solve(from, middle, second === undefined ? top : less(top, second));
    const last = second ?? solve(middle, to, less(bottom, first));
    return b.emit(concat, [first, last], { axis: right.type.shape.length - 2 });
  };
  return block(b, solve(0, count, full), 0, n, 0, k);
};

/** The matrix and the right sides with `size` rows: more equations say that more unknowns are zero. */
const padded = (b: GraphBuilder, t: Node, y: Node, size: number): readonly [Node, Node] => {
  const [n] = sizesOf(t);
  if (n === size) return [t, y];
  const zeros = t.type.shape.map(() => 0);
  const grow = (x: Node, columns: number): Node =>
    b.emit(pad, [x], {
      low: zeros,
      high: [...zeros.slice(2), size - n, columns],
      interior: zeros,
      value: 0,
    });
  const bigger = grow(t, size - n);
  const { shape } = bigger.type;
  const isNew = b.op('ge', numbers(b, shape, 'rows'), b.full(n, 'int32', shape));
  return [b.op('select', isNew, identity(b, bigger), bigger), grow(y, 0)];
};

/** The blocks on the diagonal [..., count, size, size]. */
const diagonalBlocks = (b: GraphBuilder, t: Node, count: number, size: number): Node => {
  const batch = batchOf(t.type.shape);
  const shape = [...batch, count, size, count, size];
  const rank = batch.length;
  const cut = b.reshape(t, shape);
  const own = numbersAlong(b, shape, rank);
  const other = numbersAlong(b, shape, rank + 2);
  return b.sum(b.op('select', b.op('eq', own, other), cut, b.lit(0, cut)), [rank + 2]);
};

const numbersAlong = (b: GraphBuilder, shape: readonly number[], axis: number): Node =>
  b.emit(iota, [], { axis, dtype: 'int32', shape });

const blockAt = (b: GraphBuilder, blocks: Node, at: number): Node => {
  const { shape } = blocks.type;
  const batch = shape.slice(0, -3);
  const part = b.slice(
    blocks,
    [...batch.map(() => 0), at, 0, 0],
    [...batch, at + 1, ...shape.slice(-2)],
    shape.map(() => 1),
  );
  return b.reshape(part, [...batch, ...shape.slice(-2)]);
};

/** Inverses of triangular matrices whose size is a power of two. */
const inverseOf = (b: GraphBuilder, t: Node, upper: boolean): Node => {
  const { shape } = t.type;
  const size = shape.at(-1)!;
  const rows = numbers(b, shape, 'rows');
  const columns = numbers(b, shape, 'columns');
  let inverse = maskedBy(b, b.op('div', b.lit(1, t), t), 'eq');
  for (let half = 1; half < size; half *= 2) {
    const place = (of: Node): Node => b.op('floordiv', of, b.lit(half, of));
    const [row, column] = [place(rows), place(columns)];
    const [later, earlier] = upper ? [column, row] : [row, column];
    const isBeside = b.op('eq', later, b.op('add', earlier, b.lit(1, earlier)));
    const isEven = b.op('eq', b.op('mod', earlier, b.lit(2, earlier)), b.lit(0, earlier));
    const beside = b.op('select', b.op('and', isBeside, isEven), t, b.lit(0, t));
    const more = product(b, inverse, product(b, beside, inverse));
    inverse = b.op('sub', inverse, more);
  }
  return inverse;
};
