/**
 * The `nd` namespace: everything that makes arrays or computes with them, as functions.
 *
 * Invariant: every method of NDArray is here too, with the array as first argument. A file that exports nothing but what
 * is public is passed on whole, any other by the names that are.
 */
export type { DType } from '../../ir/dtype.ts';
export type { Shape } from '../../ir/type.ts';
export { detached as detach, detached as stopGradient } from '../autograd.ts';
export * as fft from '../fft/index.ts';
export * as linalg from '../linalg/index.ts';
export { NDArray } from '../methods.ts';
export { isNDArray, type Operand } from '../ndarray.ts';
export { dropout } from '../random.ts';
export type { Values } from '../reading.ts';
export { scope } from '../scope.ts';
export * from './activation.ts';
export {
  add,
  div,
  eq,
  floorDiv,
  ge,
  gt,
  le,
  logicalAnd,
  logicalOr,
  logicalXor,
  lt,
  maximum,
  minimum,
  mod,
  mul,
  ne,
  pow,
  sub,
} from './arithmetic.ts';
export * from './attention.ts';
export * from './attention-weights.ts';
export * from './bits.ts';
export * from './calculus.ts';
export * from './concat.ts';
export * from './cond.ts';
export { type ConvolutionOptions, convolution } from './convolution.ts';
export {
  type BinCountOptions,
  binCount,
  type DigitizeOptions,
  digitize,
  type HistogramOptions,
  histogram,
  type SearchOptions,
  searchSorted,
} from './counting.ts';
export {
  type ArrayLike,
  type ArrayOptions,
  arange,
  array,
  type CreationOptions,
  eye,
  full,
  fullLike,
  linspace,
  type Nested,
  ones,
  onesLike,
  zeros,
  zerosLike,
} from './creation.ts';
export * from './cumulative.ts';
export * from './deconvolution.ts';
export * from './deformable.ts';
export * from './diagonals.ts';
export {
  delete,
  insert,
  type Places,
  resizeTo,
  sliceLike,
} from './edit.ts';
export * from './einsum.ts';
export * from './elementwise.ts';
export * from './embedding.ts';
export * from './files.ts';
export type { AnyTypedArray, TypedArray } from './filled.ts';
export * from './foreach.ts';
export * from './gathers.ts';
export * from './grids.ts';
export * from './indexing.ts';
export * from './joining.ts';
export type { Index } from './keys.ts';
export * from './linalg.ts';
export {
  abs,
  astype,
  ceil,
  clip,
  cos,
  elu,
  erf,
  exp,
  expm1,
  floor,
  gelu,
  isFinite,
  isNaN,
  leakyRelu,
  log,
  log1p,
  logicalNot,
  neg,
  reciprocal,
  relu,
  round,
  rsqrt,
  sigmoid,
  sign,
  silu,
  sin,
  softplus,
  softsign,
  sqrt,
  square,
  tan,
  tanh,
} from './math.ts';
export {
  type AverageOptions,
  amax,
  amin,
  average,
  constraintCheck,
  countNonzero,
  moments,
  nanargmax,
  nanargmin,
  nanmax,
  nanmean,
  nanmin,
  nanprod,
  nanstd,
  nansum,
  nanvar,
  ptp,
} from './moments.ts';
export { groupNorm, type InstanceNormOptions, instanceNorm, rmsNorm } from './normalize.ts';
export { batchNorm, batchNormTraining, layerNorm, type NormOptions } from './norms.ts';
export * from './padding.ts';
export * from './pairs.ts';
export * from './pooling.ts';
export { type AvgPoolOptions, avgPool, maxPool, type PoolOptions } from './pools.ts';
export * from './position.ts';
export {
  argwhere,
  type CompressOptions,
  compress,
  flatNonzero,
  type NonzeroOptions,
  nonzero,
} from './positions.ts';
export {
  type CrossOptions,
  cross,
  inner,
  khatriRao,
  kron,
  outer,
  tensordot,
  vdot,
} from './products.ts';
export * from './quantile.ts';
export * from './rearrange.ts';
export {
  all,
  any,
  argmax,
  argmin,
  type DeviationOptions,
  type FoldOptions,
  logSumExp,
  type MaskedOptions,
  max,
  mean,
  min,
  norm,
  prod,
  type ReduceOptions,
  std,
  sum,
  var,
} from './reduce.ts';
export * from './resize.ts';
export * from './sequence.ts';
export * from './sets.ts';
export * from './shape.ts';
export * from './softmax.ts';
export { argsort, type SortOptions, sort, type TopkOptions, topk } from './sorting.ts';
export * from './special.ts';
export type { Structure } from './structures.ts';
export * from './transfer.ts';
export * from './types.ts';
export * from './while.ts';
