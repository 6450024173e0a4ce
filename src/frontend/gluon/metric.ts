/**
 * `tigon/metric`: running figures of training and evaluation, summed on the device.
 *
 * Invariant: `update` never waits for the device and works inside hybridized functions; only `get` reads.
 */
export {
  Accuracy,
  type AccuracyOptions,
  BinaryAccuracy,
  type BinaryAccuracyOptions,
  TopKAccuracy,
  type TopKAccuracyOptions,
} from './metric/accuracy.ts';
export { MCC, type MCCOptions, PCC, type PCCOptions } from './metric/agreement.ts';
export { type Batch, type Measure, Metric } from './metric/base.ts';
export { create, type MetricLike, register } from './metric/create.ts';
export {
  CompositeEvalMetric,
  CustomMetric,
  type CustomMetricOptions,
  type Evaluation,
  type HostEvaluation,
  HostMetric,
  np,
} from './metric/custom.ts';
export { F1, Fbeta, type FbetaOptions } from './metric/fscore.ts';
export {
  CrossEntropy,
  type CrossEntropyOptions,
  Loss,
  NegativeLogLikelihood,
  Perplexity,
} from './metric/likelihood.ts';
export type { ClassType } from './metric/outcomes.ts';
export {
  MAE,
  MeanCosineSimilarity,
  type MeanCosineSimilarityOptions,
  MeanPairwiseDistance,
  type MeanPairwiseDistanceOptions,
  MSE,
  type NameOptions,
  PearsonCorrelation,
  RMSE,
} from './metric/regression.ts';
