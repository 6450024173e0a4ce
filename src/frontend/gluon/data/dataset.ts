/**
 * Datasets: samples by number.
 *
 * Invariant: `batch(indices)` is the stack of `get(i)` over the indices, made without making the samples where it can be.
 */
import type { Device } from '../../../runtime/device.ts';
import { failure } from '../../callsite.ts';
import { defaultDevice } from '../../default-device.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkFunction } from '../../options.ts';
import { type Batched, stackSamples } from './batchify.ts';
import { type Column, type ColumnSource, columnOf } from './column.ts';

/** A sample as arguments: the parts of a tuple, or the sample alone. */
export type Parts<S> = S extends readonly unknown[] ? S : [S];

const partsOf = <S>(sample: S): Parts<S> =>
  (Array.isArray(sample) ? sample : [sample]) as unknown as Parts<S>;

/**
 * Samples by number. A sample is an NDArray, a number, or a tuple of them. Subclass it for your own data: define
 * `length` and `get`.
 *
 * Arrays of a sample have any shape and dtype, the same in all samples where they are stacked.
 *
 * @throws {ValueError} for numbers that are no sample's
 *
 * @example
 * class Squares extends Dataset<[number, number]> {
 *   readonly length = 100;
 *   get(i: number): [number, number] { return [i, i * i]; }
 * }
 */
export abstract class Dataset<S> implements Iterable<S> {
  abstract readonly length: number;

  /**
   * Sample `index`, from 0 to `length - 1`.
   *
   * @throws {ValueError} for another number
   */
  abstract get(index: number): S;

  /**
   * The samples at `indices`, stacked: arrays with an axis more, on `device` where samples are made there.
   *
   * @throws {ValueError} for numbers that are no sample's, and samples that cannot be stacked
   * @throws {ShapeError} for samples of different shapes or dtypes
   */
  batch(indices: Int32Array, _device: Device): Batched<S> {
    return stackSamples(Array.from(indices, (i) => this.get(i)));
  }

  /**
   * A dataset of `fn(...sample)`, computed each time a sample is asked for.
   *
   * Shapes and dtypes are those that `fn` gives.
   *
   * @throws {ValueError} unless `fn` is a function
   *
   * @example
   * const digits = new ArrayDataset(nd.ones([6, 1, 28, 28]), new Int32Array(6));
   * const flat = digits.transform((image, label) => [image.reshape([784]), label] as const);
   * flat.get(0)[0].shape;   // [784]
   */
  transform<T>(fn: (...parts: Parts<S>) => T): Dataset<T> {
    return new Transformed(this, fn);
  }

  /**
   * The same with `fn` applied to the first part of each sample alone.
   *
   * Shapes and dtypes of the other parts stay.
   *
   * @throws {ValueError} unless `fn` is a function
   *
   * @example
   * const data = new ArrayDataset(nd.ones([6, 3]), new Int32Array(6)).transformFirst((x) => x.mul(2));
   * data.batch(Int32Array.of(0), device.cpu())[0];   // [[2, 2, 2]]
   */
  transformFirst<T>(fn: (first: Parts<S>[0]) => T): Dataset<WithFirst<S, T>> {
    checkFunction('dataset.transformFirst', fn, 'pass a function of the first part of a sample');
    return new Transformed<S, WithFirst<S, T>>(this, (...parts) => {
      const [first, ...rest] = parts as readonly unknown[];
      const changed = fn(first as Parts<S>[0]);
      return (rest.length === 0 ? changed : [changed, ...rest]) as WithFirst<S, T>;
    });
  }

  /**
   * The first `count` samples, or all where there are fewer.
   *
   * @throws {ValueError} unless `count` is an integer ≥ 0
   */
  take(count: number): Dataset<S> {
    if (!Number.isInteger(count) || count < 0)
      throw failure('value', `dataset.take: ${count} is not an integer ≥ 0`);
    return new Selected(
      this,
      Int32Array.from({ length: Math.min(count, this.length) }, (_, i) => i),
    );
  }

  /**
   * Part `index` of `count` parts in order, whose sizes differ by one at most: each of several processes reads its own.
   *
   * @throws {ValueError} unless `count` is an integer ≥ 1, and `index` one below it
   *
   * @example
   * const mine = new ArrayDataset(nd.arange(10)).shard(3, 1);
   * mine.length;   // 3: samples 4, 5 and 6
   */
  shard(count: number, index: number): Dataset<S> {
    if (!Number.isInteger(count) || count < 1)
      throw failure(
        'value',
        `dataset.shard: ${count} is not a number of parts`,
        'pass an integer ≥ 1',
      );
    if (!Number.isInteger(index) || index < 0 || index >= count)
      throw failure(
        'value',
        `dataset.shard: there is no part ${index} of ${count}`,
        `parts are numbered from 0 to ${count - 1}`,
      );
    const [size, longer] = [Math.floor(this.length / count), this.length % count];
    const begin = size * index + Math.min(index, longer);
    const length = size + (index < longer ? 1 : 0);
    return new Selected(
      this,
      Int32Array.from({ length }, (_, i) => begin + i),
    );
  }

