/**
 * LU factors with partial pivoting, and what is computed with them: solutions of equations and determinants.
 *
 * Rows stay where they are while they are eliminated; the order in which they were chosen is applied in the end.
 * Invariant: rows are chosen by the greatest number of their column; a column without one leaves a zero on the diagonal:
 * then determinants are 0, and solutions hold infinities or NaN.
 */
import type { DType } from '../../../dtype.ts';
import { tensor } from '../../../type.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node, Op } from '../../graph.ts';
import { defineOp, type NoAttrs } from '../define.ts';
import { argsort } from '../order.ts';
import { argmax, prod } from '../reduce.ts';
import { take, takeAlong } from '../take.ts';
import {
  batchOf,
  checkSquare,
  diagonalOf,
  forEach,
  identity,
  maskedBy,
  matrixRule,
  negative,
  numbers,
  placesIn,
  product,
  sizesOf,
  spread,
  transposed as transpose,
} from './define.ts';
import { repeat } from './repeat.ts';
import { triangularSolve } from './triangular.ts';

export type LuAttrs = {
  /** 0: both factors in one matrix, the ones on the diagonal of the lower left out; 1: the rows of `a` in their order. */
  readonly result: number;
};

/** `a[order] = l · u` for a square matrix `a`. */
export const lu: Op<LuAttrs> = defineOp<LuAttrs>({
  name: 'lu',
  kind: 'composite',
  schema: { result: { kind: 'int', default: 0 } },
  type: (inputs, { result }) => {
    const rule = matrixRule('lu', inputs, ['a']);
    const [a] = inputs;
    checkSquare(rule, a!);
    return result === 0 ? a! : tensor('int32', a!.shape.slice(0, -1));
  },
  decompose: (b, [a], { result }) => {
    const { factors, order } = eliminate(b, a!);
    return result === 0 ? factors : order;
  },
  gradient: (b, node, dy) => {
    const [a] = node.inputs as [Node];
    const order = b.emit(lu, [a], { result: 1 });
    const lower = { upper: false, transposed: true, unit: true };
    const inner = b.op(
      'add',
      maskedBy(
        b,
        product(b, unitLower(b, node), maskedBy(b, dy, 'gt'), { left: 'transposed' }),
        'gt',
      ),
      maskedBy(
        b,
        product(b, maskedBy(b, dy, 'le'), maskedBy(b, node, 'le'), { right: 'transposed' }),
        'le',
      ),
    );
    const left = b.emit(triangularSolve, [node, inner], lower);
    const upper = { upper: true, transposed: false, unit: false };
    const both = b.emit(triangularSolve, [node, transpose(b, left)], upper);
    return [rowsAt(b, transpose(b, both), inversePlaces(b, order))];
  },
});

const unitLower = (b: GraphBuilder, factors: Node): Node =>
  b.op('add', maskedBy(b, factors, 'gt'), identity(b, factors));

/** Rows in another order, given for each matrix. */
export const rowsAt = (b: GraphBuilder, x: Node, order: Node): Node => {
  const { shape } = x.type;
  return b.emit(takeAlong, [x, spread(b, order, shape, 'column')], { axis: shape.length - 2 });
};

const inversePlaces = (b: GraphBuilder, order: Node): Node =>
  b.emit(argsort, [order], { axis: order.type.shape.length - 1, descending: false });

const eliminate = (b: GraphBuilder, a: Node): { readonly factors: Node; readonly order: Node } => {
  const { shape } = a.type;
  const [n] = sizesOf(a);
  const rank = shape.length;
  const vectors = shape.slice(0, -1);
  const unchosen = placesIn(b, vectors);
  const start = b.op('add', unchosen, b.lit(n, unchosen));
  const { states } = repeat(b, {
    trips: n,
    states: [a, start],
    step: (inner, number, [rest, places]) => {
      const here = inner.broadcast(number, vectors, []);
      const isOpen = inner.op('ge', places!, inner.lit(n, places!));
      const column = inner.emit(take, [rest!, number], { axis: rank - 1 });
      const size = inner.op('select', isOpen, inner.op('abs', column), inner.lit(-1, column));
      const best = inner.emit(argmax, [size], { axes: [rank - 2] });
      const isPivot = inner.op('eq', placesIn(inner, vectors), forEach(inner, best, vectors));
      const pick = forEach(inner, best, [...best.type.shape, 1]);
      const pivot = inner.emit(takeAlong, [column, pick], { axis: rank - 2 });
      const pivotAll = inner.broadcastTo(pivot, vectors);
      const quotient = inner.op('div', column, pivotAll);
      const isZero = inner.op('eq', pivotAll, inner.lit(0, pivotAll));
      const factor = inner.op('select', isZero, inner.lit(0, column), quotient);
      const rowPick = inner.broadcastTo(inner.reshape(best, [...best.type.shape, 1, 1]), [
        ...best.type.shape,
        1,
        n,
      ]);
      const row = inner.broadcastTo(
        inner.emit(takeAlong, [rest!, rowPick], { axis: rank - 2 }),
        shape,
      );
      const isLeft = inner.op('and', isOpen, inner.op('not', isPivot));
      const isLeftAll = spread(inner, isLeft, shape, 'column');
      const factors = spread(inner, factor, shape, 'column');
      const columns = numbers(inner, shape, 'columns');
      const at = inner.broadcast(number, shape, []);
      const less = inner.op('sub', rest!, inner.op('mul', factors, row));
      const isAfter = inner.op('gt', columns, at);
      const isHere = inner.op('eq', columns, at);
      const changed = inner.op('select', isAfter, less, inner.op('select', isHere, factors, rest!));
      return {
        states: [
          inner.op('select', isLeftAll, changed, rest!),
          inner.op('select', isPivot, here, places!),
        ],
      };
    },
  });
  const order = inversePlaces(b, states[1]!);
  return { factors: rowsAt(b, states[0]!, order), order };
};

