/**
 * `tigon/nn`: layers, and the containers that put them in a row.
 *
 * Invariant: layers take what they cannot do without as arguments, all else as options with documented defaults.
 */
export { ELU, GELU, LeakyReLU, PReLU, type PReLUOptions, SELU, SiLU } from './activation.ts';
export {
  Activation,
  Dense,
  type DenseOptions,
  Dropout,
  Embedding,
  type EmbeddingOptions,
  Flatten,
  HybridLambda,
  Lambda,
} from './basic.ts';
export { HybridSequential, type Layer, Sequential } from './container.ts';
export { Conv1D, Conv2D, Conv3D, type ConvOptions } from './conv.ts';
export { BatchNorm, type BatchNormOptions, LayerNorm, type LayerNormOptions } from './norm.ts';
export {
  AvgPool1D,
  AvgPool2D,
  AvgPool3D,
  type AvgPoolOptions,
  GlobalAvgPool1D,
  GlobalAvgPool2D,
  GlobalAvgPool3D,
  GlobalMaxPool1D,
  GlobalMaxPool2D,
  GlobalMaxPool3D,
  MaxPool1D,
  MaxPool2D,
  MaxPool3D,
  type MaxPoolOptions,
} from './pool.ts';
export type { ActivationName } from './shared.ts';
