/**
 * Metrics of one's own: functions of arrays, which stay on the device, and functions of numbers, on the host.
 *
 * Invariant: no update waits: what the host computes, it computes when the numbers have come, and `get` waits for it.
 */
import { attempted, onSuccess } from '../../attempt.ts';
import { failure } from '../../callsite.ts';
import { mode, withMode } from '../../mode.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { checkFunction, checkList, checkOptions, shown } from '../../options.ts';
import { data, nest, type Values } from '../../reading.ts';
import { type Batch, eachPart, expectValuesKnown, type Measure, Metric, measure } from './base.ts';
import { addSums, sumAll, sumsOf } from './totals.ts';

/** A figure of a batch: its value, or the sum of several values and how many they are. */
export type Evaluation = (
  label: NDArray,
  output: NDArray,
) => NDArray | readonly [sum: NDArray, count: number];

export interface CustomMetricOptions {
  /** Default: the name of the function. */
  readonly name?: string;
}

const nameOf = (evaluate: (...args: never[]) => unknown, given: string | undefined): string =>
  given ?? (evaluate.name === '' ? 'custom' : evaluate.name);

/**
 * The mean of what a function of labels and outputs gives for each batch (an array of one element), or, where it gives
 * `[sum, count]`, of what it summed. It computes with arrays, so nothing leaves the device.
 *
 * The function gets arrays of the shapes and dtypes of the batch; what it gives is summed in float32, or float64 where
 * it is.
 *
 * @throws {ValueError} for what is no function, and when it gives something else
 * @throws {OptionError} for unknown options
 * @throws whatever the function throws
 *
 * @example
 * const metric = new CustomMetric((y, out) => [y.sub(out).abs().sum(), y.size], { name: 'distance' });
 * metric.update(nd.array([1, 2]), nd.array([2, 4]));
 * (await metric.get())[1];   // 1.5
 */
export class CustomMetric extends Metric {
  readonly #evaluate: Evaluation;

  constructor(evaluate: Evaluation, options: CustomMetricOptions = {}) {
    checkFunction('CustomMetric', evaluate, 'pass (label, output) => array');
    checkOptions('CustomMetric', options, ['name']);
    super(nameOf(evaluate, options.name), 'float32', 2);
    this.#evaluate = evaluate;
  }

  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      const found = withMode({ recording: false, taping: false }, () =>
        this.#evaluate(label, output),
      );
      const [sum, count] = Array.isArray(found) ? found : [found, 1];
      if (!isNDArray(sum) || sum.size !== 1 || !(count > 0))
        throw failure(
          'value',
          `${this.name}.update: the function gave ${shown(found)}`,
          'it must give an array of one element, or [sum, count] with such an array and a number',
        );
      this.accumulate([sum], count, (b, totals, [x]) => addSums(b, totals, sumAll(b, x!)));
    });
  }

  protected override value(totals: readonly number[], count: number): number {
    return sumsOf(totals)[0]! / count;
  }
}

/** A figure of a batch from its numbers: a value, or the sum of several values and how many they are. */
export type HostEvaluation = (
  label: Values,
  output: Values,
) => number | readonly [sum: number, count: number];

/**
 * The mean of what a function of numbers gives for each batch. Made by {@link np}.
 *
 * @see {@link np}
 */
export class HostMetric implements Measure {
  readonly name: string;
  readonly #evaluate: HostEvaluation;
  #pending: Promise<readonly [sum: number, count: number]>[] = [];

  constructor(evaluate: HostEvaluation, options: CustomMetricOptions = {}) {
    checkFunction('np', evaluate, 'pass (label, output) => number');
    checkOptions('np', options, ['name']);
    this.name = nameOf(evaluate, options.name);
    this.#evaluate = evaluate;
  }

