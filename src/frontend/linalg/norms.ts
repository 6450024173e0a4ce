/**
 * Norms of vectors and matrices, ranks and condition numbers.
 *
 * Invariant: computed in float32 (float64: in itself) without scaling: entries whose squares overflow give ∞ where squares
 * are summed.
 */

import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { sizeOf } from '../../ir/graph/ops/define.ts';
import { reduceMax, reduceMin } from '../../ir/graph/ops/reduce.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import { axesOf, kept } from '../nd/axes.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { checkMatrix, checkSquare, matrixFragment } from './common.ts';
import { cutoff, inverseOf, rankOf } from './equations.ts';
import { svdOf } from './factors.ts';

/** Norms of vectors: `(sum |x|ᵒ)^(1/o)`, the greatest and least size for ±∞, how many are not 0 for 0. */
export type VectorOrder = number;
/**
 * Norms of matrices: `fro` (root of the sum of squares), `nuc` (sum of singular values), 2 and -2 (greatest and least
 * singular value), 1 and -1 (greatest and least sum of sizes in a column), ∞ and -∞ (in a row).
 */
export type MatrixOrder = 'fro' | 'nuc' | 1 | -1 | 2 | -2 | number;

interface Attrs {
  readonly ord: number | 'fro' | 'nuc';
  readonly axes: readonly number[];
  readonly keep: boolean;
  readonly matrix: boolean;
}

/** The norm along some axes, which go away. */
const vectorNormOf = (b: GraphBuilder, x: Node, ord: number, axes: readonly number[]): Node => {
  const size = b.op('abs', x);
  switch (ord) {
    case Number.POSITIVE_INFINITY:
      return b.emit(reduceMax, [size], { axes });
    case Number.NEGATIVE_INFINITY:
      return b.emit(reduceMin, [size], { axes });
    case 0:
      return b.sum(b.cast(b.op('ne', x, b.lit(0, x)), x.type.dtype), axes);
    case 1:
      return b.sum(size, axes);
    case 2:
      return b.op('sqrt', b.sum(b.op('mul', x, x), axes));
    default: {
      const total = b.sum(b.op('pow', size, b.lit(ord, size)), axes);
      return b.op('pow', total, b.lit(1 / ord, total));
    }
  }
};

const matrixNormOf = (b: GraphBuilder, x: Node, ord: Attrs['ord']): Node => {
  const rank = x.type.shape.length;
  const last = rank - 1;
  const sums = (axis: number): Node => b.sum(b.op('abs', x), [axis]);
  const extreme = (of: Node, greatest: boolean): Node =>
    b.emit(greatest ? reduceMax : reduceMin, [of], { axes: [of.type.shape.length - 1] });
  switch (ord) {
    case 'fro':
      return vectorNormOf(b, x, 2, [rank - 2, last]);
    case 'nuc':
      return b.sum(svdOf(b, x)[1], [rank - 2]);
    case 1:
    case -1:
      return extreme(sums(rank - 2), ord > 0);
    case Number.POSITIVE_INFINITY:
    case Number.NEGATIVE_INFINITY:
      return extreme(sums(last), ord > 0);
    case 2:
    case -2:
      return extreme(svdOf(b, x)[1], ord > 0);
    default:
      throw new TigonError('verify', `there is no norm ${ord} of matrices`);
  }
};

const norms = matrixFragment<Attrs>('norm', (b, [x], { ord, axes, keep, matrix }) => {
  const { shape } = x!.type;
  const isSum = ord === 'fro' || ord === 1 || (ord === 2 && !matrix);
  const isEmpty = sizeOf(axes.map((a) => shape[a]!)) === 0;
  if (isEmpty && (!isSum || (ord === 1 && matrix && shape[axes[1]!] === 0)))
    throw new TigonError(
      'shape',
      `norm: there are no elements along axes [${axes.join(', ')}] of ${showType(x!.type)}`,
      'take the norm along axes that have elements',
    );
  const rest = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const y = matrix
    ? matrixNormOf(b, b.transpose(x!, [...rest, ...axes]), ord)
    : vectorNormOf(b, x!, ord as number, axes);
  return keep ? b.reshape(y, kept(shape, axes)) : y;
});

