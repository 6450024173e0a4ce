/**
 * `tigon/metric`: running figures of training and evaluation, summed on the device.
 *
 * Invariant: `update` never waits for the device and works inside hybridized functions; only `get` reads.
 */

import type { DType } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Assign, Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { argmax } from '../../ir/graph/ops/reduce.ts';
import { sameShape, showType, tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { assign } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { data } from '../reading.ts';
import { onReplay } from '../trace.ts';
import { applyUpdate, type Update, updateOf } from '../update.ts';

/** One array, or one for each part of a batch that was split. */
export type Batch = NDArray | readonly NDArray[];

/** A running figure over batches. */
export abstract class Metric {
  readonly name: string;
  readonly #dtype: DType;
  readonly #size: number;
  readonly #updates = new Map<string, Update>();
  /** One array for each device that batches came from. */
  readonly #totals = new Map<Device, NDArray>();
  #count = 0;

  /** `size` totals of `dtype`, summed over the updates. */
  constructor(name: string, dtype: DType, size: number) {
    this.name = name;
    this.#dtype = dtype;
    this.#size = size;
  }

  /** The value from the totals and the number of things counted. */
  protected abstract value(totals: ArrayLike<number>, count: number): number;

  /** Adds to the totals by the graph `build(totals, inputs)`, made once per `key`, and `count` to the count. */
  protected accumulate(
    inputs: readonly NDArray[],
    count: number,
    build: (b: GraphBuilder, totals: Node, inputs: readonly Node[]) => Node,
  ): void {
    const { device } = inputs[0]!;
    const totals = this.#totalsOn(device);
    const key = inputs.map((x) => x.type.id).join();
    let update = this.#updates.get(key);
    if (update === undefined) {
      update = updateOf(`${this.name}.update`, (b): Assign[] => {
        const target = b.input(totals.type, { name: 'totals' });
        const nodes = inputs.map((x) => b.input(x.type));
        return [{ target, value: build(b, target, nodes) }];
      });
      this.#updates.set(key, update);
    }
    applyUpdate(update, [totals, ...inputs], device);
    onReplay(() => {
      this.#count += count;
    });
  }

  #totalsOn(device: Device): NDArray {
    let totals = this.#totals.get(device);
    if (totals === undefined) {
      totals = withMode({ trace: undefined, scope: undefined }, () =>
        filled(tensor(this.#dtype, [this.#size]), 0, device),
      );
      this.#totals.set(device, totals);
    }
    return totals;
  }

  /** The metric's name and its value so far; NaN before the first update. */
  async get(): Promise<[name: string, value: number]> {
    if (mode.trace !== undefined)
      throw failure(
        'trace',
        `${this.name}.get: values are not known while tracing`,
        'update the metric inside the hybridized function and read it outside',
      );
    const count = this.#count;
    if (count === 0) return [this.name, Number.NaN];
    const parts = await Promise.all([...this.#totals.values()].map(data));
    const sums = Array.from({ length: this.#size }, (_, i) =>
      parts.reduce((sum, part) => sum + part[i]!, 0),
    );
    return [this.name, this.value(sums, count)];
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

const listOf = (where: string, batch: Batch): readonly NDArray[] => {
  const list = isNDArray(batch) ? [batch] : batch;
  if (Array.isArray(list) && list.every(isNDArray)) return list;
  throw failure('value', `${where}: takes NDArrays or lists of them`);
};

export interface AccuracyOptions {
  /** Axis of the classes in the outputs. Default 1. */
  readonly axis?: number;
  /** Default 'accuracy'. */
  readonly name?: string;
}

/**
 * The share of labels that are predicted right.
 *
 * @example
 * const accuracy = new Accuracy();
 * accuracy.update(y, net(x));                    // y int32 [N], outputs [N, classes]; stays on the device
 * const [name, value] = await accuracy.get();
 */
export class Accuracy extends Metric {
  readonly #axis: number;

  constructor(options: AccuracyOptions = {}) {
    checkOptions('Accuracy', options, ['axis', 'name']);
    super(options.name ?? 'accuracy', 'int32', 1);
    const axis = options.axis ?? 1;
    if (!Number.isInteger(axis)) throw failure('option', `Accuracy: axis is ${String(axis)}`);
    this.#axis = axis;
  }

  /**
   * Counts a batch. `labels`: classes, any dtype; `outputs`: a score for each class along the axis, or, with the shape
   * of the labels, the classes themselves. Throws a ShapeError when they do not fit.
   */
  update(labels: Batch, outputs: Batch): void {
    const right = listOf('Accuracy.update', labels);
    const given = listOf('Accuracy.update', outputs);
    if (right.length !== given.length)
      throw failure(
        'value',
        `Accuracy.update: ${right.length} arrays of labels, ${given.length} of outputs`,
      );
    right.forEach((label, i) => {
      this.#one(label, given[i]!);
    });
  }

  #one(label: NDArray, output: NDArray): void {
    const axis = this.#axis < 0 ? this.#axis + output.ndim : this.#axis;
    const isClass = sameShape(label.shape, output.shape);
    const rest = output.shape.filter((_, i) => i !== axis);
    if (!isClass && (axis >= output.ndim || !sameShape(label.shape, rest)))
      throw failure(
        'shape',
        `Accuracy.update: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
        `with scores for classes along axis ${axis}, labels have shape [${rest.join(', ')}]; the order is update(labels, outputs)`,
      );
    this.accumulate([label, output], label.size, (b, totals, [y, out]) => {
      const found = isClass ? b.cast(out!, 'int32') : b.emit(argmax, [out!], { axes: [axis] });
      const hits = b.cast(b.op('eq', found, b.cast(y!, 'int32')), 'int32');
      const all = hits.type.shape.map((_, i) => i);
      return b.op('add', totals, b.reshape(b.sum(hits, all), [1]));
    });
  }

  protected override value(totals: ArrayLike<number>, count: number): number {
    return totals[0]! / count;
  }
}

/**
 * The mean of loss values.
 *
 * @example
 * const running = new Loss();
 * running.update(loss(net(x), y));               // any shape: every element counts once
 * const [name, value] = await running.get();
 */
export class Loss extends Metric {
  constructor(options: { readonly name?: string } = {}) {
    checkOptions('Loss', options, ['name']);
    super(options.name ?? 'loss', 'float32', 2);
  }

  /** Counts the elements of `values`. A first argument before them is ignored, as in Gluon's `update(labels, losses)`. */
  update(values: Batch): void;
  update(ignored: unknown, values: Batch): void;
  update(...args: unknown[]): void {
    for (const values of listOf('Loss.update', args[args.length - 1] as Batch))
      this.accumulate([values], values.size, summed);
  }

  protected override value(totals: ArrayLike<number>, count: number): number {
    return (totals[0]! - totals[1]!) / count;
  }
}

/**
 * Adds the sum of an array to totals [sum, error of the sum], so that small values are not lost in long sums. A bound that
 * no sum reaches makes a difference one that no compiler cancels: drivers of GPUs may compute (a + b) - a as b.
 */
const summed = (b: GraphBuilder, totals: Node, [values]: readonly Node[]): Node => {
  const x = b.cast(values!, 'float32');
  const all = x.type.shape.map((_, i) => i);
  const part = (i: number): Node => b.slice(totals, [i], [i + 1], [1]);
  const rounded = (y: Node): Node => b.op('max', y, b.lit(-3e38, y));
  const sum = part(0);
  const term = b.op('sub', b.reshape(b.sum(x, all), [1]), part(1));
  const next = rounded(b.op('add', sum, term));
  const error = b.op('sub', rounded(b.op('sub', next, sum)), term);
  return b.emit(concat, [next, error], { axis: 0 });
};
