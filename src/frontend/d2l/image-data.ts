/**
 * MNIST and Fashion-MNIST in batches, as lessons want them.
 *
 * Invariant: images float32 [batch, 1, 28, 28] from 0 to 1, labels int32 [batch]; what stands in for them has the same
 * shapes, and is never silent.
 */
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import type { Dataset } from '../gluon/data/dataset.ts';
import { drawDigits } from '../gluon/data/digits.ts';
import { DataLoader } from '../gluon/data/loader.ts';
import { FashionMNIST, ImageDataset, MNIST } from '../gluon/data/mnist.ts';
import { Unavailable } from '../gluon/data/published.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { data } from '../reading.ts';
import { type DataSource, PLACE, type RealOrNot, sayStandIn } from './text-files.ts';

export interface ImageOptions extends RealOrNot {
  readonly batchSize: number;
  /** The first so many training images. Default: all. */
  readonly examples?: number | undefined;
  /** The first so many test images. Default: all, or a sixth of `examples` where that is given. */
  readonly testExamples?: number | undefined;
  /** Of the order of training images. Default: drawn as `random.seed` says. */
  readonly seed?: number | undefined;
  /** Where batches are made. Default: the default device. */
  readonly device?: Device | undefined;
}

/** Batches `[images, labels]`. */
export type ImageLoader = DataLoader<[NDArray, NDArray], [NDArray, NDArray]>;

/** Images for training, in a new order at each pass, and for testing, in order. */
export interface ImageData {
  readonly train: ImageLoader;
  readonly test: ImageLoader;
  /** Where the images came from: `drawn` are digits that Tigon draws itself. */
  readonly source: DataSource;
}

const OPTIONS = [...PLACE, 'batchSize', 'examples', 'testExamples', 'seed', 'device'];

/** How many digits stand in. */
const DRAWN = { train: 60_000, test: 10_000 } as const;
type Part = keyof typeof DRAWN;

const drawn = (part: Part, count: number | undefined): ImageDataset => {
  const size = Math.min(count ?? DRAWN[part], DRAWN[part]);
  const { images, labels } = drawDigits(size, part === 'train' ? 1 : 2);
  return new ImageDataset(
    { shape: [size, 28, 28], data: images },
    { shape: [size], data: labels },
    'drawn',
  );
};

/** Datasets that were loaded: lessons ask for the same one with other batches. */
const loaded = new Map<string, Promise<ImageDataset>>();

const once = (key: string, load: () => Promise<ImageDataset>): Promise<ImageDataset> => {
  const before = loaded.get(key);
  if (before !== undefined) return before;
  const made = load();
  loaded.set(key, made);
  made.catch(() => loaded.delete(key));
  return made;
};

const loadImages = async (
  where: string,
  title: string,
  collection: typeof MNIST,
  options: ImageOptions,
): Promise<ImageData> => {
  checkOptions(where, options, OPTIONS);
  const { batchSize, examples, seed, device, required = false, ...rest } = options;
  const { testExamples = examples === undefined ? undefined : Math.ceil(examples / 6) } = rest;
  const { root, onProgress, fetch } = rest;
  const load = async (part: Part, count: number | undefined): Promise<ImageDataset> => {
    try {
      return await once(`${title}/${part}/${root ?? ''}`, () =>
        collection[part]({ root, onProgress, fetch }),
      );
    } catch (error) {
      if (!(error instanceof Unavailable) || required) throw error;
      sayStandIn(title, 'digits drawn by rule', error.message);
      return drawn(part, count);
    }
  };
  const [train, test] = [await load('train', examples), await load('test', testExamples)];
  if (required && train.source === 'drawn')
    throw failure('data', `${where}: ${title} cannot be had`, 'set TIGON_DATA to a folder with it');
  const first = (all: ImageDataset, count: number | undefined): Dataset<[NDArray, NDArray]> =>
    count === undefined ? all : all.take(count);
  const common = { batchSize, device };
  return {
    train: new DataLoader(first(train, examples), { ...common, shuffle: true, seed }),
    test: new DataLoader(first(test, testExamples), common),
    source: train.source,
  };
};

/**
 * Hand-written digits in batches `[images, labels]`: float32 [batch, 1, 28, 28] from 0 to 1, and int32 [batch] from 0 to 9;
 * 60,000 for training, 10,000 for testing, or the first of them. From the folder `mnist` in `TIGON_DATA`, the cache or the
 * network; else, with a warning, digits drawn by rule.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options, and unless `batchSize` is an integer ≥ 1
 *
 * @example
 * const { train, test } = await loadMnist({ batchSize: 64, examples: 256 });
 * train.length;   // 4
 */
export const loadMnist = (options: ImageOptions): Promise<ImageData> =>
  loadImages('loadMnist', 'MNIST', MNIST, options);

/**
 * Clothes in batches, in the format of {@link loadMnist}: float32 [batch, 1, 28, 28] and int32 [batch]. From the folder
 * `fashion-mnist` in `TIGON_DATA`, the cache or the network; else, with a warning, digits drawn by rule.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options, and unless `batchSize` is an integer ≥ 1
 *
 * @example
 * const { train, test } = await loadFashionMnist({ batchSize: 64, examples: 256 });
 * for await (const [x, y] of test) console.log(x.shape, y.dtype);
 */
export const loadFashionMnist = (options: ImageOptions): Promise<ImageData> =>
  loadImages('loadFashionMnist', 'Fashion-MNIST', FashionMNIST, options);

const CLOTHES: readonly string[] = [
  't-shirt',
  'trouser',
  'pullover',
  'dress',
  'coat',
  'sandal',
  'shirt',
  'sneaker',
  'bag',
  'ankle boot',
];

/**
 * What the labels of Fashion-MNIST stand for: of an array [n] of integers, or a list.
 *
 * @throws {ValueError} for numbers that are no label (as a rejected promise)
 *
 * @example await fashionMnistLabels(nd.array([0, 9], { dtype: 'int32' }));   // ['t-shirt', 'ankle boot']
 */
export const fashionMnistLabels = async (
  labels: NDArray | ArrayLike<number>,
): Promise<readonly string[]> => {
  const numbers: ArrayLike<number> = isNDArray(labels) ? await data(labels) : labels;
  return Array.from(numbers, (i) => {
    const word = CLOTHES[i];
    if (word !== undefined) return word;
    throw failure('value', `fashionMnistLabels: ${String(i)} is no label`, 'they go from 0 to 9');
  });
};
