/**
 * Systems of equations, inverses and determinants.
 *
 * Invariant: matrices are the last two axes, all others a batch that is broadcast. Matrices without an inverse are no
 * error, as their values are not looked at: determinants are 0, solutions hold infinities or NaN, and so do gradients.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { identity, product, sizesOf, transposed } from '../../ir/graph/ops/linalg/define.ts';
import { det as detOp, detSign, logDet, solve as solveOp } from '../../ir/graph/ops/linalg/lu.ts';
import { pinv as pinvOp } from '../../ir/graph/ops/linalg/svd.ts';
import { triangularSolve as triangularOp } from '../../ir/graph/ops/linalg/triangular.ts';
import { reduceMax } from '../../ir/graph/ops/reduce.ts';
import { showType } from '../../ir/type.ts';
import { call, callAll } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { checkMatrix, checkSquare, matrixFragment, sameBatch, several, simple } from './common.ts';
import { svdOf } from './factors.ts';

/** The rounding error of what matrices are computed in. */
export const epsilonOf = ({ type }: Node): number =>
  type.dtype === 'float64' ? 2 ** -52 : 2 ** -23;

/** A right side as columns, and how to undo that: a single vector is one column. */
const asColumns = (
  b: GraphBuilder,
  name: string,
  a: Node,
  y: Node,
): { readonly columns: Node; readonly back: (x: Node) => Node } => {
  const isVector = y.type.shape.length === 1;
  const columns = isVector ? b.reshape(y, [y.type.size, 1]) : y;
  const rows = a.type.shape.at(-2)!;
  if (y.type.shape.length === 0 || columns.type.shape.at(-2) !== rows)
    throw new TigonError(
      'shape',
      `${name}: a ${showType(a.type)} · b ${showType(y.type)}: b has another number of rows than a`,
      'b is a vector [n], or columns [..., n, k]',
    );
  const back = (x: Node): Node => (isVector ? b.reshape(x, x.type.shape.slice(0, -1)) : x);
  return { columns, back };
};

/**
 * `x` with `a · x = b`, for square matrices `a` [..., n, n] and a vector `b` [n] or columns [..., n, k]; `x` has the
 * shape of `b`, axes before the last two broadcast. By LU factorization with partial pivoting: not finite where `a` has
 * no inverse. Dtypes promote to a float; integers and booleans give float32.
 *
 * @throws {ShapeError} unless `a` is square, `b` has as many rows, and axes before the last two broadcast
 *
 * @example nd.linalg.solve(nd.array([[2, 0], [1, 4]]), nd.array([2, 9]));   // [1, 2]
 */
export const solve: (a: NDArray, b: NDArray) => NDArray = simple('solve', (b, [a, y]) => {
  checkSquare('solve', a!);
  const { columns, back } = asColumns(b, 'solve', a!, y!);
  const [matrix, right] = sameBatch(b, 'solve', [a!, columns]) as [Node, Node];
  return back(
    right.type.size === 0 ? right : b.emit(solveOp, [matrix, right], { transposed: false }),
  );
});

export interface TriangularOptions {
  /** Read the upper triangle. Default false: the lower one. */
  readonly upper?: boolean;
  /** Solve with `aᵀ`. Default false. */
  readonly transposed?: boolean;
  /** The diagonal counts as ones. Default false. */
  readonly unitDiagonal?: boolean;
}

const triangularOf = matrixFragment<{
  readonly upper: boolean;
  readonly transposed: boolean;
  readonly unit: boolean;
}>('triangularSolve', (b, [a, y], attrs) => {
  checkSquare('triangularSolve', a!);
  const { columns, back } = asColumns(b, 'triangularSolve', a!, y!);
  return back(b.emit(triangularOp, sameBatch(b, 'triangularSolve', [a!, columns]), attrs));
});

/**
 * `x` with `a · x = b`, where only one triangle of `a` [..., n, n] counts; `b` is a vector [n] or columns [..., n, k],
 * and `x` has its shape; axes before the last two broadcast. Dtypes promote to a float; integers and booleans give
 * float32.
 *
 * @throws {ShapeError} unless `a` is square, `b` has as many rows, and axes before the last two broadcast
 * @throws {OptionError} for other options
 *
 * @example nd.linalg.triangularSolve(nd.array([[2, 9], [1, 4]]), nd.array([2, 9]));   // [1, 2]
 */
export const triangularSolve = (a: NDArray, b: NDArray, options?: TriangularOptions): NDArray => {
  checkOptions('triangularSolve', options, ['upper', 'transposed', 'unitDiagonal']);
  const attrs = {
    upper: options?.upper ?? false,
    transposed: options?.transposed ?? false,
    unit: options?.unitDiagonal ?? false,
  };
  return call(triangularOf, [a, b], { attrs, key: Object.values(attrs).join() });
};

/** Inverses of square matrices, as a node. */
export const inverseOf = (b: GraphBuilder, a: Node): Node =>
  a.type.size === 0 ? a : b.emit(solveOp, [a, identity(b, a)], { transposed: false });

/**
 * Inverses [..., n, n] of square matrices [..., n, n], not finite where there is none. To solve equations, `solve` is
 * faster and more exact. Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.inv(nd.array([[2, 0], [0, 4]]));   // [[0.5, 0], [0, 0.25]]
 */
export const inv: (a: NDArray) => NDArray = simple('inv', (b, [a]) => {
  checkSquare('inv', a!);
  return inverseOf(b, a!);
});

/** What matrices without elements give, which a product of nothing is. */
const ofNothing = (b: GraphBuilder, a: Node, value: number): Node =>
  b.full(value, a.type.dtype, a.type.shape.slice(0, -2));

