/**
 * Matrix functions by the names that MXNet has from BLAS and LAPACK.
 *
 * Invariant: matrices are the last two axes, all others a batch; factors are numbers, so that they are compiled in.
 */
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { cholesky as choleskyOp } from '../../ir/graph/ops/linalg/cholesky.ts';
import {
  diagonalOf,
  identity,
  maskedBy,
  product,
  sizesOf,
  transposed,
} from '../../ir/graph/ops/linalg/define.ts';
import { qr as qrOp } from '../../ir/graph/ops/linalg/qr.ts';
import { triangularSolve as triangularOp } from '../../ir/graph/ops/linalg/triangular.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { checkMatrix, checkSquare, matrixFragment, sameBatch, several, simple } from './common.ts';
import { eigh } from './factors.ts';

export interface GemmOptions {
  /** Take the transpose of the first matrix, of the second. Default false. */
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
  /** Factor of the product. Default 1. */
  readonly alpha?: number;
}

interface GemmAttrs {
  readonly ta: boolean;
  readonly tb: boolean;
  readonly alpha: number;
  readonly beta: number;
}

/** A factor, 1 if left out; throws unless it is finite. */
const checkFactor = (name: string, option: string, value: number | undefined): number => {
  const factor = value ?? 1;
  if (Number.isFinite(factor)) return factor;
  throw failure('option', `${name}: ${option} is ${shown(value)}`, 'pass a finite number');
};

const scaled = (b: GraphBuilder, x: Node, by: number): Node =>
  by === 1 ? x : b.op('mul', x, b.lit(by, x));

const productsOf = (name: string): Fragment<GemmAttrs> =>
  matrixFragment<GemmAttrs>(name, (b, given, { ta, tb, alpha, beta }) => {
    for (const x of given) checkMatrix(name, x);
    const [x, y, c] = sameBatch(b, name, given) as [Node, Node, Node | undefined];
    const [p, q] = [x.type.shape.at(ta ? -2 : -1), y.type.shape.at(tb ? -1 : -2)];
    if (p !== q)
      throw new TigonError(
        'shape',
        `${name}: inner sizes differ: ${showType(given[0]!.type)} · ${showType(given[1]!.type)} (${p} ≠ ${q})`,
        'the first matrix has as many columns as the second one has rows, after transposing',
      );
    const sides = {
      ...(ta ? { left: 'transposed' as const } : {}),
      ...(tb ? { right: 'transposed' as const } : {}),
    };
    const result = scaled(b, product(b, x, y, sides), alpha);
    if (c === undefined) return result;
    if (
      c.type.shape.at(-1) !== result.type.shape.at(-1) ||
      c.type.shape.at(-2) !== result.type.shape.at(-2)
    )
      throw new TigonError(
        'shape',
        `${name}: c ${showType(c.type)} has other sizes than the product ${showType(result.type)}`,
        'c has the shape of the product; axes before the last two broadcast',
      );
    return b.op('add', result, scaled(b, c, beta));
  });
const products = { gemm: productsOf('gemm'), gemm2: productsOf('gemm2') };

const GEMM = ['transposeA', 'transposeB', 'alpha'];
const gemmOf = (
  name: 'gemm' | 'gemm2',
  operands: readonly NDArray[],
  options: GemmOptions | undefined,
  beta: number | undefined,
): NDArray => {
  const attrs: GemmAttrs = {
    ta: options?.transposeA ?? false,
    tb: options?.transposeB ?? false,
    alpha: checkFactor(name, 'alpha', options?.alpha),
    beta: checkFactor(name, 'beta', beta),
  };
  return call(products[name], operands, { attrs, key: Object.values(attrs).join() });
};

/**
 * `alpha · a · b + beta · c`: [..., m, n] and [..., n, p] (before they are transposed, if asked for) and [..., m, p] give
 * [..., m, p]; axes before the last two broadcast. Dtypes promote to a float; integers and booleans give float32.
 *
 * @throws {ShapeError} when sizes differ, axes before the last two do not broadcast, or an array has fewer than two
 * @throws {OptionError} unless `alpha` and `beta` are finite numbers, and for other options
 *
 * @example nd.linalg.gemm(nd.eye(2), nd.ones([2, 2]), nd.ones([2, 2]), { beta: 2 });   // [[3, 3], [3, 3]]
 */
export const gemm = (
  a: NDArray,
  b: NDArray,
  c: NDArray,
  options?: GemmOptions & {
    /** Factor of `c`. Default 1. */
    readonly beta?: number;
  },
): NDArray => {
  checkOptions('gemm', options, [...GEMM, 'beta']);
  return gemmOf('gemm', [a, b, c], options, options?.beta);
};

/**
 * `alpha · a · b`: [..., m, n] and [..., n, p] (before they are transposed, if asked for) give [..., m, p]; axes before
 * the last two broadcast. Dtypes promote to a float; integers and booleans give float32.
 *
 * @throws {ShapeError} when sizes differ, axes before the last two do not broadcast, or an array has fewer than two
 * @throws {OptionError} unless `alpha` is a finite number, and for other options
 *
 * @example nd.linalg.gemm2(nd.eye(2), nd.ones([2, 2]), { alpha: 3 });   // [[3, 3], [3, 3]]
 */
