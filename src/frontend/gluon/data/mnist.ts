/**
 * MNIST and Fashion-MNIST: 60,000 training and 10,000 test images of 28 x 28 in ten classes.
 *
 * Invariant: images come as float32 [1, 28, 28] from 0 to 1, labels as int32 from 0 to 9, wherever the bytes come from;
 * `source` says where that was, and digits that are drawn by rule are never passed off as the real ones silently.
 */
import * as platform from '#platform';
import { TigonError } from '../../../ir/errors.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkOptions } from '../../options.ts';
import { byteColumn, hostColumn } from './column.ts';
import { ColumnDataset } from './dataset.ts';
import { drawDigits } from './digits.ts';
import type { RemoteFile } from './fetch.ts';
import { type IdxArray, readIdx } from './idx.ts';
import {
  type FileSource,
  findFile,
  type PlaceOptions,
  type Publication,
  Unavailable,
} from './published.ts';

/** Where the images of a dataset come from. */
export type ImageSource = FileSource | 'drawn';

/**
 * Where to look for the files (`train-images-idx3-ubyte.gz`, …): in a folder `mnist` or `fashion-mnist`, unless `root`
 * says otherwise.
 */
export type ImageDataOptions = PlaceOptions;

/**
 * Images and labels: a sample is `[image, label]`, a batch `[float32 [N, 1, 28, 28], int32 [N]]`.
 *
 * @throws {ShapeError} when there are not as many labels as images
 * @throws {ValueError} for a sample that it does not have
 *
 * @example
 * const test: ImageDataset = await FashionMNIST.test();
 * const [image, label] = test.get(0);
 */
export class ImageDataset extends ColumnDataset<[NDArray, NDArray]> {
  /** Where the images come from. */
  readonly source: ImageSource;

  /** `images` [N, height, width] and `labels` [N], in bytes. */
  constructor(images: IdxArray, labels: IdxArray, source: ImageSource) {
    super('ImageDataset', [
      byteColumn(images.data, [1, ...images.shape.slice(1)]),
      hostColumn(Int32Array.from(labels.data), [], 'int32'),
    ]);
    this.source = source;
  }
}

interface Collection extends Publication {
  readonly title: string;
  readonly train: { readonly images: RemoteFile; readonly labels: RemoteFile };
  readonly test: { readonly images: RemoteFile; readonly labels: RemoteFile };
  /** Stands in when there are no files and no network. */
  readonly draw: ((part: Part) => ImageDataset) | undefined;
}
type Part = 'train' | 'test';

const file = (name: string, bytes: number, sha256: string): RemoteFile => ({
  name: `${name}-ubyte.gz`,
  bytes,
  sha256,
});

const drawn = (part: Part): ImageDataset => {
  const count = part === 'train' ? 60_000 : 10_000;
  const { images, labels } = drawDigits(count, part === 'train' ? 1 : 2);
  return new ImageDataset(
    { shape: [count, 28, 28], data: images },
    { shape: [count], data: labels },
    'drawn',
  );
};

const mnist: Collection = {
  name: 'mnist',
  title: 'MNIST',
  mirrors: [
    'https://ossci-datasets.s3.amazonaws.com/mnist/',
    'https://storage.googleapis.com/cvdf-datasets/mnist/',
    'https://cdn.jsdelivr.net/gh/fgnt/mnist/',
  ],
  train: {
    images: file(
      'train-images-idx3',
      9912422,
      '440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609',
    ),
    labels: file(
      'train-labels-idx1',
      28881,
      '3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c',
    ),
  },
  test: {
    images: file(
      't10k-images-idx3',
      1648877,
      '8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6',
    ),
    labels: file(
      't10k-labels-idx1',
      4542,
      'f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6',
    ),
  },
  draw: drawn,
};

