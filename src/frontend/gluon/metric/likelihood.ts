/**
 * Figures of predicted probabilities, and of losses as they are.
 *
 * Invariant: each label counts once, and those that are to be ignored not at all.
 */
import { summedIn } from '../../../ir/dtype.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { logSoftmax } from '../../../ir/graph/ops/composite.ts';
import { takeAlong } from '../../../ir/graph/ops/take.ts';
import { sameShape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { axisOf, kept } from '../../nd/axes.ts';
import { checkOptions } from '../../options.ts';
import { type Batch, eachPart, listOf, Metric, numeric } from './base.ts';
import { addSums, joined, sumAll, sumsOf } from './totals.ts';

export interface CrossEntropyOptions {
  /** Added to probabilities. Default 1e-12. */
  readonly eps?: number;
  /** A label that does not count. Default: none. */
  readonly ignoreLabel?: number;
  /** The axis of classes in the outputs. Default: the last. */
  readonly axis?: number;
  /** Outputs are scores, before the softmax; false: probabilities. Default false. */
  readonly fromLogits?: boolean;
  readonly name?: string;
}
const KNOWN = ['eps', 'ignoreLabel', 'axis', 'fromLogits', 'name'];

/**
 * The mean of `-log(output[label] + eps)`: minus the log-likelihood of labels under predicted probabilities. Labels
 * that are no classes make it NaN.
 *
 * Labels: classes of any dtype, of the shape of the outputs without the axis of classes (or with 1 there); outputs:
 * probabilities or scores [..., classes], computed in float32, of float64 in float64.
 *
 * @throws {OptionError} unless `eps` is a number ≥ 0
 * @throws {ShapeError} for other shapes, or outputs without that axis
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new CrossEntropy();
 * metric.update(nd.array([0, 1]), nd.array([[0.5, 0.5], [0.9, 0.1]]));   // labels [N], outputs [N, classes]
 * (await metric.get())[1];   // 1.4979
 */
export class CrossEntropy extends Metric {
  readonly #options: CrossEntropyOptions;

  constructor(options: CrossEntropyOptions = {}) {
    checkOptions(new.target.name, options, KNOWN);
    super(options.name ?? 'crossEntropy', 'float32', 4);
    if (options.eps !== undefined) numeric(new.target.name, 'eps', options.eps, 0);
    this.#options = { ...options };
  }

  /** Counts a batch: labels are classes, any dtype, of the shape of the outputs without the axis of classes. */
  override update(labels: Batch, outputs: Batch): void {
    const where = `${this.name}.update`;
    eachPart(where, labels, outputs, (label, output) => {
      const axis = axisOf(where, this.#options.axis ?? -1, output.ndim);
      const rest = output.shape.filter((_, i) => i !== axis);
      if (!sameShape(label.shape, rest) && !sameShape(label.shape, kept(output.shape, [axis])))
        throw failure(
          'shape',
          `${where}: labels ${showType(label.type)} do not fit outputs ${showType(output.type)}`,
          `labels have shape [${rest.join(', ')}]; the order is update(labels, outputs)`,
        );
      this.accumulate([label, output], label.size, (b, totals, [y, out]) =>
        addSums(b, totals, joined(b, this.#terms(b, y!, out!, axis))),
      );
    });
  }

  /** The sum of losses, and how many labels count. */
  #terms(b: GraphBuilder, label: Node, output: Node, axis: number): [Node, Node] {
    const { eps = 1e-12, ignoreLabel, fromLogits = false } = this.#options;
    const given = b.cast(output, summedIn(output.type.dtype));
    const { shape } = given.type;
    const at = b.cast(b.reshape(label, kept(shape, [axis])), 'int32');
    const scores = fromLogits ? b.emit(logSoftmax, [given], { axis }) : given;
    const own = b.emit(takeAlong, [scores, at], { axis });
    const log = fromLogits ? own : b.op('log', b.op('add', own, b.lit(eps, own)));
    const exists = b.op(
      'and',
      b.op('ge', at, b.lit(0, at)),
      b.op('lt', at, b.lit(shape[axis]!, at)),
    );
    const loss = b.op('select', exists, b.op('neg', log), b.lit(Number.NaN, log));
    if (ignoreLabel === undefined) return [sumAll(b, loss), sumAll(b, b.lit(1, loss))];
    const counts = b.op('ne', at, b.lit(ignoreLabel, at));
    return [sumAll(b, b.op('select', counts, loss, b.lit(0, loss))), sumAll(b, counts, loss)];
  }

  protected override value(totals: readonly number[]): number {
    const [loss, count] = sumsOf(totals) as [number, number];
    return loss / count;
  }
}

/**
 * {@link CrossEntropy} under its other name.
 *
 * Shapes, dtypes and errors are those of CrossEntropy.
 *
 * @throws {OptionError | ShapeError | ValueError} as CrossEntropy
 *
 * @example
 * const metric = new NegativeLogLikelihood();
 * metric.update(nd.array([0]), nd.array([[0.5, 0.5]]));
 * (await metric.get())[1];   // 0.6931
 */
export class NegativeLogLikelihood extends CrossEntropy {
  constructor(options: CrossEntropyOptions = {}) {
    super({ ...options, name: options.name ?? 'nllLoss' });
  }
}

/**
 * `exp` of the mean {@link CrossEntropy}: how many equally likely classes would be as hard to tell.
 *
 * Shapes, dtypes and errors are those of CrossEntropy.
 *
 * @throws {OptionError | ShapeError | ValueError} as CrossEntropy
 *
 * @example
 * const metric = new Perplexity({ ignoreLabel: 0 });
 * metric.update(nd.array([0, 1]), nd.array([[0.9, 0.1], [0.5, 0.5]]));
 * (await metric.get())[1];   // 2
 */
export class Perplexity extends CrossEntropy {
  constructor(options: CrossEntropyOptions = {}) {
    super({ ...options, name: options.name ?? 'perplexity' });
  }
  protected override value(totals: readonly number[]): number {
    return Math.exp(super.value(totals));
  }
}

/**
 * The mean of loss values.
 *
 * Values of any shape and dtype, summed in float32, of float64 in float64.
 *
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example
 * const running = new Loss();
 * running.update(nd.array([1, 2]));   // any shape: every element counts once
 * (await running.get())[1];   // 1.5
 */
export class Loss extends Metric {
  constructor(options: { readonly name?: string } = {}) {
    checkOptions('Loss', options, ['name']);
    super(options.name ?? 'loss', 'float32', 2);
  }

  /** Counts the elements of `values`. A first argument before them is ignored, as in Gluon's `update(labels, losses)`. */
  override update(values: Batch): void;
  override update(ignored: unknown, values: Batch): void;
  override update(...args: unknown[]): void {
    for (const values of listOf('Loss.update', args[args.length - 1] as Batch))
      this.accumulate([values], values.size, (b, totals, [x]) => addSums(b, totals, sumAll(b, x!)));
  }

  protected override value(totals: readonly number[], count: number): number {
    return sumsOf(totals)[0]! / count;
  }
}
