/**
 * Diagonals and triangles of matrices: taken out, put in, summed, kept.
 *
 * Invariant: a diagonal is every (columns + 1)-th element in row-major order, so taking one is a slice and putting one in
 * is a padding: their gradients are each other.
 */
import type { DType } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { pad as padOp, sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { axisOf } from './axes.ts';
import { arrayFor, type CreationOptions, checkShape } from './creation.ts';
import { set, slice } from './indexing.ts';
import { sum } from './reduce.ts';
import { ravel, reshape, tile } from './shape.ts';

interface DiagonalAttrs {
  readonly offset: number;
  readonly axes: readonly number[];
}

/** The elements (i, i + offset) of the last two axes. */
const takenOut = (b: GraphBuilder, x: Node, offset: number): Node => {
  const { shape } = x.type;
  const lead = shape.slice(0, -2);
  const [rows, columns] = shape.slice(-2) as [number, number];
  const row = Math.max(0, -offset);
  const column = Math.max(0, offset);
  const count = Math.max(0, Math.min(rows - row, columns - column));
  const flat = b.reshape(x, [...lead, rows * columns]);
  const begin = count === 0 ? 0 : row * columns + column;
  const end = count === 0 ? 0 : begin + (count - 1) * (columns + 1) + 1;
  const part = sliceAxis(b, flat, lead.length, begin, end);
  const all = part.type.shape;
  return b.slice(
    part,
    all.map(() => 0),
    all,
    all.map((_, i) => (i === lead.length ? columns + 1 : 1)),
  );
};
const takingOut: Fragment<DiagonalAttrs> = fragment<DiagonalAttrs>(
  'diagonal',
  (b, [x], { offset, axes }) => takenOut(b, b.transpose(x!, axes), offset),
);

export interface DiagonalOptions {
  /** Which diagonal: above the main one where positive. Default 0. */
  readonly offset?: number;
  /** The axis of rows. Default 0. */
  readonly axis1?: number;
  /** The axis of columns. Default 1. */
  readonly axis2?: number;
}
/** Throws unless `offset` is an integer. */
const checkOffset = (name: string, offset: number): number => {
  if (Number.isInteger(offset)) return offset;
  throw failure('value', `${name}: the diagonal is ${shown(offset)}`, 'pass an integer');
};

/**
 * The diagonals of the matrices in two axes, as the last axis of the result: [m, n, ...] gives [..., k], with k = 0 for a
 * diagonal outside. The dtype stays.
 *
 * @throws {ShapeError} for axes out of range, and unless they are two
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.diagonal(nd.array([[1, 2], [3, 4]]));   // [1, 4]
 */
export const diagonal = (x: NDArray, options?: DiagonalOptions): NDArray => {
  checkArray('diagonal', x);
  checkOptions('diagonal', options, ['offset', 'axis1', 'axis2']);
  const offset = checkOffset('diagonal', options?.offset ?? 0);
  const [row, column] = [options?.axis1 ?? 0, options?.axis2 ?? 1].map((a) =>
    axisOf('diagonal', a, x.ndim),
  ) as [number, number];
  if (row === column)
    throw failure('shape', `diagonal: rows and columns are both axis ${row}`, 'pass two axes');
  const rest = x.shape.map((_, i) => i).filter((i) => i !== row && i !== column);
  const attrs = { offset, axes: [...rest, row, column] };
  return call(takingOut, [x], { attrs, key: `${offset}/${attrs.axes.join('.')}` });
};

/**
 * The sum of a diagonal: [m, n, ...] gives [...]. Floats stay, booleans and integers of 8 and 16 bits give int32, wider
 * integers stay.
 *
 * @throws {ShapeError} for axes out of range, and unless they are two
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.trace(nd.array([[1, 2], [3, 4]]));   // 5
 */
export const trace = (x: NDArray, options?: DiagonalOptions): NDArray =>
  sum(
    inName('trace', 'diagonal', () => diagonal(x, options)),
    { axis: -1 },
  );

const puttingIn: Fragment<{ readonly offset: number }> = fragment<{ readonly offset: number }>(
  'diag',
  (b, [x], { offset }) => {
    const count = x!.type.size;
    const size = count + Math.abs(offset);
    const first = Math.max(0, -offset) * size + Math.max(0, offset);
    const last = first + (count - 1) * (size + 1);
    if (count === 0) return b.full(0, x!.type.dtype, [size, size]);
    const flat = b.emit(padOp, [x!], {
      low: [first],
      high: [size * size - 1 - last],
      interior: [size],
      value: 0,
    });
    return b.reshape(flat, [size, size]);
  },
);
/**
 * The diagonal of a matrix, or the matrix with a vector as its diagonal: [m, n] gives [k], [k] gives [n, n] with
 * n = k + |offset|. The dtype stays.
 *
 * @throws {ShapeError} unless `x` has one or two axes
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.diag(nd.array([1, 2]));   // [[1, 0], [0, 2]]
 */
export const diag = (x: NDArray, offset = 0): NDArray => {
  checkArray('diag', x);
  checkOffset('diag', offset);
  if (x.ndim === 1) return call(puttingIn, [x], { attrs: { offset }, key: `${offset}` });
  if (x.ndim === 2) return diagonal(x, { offset });
  throw failure(
    'shape',
    `diag: takes vectors and matrices, not ${showType(x.type)}`,
    'see diagonal',
  );
};
/**
 * The matrix with all elements of `x` as its diagonal: [n, n] with n = size + |offset|. The dtype stays.
 *
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.diagflat(nd.array([[1], [2]]), 1).shape;   // [3, 3]
 */
export const diagflat = (x: NDArray, offset = 0): NDArray => {
  checkArray('diagflat', x);
  return inName('diagflat', 'diag', () => diag(ravel(x), offset));
};

interface TriangleAttrs {
  readonly offset: number;
  readonly lower: boolean;
}
const keeping: Fragment<TriangleAttrs> = fragment<TriangleAttrs>(
  'triangle',
  (b, [x], { offset, lower }) => {
    const { shape } = x!.type;
    const at = (axis: number): Node => b.emit(iota, [], { axis, dtype: 'int32', shape });
    const [row, column] = [at(shape.length - 2), at(shape.length - 1)];
    const limit = b.op('add', row, b.lit(offset, row));
    const kept = b.op(lower ? 'le' : 'ge', column, limit);
    return b.op('select', kept, x!, b.lit(0, x!));
  },
);
const triangle = (name: string, lower: boolean, x: NDArray, offset: number): NDArray => {
  checkArray(name, x);
  checkOffset(name, offset);
  if (x.ndim < 2)
    throw failure('shape', `${name}: takes matrices, not ${showType(x.type)}`, 'add an axis first');
  return call(keeping, [x], { attrs: { offset, lower }, key: `${offset}${lower}` });
};
/**
 * The matrices [..., m, n] in the last two axes with zeros above a diagonal. Shape and dtype stay.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.tril(nd.array([[1, 2], [3, 4]]));   // [[1, 0], [3, 4]]
 */
export const tril = (x: NDArray, offset = 0): NDArray => triangle('tril', true, x, offset);
/**
 * The matrices [..., m, n] in the last two axes with zeros below a diagonal. Shape and dtype stay.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.triu(nd.array([[1, 2], [3, 4]]));   // [[1, 2], [0, 4]]
 */
export const triu = (x: NDArray, offset = 0): NDArray => triangle('triu', false, x, offset);

/**
 * A matrix [rows, columns] of ones up to a diagonal, zeros above it. float32 unless the options say otherwise.
 *
 * @throws {ShapeError} unless `rows` and `columns` are integers ≥ 0
 * @throws {ValueError} unless `offset` is an integer
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example
 * nd.tri(2, 3, 1);   // [[1, 1, 0], [1, 1, 1]]
 */
export const tri = (
  rows: number,
  columns: number = rows,
  offset = 0,
  options?: CreationOptions,
): NDArray => {
  checkOptions('nd.tri', options, ['dtype', 'device']);
  checkShape('nd.tri', [rows, columns]);
  checkOffset('nd.tri', offset);
  const dtype: DType = options?.dtype ?? 'float32';
  return arrayFor(
    'nd.tri',
    Array.from({ length: rows * columns }, (_, i) =>
      i % columns <= Math.floor(i / columns) + offset ? 1 : 0,
    ),
    { ...options, dtype, shape: [rows, columns] },
  );
};

/**
 * `x` with `value` on the diagonal (i, i, …); of tall matrices with `wrap` again after each block. A vector is repeated
 * until the diagonal is full. Shape and dtype of `x` stay: the value is cast.
 *
 * @throws {ShapeError} unless `x` is a matrix or all its axes (two at least) are equally long, and for a value of no elements
 * @throws {ValueError} unless `value` is an array or a number
 *
 * @example
 * nd.fillDiagonal(nd.zeros([2, 2]), 5);   // [[5, 0], [0, 5]]
 */
export const fillDiagonal = (x: NDArray, value: NDArray | number, wrap = false): NDArray => {
  checkArray('fillDiagonal', x);
  if (typeof value !== 'number') checkArray('fillDiagonal', value);
  const { shape } = x;
  if (x.ndim < 2 || (x.ndim > 2 && shape.some((d) => d !== shape[0])))
    throw failure(
      'shape',
      `fillDiagonal: takes matrices, and arrays of equal sizes, not ${showType(x.type)}`,
    );
  if (typeof value !== 'number' && value.size === 0)
    throw failure(
      'shape',
      `fillDiagonal: there are no values in ${showType(value.type)}`,
      'pass one at least',
    );
  const columns = shape[x.ndim - 1]!;
  let step = 0;
  for (let i = 0; i < x.ndim; i++) step = step * shape[i]! + 1;
  const end = x.ndim === 2 && !wrap ? Math.min(x.size, columns * columns) : x.size;
  const count = Math.ceil(end / step);
  const given =
    typeof value === 'number' || value.size === 1
      ? value
      : slice(tile(ravel(value), Math.ceil(count / value.size)), [0, count]);
  return reshape(set(ravel(x), [[0, end, step]], given), shape);
};
