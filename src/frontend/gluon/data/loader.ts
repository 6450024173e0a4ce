/**
 * DataLoader: a dataset in batches, in order or shuffled.
 *
 * Invariants: the batches of a pass depend on the sampler alone, never on prefetching; going through a loader with
 * `for await` gives the device's memory pool a turn before each batch, so plain training loops keep memory flat.
 */
import type { Device } from '../../../runtime/device.ts';
import { failure } from '../../callsite.ts';
import { defaultDevice } from '../../default-device.ts';
import { checkChoice, checkFunction, checkOptions, shown } from '../../options.ts';
import type { Batched } from './batchify.ts';
import { checkIndex, Dataset } from './dataset.ts';
import { RandomSampler, type Sampler, SequentialSampler } from './sampler.ts';

export interface DataLoaderOptions<S, B> {
  /** Samples in a batch. */
  readonly batchSize: number;
  /** A new random order at each pass. Default false. */
  readonly shuffle?: boolean;
  /** Of the shuffling. Default: drawn as `random.seed` says. */
  readonly seed?: number | undefined;
  /** The order of samples, instead of `shuffle`. */
  readonly sampler?: Sampler;
  /** What to do with fewer samples than a batch at the end: keep them (default), discard them, or start the next pass with them. */
  readonly lastBatch?: 'keep' | 'discard' | 'rollover';
  /** Batches made ahead of the one in use, for `batchify` that waits for something. Default 0. */
  readonly prefetch?: number;
  /** Makes a batch of samples. Default: stacks them part by part. */
  readonly batchify?: (samples: readonly S[]) => B | Promise<B>;
  /** Where batches are made. Default: `device.default()`. */
  readonly device?: Device | undefined;
}

const KNOWN = [
  'batchSize',
  'shuffle',
  'seed',
  'sampler',
  'lastBatch',
  'prefetch',
  'batchify',
  'device',
];

const checkCount = (name: string, value: number, least: number): number => {
  if (Number.isInteger(value) && value >= least) return value;
  throw failure(
    'option',
    `DataLoader: ${name} is ${String(value)}`,
    `it must be an integer ≥ ${least}`,
  );
};

/**
 * Batches of a dataset. Go through it with `for await`, once per epoch; a plain `for` works too, but then a long loop
 * must await something now and then for memory to be reused.
 *
 * Arrays of a batch are [samples, ...], at most `batchSize` of them, of the dtype of the samples.
 *
 * @throws {ValueError} for what is no dataset; while it runs, for numbers of a sampler that are no sample's, and a
 *   `batchify` that gives a promise to a plain `for`
 * @throws {OptionError} for counts that are no integers, a `sampler` with `shuffle` or `seed`, and batches that are
 *   never full
 *
 * @example
 * const loader = new DataLoader(new ArrayDataset(x, y), { batchSize: 64, shuffle: true, seed: 1 });
 * for await (const [images, labels] of loader) autograd.record(() => loss(net(images), labels)).backward();
 */
export class DataLoader<S, B = Batched<S>> implements Iterable<B>, AsyncIterable<B> {
  readonly batchSize: number;
  readonly #dataset: Dataset<S>;
  readonly #sampler: Sampler;
  readonly #lastBatch: 'keep' | 'discard' | 'rollover';
  readonly #prefetch: number;
  readonly #batchify: ((samples: readonly S[]) => B | Promise<B>) | undefined;
  readonly #device: Device | undefined;
  /** What the last pass left over, for `rollover`. */
  #rest: readonly number[] = [];

  constructor(dataset: Dataset<S>, options: DataLoaderOptions<S, B>) {
    checkOptions('DataLoader', options, KNOWN);
    if (!(dataset instanceof Dataset))
      throw failure(
        'value',
        'DataLoader: the first argument is not a Dataset',
        'wrap arrays: new ArrayDataset(x, y)',
      );
    const { shuffle = false, seed, sampler, lastBatch = 'keep' } = options ?? {};
    this.batchSize = checkCount('batchSize', options?.batchSize, 1);
    if (sampler !== undefined && (shuffle || seed !== undefined))
      throw failure(
        'option',
        'DataLoader: sampler together with shuffle or seed',
        'the sampler alone decides the order',
      );
    if (sampler !== undefined && typeof sampler?.[Symbol.iterator] !== 'function')
      throw failure(
        'option',
        `DataLoader: sampler is ${shown(sampler)}`,
        'pass numbers of samples: a list, or a sampler of tigon/data',
      );
    if (options.batchify !== undefined)
      checkFunction(
        'DataLoader: batchify',
        options.batchify,
        'pass a function of a list of samples',
      );
    this.#dataset = dataset;
    this.#sampler =
      sampler ??
      (shuffle
        ? new RandomSampler(dataset.length, { seed })
        : new SequentialSampler(dataset.length));
    this.#lastBatch = checkChoice('DataLoader', 'lastBatch', lastBatch, [
      'keep',
      'discard',
      'rollover',
    ]);
    this.#prefetch = checkCount('prefetch', options.prefetch ?? 0, 0);
    this.#batchify = options.batchify;
    this.#device = options.device;
    if (lastBatch !== 'keep' && this.#sampler.length < this.batchSize)
      throw failure(
        'option',
        `DataLoader: ${this.#sampler.length} samples fill no batch of ${this.batchSize}`,
        `use a smaller batchSize, or lastBatch: 'keep'`,
      );
  }

  /** Batches in the next pass. */
  get length(): number {
    const count = this.#sampler.length + this.#rest.length;
    return this.#lastBatch === 'keep'
      ? Math.ceil(count / this.batchSize)
      : Math.floor(count / this.batchSize);
  }

  *#batches(): Generator<Int32Array> {
    let batch = [...this.#rest];
    this.#rest = [];
    for (const index of this.#sampler) {
      batch.push(checkIndex(index, this.#dataset.length));
      if (batch.length < this.batchSize) continue;
      yield Int32Array.from(batch);
      batch = [];
    }
    if (batch.length === 0) return;
    switch (this.#lastBatch) {
      case 'keep':
        yield Int32Array.from(batch);
        return;
      case 'rollover':
        this.#rest = batch;
        return;
      case 'discard':
        return;
      default:
        this.#lastBatch satisfies never;
    }
  }

  #make(indices: Int32Array, device: Device): B | Promise<B> {
    if (this.#batchify === undefined) return this.#dataset.batch(indices, device) as B;
    return this.#batchify(Array.from(indices, (i) => this.#dataset.get(i)));
  }

  *[Symbol.iterator](): Generator<B, void, undefined> {
    const device = this.#device ?? defaultDevice();
    for (const indices of this.#batches()) {
      const batch = this.#make(indices, device);
      if (batch instanceof Promise)
        throw failure(
          'value',
          'DataLoader: batchify returned a promise in a plain `for`',
          'go through the loader with `for await`',
        );
      yield batch;
    }
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    const device = this.#device ?? defaultDevice();
    const make = async (indices: Int32Array): Promise<B> => this.#make(indices, device);
    const pending: Promise<B>[] = [];
    const next = (): Promise<B> | undefined => pending.shift();
    for (const indices of this.#batches()) {
      const batch = make(indices);
      // A batch that fails does so when its turn comes, or never if the loop ends before.
      batch.catch(() => undefined);
      pending.push(batch);
      if (pending.length <= this.#prefetch) continue;
      await device.relieve();
      yield await next()!;
    }
    for (let batch = next(); batch !== undefined; batch = next()) yield await batch;
  }
}