const fashion: Collection = {
  name: 'fashion-mnist',
  title: 'Fashion-MNIST',
  mirrors: ['http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/'],
  train: {
    images: file(
      'train-images-idx3',
      26421880,
      '3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84',
    ),
    labels: file(
      'train-labels-idx1',
      29515,
      'a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845',
    ),
  },
  test: {
    images: file(
      't10k-images-idx3',
      4422102,
      '346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073',
    ),
    labels: file(
      't10k-labels-idx1',
      5148,
      '67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5',
    ),
  },
  draw: undefined,
};

interface Found {
  readonly array: IdxArray;
  readonly source: ImageSource;
}

const find = async (
  collection: Collection,
  wanted: RemoteFile,
  rank: number,
  options: ImageDataOptions,
): Promise<Found> => {
  const { bytes, name, source } = await findFile(collection, wanted, options);
  return { array: await readIdx(bytes, name, rank), source };
};

const load = async (
  collection: Collection,
  part: Part,
  options: ImageDataOptions,
): Promise<ImageDataset> => {
  checkOptions(collection.title, options, ['root', 'onProgress', 'fetch']);
  const wanted = collection[part];
  let images: Found;
  let labels: Found;
  try {
    images = await find(collection, wanted.images, 3, options);
    labels = await find(collection, wanted.labels, 1, options);
  } catch (error) {
    if (!(error instanceof Unavailable) || collection.draw === undefined) throw error;
    platform.warn(
      `tigon: WARNING: ${collection.title} cannot be had; using digits drawn by rule in its place (the ${part} part).\n${error.message.replace(/^/gm, '  ')}`,
    );
    return collection.draw(part);
  }
  const [count, classes] = [images.array.shape[0]!, 10];
  if (labels.array.shape[0] !== count)
    throw new TigonError(
      'data',
      `${collection.title}: ${count} images in ${wanted.images.name}, ${labels.array.shape[0]} labels in ${wanted.labels.name}`,
      'the files do not belong together',
    );
  const odd = labels.array.data.findIndex((label) => label >= classes);
  if (odd >= 0)
    throw new TigonError(
      'data',
      `${collection.title}: label ${odd} in ${wanted.labels.name} is ${labels.array.data[odd]}, the classes are 0 to 9`,
      'the file is damaged or holds something else',
    );
  return new ImageDataset(images.array, labels.array, images.source);
};

/**
 * Hand-written digits.
 *
 * From the folder `mnist` in `TIGON_DATA` if that is set, else from the user's cache, else from the network (checked and
 * cached; not with `TIGON_OFFLINE=1`), else, with a warning, digits that Tigon draws itself. Images are float32
 * [1, 28, 28] from 0 to 1, labels int32 scalars.
 *
 * @throws {DataError} for damaged files
 *
 * @example
 * const train = await MNIST.train();        // 60,000 samples [float32 [1, 28, 28], int32 []]
 * for await (const [x, y] of new DataLoader(train, { batchSize: 64, shuffle: true })) loss(net(x), y);
 */
export const MNIST = {
  /** The 60,000 training images. */
  train: (options: ImageDataOptions = {}): Promise<ImageDataset> => load(mnist, 'train', options),
  /** The 10,000 test images. */
  test: (options: ImageDataOptions = {}): Promise<ImageDataset> => load(mnist, 'test', options),
};

/**
 * Clothes in the format of {@link MNIST}: t-shirt, trouser, pullover, dress, coat, sandal, shirt, sneaker, bag, boot.
 * From the folder `fashion-mnist` in `TIGON_DATA`, the cache or the network. Shapes and dtypes as of MNIST.
 *
 * @throws {DataError} for damaged files, and when there are none
 */
export const FashionMNIST = {
  /** The 60,000 training images. */
  train: (options: ImageDataOptions = {}): Promise<ImageDataset> => load(fashion, 'train', options),
  /** The 10,000 test images. */
  test: (options: ImageDataOptions = {}): Promise<ImageDataset> => load(fashion, 'test', options),
};
