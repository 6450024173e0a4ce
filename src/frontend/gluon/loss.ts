/**
 * `tigon/loss`: how far predictions are from labels, one number per sample.
 *
 * Invariant: the loss of each element is scaled by `weight` and `sampleWeight`, then averaged over all axes but the
 * batch's; computed in float32, in float64 where predictions are float64. Labels with wrong values are refused, never trained on: see {@link SoftmaxCrossEntropyLoss}.
 */
export type { LossOptions } from './loss/base.ts';
export {
  KLDivLoss,
  type KLDivOptions,
  SigmoidBCELoss,
  SigmoidBinaryCrossEntropyLoss,
  type SigmoidBinaryCrossEntropyOptions,
  SoftmaxCELoss,
  SoftmaxCrossEntropyLoss,
  type SoftmaxCrossEntropyOptions,
} from './loss/classes.ts';
export { CTCLoss, type CTCOptions } from './loss/ctc.ts';
export {
  HuberLoss,
  type HuberOptions,
  L1Loss,
  L2Loss,
  PoissonNLLLoss,
  type PoissonNLLOptions,
} from './loss/distances.ts';
export {
  CosineEmbeddingLoss,
  HingeLoss,
  LogisticLoss,
  type LogisticOptions,
  type MarginOptions,
  SDMLLoss,
  type SDMLOptions,
  SquaredHingeLoss,
  TripletLoss,
} from './loss/margins.ts';
