/**
 * F-measures: how well one class, or each of several, is found.
 *
 * Invariant: hits and errors are counted on the device, exactly; the figures come from the counts when they are read.
 */
import { failure } from '../../callsite.ts';
import { checkChoice, checkOptions, shown } from '../../options.ts';
import { type Batch, eachPart, Metric, numeric } from './base.ts';
import { type ClassType, outcomes, readingOf } from './outcomes.ts';
import { addCounts, countsOf } from './totals.ts';

export interface FbetaOptions {
  /** What labels are. Default 'binary'. */
  readonly classType?: ClassType;
  /** Outputs above it mean 1 (binary scores and multilabel). Default 0.5. */
  readonly threshold?: number;
  /** Count all classes together, or average the figures of the classes. Default 'micro'. */
  readonly average?: 'micro' | 'macro';
  /** How much more recall counts than precision. Default 1. */
  readonly beta?: number;
  readonly name?: string;
}
const FBETA = ['classType', 'threshold', 'average', 'name'];

/**
 * The weighted harmonic mean of precision and recall, `(1 + beta²) · P · R / (beta² · P + R)`; 0 where there are no
 * hits. (Van Rijsbergen, 1979.)
 *
 * Binary: labels 0 and 1 [N], outputs scores [N] or [N, 2]; multiclass: labels [N], outputs [N, classes]; multilabel:
 * both [N, classes]. All of any dtype.
 *
 * @throws {OptionError} unless `beta` > 0 and `threshold` is a number; for another `classType` or `average`
 * @throws {ShapeError} for other shapes, and another number of classes than before
 * @throws {ValueError} for what is no array
 *
 * @example
 * const metric = new Fbeta({ beta: 2 });
 * metric.update(nd.array([1, 1, 0]), nd.array([0.9, 0.2, 0.1]));   // one of two found, no false alarm
 * (await metric.get())[1];   // 0.5556
 */
export class Fbeta extends Metric {
  readonly classType: ClassType;
  readonly threshold: number;
  readonly average: 'micro' | 'macro';
  readonly beta: number;

  constructor(options: FbetaOptions = {}) {
    const kind = new.target.name;
    checkOptions(kind, options, [...FBETA, 'beta']);
    super(options.name ?? 'fbeta', 'int32', 0);
    const { classType = 'binary', average = 'micro', threshold = 0.5, beta = 1 } = options;
    this.classType = checkChoice(kind, 'classType', classType, [
      'binary',
      'multiclass',
      'multilabel',
    ]);
    this.average = checkChoice(kind, 'average', average, ['micro', 'macro']);
    if (!(beta > 0))
      throw failure('option', `${kind}: beta is ${shown(beta)}`, 'pass a number > 0');
    this.threshold = numeric(kind, 'threshold', threshold);
    this.beta = beta;
  }

  /**
   * Counts a batch. Binary: labels 0 and 1 [N], outputs scores of that shape, or two for each label ([N, 2]: the higher
   * one counts); multiclass: labels [N], outputs [N, classes]; multilabel: both [N, classes].
   */
  override update(labels: Batch, outputs: Batch): void {
    eachPart(`${this.name}.update`, labels, outputs, (label, output) => {
      const reading = readingOf(
        `${this.name}.update`,
        this.classType,
        this.threshold,
        label,
        output,
      );
      this.resize(6 * reading.classes, `the number of classes, ${reading.classes},`);
      this.accumulate([label, output], label.size, (b, totals, [y, out]) =>
        addCounts(b, totals, outcomes(b, reading, y!, out!)),
      );
    });
  }

  protected override value(totals: readonly number[]): number {
    const counts = countsOf(totals);
    const n = counts.length / 3;
    const square = this.beta ** 2;
    const score = (hits: number, alarms: number, misses: number): number => {
      const all = (1 + square) * hits + square * misses + alarms;
      return all === 0 ? 0 : ((1 + square) * hits) / all;
    };
    const sum = (from: number): number =>
      counts.slice(from, from + n).reduce((total, count) => total + count, 0);
    if (this.average === 'micro') return score(sum(0), sum(n), sum(2 * n));
    const each = Array.from({ length: n }, (_, i) =>
      score(counts[i]!, counts[n + i]!, counts[2 * n + i]!),
    );
    return each.reduce((total, f) => total + f, 0) / n;
  }
}

/**
 * The harmonic mean of precision and recall: {@link Fbeta} with beta 1.
 *
 * Shapes, dtypes and errors are otherwise the same.
 *
 * @throws {OptionError | ShapeError | ValueError} as Fbeta
 *
 * @example
 * const metric = new F1({ classType: 'multiclass', average: 'macro' });
 * metric.update(nd.array([0, 1]), nd.array([[2, 1], [3, 1]]));   // class 0 twice, once rightly
 * (await metric.get())[1];   // 0.3333
 */
export class F1 extends Fbeta {
  constructor(options: Omit<FbetaOptions, 'beta'> = {}) {
    checkOptions('F1', options, FBETA);
    super({ ...options, name: options.name ?? 'f1' });
  }
}
