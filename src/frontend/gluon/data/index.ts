/**
 * `tigon/data`: datasets, loaders, and the images everybody starts with.
 *
 * Invariant: what is listed here is public; everything else in the folder may change.
 */
import '../../methods.ts';

export { type Batched, stackSamples } from './batchify.ts';
export type { ColumnSource } from './column.ts';
export { ArrayDataset, Dataset, type Parts, type SampleOf, type WithFirst } from './dataset.ts';
export { type DrawnDigits, drawDigits } from './digits.ts';
export type { Progress } from './fetch.ts';
export { type IdxArray, parseIdx, readIdx } from './idx.ts';
export { DataLoader, type DataLoaderOptions } from './loader.ts';
export {
  FashionMNIST,
  type ImageDataOptions,
  ImageDataset,
  type ImageSource,
  MNIST,
} from './mnist.ts';
export { dataFrom, type FileSource, type PlaceOptions } from './published.ts';
export { RandomSampler, type Sampler, SequentialSampler } from './sampler.ts';
