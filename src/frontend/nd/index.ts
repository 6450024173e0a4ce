/**
 * The `nd` namespace: everything that makes arrays or computes with them, as functions.
 *
 * Invariant: every method of NDArray is here too, with the array as first argument.
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
export {
  geluTanh,
  type HardSigmoidOptions,
  hardSigmoid,
  hardSwish,
  mish,
  smoothL1,
  swish,
} from './activation.ts';
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
export {
  type AttentionDropout,
  type AttentionOptions,
  scaledDotProductAttention,
} from './attention.ts';
export { attentionWeights } from './attention-weights.ts';
export {
  bitwiseAnd,
  bitwiseNot,
  bitwiseOr,
  bitwiseXor,
  gcd,
  lcm,
  leftShift,
  rightShift,
} from './bits.ts';
export {
  type DiffOptions,
  diff,
  type EdiffOptions,
  ediff1d,
  type InterpOptions,
  interp,
  polyval,
} from './calculus.ts';
export { cond } from './cond.ts';
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
export {
  type CumulativeOptions,
  cummax,
  cummin,
  cumprod,
  cumsum,
  logCumSumExp,
} from './cumulative.ts';
export { type DeconvolutionOptions, deconvolution } from './deconvolution.ts';
export { type DeformableOptions, deformableConvolution } from './deformable.ts';
export {
  type DiagonalOptions,
  diag,
  diagflat,
  diagonal,
  fillDiagonal,
  trace,
  tri,
  tril,
  triu,
} from './diagonals.ts';
export {
  delete,
  insert,
  type Places,
  resizeTo,
  sliceLike,
} from './edit.ts';
export {
  einsum,
  einsumPath,
} from './einsum.ts';
export {
  arccos,
  arccosh,
  arcsin,
  arcsinh,
  arctan,
  arctanh,
  cbrt,
  cosh,
  degrees,
  exp2,
  fix,
  isInf,
  isNegInf,
  isPosInf,
  log2,
  log10,
  type NanToNumOptions,
  nanToNum,
  positive,
  radians,
  rint,
  roundSte,
  signBit,
  signSte,
  sinc,
  sinh,
  trunc,
} from './elementwise.ts';
export { embedding } from './embedding.ts';
export {
  type ArrayFormat,
  type Arrays,
  type LoadedArrays,
  type LoadOptions,
  load,
  save,
  serialize,
} from './files.ts';
export type { AnyTypedArray, TypedArray } from './filled.ts';
export { foreach } from './foreach.ts';
export {
  booleanMask,
  gatherNd,
  indexCopy,
  putAlongAxis,
  scatterNd,
  takeAlongAxis,
} from './gathers.ts';
export {
  type ArangeLikeOptions,
  arangeLike,
  blackman,
  diagIndices,
  hamming,
  hanning,
  identity,
  indices,
  type LogspaceOptions,
  logspace,
  type MeshgridOptions,
  meshgrid,
  type RavelOptions,
  ravelMultiIndex,
  trilIndices,
  triuIndices,
  unravelIndex,
} from './grids.ts';
export {
  at,
  gather,
  indexAdd,
  type Key,
  type OneHotOptions,
  oneHot,
  type PickOptions,
  pick,
  set,
  slice,
  type TakeOptions,
  take,
  where,
} from './indexing.ts';
export {
  append,
  arraySplit,
  columnStack,
  dsplit,
  dstack,
  hsplit,
  hstack,
  rowStack,
  vsplit,
  vstack,
} from './joining.ts';
export type { Index } from './keys.ts';
export {
  type BatchDotOptions,
  batchDot,
  dot,
  linear,
  matmul,
} from './linalg.ts';
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
export { type PadMode, type PadOptions, pad } from './padding.ts';
export {
  addN,
  allClose,
  arctan2,
  type CloseOptions,
  clamp,
  copysign,
  fmax,
  fmin,
  fmod,
  heaviside,
  hypot,
  isClose,
  ldexp,
  logaddexp,
} from './pairs.ts';
export {
  adaptiveAvgPool,
  type LpPoolOptions,
  lpPool,
  type PoolingOptions,
  pooling,
  sumPool,
} from './pooling.ts';
export { type AvgPoolOptions, avgPool, maxPool, type PoolOptions } from './pools.ts';
export {
  type PositionOptions,
  type RotaryOptions,
  rotaryEmbedding,
  sinusoidalEncoding,
} from './position.ts';
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
export {
  median,
  percentile,
  type QuantileMethod,
  type QuantileOptions,
  quantile,
} from './quantile.ts';
export {
  atleast1d,
  atleast2d,
  atleast3d,
  broadcastArrays,
  broadcastLike,
  broadcastShapes,
  fliplr,
  flipud,
  type LikeOptions,
  mayShareMemory,
  moveaxis,
  roll,
  rollaxis,
  rot90,
  sharesMemory,
} from './rearrange.ts';
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
export {
  pixelShuffle,
  type ResizeOptions,
  resize,
  type UpSamplingOptions,
  upSampling,
} from './resize.ts';
export {
  type SequenceMaskOptions,
  type SequenceOptions,
  sequenceLast,
  sequenceMask,
  sequenceReverse,
} from './sequence.ts';
export {
  intersect1d,
  isIn,
  setDiff1d,
  setXor1d,
  type Unique,
  type UniqueOptions,
  union1d,
  unique,
  uniqueAll,
} from './sets.ts';
export {
  broadcastTo,
  concat,
  expandDims,
  flatten,
  flip,
  ravel,
  repeat,
  reshape,
  split,
  squeeze,
  stack,
  swapAxes,
  tile,
  transpose,
} from './shape.ts';
export { type AxisOptions, logSoftmax, softmax } from './softmax.ts';
export { argsort, type SortOptions, sort, type TopkOptions, topk } from './sorting.ts';
export {
  digamma,
  erfinv,
  gamma,
  gammaln,
  polygamma,
} from './special.ts';
export type { Structure } from './structures.ts';
export { assign, copyTo, toDevice } from './transfer.ts';
export {
  type Casting,
  canCast,
  type FloatInfo,
  finfo,
  type IntegerInfo,
  iinfo,
  promoteTypes,
  resultType,
} from './types.ts';
export { type WhileOptions, whileLoop } from './while.ts';