/**
 * Determinants: [..., n, n] gives [...]; 0 for a matrix without an inverse, whose gradient is NaN; 1 for n = 0. Floats
 * keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.det(nd.array([[1, 2], [3, 4]]));   // -2
 */
export const det: (a: NDArray) => NDArray = simple('det', (b, [a]) => {
  checkSquare('det', a!);
  return a!.type.size === 0 ? ofNothing(b, a!, 1) : b.emit(detOp, [a!], {});
});

const signAndLog = several('slogdet', (b, [a]) => {
  checkSquare('slogdet', a!);
  if (a!.type.size === 0) return [ofNothing(b, a!, 1), ofNothing(b, a!, 0)];
  return [b.emit(detSign, [a!], {}), b.emit(logDet, [a!], {})];
});

/**
 * `[sign, logarithm of the size]` of determinants, which themselves may be too great or small: [..., n, n] gives [...]
 * each. The sign has no gradient. Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example
 * const [sign, log] = nd.linalg.slogdet(nd.array([[1, 2], [3, 4]]));
 * sign;   // -1
 * log;   // 0.6931472
 */
export const slogdet = (a: NDArray): [NDArray, NDArray] => {
  const [sign, log] = signAndLog(a);
  return [sign!, log!];
};

/** The pseudoinverse of matrices of any shape. */
const pseudoinverse = (b: GraphBuilder, a: Node, rcond: number): Node => {
  const [m, n] = sizesOf(a);
  return m < n
    ? transposed(b, b.emit(pinvOp, [transposed(b, a)], { rcond }))
    : b.emit(pinvOp, [a], { rcond });
};

export const cutoff = (name: string, rcond: number | undefined, a: Node): number => {
  const share = rcond ?? epsilonOf(a) * Math.max(...sizesOf(a));
  if (share >= 0) return share;
  throw failure(
    'value',
    `${name}: rcond is ${shown(rcond)}`,
    'a share of the greatest singular value',
  );
};

interface RcondAttrs {
  readonly rcond: number | undefined;
}
const generalInverse = matrixFragment<RcondAttrs>('pinv', (b, [a], { rcond }) => {
  checkMatrix('pinv', a!);
  return pseudoinverse(b, a!, cutoff('pinv', rcond, a!));
});

export interface RcondOptions {
  /** Singular values up to this share of the greatest count as zero. Default: the longer side times 2⁻²³ (float64: 2⁻⁵²). */
  readonly rcond?: number;
}

/**
 * Pseudoinverses (Moore and Penrose) [..., n, m] of matrices [..., m, n], by singular values. The gradient is that of
 * changes which keep the rank. Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {ValueError} unless `rcond` is a number ≥ 0
 *
 * @example nd.linalg.pinv(nd.array([[2, 0], [0, 0]]));   // [[0.5, 0], [0, 0]]
 */
export const pinv = (a: NDArray, options?: RcondOptions): NDArray => {
  checkOptions('pinv', options, ['rcond']);
  const rcond = options?.rcond;
  return call(generalInverse, [a], { attrs: { rcond }, key: `${rcond}` });
};

const leastSquares = matrixFragment<RcondAttrs>('lstsq', (b, [a, y], { rcond }) => {
  checkMatrix('lstsq', a!);
  const { columns, back } = asColumns(b, 'lstsq', a!, y!);
  const [matrix, right] = sameBatch(b, 'lstsq', [a!, columns]) as [Node, Node];
  const share = cutoff('lstsq', rcond, a!);
  const x = product(b, pseudoinverse(b, matrix, share), right);
  const off = b.op('sub', product(b, matrix, x), right);
  const residuals = b.sum(b.op('mul', off, off), [off.type.shape.length - 2]);
  const values = svdOf(b, a!)[1];
  return [back(x), back(residuals), rankOf(b, values, share), values];
});

/** How many singular values exceed a share of the greatest. */
export const rankOf = (b: GraphBuilder, values: Node, share: number): Node => {
  const { shape } = values.type;
  const axis = shape.length - 1;
  if (shape[axis] === 0) return b.full(0, 'int32', shape.slice(0, -1));
  const top = b.emit(reduceMax, [values], { axes: [axis] });
  const limit = b.op('mul', top, b.lit(share, top));
  const counts = b.op(
    'gt',
    values,
    b.broadcast(
      limit,
      shape,
      limit.type.shape.map((_, i) => i),
    ),
  );
  return b.sum(b.cast(counts, 'int32'), [axis]);
};

/**
 * `[x, residuals, rank, s]`: the `x` [..., n, k] of least length that makes the sum of squares of `a · x - b` least; that
 * sum for each column of `b` [..., k], the rank of `a` [...] (int32) and its singular values [..., min(m, n)]. `a` is
 * [..., m, n], `b` a vector [m] (then `x` is [..., n]) or columns [..., m, k]. Dtypes promote to a float; integers and
 * booleans give float32.
 *
 * @throws {ShapeError} unless `b` has as many rows as `a` and axes before the last two broadcast
 * @throws {ValueError} unless `rcond` is a number ≥ 0
 *
 * @example
 * const [x] = nd.linalg.lstsq(nd.array([[1, 0], [1, 1], [1, 2]]), nd.array([1, 3, 5]));
 * x;   // [1, 2]
 */
export const lstsq = (
  a: NDArray,
  b: NDArray,
  options?: RcondOptions,
): [NDArray, NDArray, NDArray, NDArray] => {
  checkOptions('lstsq', options, ['rcond']);
  const rcond = options?.rcond;
  const [x, residuals, rank, s] = callAll(leastSquares, [a, b], {
    attrs: { rcond },
    key: `${rcond}`,
  });
  return [x!, residuals!, rank!, s!];
};
