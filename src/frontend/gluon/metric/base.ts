/**
 * What metrics have in common: totals on the device, one program an update, values when they are asked for.
 *
 * Invariant: `update` never waits for the device and works inside hybridized functions; only `get` reads.
 */
import { type DType, isFloat } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Assign, Node } from '../../../ir/graph/graph.ts';
import { tensor } from '../../../ir/type.ts';
import type { Device } from '../../../runtime/device.ts';
import { attempted, onFailure, onSuccess } from '../../attempt.ts';
import { assign } from '../../call.ts';
import { failure } from '../../callsite.ts';
import { mode, withMode } from '../../mode.ts';
import { filled } from '../../nd/filled.ts';
import { isNDArray, type NDArray } from '../../ndarray.ts';
import { shown } from '../../options.ts';
import { data } from '../../reading.ts';
import { onReplay } from '../../trace.ts';
import { applyUpdate, type Update, updateOf } from '../../update.ts';

/** One array, or one for each part of a batch that was split. */
export type Batch = NDArray | readonly NDArray[];

/** Anything that can be updated batch by batch: a metric, or several. */
export interface Measure {
  /** Counts a batch. */
  update(labels: Batch, outputs: Batch): void;
  /** Names and values so far. */
  getNameValue(): Promise<[name: string, value: number][]>;
  /** Starts anew. */
  reset(): void;
}

/** Throws where values are asked for that are not known yet. */
export const expectValuesKnown = (where: string): void => {
  if (mode.trace === undefined) return;
  throw failure(
    'trace',
    `${where}: values are not known while tracing`,
    'update the metric inside the hybridized function and read it outside',
  );
};

/**
 * A running figure over batches.
 *
 * Labels and outputs are arrays of any dtype, or lists of as many for a batch that was split; each metric says which
 * shapes go together. Counts are exact; sums are computed in float32, in float64 where an array of the first batch is
 * float64.
 *
 * @throws {ShapeError} for labels and outputs that do not go together
 * @throws {ValueError} for what is no array, or lists of different lengths
 * @throws {OptionError} for unknown options, and a name that is no text
 *
 * @example
 * const metric: Metric = new MAE();
 * metric.updateDict({ y: nd.array([1, 2]) }, { out: nd.array([2, 4]) });
 * await metric.get();   // ['mae', 1.5]
 */
export abstract class Metric implements Measure {
  readonly name: string;
  readonly #dtype: DType;
  #size: number;
  readonly #updates = new Map<string, Update>();
  /** One array for each device that batches came from. */
  readonly #totals = new Map<Device, NDArray>();
  #count = 0;

  /** `size` totals of `dtype` (float32: of a first batch of float64 that); 0 where it decides, by {@link resize}. */
  constructor(name: string, dtype: DType, size: number) {
    if (typeof name !== 'string')
      throw failure('option', `${new.target.name}: name is ${shown(name)}`, 'pass a string');
    this.name = name;
    this.#dtype = dtype;
    this.#size = size;
  }

  abstract update(labels: Batch, outputs: Batch): void;

  /** The value from the totals and the number of things counted. */
  protected abstract value(totals: readonly number[], count: number): number;