export type SolveAttrs = {
  /** Solve with the transpose of the matrix. */
  readonly transposed: boolean;
};

/** `x` of `a · x = y` for square matrices `a` [..., n, n] and y [..., n, k]. */
export const solve: Op<SolveAttrs> = defineOp<SolveAttrs>({
  name: 'solve',
  kind: 'composite',
  schema: { transposed: { kind: 'bool', default: false } },
  type: (inputs) => {
    const rule = matrixRule('solve', inputs, ['a', 'y']);
    const [a, y] = inputs;
    checkSquare(rule, a!);
    rule.check(
      y!.shape.at(-2) === a!.shape.at(-1),
      'y has another number of rows than a',
      'y holds one equation a row',
    );
    return y!;
  },
  decompose: (b, [a, y], { transposed }) => {
    const factors = b.emit(lu, [a!], { result: 0 });
    const order = b.emit(lu, [a!], { result: 1 });
    const by = (x: Node, upper: boolean): Node =>
      b.emit(triangularSolve, [factors, x], { upper, transposed, unit: !upper });
    return transposed
      ? rowsAt(b, by(by(y!, true), false), inversePlaces(b, order))
      : by(by(rowsAt(b, y!, order), false), true);
  },
  gradient: (b, node, dx) => {
    const { transposed } = node.attrs;
    const [a] = node.inputs as [Node, Node];
    const dy = b.emit(solve, [a, dx], { transposed: !transposed });
    const [left, right] = transposed ? [node, dy] : [dy, node];
    return [negative(b, product(b, left, right, { right: 'transposed' })), dy];
  },
});

/** The inverse, transposed, times one number for each matrix. */
const inverseTimes = (b: GraphBuilder, a: Node, by: Node): Node => {
  const { shape } = a.type;
  const inverse = b.emit(solve, [a, identity(b, a)], { transposed: true });
  return b.op('mul', inverse, forEach(b, by, shape));
};

/** 1, or -1 where an order swaps an odd number of pairs. */
const parityOf = (b: GraphBuilder, order: Node, dtype: DType): Node => {
  const n = order.type.shape.at(-1)!;
  const shape = [...order.type.shape, n];
  const [first, second] = [spread(b, order, shape, 'column'), spread(b, order, shape, 'row')];
  const isSwapped = b.cast(b.op('gt', first, second), 'int32');
  const swaps = b.sum(maskedBy(b, isSwapped, 'lt'), [shape.length - 2, shape.length - 1]);
  const odd = b.cast(b.op('mod', swaps, b.lit(2, swaps)), dtype);
  return b.op('sub', b.lit(1, odd), b.op('mul', odd, b.lit(2, odd)));
};

const scalarType =
  (name: string): Op<NoAttrs>['type'] =>
  (inputs) => {
    const rule = matrixRule(name, inputs, ['a']);
    checkSquare(rule, inputs[0]!);
    return tensor(inputs[0]!.dtype, batchOf(inputs[0]!.shape));
  };

/** The diagonal of the upper factor, and the sign of the order of rows. */
const pivotsOf = (b: GraphBuilder, a: Node): readonly [Node, Node] => [
  diagonalOf(b, b.emit(lu, [a], { result: 0 })),
  parityOf(b, b.emit(lu, [a], { result: 1 }), a.type.dtype),
];

/** Determinants. */
export const det: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'det',
  kind: 'composite',
  schema: {},
  type: scalarType('det'),
  decompose: (b, [a]) => {
    const [pivots, sign] = pivotsOf(b, a!);
    const axis = pivots.type.shape.length - 1;
    return b.op('mul', sign, b.emit(prod, [pivots], { axes: [axis] }));
  },
  gradient: (b, node, dy) => [inverseTimes(b, node.inputs[0]!, b.op('mul', dy, node))],
});

/** Logarithms of the sizes of determinants. */
export const logDet: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'logDet',
  kind: 'composite',
  schema: {},
  type: scalarType('logDet'),
  decompose: (b, [a]) => {
    const [pivots] = pivotsOf(b, a!);
    return b.sum(b.op('log', b.op('abs', pivots)), [pivots.type.shape.length - 1]);
  },
  gradient: (b, { inputs: [a] }, dy) => [inverseTimes(b, a!, dy)],
});

/** Signs of determinants: 1, -1, or 0. */
export const detSign: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'detSign',
  kind: 'composite',
  schema: {},
  type: scalarType('detSign'),
  decompose: (b, [a]) => {
    const [pivots, sign] = pivotsOf(b, a!);
    const signs = b.op('sign', pivots);
    return b.op('mul', sign, b.emit(prod, [signs], { axes: [signs.type.shape.length - 1] }));
  },
  gradient: () => [null],
});