  /**
   * The samples for which `keep(...sample)` is true; looks at all of them now.
   *
   * @throws {ValueError} unless `keep` is a function
   */
  filter(keep: (...parts: Parts<S>) => boolean): Dataset<S> {
    checkFunction('dataset.filter', keep, 'pass a function of the parts of a sample');
    const kept: number[] = [];
    for (let i = 0; i < this.length; i++) if (keep(...partsOf(this.get(i)))) kept.push(i);
    return new Selected(this, Int32Array.from(kept));
  }

  *[Symbol.iterator](): Iterator<S> {
    for (let i = 0; i < this.length; i++) yield this.get(i);
  }
}

/** A sample type with another first part. */
export type WithFirst<S, T> = S extends readonly [unknown, ...infer Rest] ? [T, ...Rest] : T;

class Transformed<S, T> extends Dataset<T> {
  readonly #from: Dataset<S>;
  readonly #fn: (...parts: Parts<S>) => T;
  constructor(from: Dataset<S>, fn: (...parts: Parts<S>) => T) {
    super();
    if (typeof fn !== 'function')
      throw failure('value', 'dataset.transform: takes a function of the parts of a sample');
    this.#from = from;
    this.#fn = fn;
  }
  override get length(): number {
    return this.#from.length;
  }
  override get(index: number): T {
    return this.#fn(...partsOf(this.#from.get(index)));
  }
}

class Selected<S> extends Dataset<S> {
  readonly #from: Dataset<S>;
  readonly #indices: Int32Array;
  constructor(from: Dataset<S>, indices: Int32Array) {
    super();
    this.#from = from;
    this.#indices = indices;
  }
  override get length(): number {
    return this.#indices.length;
  }
  override get(index: number): S {
    return this.#from.get(this.#indices[checkIndex(index, this.length)]!);
  }
  override batch(indices: Int32Array, device: Device): Batched<S> {
    return this.#from.batch(
      indices.map((i) => this.#indices[checkIndex(i, this.length)]!),
      device,
    );
  }
}

/** Throws unless `index` is the number of a sample. */
export const checkIndex = (index: number, length: number): number => {
  if (Number.isInteger(index) && index >= 0 && index < length) return index;
  throw failure(
    'value',
    `dataset: there is no sample ${String(index)} among ${length}`,
    length === 0 ? 'the dataset is empty' : `samples are numbered from 0 to ${length - 1}`,
  );
};

/** The samples of these columns: an array for one column, a tuple for more. */
export type SampleOf<C extends readonly unknown[]> = C extends readonly [unknown]
  ? NDArray
  : { -readonly [K in keyof C]: NDArray };

/** Columns side by side: `get(i)` has number `i` of each. */
export class ColumnDataset<S> extends Dataset<S> {
  override readonly length: number;
  readonly #columns: readonly Column[];

  constructor(where: string, columns: readonly Column[]) {
    super();
    if (columns.length === 0)
      throw failure('value', `${where}: needs at least one array`, `new ${where}(x, y)`);
    this.#columns = columns;
    this.length = columns[0]!.length;
    const odd = columns.findIndex((c) => c.length !== this.length);
    if (odd >= 0)
      throw failure(
        'shape',
        `${where}: column 0 has ${this.length} samples, column ${odd} has ${columns[odd]!.length}`,
        'the first axes of all arrays must be equal',
      );
  }

  override get(index: number): S {
    checkIndex(index, this.length);
    const device = defaultDevice();
    return side(this.#columns.map((c) => c.at(index, device))) as S;
  }

  override batch(indices: Int32Array, device: Device): Batched<S> {
    for (const index of indices) checkIndex(index, this.length);
    return side(this.#columns.map((c) => c.gather(indices, device))) as Batched<S>;
  }
}

/** One column is the sample itself. */
const side = (parts: readonly NDArray[]): unknown => (parts.length === 1 ? parts[0] : parts);

/**
 * Arrays whose first axes count the same samples: `get(i)` is `[first.at(i), second.at(i), ...]`.
 *
 * Columns are arrays [samples, ...] of any dtype, typed arrays, or lists as for `nd.array`; typed arrays keep their
 * dtype, but Float64Arrays and lists of numbers, which become float32. A batch has columns [indices, ...].
 *
 * @throws {ValueError} without columns, and for what is no array
 * @throws {ShapeError} for columns of different lengths, or without axes
 *
 * @example
 * const data = new ArrayDataset(random.normal([100, 4]), new Int32Array(100));
 * const [x, y] = data.get(0);
 */
export class ArrayDataset<C extends readonly ColumnSource[]> extends ColumnDataset<SampleOf<C>> {
  constructor(...sources: C) {
    super(
      'ArrayDataset',
      sources.map((source, i) => columnOf(`ArrayDataset: column ${i}`, source)),
    );
  }
}
