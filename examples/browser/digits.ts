/**
 * The images: MNIST, files that the user picked, or digits drawn by rule.
 *
 * Invariant: drawn digits are never called MNIST.
 */

import { type Dataset, drawDigits, type IdxArray, ImageDataset, MNIST, readIdx } from 'tigon/data';
import type { nd } from 'tigon/web';
import type { DataChoice, Report } from './run.ts';
import { turn } from './turn.ts';

export type Images = Dataset<[nd.NDArray, nd.NDArray]>;

export interface Digits {
  readonly train: Images;
  readonly test: Images;
  /** What they are, and where they come from. */
  readonly origin: string;
}

const DRAWN = { train: 6000, test: 1000 };
const DRAWN_AT_ONCE = 250;
/** Of files without test images, this share tests. */
const HELD_BACK = 1 / 6;

export const digitsOf = async (
  choice: DataChoice,
  report: (what: Report) => void,
): Promise<Digits> => {
  switch (choice.kind) {
    case 'mnist':
      return (await besideThePage()) ?? (await fromTheNetwork(report));
    case 'drawn':
      return drawn(report);
    case 'files':
      return fromFiles(choice.files);
    default:
      return choice satisfies never;
  }
};

type Part = 'train' | 't10k';

const namesOf = (part: Part): readonly [images: string, labels: string] => [
  `${part}-images-idx3-ubyte.gz`,
  `${part}-labels-idx1-ubyte.gz`,
];

/** Undefined where the page's server has no MNIST. */
const besideThePage = async (): Promise<Digits | undefined> => {
  const file = async (name: string): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    const response = await fetch(`mnist/${name}`).catch(() => undefined);
    return response?.ok ? new Uint8Array(await response.arrayBuffer()) : undefined;
  };
  const part = async (which: Part): Promise<ImageDataset | undefined> => {
    const names = namesOf(which);
    const [images, labels] = await Promise.all(names.map(file));
    return images === undefined || labels === undefined
      ? undefined
      : new ImageDataset(
          await readIdx(images, names[0], 3),
          await readIdx(labels, names[1], 1),
          'folder',
        );
  };
  const [train, test] = [await part('train'), await part('t10k')];
  return train && test && { train, test, origin: 'MNIST, from the server of this page' };
};

/** Tigon's own loader: published files, checked; without a network, digits that Tigon draws, which it says. */
const fromTheNetwork = async (report: (what: Report) => void): Promise<Digits> => {
  const onProgress = (p: { file: string; received: number; total: number }): void =>
    report({ kind: 'loading', what: p.file, done: p.received, of: p.total });
  const train = await MNIST.train({ onProgress });
  const test = await MNIST.test({ onProgress });
  const isDrawn = train.source === 'drawn' || test.source === 'drawn';
  return { train, test, origin: isDrawn ? 'DIGITS DRAWN BY RULE, not MNIST' : 'MNIST, downloaded' };
};

const drawn = async (report: (what: Report) => void): Promise<Digits> => {
  const all = DRAWN.train + DRAWN.test;
  let done = 0;
  const draw = async (count: number, seed: number): Promise<ImageDataset> => {
    const images = new Uint8Array(count * 28 * 28);
    const labels = new Uint8Array(count);
    for (let first = 0; first < count; first += DRAWN_AT_ONCE) {
      const some = drawDigits(Math.min(DRAWN_AT_ONCE, count - first), seed, first);
      images.set(some.images, first * 28 * 28);
      labels.set(some.labels, first);
      done += some.labels.length;
      report({ kind: 'loading', what: 'drawing digits', done, of: all });
      await turn();
    }
    return new ImageDataset(
      { shape: [count, 28, 28], data: images },
      { shape: [count], data: labels },
      'drawn',
    );
  };
  const [train, test] = [await draw(DRAWN.train, 1), await draw(DRAWN.test, 2)];
  return { train, test, origin: 'digits drawn by rule, not MNIST' };
};

/** Samples `from` to `to - 1`. */
const rangeOf = (images: IdxArray, labels: IdxArray, from: number, to: number): ImageDataset => {
  const [, ...size] = images.shape;
  const bytes = size.reduce((n, d) => n * d, 1);
  return new ImageDataset(
    { shape: [to - from, ...size], data: images.data.subarray(from * bytes, to * bytes) },
    { shape: [to - from], data: labels.data.subarray(from, to) },
    'folder',
  );
};

/** IDX files, packed or not: training images and labels, and test images and labels if they are there. */
const fromFiles = async (files: readonly File[]): Promise<Digits> => {
  const read = async (part: Part, what: string, rank: number): Promise<IdxArray | undefined> => {
    const file = files.find(({ name }) => name.includes(part) && name.includes(what));
    return file && readIdx(new Uint8Array(await file.arrayBuffer()), file.name, rank);
  };
  const [images, labels] = [await read('train', 'images', 3), await read('train', 'labels', 1)];
  if (images === undefined || labels === undefined)
    throw new Error(
      `pick at least ${namesOf('train').join(' and ')} (of MNIST or Fashion-MNIST, .gz or unpacked)`,
    );
  const [others, theirs] = [await read('t10k', 'images', 3), await read('t10k', 'labels', 1)];
  const origin = `your files: ${files.map(({ name }) => name).join(', ')}`;
  const count = images.shape[0]!;
  if (others !== undefined && theirs !== undefined)
    return {
      train: rangeOf(images, labels, 0, count),
      test: rangeOf(others, theirs, 0, others.shape[0]!),
      origin,
    };
  const kept = Math.ceil(count * (1 - HELD_BACK));
  return {
    train: rangeOf(images, labels, 0, kept),
    test: rangeOf(images, labels, kept, count),
    origin: `${origin}; the last ${count - kept} images are for testing`,
  };
};
