/**
 * `tigon/nn`: layers, and the containers that put them in a row.
 *
 * Invariant: layers take what they cannot do without as arguments, all else as options with documented defaults.
 */
export {
  ELU,
  GELU,
  type GELUApproximation,
  HardSigmoid,
  HardSwish,
  LeakyReLU,
  Mish,
  PReLU,
  type PReLUOptions,
  SELU,
  SiLU,
  Swish,
} from './activation.ts';
export { MultiHeadAttention, type MultiHeadAttentionOptions } from './attention.ts';
export {
  Activation,
  Dense,
  type DenseOptions,
  Dropout,
  Embedding,
  type EmbeddingOptions,
  Flatten,
} from './basic.ts';
export {
  Concatenate,
  type ConcatenateOptions,
  Concurrent,
  HybridConcatenate,
  HybridConcurrent,
} from './concat.ts';
export { HybridSequential, type Layer, Sequential } from './container.ts';
export { Conv1D, Conv2D, Conv3D } from './conv.ts';
export type { ConvOptions } from './conv-base.ts';
export {
  Conv1DTranspose,
  Conv2DTranspose,
  Conv3DTranspose,
  type ConvTransposeOptions,
} from './conv-transpose.ts';
export {
  DeformableConvolution,
  type DeformableConvolutionOptions,
  ModulatedDeformableConvolution,
} from './deformable.ts';
export {
  ConstantPad,
  type PadWidths,
  PixelShuffle1D,
  PixelShuffle2D,
  PixelShuffle3D,
  ReflectionPad2D,
  UpSampling,
  ZeroPad,
} from './image.ts';
export { HybridLambda, Identity, Lambda } from './lambda.ts';
export type { Layout } from './layout.ts';
export { BatchNorm, type BatchNormOptions, LayerNorm, type LayerNormOptions } from './norm.ts';
export {
  BatchNormReLU,
  GroupNorm,
  InstanceNorm,
  type InstanceNormOptions,
  RMSNorm,
  type RMSNormOptions,
  SyncBatchNorm,
  type SyncBatchNormOptions,
} from './norm-groups.ts';
export {
  AvgPool1D,
  AvgPool2D,
  AvgPool3D,
  type AvgPoolOptions,
  MaxPool1D,
  MaxPool2D,
  MaxPool3D,
} from './pool.ts';
export type { LayoutOptions, MaxPoolOptions } from './pool-base.ts';
export {
  GlobalAvgPool1D,
  GlobalAvgPool2D,
  GlobalAvgPool3D,
  GlobalMaxPool1D,
  GlobalMaxPool2D,
  GlobalMaxPool3D,
} from './pool-global.ts';
export {
  AdaptiveAvgPool1D,
  AdaptiveAvgPool2D,
  AdaptiveAvgPool3D,
  LPPool1D,
  LPPool2D,
  LPPool3D,
  type LPPoolOptions,
} from './pool-more.ts';
export {
  RotaryEmbedding,
  type RotaryEmbeddingOptions,
  SinusoidalPositionalEncoding,
} from './position.ts';
export type { ActivationName } from './shared.ts';
export {
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerOptions,
} from './transformer.ts';
