/**
 * Factorizations: Cholesky, QR, singular values, eigenvalues of symmetric matrices.
 *
 * Invariant: matrices are the last two axes, all others a batch. Values agree with double precision to about 1e-5 of
 * the greatest entry of a factor for matrices of a few hundred rows.
 */
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { cholesky as choleskyOp } from '../../ir/graph/ops/linalg/cholesky.ts';
import { block, product, sizesOf, transposed } from '../../ir/graph/ops/linalg/define.ts';
import { eigh as eighOp } from '../../ir/graph/ops/linalg/eigh.ts';
import { qr as qrOp } from '../../ir/graph/ops/linalg/qr.ts';
import { svd as svdOp } from '../../ir/graph/ops/linalg/svd.ts';
import { call, callAll } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions } from '../options.ts';
import { checkMatrix, checkSquare, matrixFragment, several, simple } from './common.ts';

const triangle = matrixFragment<{ readonly upper: boolean }>('cholesky', (b, [a], { upper }) => {
  checkSquare('cholesky', a!);
  const lower = b.emit(choleskyOp, [upper ? transposed(b, a!) : a!], {});
  return upper ? transposed(b, lower) : lower;
});

/**
 * The lower triangle `l` with `l · lᵀ = a`, for symmetric positive definite matrices; with `upper`, `u` with `uᵀ · u =
 * a`. Only that triangle of `a` is read. NaN where `a` is not positive definite. [..., n, n] gives [..., n, n]; floats
 * keep their dtype, integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {OptionError} for other options
 *
 * @example nd.linalg.cholesky(nd.array([[4, 2], [2, 5]]));   // [[2, 0], [1, 2]]
 */
export const cholesky = (
  a: NDArray,
  options?: {
    /** Default false. */
    readonly upper?: boolean;
  },
): NDArray => {
  checkOptions('cholesky', options, ['upper']);
  const upper = options?.upper ?? false;
  return call(triangle, [a], { attrs: { upper }, key: `${upper}` });
};

export interface QrOptions {
  /**
   * `reduced` (default): `q` [m, k], `r` [k, n], where k is the lesser of m and n; `complete`: `q` [m, m], `r` [m, n].
   */
  readonly mode?: 'reduced' | 'complete';
}

const qrOf = (b: GraphBuilder, a: Node, complete: boolean): readonly [Node, Node] => {
  const [m, n] = sizesOf(a);
  const first = m < n ? block(b, a, 0, m, 0, m) : a;
  const q = b.emit(qrOp, [first], { result: 0, complete });
  const r = b.emit(qrOp, [first], { result: 1, complete });
  if (m >= n) return [q, r];
  const rest = product(b, q, block(b, a, 0, m, m, n), { left: 'transposed' });
  return [q, b.emit(concat, [r, rest], { axis: a.type.shape.length - 1 })];
};

const reflections = matrixFragment<{ readonly complete: boolean }>('qr', (b, [a], { complete }) => {
  checkMatrix('qr', a!);
  return qrOf(b, a!, complete);
});

/**
 * `[q, r]` with `q · r = a`: orthonormal columns and an upper triangle, of matrices [..., m, n] of any shape: [..., m,
 * k] and [..., k, n], where k is the lesser of m and n (`complete`: m). Gradients are those of matrices of full rank;
 * there are none of `complete` factors of tall matrices (NaN). Floats keep their dtype; integers and booleans give
 * float32.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {OptionError} for another `mode`
 *
 * @example
 * const [q, r] = nd.linalg.qr(nd.array([[3, 1], [4, 2]]));
 * r;   // [[-5, -2.2], [0, 0.4]]
 */
export const qr = (a: NDArray, options?: QrOptions): [NDArray, NDArray] => {
  checkOptions('qr', options, ['mode']);
  const mode = checkChoice('qr', 'mode', options?.mode ?? 'reduced', ['reduced', 'complete']);
  const attrs = { complete: mode === 'complete' };
  const [q, r] = callAll(reflections, [a], { attrs, key: mode });
  return [q!, r!];
};