const run = (name: string, x: NDArray, attrs: Attrs): NDArray =>
  inName(name, 'norm', () => call(norms, [x], { attrs, key: Object.values(attrs).join('/') }));

const OPTIONS = ['ord', 'axis', 'keepDims'];

const MATRIX: readonly unknown[] = ['fro', 'nuc', 1, -1, 2, -2, Infinity, -Infinity];
const checkMatrixOrder = (name: string, ord: unknown): void => {
  if (MATRIX.includes(ord)) return;
  throw failure(
    'value',
    `${name}: there is no norm ${shown(ord)} of matrices`,
    "use 'fro', 'nuc', 1, -1, 2, -2, ∞ or -∞; vectorNorm has all numbers",
  );
};

const checkOrder = (name: string, ord: unknown): void => {
  if (ord !== 'fro' && ord !== 'nuc' && (typeof ord !== 'number' || Number.isNaN(ord)))
    throw failure('value', `${name}: ord is ${shown(ord)}`, "a number, 'fro' or 'nuc'");
};

export interface VectorNormOptions {
  /** Default 2: the square root of the sum of squares. */
  readonly ord?: VectorOrder;
  /** Default: all, as one vector. */
  readonly axis?: number | readonly number[];
  /** Keep these axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * Norms of vectors along axes, which go (or keep size 1). Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} for axes out of range or named twice, and without elements unless `ord` is 1 or 2
 * @throws {ValueError} unless `ord` is a number
 *
 * @example
 * nd.linalg.vectorNorm(nd.array([3, -4]));   // 5
 * nd.linalg.vectorNorm(nd.array([[3, -4], [1, 0]]), { ord: 1, axis: 1 });   // [7, 1]
 */
export const vectorNorm = (x: NDArray, options?: VectorNormOptions): NDArray => {
  checkArray('vectorNorm', x);
  checkOptions('vectorNorm', options, OPTIONS);
  const ord = options?.ord ?? 2;
  if (typeof ord !== 'number' || Number.isNaN(ord))
    throw failure('value', `vectorNorm: ord is ${shown(ord)}`, 'a number');
  const axes = axesOf('vectorNorm', options?.axis, x.ndim);
  return run('vectorNorm', x, { ord, axes, keep: options?.keepDims ?? false, matrix: false });
};

export interface MatrixNormOptions {
  /** Default `fro`: the square root of the sum of squares. */
  readonly ord?: MatrixOrder;
  /** Rows and columns. Default: the last two axes. */
  readonly axis?: readonly [number, number];
  /** Keep these axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * Norms of matrices: [..., m, n] gives [...], with `keepDims` [..., 1, 1]. Floats keep their dtype; integers and booleans
 * give float32.
 *
 * @throws {ShapeError} for axes out of range or the same, and without elements unless `ord` is `fro` (or 1, if there are columns)
 * @throws {ValueError} for an `ord` that matrices have not, and unless `axis` names two
 *
 * @example
 * nd.linalg.matrixNorm(nd.array([[3, 0], [0, 4]]));   // 5
 * nd.linalg.matrixNorm(nd.array([[3, 0], [0, 4]]), { ord: 'nuc' });   // 7
 */
export const matrixNorm = (x: NDArray, options?: MatrixNormOptions): NDArray => {
  checkArray('matrixNorm', x);
  checkOptions('matrixNorm', options, OPTIONS);
  const ord = options?.ord ?? 'fro';
  checkMatrixOrder('matrixNorm', ord);
  const axis: readonly number[] = options?.axis ?? [-2, -1];
  if (!Array.isArray(axis) || axis.length !== 2)
    throw failure('value', `matrixNorm: axis is ${shown(axis)}`, 'pass two: [rows, columns]');
  const axes = (axis as readonly number[]).map((a) => axesOf('matrixNorm', a, x.ndim)[0]!);
  if (axes[0] === axes[1])
    throw failure('shape', `matrixNorm: rows and columns are both axis ${axes[0]}`);
  return run('matrixNorm', x, { ord, axes, keep: options?.keepDims ?? false, matrix: true });
};

export interface NormOptions {
  /** Default: the square root of the sum of squares. */
  readonly ord?: number | 'fro' | 'nuc';
  /** One axis: of vectors; two: of matrices. Default: all elements; with `ord`, of what has one or two axes. */
  readonly axis?: number | readonly number[];
  /** Keep these axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

/**
 * Norms of vectors or matrices, by how many axes are given: see {@link vectorNorm} and {@link matrixNorm}. The axes go (or
 * keep size 1). Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} for axes out of range or named twice
 * @throws {ValueError} for an `ord` that there is not for as many axes
 *
 * @example
 * nd.linalg.norm(nd.array([3, -4]), { ord: Number.POSITIVE_INFINITY });   // 4
 * nd.linalg.norm(nd.array([[1, 2], [3, 4]]), { ord: 1 });   // 6
 */
export const norm = (x: NDArray, options?: NormOptions): NDArray => {
  checkArray('norm', x);
  checkOptions('norm', options, OPTIONS);
  const { ord, axis } = options ?? {};
  const axes = axesOf('norm', axis, x.ndim);
  const keepDims = options?.keepDims ?? false;
  const ofVectors = (order?: number): NDArray =>
    inName('norm', 'vectorNorm', () => vectorNorm(x, { ord: order ?? 2, axis: axes, keepDims }));
  if (ord === undefined) return ofVectors();
  checkOrder('norm', ord);
  if (axes.length === 2) {
    const [rows, columns] = typeof axis === 'object' ? axis : axes;
    return inName('norm', 'matrixNorm', () =>
      matrixNorm(x, { ord, axis: [rows!, columns!], keepDims }),
    );
  }
  if (axes.length !== 1 || typeof ord !== 'number')
    throw failure(
      'value',
      `norm: ord ${shown(ord)} of ${axes.length} axes`,
      'norms by number are of one axis (vectors) or two (matrices): give `axis`',
    );
  return ofVectors(ord);
};

interface RankAttrs {
  readonly rcond: number | undefined;
}
const ranks = matrixFragment<RankAttrs>('matrixRank', (b, [x], { rcond }) => {
  checkMatrix('matrixRank', x!);
  return rankOf(b, svdOf(b, x!)[1], cutoff('matrixRank', rcond, x!));
});

/**
 * Ranks of matrices: how many singular values exceed a share of the greatest. [..., m, n] of any dtype gives [...], int32.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {ValueError} unless `rcond` is a number ≥ 0
 *
 * @example nd.linalg.matrixRank(nd.array([[1, 2], [2, 4]]));   // 1
 */
export const matrixRank = (
  x: NDArray,
  options?: {
    /** Default: the longer side times 2⁻²³. */
    readonly rcond?: number;
  },
): NDArray => {
  checkOptions('matrixRank', options, ['rcond']);
  const rcond = options?.rcond;
  return call(ranks, [x], { attrs: { rcond }, key: `${rcond}` });
};

const conditions = matrixFragment<{ readonly ord: Attrs['ord'] }>('cond', (b, [x], { ord }) => {
  checkMatrix('cond', x!);
  if (x!.type.shape.slice(-2).includes(0))
    throw new TigonError('shape', `cond: matrices ${showType(x!.type)} have no elements`);
  if (ord === 2 || ord === -2) {
    const values = svdOf(b, x!)[1];
    const axes = [values.type.shape.length - 1];
    const [top, low] = [reduceMax, reduceMin].map((op) => b.emit(op, [values], { axes }));
    return ord === 2 ? b.op('div', top!, low!) : b.op('div', low!, top!);
  }
  checkSquare('cond', x!);
  return b.op('mul', matrixNormOf(b, x!, ord), matrixNormOf(b, inverseOf(b, x!), ord));
});

/**
 * Condition numbers: the norm of a matrix times that of its inverse; of order 2 (default) the ratio of the greatest to
 * the least singular value, of matrices of any shape. ∞ or NaN for matrices without an inverse. [..., m, n] gives
 * [...]; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} for matrices without elements, and for orders but 2 and -2 unless they are square
 * @throws {ValueError} for an `ord` that matrices have not
 *
 * @example nd.linalg.cond(nd.array([[4, 0], [0, 2]]));   // 2
 */
export const cond = (
  x: NDArray,
  options?: {
    readonly ord?: MatrixOrder;
  },
): NDArray => {
  checkOptions('cond', options, ['ord']);
  const ord = options?.ord ?? 2;
  checkMatrixOrder('cond', ord);
  return call(conditions, [x], { attrs: { ord }, key: `${ord}` });
};