export const gemm2 = (a: NDArray, b: NDArray, options?: GemmOptions): NDArray => {
  checkOptions('gemm2', options, GEMM);
  return gemmOf('gemm2', [a, b], options, undefined);
};

const selfProducts = matrixFragment<{ readonly transpose: boolean; readonly alpha: number }>(
  'syrk',
  (b, [a], { transpose, alpha }) => {
    checkMatrix('syrk', a!);
    const sides = transpose
      ? ({ left: 'transposed' } as const)
      : ({ right: 'transposed' } as const);
    return scaled(b, product(b, a!, a!, sides), alpha);
  },
);

/**
 * `alpha · a · aᵀ`, or with `transpose` `alpha · aᵀ · a`: [..., m, n] gives [..., m, m] or [..., n, n]. Floats keep their
 * dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} for fewer than two axes
 * @throws {OptionError} unless `alpha` is a finite number, and for other options
 *
 * @example nd.linalg.syrk(nd.array([[1, 2]]));   // [[5]]
 */
export const syrk = (
  a: NDArray,
  options?: { readonly transpose?: boolean; readonly alpha?: number },
): NDArray => {
  checkOptions('syrk', options, ['transpose', 'alpha']);
  const attrs = {
    transpose: options?.transpose ?? false,
    alpha: checkFactor('syrk', 'alpha', options?.alpha),
  };
  return call(selfProducts, [a], { attrs, key: Object.values(attrs).join() });
};

export interface TriangleOptions {
  /** Which triangle of `a` counts. Default true. */
  readonly lower?: boolean;
  /** Take the transpose of the triangle. Default false. */
  readonly transpose?: boolean;
  /** The triangle on the right of `b`. Default false. */
  readonly rightside?: boolean;
  /** Factor of the result. Default 1. */
  readonly alpha?: number;
}
interface TriangleAttrs {
  readonly lower: boolean;
  readonly transpose: boolean;
  readonly rightside: boolean;
  readonly alpha: number;
}
const triangleAttrs = (name: string, options: TriangleOptions | undefined): TriangleAttrs => {
  checkOptions(name, options, ['lower', 'transpose', 'rightside', 'alpha']);
  return {
    lower: options?.lower ?? true,
    transpose: options?.transpose ?? false,
    rightside: options?.rightside ?? false,
    alpha: checkFactor(name, 'alpha', options?.alpha),
  };
};

/** Throws unless the triangle `a` goes with the other operand on its side. */
const checkSides = (name: string, [a, x]: readonly Node[], rightside: boolean): void => {
  checkSquare(name, a!);
  checkMatrix(name, x!);
  if (a!.type.shape.at(-1) === x!.type.shape.at(rightside ? -1 : -2)) return;
  throw new TigonError(
    'shape',
    `${name}: sizes differ: a ${showType(a!.type)} · b ${showType(x!.type)}`,
    `a is [..., n, n], b ${rightside ? '[..., k, n]' : '[..., n, k]'}`,
  );
};

const triangleProducts = matrixFragment<TriangleAttrs>('trmm', (b, given, attrs) => {
  const { lower, transpose, rightside, alpha } = attrs;
  checkSides('trmm', given, rightside);
  const [a, x] = sameBatch(b, 'trmm', given) as [Node, Node];
  const own = maskedBy(b, a, lower ? 'ge' : 'le');
  const triangle = transpose ? transposed(b, own) : own;
  return scaled(b, rightside ? product(b, x, triangle) : product(b, triangle, x), alpha);
});

/**
 * `alpha · t · b` for a triangle `t` of `a` (`b · t` with `rightside`): `a` [..., n, n], `b` and the result [..., n, k]
 * ([..., k, n] with `rightside`); axes before the last two broadcast. Dtypes promote to a float; integers and booleans
 * give float32.
 *
 * @throws {ShapeError} unless `a` is square, sizes fit and axes before the last two broadcast
 * @throws {OptionError} unless `alpha` is a finite number, and for other options
 *
 * @example nd.linalg.trmm(nd.ones([2, 2]), nd.eye(2));   // [[1, 0], [1, 1]]
 */
export const trmm = (a: NDArray, b: NDArray, options?: TriangleOptions): NDArray => {
  const attrs = triangleAttrs('trmm', options);
  return call(triangleProducts, [a, b], { attrs, key: Object.values(attrs).join() });
};

const triangleEquations = matrixFragment<TriangleAttrs>('trsm', (b, given, attrs) => {
  const { lower, transpose, rightside, alpha } = attrs;
  checkSides('trsm', given, rightside);
  const [a, y] = sameBatch(b, 'trsm', given) as [Node, Node];
  // x · t = y is tᵀ · xᵀ = yᵀ
  const right = scaled(b, rightside ? transposed(b, y) : y, alpha);
  const x = b.emit(triangularOp, [a, right], {
    upper: !lower,
    transposed: transpose !== rightside,
    unit: false,
  });
  return rightside ? transposed(b, x) : x;
});

