/**
 * What matrix functions are written with: products, transposes, triangles, diagonals, identities.
 *
 * Invariant: matrices are the last two axes; all axes before them are a batch, equal for all operands.
 */
import { type Shape, sameShape, type TensorType } from '../../../type.ts';
import type { GraphBuilder } from '../../builder.ts';
import type { Node } from '../../graph.ts';
import { type Rule, ruleFor } from '../define.ts';
import { dot } from '../dot.ts';
import { iota } from '../leaf.ts';

/** The axes before the last two. */
export const batchOf = (shape: Shape): readonly number[] => shape.slice(0, -2);

/** Rows and columns. */
export const sizesOf = ({ type: { shape } }: Node): readonly [number, number] => [
  shape.at(-2)!,
  shape.at(-1)!,
];

/** The checks that all matrix functions make: matrices of float32, or of float64, with one batch. */
export const matrixRule = (
  name: string,
  inputs: readonly TensorType[],
  names: readonly string[],
): Rule => {
  const rule = ruleFor(name, inputs, names);
  for (const { dtype, shape } of inputs) {
    rule.check(
      dtype === 'float32' || dtype === 'float64',
      `computes in float32 or float64, not ${dtype}`,
      "convert with .astype('float32') first",
      'dtype',
    );
    rule.check(
      dtype === inputs[0]!.dtype,
      'operands must have one dtype',
      'convert one of them first',
      'dtype',
    );
    rule.check(
      shape.length >= 2,
      'takes matrices',
      'give arrays with two axes at least; those before the last two are a batch',
    );
    rule.check(
      sameShape(batchOf(shape), batchOf(inputs[0]!.shape)),
      'batches differ',
      'broadcast the axes before the last two first',
    );
  }
  return rule;
};

/** Fails unless the last two axes are equally long. */
export const checkSquare = (rule: Rule, { shape }: TensorType): void =>
  rule.check(
    shape.at(-1) === shape.at(-2),
    `the matrix is ${shape.at(-2)} x ${shape.at(-1)}, not square`,
    'the last two axes must be equally long',
  );

export const transposed = (b: GraphBuilder, x: Node): Node => {
  const rank = x.type.shape.length;
  const axes = Array.from({ length: rank }, (_, i) => i);
  return b.transpose(x, [...axes.slice(0, -2), rank - 1, rank - 2]);
};

interface Sides {
  /** Take the transpose of the left matrix, of the right one. */
  readonly left?: 'transposed';
  readonly right?: 'transposed';
}

/** `x · y`, either of them transposed. */
export const product = (b: GraphBuilder, x: Node, y: Node, sides: Sides = {}): Node => {
  const rank = x.type.shape.length;
  const batch = Array.from({ length: rank - 2 }, (_, i) => i);
  return b.emit(dot, [x, y], {
    aBatch: batch,
    bBatch: batch,
    aContract: [sides.left === undefined ? rank - 1 : rank - 2],
    bContract: [sides.right === undefined ? rank - 2 : rank - 1],
  });
};

/** The number of each row, or column, at every element of a shape. */
export const numbers = (b: GraphBuilder, shape: Shape, of: 'rows' | 'columns'): Node =>
  b.emit(iota, [], { axis: shape.length - (of === 'rows' ? 2 : 1), dtype: 'int32', shape });

/** `x` where the relation of row and column number holds, else 0. */
export const maskedBy = (
  b: GraphBuilder,
  x: Node,
  relation: 'lt' | 'le' | 'gt' | 'ge' | 'eq' | 'ne',
  otherwise: Node = b.lit(0, x),
): Node => {
  const { shape } = x.type;
  const holds = b.op(relation, numbers(b, shape, 'rows'), numbers(b, shape, 'columns'));
  return b.op('select', holds, x, otherwise);
};

/** Ones on the diagonal of matrices of the dtype of others, and of their shape if none is given. */
export const identity = (b: GraphBuilder, like: Node, shape: Shape = like.type.shape): Node =>
  maskedBy(b, b.full(1, like.type.dtype, shape), 'eq');

/** The diagonal of square matrices, one axis less. */
export const diagonalOf = (b: GraphBuilder, x: Node): Node => {
  const { shape } = x.type;
  return b.sum(maskedBy(b, x, 'eq'), [shape.length - 1]);
};

/** A vector [..., n] as rows [..., n, m] of one number each (`column`), or repeated in every row. */
export const spread = (b: GraphBuilder, v: Node, shape: Shape, as: 'column' | 'row'): Node => {
  const rank = shape.length;
  const batch = Array.from({ length: rank - 2 }, (_, i) => i);
  return b.broadcast(v, shape, [...batch, as === 'column' ? rank - 2 : rank - 1]);
};

/** `x` with its columns multiplied by a vector. */
export const scaleColumns = (b: GraphBuilder, x: Node, by: Node): Node =>
  b.op('mul', x, spread(b, by, x.type.shape, 'row'));

/** Rows `from..to - 1`, columns `left..right - 1`. */
export const block = (
  b: GraphBuilder,
  x: Node,
  from: number,
  to: number,
  left: number,
  right: number,
): Node => {
  const { shape } = x.type;
  const batch = batchOf(shape);
  if (from === 0 && left === 0 && to === shape.at(-2) && right === shape.at(-1)) return x;
  return b.slice(
    x,
    [...batch.map(() => 0), from, left],
    [...batch, to, right],
    shape.map(() => 1),
  );
};

/** `-x`. */
export const negative = (b: GraphBuilder, x: Node): Node => b.op('neg', x);

/** The number of each element along the last axis. */
export const placesIn = (b: GraphBuilder, shape: Shape): Node =>
  b.emit(iota, [], { axis: shape.length - 1, dtype: 'int32', shape });

/** One number for each vector of a shape, at all of its elements. */
export const forEach = (b: GraphBuilder, value: Node, shape: Shape): Node =>
  b.broadcast(
    value,
    shape,
    value.type.shape.map((_, i) => i),
  );