  /** The totals of all devices as one: their sums. */
  protected merge(parts: readonly ArrayLike<number>[]): number[] {
    return Array.from({ length: this.#size }, (_, i) =>
      parts.reduce((sum, part) => sum + part[i]!, 0),
    );
  }

  /** Says how many totals there are, before the first batch is counted; throws when it was another number. */
  protected resize(size: number, what: string): void {
    const before = this.#size;
    onFailure(() => {
      this.#size = before;
    });
    if (before === 0) this.#size = size;
    if (this.#size !== size)
      throw failure(
        'shape',
        `${this.name}.update: ${what} differs from that of earlier batches`,
        'metrics count one kind of batch; make another metric for the other kind',
      );
  }

  /** Adds to the totals by the graph `build(totals, inputs)`, made once per `key`, and `count` to the count. */
  protected accumulate(
    inputs: readonly NDArray[],
    count: number,
    build: (b: GraphBuilder, totals: Node, inputs: readonly Node[]) => Node,
  ): void {
    const { device } = inputs[0]!;
    const totals = this.#totalsOn(device, inputs);
    const key = [totals, ...inputs].map((x) => x.type.id).join();
    let update = this.#updates.get(key);
    if (update === undefined) {
      update = updateOf(`${this.name}.update`, (b): Assign[] => {
        const target = b.input(totals.type, { name: 'totals' });
        const nodes = inputs.map((x) => b.input(x.type));
        return [{ target, value: build(b, target, nodes) }];
      });
      this.#updates.set(key, update);
    }
    const whole = update;
    const apply = (): void => {
      applyUpdate(whole, [totals, ...inputs], device);
      onReplay(() => {
        this.#count += count;
      });
    };
    // all parts of a batch count, or none; a trace is thrown away as a whole
    if (mode.trace === undefined) onSuccess(apply);
    else apply();
  }

  #totalsOn(device: Device, inputs: readonly NDArray[]): NDArray {
    let totals = this.#totals.get(device);
    if (totals === undefined) {
      const isDouble = isFloat(this.#dtype) && inputs.some((x) => x.dtype === 'float64');
      const dtype = isDouble ? 'float64' : this.#dtype;
      totals = withMode({ trace: undefined, scope: undefined }, () =>
        filled(tensor(dtype, [this.#size]), 0, device),
      );
      this.#totals.set(device, totals);
      onFailure(() => this.#totals.delete(device));
    }
    return totals;
  }

  /**
   * The metric's name and its value so far; NaN before the first update.
   *
   * @throws {TraceError} while a program is traced
   */
  async get(): Promise<[name: string, value: number]> {
    expectValuesKnown(`${this.name}.get`);
    const count = this.#count;
    if (count === 0) return [this.name, Number.NaN];
    const parts = await Promise.all([...this.#totals.values()].map((x) => data(x)));
    return [this.name, this.value(this.merge(parts), count)];
  }

  async getNameValue(): Promise<[name: string, value: number][]> {
    return [await this.get()];
  }

  /**
   * Counts batches given by name: the arrays of `labels` and of `outputs`, each in its order; shapes and dtypes as for
   * `update`.
   *
   * @throws {ValueError} for what is no array, or not as many labels as outputs
   * @throws {ShapeError} as `update`
   */
  updateDict(
    labels: Readonly<Record<string, NDArray>>,
    outputs: Readonly<Record<string, NDArray>>,
  ): void {
    for (const given of [labels, outputs])
      if (typeof given !== 'object' || given === null)
        throw failure('value', `${this.name}.updateDict: ${shown(given)} holds no arrays by name`);
    this.update(Object.values(labels), Object.values(outputs));
  }

  /** Starts anew. */
  reset(): void {
    withMode({ recording: false, taping: false }, () => {
      for (const totals of this.#totals.values())
        assign(totals, filled(totals.type, 0, totals.device));
    });
    onReplay(() => {
      this.#count = 0;
    });
  }
}

/** `value` if it is a finite number, not below `least`. */
export const numeric = (
  where: string,
  name: string,
  value: number,
  least: number = Number.NEGATIVE_INFINITY,
): number => {
  if (Number.isFinite(value) && value >= least) return value;
  throw failure(
    'option',
    `${where}: ${name} is ${shown(value)}`,
    least === 0 ? 'pass a number ≥ 0' : 'pass a number',
  );
};

/** `given` if it can be updated batch by batch. */
export const measure = (where: string, given: Measure): Measure => {
  if (typeof given === 'object' && given !== null && 'update' in given && 'getNameValue' in given)
    return given;
  throw failure(
    'value',
    `${where}: ${shown(given)} is no metric`,
    'pass metrics: new metric.MAE()',
  );
};

export const listOf = (where: string, batch: Batch): readonly NDArray[] => {
  const list = isNDArray(batch) ? [batch] : batch;
  if (Array.isArray(list) && list.every(isNDArray)) return list;
  throw failure('value', `${where}: takes NDArrays or lists of them`);
};

/** Calls `count` for each part of a batch: all of them count, or none. */
export const eachPart = (
  where: string,
  labels: Batch,
  outputs: Batch,
  count: (label: NDArray, output: NDArray) => void,
): void => {
  const right = listOf(where, labels);
  const given = listOf(where, outputs);
  if (right.length !== given.length)
    throw failure(
      'value',
      `${where}: ${right.length} arrays of labels, ${given.length} of outputs`,
    );
  attempted(() =>
    right.forEach((label, i) => {
      count(label, given[i]!);
    }),
  );
};