/**
 * `x` with `t · x = alpha · b` for a triangle `t` of `a` (`x · t = alpha · b` with `rightside`): `a` [..., n, n], `b`
 * and the result [..., n, k] ([..., k, n] with `rightside`); axes before the last two broadcast. Dtypes promote to a
 * float; integers and booleans give float32.
 *
 * @throws {ShapeError} unless `a` is square, sizes fit and axes before the last two broadcast
 * @throws {OptionError} unless `alpha` is a finite number, and for other options
 *
 * @example nd.linalg.trsm(nd.array([[2, 0], [1, 4]]), nd.array([[2], [9]]));   // [[1], [2]]
 */
export const trsm = (a: NDArray, b: NDArray, options?: TriangleOptions): NDArray => {
  const attrs = triangleAttrs('trsm', options);
  return call(triangleEquations, [a, b], { attrs, key: Object.values(attrs).join() });
};

/**
 * The lower Cholesky factor [..., n, n] of symmetric positive definite matrices [..., n, n]; NaN where they are not.
 * Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.potrf(nd.array([[4, 2], [2, 5]]));   // [[2, 0], [1, 2]]
 */
export const potrf: (a: NDArray) => NDArray = simple('potrf', (b, [a]) => {
  checkSquare('potrf', a!);
  return b.emit(choleskyOp, [a!], {});
});

/**
 * The inverse [..., n, n] of `a · aᵀ` from its lower Cholesky factor `a` [..., n, n]. Floats keep their dtype; integers
 * and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.potri(nd.array([[2, 0], [0, 1]]));   // [[0.25, 0], [0, 1]]
 */
export const potri: (a: NDArray) => NDArray = simple('potri', (b, [a]) => {
  checkSquare('potri', a!);
  const attrs = { upper: false, transposed: false, unit: false };
  const inverse = b.emit(triangularOp, [a!, identity(b, a!)], attrs);
  return product(b, inverse, inverse, { left: 'transposed' });
});

const orthonormalRows = several('gelqf', (b, [a]) => {
  checkMatrix('gelqf', a!);
  const [m, n] = sizesOf(a!);
  if (m > n)
    throw new TigonError(
      'shape',
      `gelqf: ${showType(a!.type)} has more rows than columns`,
      'qr factors matrices of any shape',
    );
  const turned = transposed(b, a!);
  const [q, r] = [0, 1].map((result) => b.emit(qrOp, [turned], { result, complete: false }));
  // rows with signs that make the diagonal of the triangle positive
  const signs = diagonalOf(b, r!);
  const sign = b.op('copysign', b.lit(1, signs), signs);
  const by = (x: Node): Node =>
    b.op(
      'mul',
      x,
      b.broadcast(
        sign,
        x.type.shape,
        sign.type.shape.map((_, i) => i),
      ),
    );
  return [transposed(b, by(r!)), by(transposed(b, q!))];
});

/**
 * `[l, q]` with `l · q = a`: a lower triangle with a diagonal that is not negative, and orthonormal rows; `a` has at most
 * as many rows as columns: [..., m, n] gives [..., m, m] and [..., m, n]. Floats keep their dtype; integers and booleans
 * give float32.
 *
 * @throws {ShapeError} for more rows than columns, and fewer than two axes
 *
 * @example
 * const [l, q] = nd.linalg.gelqf(nd.array([[3, 4]]));
 * l;   // [[5]]
 * q;   // [[0.6, 0.8]]
 */
export const gelqf = (a: NDArray): [NDArray, NDArray] => {
  const [l, q] = orthonormalRows(a);
  return [l!, q!];
};

/**
 * `[u, values]` of symmetric matrices [..., n, n] with `uᵀ · diag(values) · u = a`: eigenvectors as rows [..., n, n],
 * eigenvalues [..., n] ascending. Floats keep their dtype; integers and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example
 * const [u, values] = nd.linalg.syevd(nd.array([[2, 1], [1, 2]]));
 * values;   // [1, 3]
 */
export const syevd = (a: NDArray): [NDArray, NDArray] => {
  const [values, vectors] = inName('syevd', 'eigh', () => eigh(a));
  return [vectors.swapAxes(-1, -2), values];
};

/**
 * The sum of the logarithms of the diagonal of square matrices: [..., n, n] gives [...]. Floats keep their dtype; integers
 * and booleans give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 *
 * @example nd.linalg.sumLogDiag(nd.eye(3));   // 0
 */
export const sumLogDiag: (a: NDArray) => NDArray = simple('sumLogDiag', (b, [a]) => {
  checkSquare('sumLogDiag', a!);
  const diagonal = diagonalOf(b, a!);
  return b.sum(b.op('log', diagonal), [diagonal.type.shape.length - 1]);
});
