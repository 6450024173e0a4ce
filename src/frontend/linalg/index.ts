/**
 * `nd.linalg`: functions of matrices, which are the last two axes; axes before them are a batch.
 *
 * Invariant: programs that name none of this load none of it.
 */
export {
  type GemmOptions,
  gelqf,
  gemm,
  gemm2,
  potrf,
  potri,
  sumLogDiag,
  syevd,
  syrk,
  type TriangleOptions,
  trmm,
  trsm,
} from './blas.ts';
export { eig, eigvals } from './eig.ts';
export {
  det,
  inv,
  lstsq,
  pinv,
  type RcondOptions,
  slogdet,
  solve,
  type TriangularOptions,
  triangularSolve,
} from './equations.ts';
export { cholesky, eigh, eigvalsh, type QrOptions, qr, svd, svdvals } from './factors.ts';
export {
  cond,
  type MatrixNormOptions,
  type MatrixOrder,
  matrixNorm,
  matrixRank,
  type NormOptions,
  norm,
  type VectorNormOptions,
  type VectorOrder,
  vectorNorm,
} from './norms.ts';
export { matrixPower, multiDot, tensorinv, tensorsolve } from './powers.ts';
export {
  extractDiag,
  extractTrian,
  makeDiag,
  makeTrian,
  type OffsetOptions,
  type TrianOptions,
} from './triangles.ts';
export { matrixTranspose, type VecdotOptions, vecdot } from './vectors.ts';
