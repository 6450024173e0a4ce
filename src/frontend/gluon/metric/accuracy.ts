/**
 * Shares of what is predicted right.
 *
 * Invariant: each label counts once, and counts are exact.
 */

import { summedIn } from '../../../ir/dtype.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { takeAlong } from '../../../ir/graph/ops/take.ts';
import { sameShape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { kept } from '../../nd/axes.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkOptions, shown } from '../../options.ts';
import { type Batch, eachPart, Metric, numeric } from './base.ts';
import { highest } from './outcomes.ts';
import { addCounts, amount, countsOf } from './totals.ts';

export interface AccuracyOptions {
  /** Axis of the classes in the outputs. Default 1. */
  readonly axis?: number;
  /** Default 'accuracy'. */
  readonly name?: string;
}

/** A share of all labels. */
abstract class Share extends Metric {
  constructor(name: string) {
    super(name, 'int32', 2);
  }
  protected override value(totals: readonly number[], count: number): number {
    return countsOf(totals)[0]! / count;
  }
}

/**
 * The share of labels that are predicted right.
 *
 * Labels: classes of any dtype, [N, ...]; outputs: scores (no booleans), with an axis of classes more, or classes of
 * the shape of the labels.
 *
 * @throws {OptionError} unless `axis` is an integer
 * @throws {ShapeError} for other shapes
 * @throws {DTypeError} for scores that are booleans
 * @throws {ValueError} for what is no array
 *
 * @example
 * const accuracy = new Accuracy();
 * accuracy.update(nd.array([1, 0]), nd.array([[1, 2], [3, 4]]));   // labels [N], outputs [N, classes]
 * (await accuracy.get())[1];   // 0.5
 */
export class Accuracy extends Share {
  readonly #axis: number;

  constructor(options: AccuracyOptions = {}) {
    checkOptions('Accuracy', options, ['axis', 'name']);
    super(options.name ?? 'accuracy');
    const axis = options.axis ?? 1;
    if (!Number.isInteger(axis)) throw failure('option', `Accuracy: axis is ${String(axis)}`);
    this.#axis = axis;
  }

  /**
   * Counts a batch. `labels`: classes, any dtype; `outputs`: a score for each class along the axis, or, with the shape
   * of the labels, the classes themselves. Throws a ShapeError when they do not fit.
   */
  override update(labels: Batch, outputs: Batch): void {
    eachPart('Accuracy.update', labels, outputs, (label, output) => {
      this.#one(label, output);
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
      const found = isClass ? b.cast(out!, 'int32') : highest(b, out!, axis);
      return addCounts(b, totals, amount(b, b.op('eq', found, b.cast(y!, 'int32'))));
    });
  }
}

export interface TopKAccuracyOptions {
  /** How many of the highest scores count as right. Default 1. */
  readonly topK?: number;
  /** Default 'topKAccuracy_K'. */
  readonly name?: string;
}

/**
 * The share of labels whose score is among the `topK` highest. Of equal scores, those of lower classes are higher.
 *
 * Labels: classes of any dtype, [...]; outputs: scores of any dtype, [..., classes].
 *
 * @throws {OptionError} unless `topK` is an integer ≥ 1
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new TopKAccuracy({ topK: 2 });
 * metric.update(nd.array([0, 2]), nd.array([[2, 3, 1], [2, 3, 1]]));   // labels [N], outputs [N, classes]
 * (await metric.get())[1];   // 0.5
 */
export class TopKAccuracy extends Share {
  readonly topK: number;

  constructor(options: TopKAccuracyOptions = {}) {
    checkOptions('TopKAccuracy', options, ['topK', 'name']);
    const { topK = 1 } = options;
    if (!Number.isInteger(topK) || topK < 1)
      throw failure('option', `TopKAccuracy: topK is ${shown(topK)}`, 'pass an integer ≥ 1');
    super(options.name ?? `topKAccuracy_${topK}`);
    this.topK = topK;
  }

  /** Counts a batch. `labels`: classes, any dtype; `outputs`: scores, with an axis of classes after those of the labels. */
  override update(labels: Batch, outputs: Batch): void {
    eachPart('TopKAccuracy.update', labels, outputs, (label, output) => {
      const last = output.ndim - 1;
      if (last < 0 || !sameShape(label.shape, output.shape.slice(0, -1)))
        throw failure(
          'shape',
          `TopKAccuracy.update: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
          'outputs have an axis of classes after the axes of the labels',
        );
      this.accumulate([label, output], label.size, (b, totals, [y, out]) => {
        const { shape } = out!.type;
        const at = b.reshape(b.cast(y!, 'int32'), kept(shape, [last]));
        const own = b.broadcastTo(b.emit(takeAlong, [out!, at], { axis: last }), shape);
        const here = b.emit(iota, [], { axis: last, dtype: 'int32', shape });
        const position = b.broadcastTo(at, shape);
        const tied = b.op('and', b.op('eq', out!, own), b.op('lt', here, position));
        const higher = b.cast(b.op('or', b.op('gt', out!, own), tied), 'int32');
        const rank = b.reshape(b.sum(higher, [last]), at.type.shape);
        const exists = b.op(
          'and',
          b.op('ge', at, b.lit(0, at)),
          b.op('lt', at, b.lit(shape[last]!, at)),
        );
        const hit = b.op('and', exists, b.op('lt', rank, b.lit(this.topK, rank)));
        return addCounts(b, totals, amount(b, hit));
      });
    });
  }
}

export interface BinaryAccuracyOptions {
  /** Outputs above it mean 1. Default 0.5. */
  readonly threshold?: number;
  /** Default 'binaryAccuracy'. */
  readonly name?: string;
}

/**
 * The share of yes-or-no labels that are predicted right: 1 where the output is above `threshold`, else 0.
 *
 * Labels: 0 and 1, outputs: numbers of the same shape (axes of size 1 aside); both of any dtype.
 *
 * @throws {OptionError} unless `threshold` is a number
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new BinaryAccuracy({ threshold: 0.6 });
 * metric.update(nd.array([1, 0, 1]), nd.array([0.9, 0.7, 0.8]));
 * (await metric.get())[1];   // 0.6667
 */
export class BinaryAccuracy extends Share {
  readonly threshold: number;

  constructor(options: BinaryAccuracyOptions = {}) {
    checkOptions('BinaryAccuracy', options, ['threshold', 'name']);
    super(options.name ?? 'binaryAccuracy');
    this.threshold = numeric('BinaryAccuracy', 'threshold', options.threshold ?? 0.5);
  }

  /** Counts a batch: labels 0 and 1, any dtype, and outputs, of the same shape (axes of size 1 aside). */
  override update(labels: Batch, outputs: Batch): void {
    eachPart('BinaryAccuracy.update', labels, outputs, (label, output) => {
      expectAlike('BinaryAccuracy.update', label, output);
      this.accumulate([label, output], label.size, (b, totals, [y, out]) => {
        const score = b.cast(b.reshape(out!, label.shape), summedIn(output.dtype));
        const yes = b.op('gt', score, b.lit(this.threshold, score));
        const wanted = b.op('ne', y!, b.lit(0, y!));
        return addCounts(b, totals, amount(b, b.op('eq', yes, wanted)));
      });
    });
  }
}

/** Throws unless both have the same shape, axes of size 1 aside. */
export const expectAlike = (where: string, label: NDArray, output: NDArray): void => {
  const long = (x: NDArray): number[] => x.shape.filter((d) => d !== 1);
  if (sameShape(long(label), long(output))) return;
  throw failure(
    'shape',
    `${where}: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
    'both have the same shape; the order is update(labels, outputs)',
  );
};
