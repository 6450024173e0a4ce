/**
 * What update rules are written with: arithmetic on nodes, scalars and axes of 1 stretched.
 *
 * Invariant: all numbers are float32 (beside parameters of float64: float64), and nothing here knows of a particular
 * optimizer.
 */
import { type DType, promote } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { dot } from '../../../ir/graph/ops/dot.ts';
import type { ScalarOp } from '../../../ir/scalar.ts';
import type { Shape } from '../../../ir/type.ts';

/** Arithmetic on nodes, scalars stretched: keeps update rules readable. */
export interface Arithmetic {
  add(a: Node, b: Node): Node;
  sub(a: Node, b: Node): Node;
  mul(a: Node, b: Node): Node;
  div(a: Node, b: Node): Node;
  max(a: Node, b: Node): Node;
  min(a: Node, b: Node): Node;
  abs(a: Node): Node;
  /** -1, 0 or 1. */
  sign(a: Node): Node;
  sqrt(a: Node): Node;
  square(a: Node): Node;
  /** Restricts `a` to [-limit, limit]. */
  clip(a: Node, limit: Node): Node;
  /** Whether `a > b`, for `select`. */
  greater(a: Node, b: Node): Node;
  /** `a` where `condition` holds, else `b`. */
  select(condition: Node, a: Node, b: Node): Node;
  /** A constant of shape []. */
  number(value: number): Node;
  /** Mean over the given axes, which stay as axes of 1. */
  mean(a: Node, axes: readonly number[]): Node;
  /** Root of the sum of all squares, shape []. */
  norm(a: Node): Node;
  /** Product of two matrices. */
  matmul(a: Node, b: Node): Node;
  /** A matrix on its side. */
  transpose(a: Node): Node;
  reshape(a: Node, shape: Shape): Node;
}

const stretched = (x: Shape, y: Shape): Shape => {
  const rank = Math.max(x.length, y.length);
  return Array.from({ length: rank }, (_, i) =>
    Math.max(x[i - rank + x.length] ?? 1, y[i - rank + y.length] ?? 1),
  );
};

/** `numbers`: the dtype of constants. */
export const arithmetic = (b: GraphBuilder, numbers: DType = 'float32'): Arithmetic => {
  /** The operands in one shape and in the wider of their dtypes. */
  const alike = (x: Node, y: Node, more: Shape = []): Node[] => {
    const shape = stretched(more, stretched(x.type.shape, y.type.shape));
    const dtype = promote(x.type.dtype, y.type.dtype);
    return [x, y].map((n) => b.broadcastTo(b.cast(n, dtype), shape));
  };
  const both = (op: ScalarOp, x: Node, y: Node): Node => b.op(op, ...alike(x, y));
  const all = ({ type }: Node): number[] => type.shape.map((_, i) => i);
  const square = (x: Node): Node => b.op('mul', x, x);
  return {
    add: (x, y) => both('add', x, y),
    sub: (x, y) => both('sub', x, y),
    mul: (x, y) => both('mul', x, y),
    div: (x, y) => both('div', x, y),
    max: (x, y) => both('max', x, y),
    min: (x, y) => both('min', x, y),
    abs: (x) => b.op('abs', x),
    sign: (x) => b.op('sign', x),
    sqrt: (x) => b.op('sqrt', x),
    square,
    clip: (x, limit) => both('max', both('min', x, limit), b.op('neg', limit)),
    greater: (x, y) => both('gt', x, y),
    select: (condition, x, y) => {
      const [p, q] = alike(x, y, condition.type.shape);
      return b.op('select', b.broadcastTo(condition, p!.type.shape), p!, q!);
    },
    number: (value) => b.full(value, numbers, []),
    mean: (x, axes) => {
      const { shape } = x.type;
      const count = axes.reduce((n, a) => n * shape[a]!, 1);
      const sum = b.sum(x, axes);
      const scaled = b.op('mul', sum, b.lit(1 / count, sum));
      return b.reshape(
        scaled,
        shape.map((d, i) => (axes.includes(i) ? 1 : d)),
      );
    },
    norm: (x) => b.op('sqrt', b.sum(square(x), all(x))),
    matmul: (x, y) =>
      b.emit(dot, [x, y], { aBatch: [], bBatch: [], aContract: [1], bContract: [0] }),
    transpose: (x) => b.transpose(x, [1, 0]),
    reshape: (x, shape) => b.reshape(x, shape),
  };
};
