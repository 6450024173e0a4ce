/**
 * Correlations of labels and predictions that are classes.
 *
 * Invariant: what was taken for what is counted on the device, exactly; the figures come from the counts when they are
 * read.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import { dot } from '../../../ir/graph/ops/dot.ts';
import { sameShape } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import { checkOptions, shown } from '../../options.ts';
import { type Batch, eachPart, Metric, numeric } from './base.ts';
import { chosen, flat, misfit, oneHot, outcomes, readingOf } from './outcomes.ts';
import { addCounts, countsOf } from './totals.ts';

export interface MCCOptions {
  /** Outputs above it mean 1. Default 0.5. */
  readonly threshold?: number;
  /** Default 'mcc'. */
  readonly name?: string;
}

/**
 * Matthews' correlation of yes-or-no labels and predictions, from -1 to 1; 0 where one of both is always the same.
 * (Matthews, 1975.)
 *
 * Labels: 0 and 1, [N]; outputs: scores [N], or two for each label, [N, 2]; both of any dtype.
 *
 * @throws {OptionError} unless `threshold` is a number
 * @throws {ShapeError} for other shapes
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new MCC();
 * metric.update(nd.array([1, 1, 0, 0]), nd.array([0.9, 0.2, 0.1, 0.3]));
 * (await metric.get())[1];   // 0.5774
 */
export class MCC extends Metric {
  readonly threshold: number;

  constructor(options: MCCOptions = {}) {
    checkOptions('MCC', options, ['threshold', 'name']);
    super(options.name ?? 'mcc', 'int32', 6);
    this.threshold = numeric('MCC', 'threshold', options.threshold ?? 0.5);
  }

  /** Counts a batch: labels 0 and 1 [N], outputs scores of that shape, or two for each label ([N, 2]). */
  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      const reading = readingOf(`${this.name}.update`, 'binary', this.threshold, label, output);
      this.accumulate([label, output], label.size, (b, totals, [y, out]) =>
        addCounts(b, totals, outcomes(b, reading, y!, out!)),
      );
    });
  }

  protected override value(totals: readonly number[], count: number): number {
    const [hits, alarms, misses] = countsOf(totals) as [number, number, number];
    const rest = count - hits - alarms - misses;
    const size =
      Math.sqrt((hits + alarms) * (hits + misses)) * Math.sqrt((rest + alarms) * (rest + misses));
    return size === 0 ? 0 : (hits * rest - alarms * misses) / size;
  }
}

export interface PCCOptions {
  /** How many classes there are, where outputs are classes, not scores. */
  readonly classes?: number;
  /** Default 'pcc'. */
  readonly name?: string;
}

/**
 * Pearson's correlation of labels and predictions of several classes, {@link MCC} for two: from the matrix of what was
 * taken for what; NaN where one of both is always the same. (Gorodkin, 2004.)
 *
 * Labels: classes [...]; outputs: scores [..., classes], or classes of the shape of the labels; both of any dtype.
 *
 * @throws {OptionError} unless `classes` is an integer ≥ 1; for outputs that are classes when nobody said how many
 *   there are
 * @throws {ShapeError} for other shapes, and another number of classes than before
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new PCC({ classes: 3 });
 * metric.update(nd.array([0, 1, 2, 2]), nd.array([0, 1, 2, 1]));
 * (await metric.get())[1];   // 0.7
 */
export class PCC extends Metric {
  readonly #classes: number | undefined;

  constructor(options: PCCOptions = {}) {
    checkOptions('PCC', options, ['classes', 'name']);
    super(options.name ?? 'pcc', 'int32', 0);
    const { classes } = options;
    if (classes !== undefined && !(Number.isInteger(classes) && classes >= 1))
      throw failure('option', `PCC: classes is ${shown(classes)}`, 'pass an integer ≥ 1');
    this.#classes = classes;
  }

  /** Counts a batch: labels are classes; outputs scores with one more axis, of classes, or classes themselves. */
  override update(labels: Batch, outputs: Batch): void {
    eachPart('PCC.update', labels, outputs, (label, output) => {
      const isClass = sameShape(label.shape, output.shape);
      if (!isClass && !sameShape(label.shape, output.shape.slice(0, -1)))
        throw misfit(
          'PCC.update',
          label,
          output,
          'outputs have an axis of classes after the axes of the labels',
        );
      const classes = isClass ? this.#classes : output.shape[output.ndim - 1];
      if (classes === undefined)
        throw failure(
          'option',
          'PCC.update: outputs are classes, and nobody said how many there are',
          'new PCC({ classes: 10 })',
        );
      this.resize(2 * classes ** 2, `the number of classes, ${classes},`);
      this.accumulate([label, output], label.size, (b, totals, [y, out]) => {
        const [rows, columns] = [flat(b, b.cast(y!, 'int32')), chosen(b, out!, isClass)].map((at) =>
          b.cast(oneHot(b, at, classes), 'float32'),
        ) as [Node, Node];
        const matrix = b.emit(dot, [rows, columns], {
          aBatch: [],
          bBatch: [],
          aContract: [0],
          bContract: [0],
        });
        return addCounts(b, totals, flat(b, b.cast(matrix, 'int32')));
      });
    });
  }

  protected override value(totals: readonly number[]): number {
    const counts = countsOf(totals);
    const n = Math.sqrt(counts.length);
    const every = Array.from({ length: n }, (_, i) => i);
    const sum = (at: (i: number) => number): number => every.reduce((total, i) => total + at(i), 0);
    const all = counts.reduce((total, count) => total + count, 0);
    const rows = every.map((i) => sum((j) => counts[i * n + j]!));
    const columns = every.map((j) => sum((i) => counts[i * n + j]!));
    const spread = (parts: readonly number[]): number => sum((i) => parts[i]! * (all - parts[i]!));
    const common = sum((i) => counts[i * n + i]! * all - rows[i]! * columns[i]!);
    return common / (Math.sqrt(spread(rows)) * Math.sqrt(spread(columns)));
  }
}
