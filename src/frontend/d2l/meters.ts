/**
 * Keeping count: seconds, and sums over batches.
 *
 * Invariant: sums of arrays stay on the device until they are asked for.
 */
import { failure } from '../callsite.ts';
import { add } from '../nd/arithmetic.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkCount, shown } from '../options.ts';
import { readSeries } from './series.ts';

const total = (xs: readonly number[]): number => xs.reduce((sum, x) => sum + x, 0);

/**
 * A stopwatch: seconds between `start` (or when it was made) and `stop`, as often as you like. No arrays: work on a device
 * other than the CPU has to be waited for before `stop`.
 *
 * @throws nothing
 *
 * @example
 * const timer = new Timer();
 * timer.stop() >= 0;   // true
 * timer.start();
 * timer.stop();
 * timer.times.length;   // 2
 * timer.average() * 2 === timer.sum();   // true
 * timer.cumulative()[1] === timer.sum();   // true
 */
export class Timer {
  /** Seconds of each stretch. */
  readonly times: number[] = [];
  #began: number = performance.now();

  /**
   * Begins a stretch now.
   *
   * @throws nothing
   */
  start(): void {
    this.#began = performance.now();
  }

  /**
   * Ends a stretch, and gives its seconds.
   *
   * @throws nothing
   */
  stop(): number {
    const seconds = (performance.now() - this.#began) / 1000;
    this.times.push(seconds);
    return seconds;
  }

  /**
   * Seconds of a stretch on average; NaN before the first.
   *
   * @throws nothing
   */
  average(): number {
    return this.sum() / this.times.length;
  }

  /**
   * Seconds of all stretches.
   *
   * @throws nothing
   */
  sum(): number {
    return total(this.times);
  }

  /**
   * Seconds from the beginning to the end of each stretch, pauses left out.
   *
   * @throws nothing
   */
  cumulative(): number[] {
    return this.times.map((_, i) => total(this.times.slice(0, i + 1)));
  }
}

/**
 * Several sums over batches: of numbers, and of arrays of one element (scalars of any dtype), which are added where they
 * are and read at the end.
 *
 * @throws {OptionError} unless the number of sums is an integer ≥ 1
 *
 * @example
 * const metric = new Accumulator(2);   // loss, examples
 * metric.add(nd.array(1.5), 10);
 * metric.add(nd.array(0.5), 10);
 * await metric.values();   // [2, 20]
 * metric.reset();
 */
export class Accumulator {
  #sums: (number | NDArray)[];

  constructor(count: number) {
    checkCount('Accumulator', 'the number of sums', count);
    this.#sums = new Array<number>(count).fill(0);
  }

  /**
   * Adds a value to each sum: a number, or an array of one element, of any dtype and shape.
   *
   * @throws {ValueError} for other values, and unless there are as many as sums
   */
  add(...values: readonly (number | NDArray)[]): void {
    if (values.length !== this.#sums.length)
      throw failure(
        'value',
        `accumulator.add: ${values.length} values for ${this.#sums.length} sums`,
        'pass one for each',
      );
    for (const v of values)
      if (typeof v !== 'number' && !(isNDArray(v) && v.size === 1))
        throw failure('value', `accumulator.add: ${shown(v)} is not one value`, 'x.sum() is');
    this.#sums = this.#sums.map((sum, i) => {
      const value = values[i]!;
      if (isNDArray(value)) return add(value, sum);
      return isNDArray(sum) ? add(sum, value) : sum + value;
    });
  }

  /**
   * The sums as numbers: reads those that are on a device.
   *
   * @throws nothing
   */
  async values(): Promise<number[]> {
    const read = await readSeries(this.#sums, 'accumulator.values');
    return read.map((value) => value ?? Number.NaN);
  }

  /**
   * Makes all sums 0.
   *
   * @throws nothing
   */
  reset(): void {
    this.#sums = this.#sums.map(() => 0);
  }
}
