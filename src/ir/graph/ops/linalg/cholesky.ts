/**
 * Cholesky factors: `a = l · lᵀ` with a lower triangle `l`, of symmetric positive definite matrices.
 *
 * Invariant: only the lower triangle is read; a matrix that is not positive definite gives NaN. The gradient (I. Murray,
 * "Differentiation of the Cholesky decomposition", 2016) is that of a symmetric matrix: symmetric.
 */
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { concat } from '../concat.ts';
import { defineOp, type NoAttrs } from '../define.ts';
import { take } from '../take.ts';
import {
  block,
  checkSquare,
  forEach,
  maskedBy,
  matrixRule,
  placesIn,
  product,
  sizesOf,
  spread,
  transposed,
} from './define.ts';
import { repeat } from './repeat.ts';
import { triangularSolve } from './triangular.ts';

/** Larger matrices are made of factors of blocks. */
const BLOCK = 128;

export const cholesky: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'cholesky',
  kind: 'composite',
  schema: {},
  type: (inputs) => {
    const rule = matrixRule('cholesky', inputs, ['a']);
    checkSquare(rule, inputs[0]!);
    return inputs[0]!;
  },
  decompose: (b, [a]) => {
    const [n] = sizesOf(a!);
    if (n === 0) return a!;
    return n <= BLOCK ? byColumns(b, a!) : byBlocks(b, a!);
  },
  gradient: (b, node, dl) => {
    const inner = maskedBy(b, product(b, node, dl, { left: 'transposed' }), 'ge');
    const half = b.op('mul', inner, b.lit(0.5, inner));
    const part = maskedBy(b, inner, 'ne', half);
    const backward = { upper: false, transposed: true, unit: false };
    const left = b.emit(triangularSolve, [node, part], backward);
    const both = b.emit(triangularSolve, [node, transposed(b, left)], backward);
    const sum = b.op('add', both, transposed(b, both));
    return [b.op('mul', sum, b.lit(0.5, sum))];
  },
});

/** Column after column: each is taken out of the columns after it. */
const byColumns = (b: GraphBuilder, a: Node): Node => {
  const { shape } = a.type;
  const [n] = sizesOf(a);
  const rank = shape.length;
  const { outputs } = repeat(b, {
    trips: n,
    states: [a],
    step: (inner, number, [rest]) => {
      const column = inner.emit(take, [rest!, number], { axis: rank - 1 });
      const pivot = inner.emit(take, [column, number], { axis: rank - 2 });
      const root = forEach(inner, inner.op('sqrt', pivot), column.type.shape);
      const row = placesIn(inner, column.type.shape);
      const isBelow = inner.op('ge', row, inner.broadcast(number, row.type.shape, []));
      const own = inner.op('select', isBelow, inner.op('div', column, root), inner.lit(0, column));
      const outer = inner.op(
        'mul',
        spread(inner, own, shape, 'column'),
        spread(inner, own, shape, 'row'),
      );
      return { states: [inner.op('sub', rest!, outer)], outputs: [own] };
    },
  });
  // columns came one after the other along the first axis
  const axes = shape.map((_, i) => i);
  return b.transpose(outputs[0]!, [...axes.slice(1), 0]);
};

/** The halves one after the other. */
const byBlocks = (b: GraphBuilder, a: Node): Node => {
  const [n] = sizesOf(a);
  const half = BLOCK * Math.ceil(n / BLOCK / 2);
  const first = b.emit(cholesky, [block(b, a, 0, half, 0, half)], {});
  const beside = transposed(b, block(b, a, half, n, 0, half));
  const solved = b.emit(triangularSolve, [first, beside], {
    upper: false,
    transposed: false,
    unit: false,
  });
  const inner = product(b, solved, solved, { left: 'transposed' });
  const last = b.emit(cholesky, [b.op('sub', block(b, a, half, n, half, n), inner)], {});
  const rank = a.type.shape.length;
  const zeros = b.full(0, a.type.dtype, [...a.type.shape.slice(0, -2), half, n - half]);
  const top = b.emit(concat, [first, zeros], { axis: rank - 1 });
  const bottom = b.emit(concat, [transposed(b, solved), last], { axis: rank - 1 });
  return b.emit(concat, [top, bottom], { axis: rank - 2 });
};
