/**
 * Eigenvalues of matrices that need not be symmetric, which are complex.
 *
 * Invariant: the host computes them in double precision, so the arrays are read: the results are promises, they cannot be
 * traced, and have no gradients. Complex numbers are two floats along a last axis: real part, imaginary part.
 */
import { summedIn } from '../../ir/dtype.ts';
import { showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { array } from '../nd/creation.ts';
import type { NDArray } from '../ndarray.ts';
import { data, numbers } from '../reading.ts';
import { type Eigen, eigenOf } from './eig-host.ts';

const eigenOfAll = async (name: string, a: NDArray): Promise<readonly Eigen[]> => {
  const n = a.shape.at(-1)!;
  const values = numbers(await data(a), name);
  const count = n === 0 ? 0 : a.size / (n * n);
  return Array.from({ length: count }, (_, i) => {
    const found = eigenOf(values.slice(i * n * n, (i + 1) * n * n), n);
    if (found !== undefined) return found;
    throw failure(
      'value',
      `${name}: the eigenvalues of matrix ${i} of ${showType(a.type)} were not found`,
      'it must not hold NaN or infinities',
    );
  });
};

const check = (name: string, a: NDArray): void => {
  checkArray(name, a);
  if (mode.trace !== undefined)
    throw failure(
      'trace',
      `${name}: the host computes it, and values are not known while tracing`,
      'compute it outside of the hybridized function; eigh of symmetric matrices can be traced',
    );
  if (a.ndim < 2 || a.shape.at(-1) !== a.shape.at(-2))
    throw failure(
      'shape',
      `${name}: ${showType(a.type)} holds no square matrices`,
      'the last two axes must be equally long',
    );
};

const joined = (a: NDArray, shape: readonly number[], parts: readonly Float64Array[]): NDArray => {
  const all = new Float64Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    all.set(part, at);
    at += part.length;
  }
  return array(all, { dtype: summedIn(a.dtype), device: a.device }).reshape(shape);
};

/**
 * `[values, vectors]` of square matrices [..., n, n]: eigenvalues [..., n, 2], and eigenvectors of length 1 as the columns
 * of [..., n, n, 2], all complex (real and imaginary part along the last axis), in no particular order. Computed on the
 * host: no gradients, not in hybridized functions; of symmetric matrices, `eigh` has both.
 *
 * Dtypes: float64 stays, all others give float32; computed in double.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {ValueError} for matrices with NaN or infinities
 * @throws {TraceError} in hybridized functions
 *
 * @example
 * const [values] = await nd.linalg.eig(nd.array([[0, -1], [1, 0]]));
 * values.at(0).slice([1, 2]).abs();   // [1]
 */
export const eig = (a: NDArray): Promise<[NDArray, NDArray]> => {
  check('eig', a);
  const { shape } = a;
  return eigenOfAll('eig', a).then((all) => [
    joined(
      a,
      [...shape.slice(0, -1), 2],
      all.map((e) => e.values),
    ),
    joined(
      a,
      [...shape, 2],
      all.map((e) => e.vectors),
    ),
  ]);
};

/**
 * Eigenvalues of square matrices [..., n, n], complex: [..., n, 2]. Computed on the host, like {@link eig}, in double;
 * float64 stays, all other dtypes give float32.
 *
 * @throws {ShapeError} unless the matrices are square
 * @throws {ValueError} for matrices with NaN or infinities
 * @throws {TraceError} in hybridized functions
 *
 * @example (await nd.linalg.eigvals(nd.array([[2, 1], [0, 2]]))).shape;   // [2, 2]
 */
export const eigvals = (a: NDArray): Promise<NDArray> => {
  check('eigvals', a);
  return eigenOfAll('eigvals', a).then((all) =>
    joined(
      a,
      [...a.shape.slice(0, -1), 2],
      all.map((e) => e.values),
    ),
  );
};