/** u [m, k], s [k], v [n, k] of matrices of any shape. */
export const svdOf = (b: GraphBuilder, a: Node): readonly [Node, Node, Node] => {
  const [m, n] = sizesOf(a);
  const given = m < n ? transposed(b, a) : a;
  const [s, u, v] = [0, 1, 2].map((result) => b.emit(svdOp, [given], { result }));
  return m < n ? [v!, s!, u!] : [u!, s!, v!];
};

/** Columns that span all of space: those given, and others orthogonal to them. */
const completed = (b: GraphBuilder, u: Node): Node => {
  const [m, k] = sizesOf(u);
  if (m === k) return u;
  const all = b.emit(qrOp, [u], { result: 0, complete: true });
  return b.emit(concat, [u, block(b, all, 0, m, k, m)], { axis: u.type.shape.length - 1 });
};

const decomposition = matrixFragment<{ readonly full: boolean }>('svd', (b, [a], { full }) => {
  checkMatrix('svd', a!);
  const [u, s, v] = svdOf(b, a!);
  const [left, right] = full ? [completed(b, u), completed(b, v)] : [u, v];
  return [left, s, transposed(b, right)];
});

/**
 * `[u, s, vt]` with `u · diag(s) · vt = a`: orthonormal columns, singular values (descending), orthonormal rows, of
 * matrices of any shape [m, n]. `u` is [m, k] and `vt` [k, n], where k is the lesser of m and n; with `fullMatrices`,
 * [m, m] and [n, n] (no gradients for what that adds). Of equal singular values, vectors and their gradients are
 * arbitrary: terms that would divide by zero are left out.
 *
 * Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {OptionError} for other options
 *
 * @example
 * const [u, s, vt] = nd.linalg.svd(nd.array([[3, 0], [0, -2]]));
 * s;   // [3, 2]
 */
export const svd = (
  a: NDArray,
  options?: {
    /** Default false. */
    readonly fullMatrices?: boolean;
  },
): [NDArray, NDArray, NDArray] => {
  checkOptions('svd', options, ['fullMatrices']);
  const full = options?.fullMatrices ?? false;
  const [u, s, vt] = callAll(decomposition, [a], { attrs: { full }, key: `${full}` });
  return [u!, s!, vt!];
};

/**
 * Singular values, descending: [..., m, n] gives [..., min(m, n)]. Floats keep their dtype; integers and booleans give
 * float32.
 *
 * @throws {ShapeError} for fewer than two axes
 *
 * @example nd.linalg.svdvals(nd.array([[3, 0], [0, -2]]));   // [3, 2]
 */
export const svdvals: (a: NDArray) => NDArray = simple('svdvals', (b, [a]) => {
  checkMatrix('svdvals', a!);
  return svdOf(b, a!)[1];
});

/** `(a + aᵀ) / 2`. */
const symmetric = (b: GraphBuilder, a: Node): Node => {
  const sum = b.op('add', a, transposed(b, a));
  return b.op('mul', sum, b.lit(0.5, sum));
};

const eigenOf = several('eigh', (b, [a]) => {
  checkSquare('eigh', a!);
  const given = symmetric(b, a!);
  return [0, 1].map((result) => b.emit(eighOp, [given], { result }));
});

/**
 * `[values, vectors]` of symmetric matrices [..., n, n]: eigenvalues [..., n] (ascending), and eigenvectors of length 1
 * as columns [..., n, n]. `a` is taken to be symmetric: `(a + aᵀ) / 2` is what counts. Of equal eigenvalues, vectors
 * and their gradients are arbitrary: terms that would divide by zero are left out. Floats keep their dtype; integers
 * and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example
 * const [values, vectors] = nd.linalg.eigh(nd.array([[2, 1], [1, 2]]));
 * values;   // [1, 3]
 */
export const eigh = (a: NDArray): [NDArray, NDArray] => {
  const [values, vectors] = eigenOf(a);
  return [values!, vectors!];
};

/**
 * Eigenvalues of symmetric matrices, ascending: [..., n, n] gives [..., n]. Floats keep their dtype; integers and booleans
 * give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.eigvalsh(nd.array([[2, 1], [1, 2]]));   // [1, 3]
 */
export const eigvalsh: (a: NDArray) => NDArray = simple('eigvalsh', (b, [a]) => {
  checkSquare('eigvalsh', a!);
  return b.emit(eighOp, [symmetric(b, a!)], { result: 0 });
});
