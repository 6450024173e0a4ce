/**
 * `tigon/d2l`: small helpers of the lessons, under the names of the book *Dive into Deep Learning*.
 *
 * Invariant: what is listed here is public; a page loads the helpers that it names, and what they need.
 */
import '../methods.ts';

export { accuracy, evaluateAccuracy, type Loader, type Model } from './accuracy.ts';
export { Animator, type Point } from './animator.ts';
export { type BooksBenchmark, booksBenchmark, type Net } from './books-benchmark.ts';
export {
  type CompareOptions,
  type Comparison,
  type ComparisonRow,
  compare,
  type Way,
  type Work,
} from './compare.ts';
export type { Counts } from './counts.ts';
export { type DisplaySink, display, flushDisplays, onDisplay } from './display.ts';
export type {
  Axis,
  Chart,
  Displayable,
  Figure,
  HeatMap,
  LaunchTime,
  Mark,
  Panel,
  Picture,
  Programs,
  ProgramView,
  Table,
  Value,
} from './displayable.ts';
export { environment } from './environment.ts';
export {
  fashionMnistLabels,
  type ImageData,
  type ImageLoader,
  type ImageOptions,
  loadFashionMnist,
  loadMnist,
} from './image-data.ts';
export {
  type LanguageModel,
  predictText,
  type RnnEpoch,
  type RnnTraining,
  type State,
  type TrainRnnOptions,
  trainRnn,
} from './language-model.ts';
export { Accumulator, Timer } from './meters.ts';
export {
  type Along,
  type ChartOptions,
  chart,
  type FigureOptions,
  figure,
  type HeatMapOptions,
  heatMap,
  type PictureOptions,
  pictures,
  type Up,
} from './panels.ts';
export { plot, plotBars, type ShowImagesOptions, showHeatMap, showImages } from './plot.ts';
export { type ProgramsOptions, programs } from './programs.ts';
export { onRecord, type RecordSink, record } from './record.ts';
export {
  type Airfoil,
  type AirfoilOptions,
  loadAirfoil,
  loadArray,
  type Regression,
  type SyntheticOptions,
  syntheticRegression,
} from './regression-data.ts';
export { gradClipping, linreg, sgd, squaredLoss } from './scratch.ts';
export {
  type Batches,
  type SequenceOptions,
  seqDataIterConsecutive,
  seqDataIterRandom,
} from './sequences.ts';
export type { Series } from './series.ts';
export { figureSvg, type SvgOptions } from './svg.ts';
export { displayText } from './text.ts';
export type { DataSource, RealOrNot } from './text-files.ts';
export {
  type Corpus,
  type CorpusOptions,
  loadCorpusTimeMachine,
  loadTimeMachine,
  readTimeMachine,
  type TimeMachine,
  type TimeMachineOptions,
  tokenize,
} from './time-machine.ts';
export type { Spread } from './timing.ts';
export {
  type Epoch,
  type EpochOptions,
  type EpochReport,
  type Training,
  type TrainOptions,
  train,
  trainEpoch,
  type Updater,
} from './train.ts';
export { tryGpu } from './try-gpu.ts';
export { Vocab, type VocabOptions } from './vocab.ts';