  update(labels: Batch, outputs: Batch): void {
    if (mode.trace !== undefined)
      throw failure(
        'trace',
        `${this.name}.update: a function of numbers cannot run while tracing`,
        'update it outside of the hybridized function, or use a CustomMetric, which computes with arrays',
      );
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      const figure = this.#figure(label, output);
      // Whoever awaits `get` learns of errors; until then nobody does.
      figure.catch(() => undefined);
      onSuccess(() => this.#pending.push(figure));
    });
  }

  async #figure(label: NDArray, output: NDArray): Promise<readonly [number, number]> {
    const [y, out] = await Promise.all([data(label), data(output)]);
    const found = this.#evaluate(
      nest(y, label.shape, label.dtype),
      nest(out, output.shape, output.dtype),
    );
    const pair: readonly unknown[] = Array.isArray(found) ? found : [found, 1];
    const [sum, count] = pair as readonly [number, number];
    if (typeof sum === 'number' && typeof count === 'number') return [sum, count];
    throw failure(
      'value',
      `${this.name}.update: the function gave ${shown(found)}`,
      'it must give a number, or [sum, count]',
    );
  }

  /**
   * The metric's name and its value so far; NaN before the first update.
   *
   * @throws {TraceError} while a program is traced
   * @throws {ValueError} when the function gave no number
   * @throws whatever the function throws
   */
  async get(): Promise<[name: string, value: number]> {
    expectValuesKnown(`${this.name}.get`);
    const all = await Promise.all(this.#pending);
    const total = all.reduce(([p, q], [sum, count]) => [p + sum, q + count] as const, [
      0, 0,
    ] as const);
    return [this.name, total[0] / total[1]];
  }

  async getNameValue(): Promise<[name: string, value: number][]> {
    return [await this.get()];
  }

  reset(): void {
    this.#pending = [];
  }
}

/**
 * A metric from a function of numbers in nested arrays, for figures that are easier to compute on the host. Arrays are
 * read without waiting; the function runs when they have come.
 *
 * The function gets numbers in arrays nested like the shape (booleans of bool, bigints of 64-bit integers); it gives a
 * number, or `[sum, count]`.
 *
 * @throws {ValueError} for what is no function
 * @throws {OptionError} for unknown options
 * @throws {TraceError} by `update` while a program is traced
 *
 * @example
 * const metric = np((label, output) => (label as number[]).filter((y, i) => y > (output as number[])[i]!).length);
 * metric.update(nd.array([1, 2, 3]), nd.array([0, 1, 5]));
 * (await metric.get())[1];   // 2
 */
export const np = (evaluate: HostEvaluation, options: CustomMetricOptions = {}): HostMetric =>
  new HostMetric(evaluate, options);

/**
 * Several metrics as one.
 *
 * Labels and outputs go to all of them: shapes and dtypes are what all take.
 *
 * @throws {ValueError} for what is no list of metrics
 * @throws whatever one of them throws
 *
 * @example
 * const metrics = new CompositeEvalMetric([new CustomMetric((y, out) => y.sub(out).sum(), { name: 'bias' })]);
 * metrics.update(nd.array([1, 2]), nd.array([2, 4]));
 * await metrics.get();   // [['bias'], [-3]]
 * metrics.metrics.length;   // 1
 */
export class CompositeEvalMetric implements Measure {
  readonly name: string;
  readonly #metrics: Measure[];

  constructor(metrics: readonly Measure[] = [], options: CustomMetricOptions = {}) {
    checkOptions('CompositeEvalMetric', options, ['name']);
    this.name = options.name ?? 'composite';
    checkList('CompositeEvalMetric', 'the first argument', metrics, 'pass metrics in a list');
    this.#metrics = metrics.map((each) => measure('CompositeEvalMetric', each));
  }

  /** The metrics in it. */
  get metrics(): readonly Measure[] {
    return this.#metrics;
  }

  /**
   * Adds a metric; returns this.
   *
   * @throws {ValueError} for what is no metric
   */
  add(metric: Measure): this {
    this.#metrics.push(measure('CompositeEvalMetric.add', metric));
    return this;
  }

  update(labels: Batch, outputs: Batch): void {
    attempted(() => {
      for (const metric of this.#metrics) metric.update(labels, outputs);
    });
  }

  /**
   * All names, and the values so far in the same order.
   *
   * @throws {TraceError} while a program is traced
   */
  async get(): Promise<[names: string[], values: number[]]> {
    const pairs = await this.getNameValue();
    return [pairs.map(([name]) => name), pairs.map(([, value]) => value)];
  }

  async getNameValue(): Promise<[name: string, value: number][]> {
    return (await Promise.all(this.#metrics.map((metric) => metric.getNameValue()))).flat();
  }

  reset(): void {
    for (const metric of this.#metrics) metric.reset();
  }
}
