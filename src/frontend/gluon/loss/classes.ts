/**
 * Losses of predictions that are scores of classes: cross-entropies and divergences of distributions.
 *
 * Invariant: logarithms of probabilities are taken of scores at once, never of probabilities that may have become 0.
 */
import { isFloat } from '../../../ir/dtype.ts';
import { sameShape, showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { axisOf, kept } from '../../nd/axes.ts';
import { expectPositions } from '../../values.ts';
import {
  CLEAN,
  expectApart,
  firstBeyond,
  firstNaN,
  Loss,
  type LossOptions,
  refuseLabels,
  takes,
} from './base.ts';
import { binary, crossEntropy, divergence } from './formulas.ts';

export interface SoftmaxCrossEntropyOptions extends LossOptions {
  /** The axis of classes. Default: the last. */
  readonly axis?: number;
  /** Labels are class numbers; false: probabilities of all classes. Default true. */
  readonly sparseLabel?: boolean;
  /** Predictions are logarithms of probabilities already (of `logSoftmax`). Default false. */
  readonly fromLogits?: boolean;
}

/**
 * Minus the log-likelihood of the label under the softmax of the predictions: `-weight · log(softmax(pred))[label]`, or
 * `-weight · Σ label · log(softmax(pred))` for dense labels; averaged over all axes but the batch's. (Goodfellow et
 * al., "Deep Learning", §6.2.2.3; with the maximum taken off before `exp`.)
 *
 * pred: floats, e.g. [batch, classes], [batch, classes, height, width] with `axis: 1`, or [classes]; label: class
 * numbers of the shape of pred without the axis of classes (or with size 1 there), any dtype; dense: the shape of pred.
 * `sampleWeight`: [batch], or the shape of the labels, or with size 1 along the axis of classes. Result [batch],
 * float32 (float64 where predictions are, computed in double); predictions of integers are taken as float32.
 *
 * **Wrong labels.** A class number that is not an integer from 0 to classes - 1 is a ValueError that names it. Labels
 * that are arrays made outside of a compiled program are looked at before the program runs, so nothing is updated.
 * Labels that the program computes itself are not: there, a wrong label makes the loss of its sample NaN, and no
 * gradient flows from it. NaN in dense labels: as for {@link L2Loss}.
 *
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ValueError} for wrong labels where the host can see them, or anything but arrays
 * @throws {ShapeError} when labels or weights do not fit predictions, or there is no axis of classes besides that of
 *   samples
 *
 * @example
 * const loss = new SoftmaxCrossEntropyLoss();
 * loss(nd.array([[0, 0], [100, 0]]), nd.array([0, 0], { dtype: 'int32' }));   // [0.6931, 0]
 */
export class SoftmaxCrossEntropyLoss extends Loss {
  readonly axis: number;
  readonly sparseLabel: boolean;
  readonly fromLogits: boolean;

  constructor(options: SoftmaxCrossEntropyOptions = {}) {
    super('SoftmaxCrossEntropyLoss', options, ['axis', 'sparseLabel', 'fromLogits']);
    this.axis = options.axis ?? -1;
    this.sparseLabel = options.sparseLabel ?? true;
    this.fromLogits = options.fromLogits ?? false;
  }

  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    const name = 'SoftmaxCrossEntropyLoss';
    takes(name, pred, label, sampleWeight);
    const axis = axisOf(name, this.axis, pred.ndim);
    expectApart(name, axis, this.batchAxis, pred);
    if (this.sparseLabel) {
      this.#fits(name, pred, label, axis);
      const hint = '; to leave positions out, give them any class and weight 0 in sampleWeight';
      expectPositions(label, pred.shape[axis]!, `${name}: label`, 'classes', hint);
    } else if (isFloat(label.dtype)) refuseLabels(name, label, firstNaN, CLEAN);
    return this.reduce(crossEntropy, pred, label, sampleWeight, {
      axis,
      given: this.fromLogits ? 'logarithms' : 'scores',
      dense: !this.sparseLabel,
    });
  }

  #fits(name: string, pred: NDArray, label: NDArray, axis: number): void {
    const rest = pred.shape.filter((_, i) => i !== axis);
    if (sameShape(label.shape, rest) || sameShape(label.shape, kept(pred.shape, [axis]))) return;
    throw failure(
      'shape',
      `${name}: labels ${showType(label.type)} do not fit predictions ${showType(pred.type)} with classes along axis ${axis}`,
      sameShape(label.shape, pred.shape)
        ? 'labels with one number per class need { sparseLabel: false }'
        : label.ndim > pred.ndim
          ? 'predictions come first: loss(net(x), y)'
          : `labels must have shape [${rest.join(', ')}]`,
    );
  }
}

/** Short for {@link SoftmaxCrossEntropyLoss}. */
export { SoftmaxCrossEntropyLoss as SoftmaxCELoss };

export interface SigmoidBinaryCrossEntropyOptions extends LossOptions {
  /** Predictions are probabilities already. Default false. */
  readonly fromSigmoid?: boolean;
}

/**
 * Cross-entropy of yes-or-no labels, each element for itself: with `p = sigmoid(pred)`,
 * `-weight · (label · posWeight · log(p) + (1 - label) · log(1 - p))`, computed as
 * `relu(pred) - pred · label + log(1 + e^-|pred|)`, which never overflows. With `fromSigmoid`, p is pred and 10⁻¹² is
 * added inside the logarithms. Averaged over all axes but the batch's.
 *
 * pred: floats [batch, ...]; label: the same shape (axes of size 1 aside), 0 … 1; `sampleWeight` as for {@link L2Loss};
 * `posWeight`: broadcasts to pred. Labels of any dtype. Result [batch], float32 (float64 where predictions are,
 * computed in double).
 *
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ShapeError} when shapes do not fit
 * @throws {ValueError} for labels that are not from 0 to 1 (up to 16384 are looked at), or anything but arrays
 *
 * @example
 * new SigmoidBinaryCrossEntropyLoss()(nd.array([[0, 100]]), nd.array([[1, 1]]));   // [0.3466]
 */
export class SigmoidBinaryCrossEntropyLoss extends Loss {
  readonly fromSigmoid: boolean;

  constructor(options: SigmoidBinaryCrossEntropyOptions = {}) {
    super('SigmoidBinaryCrossEntropyLoss', options, ['fromSigmoid']);
    this.fromSigmoid = options.fromSigmoid ?? false;
  }

  override forward(
    pred: NDArray,
    label: NDArray,
    sampleWeight?: NDArray,
    posWeight?: NDArray,
  ): NDArray {
    takes('SigmoidBinaryCrossEntropyLoss', pred, label, sampleWeight);
    const help = 'labels go from 0 to 1: for -1 and 1, pass label.add(1).div(2)';
    refuseLabels('SigmoidBinaryCrossEntropyLoss', label, firstBeyond, help);
    return this.reduce(binary, pred, label, sampleWeight, {
      given: this.fromSigmoid ? 'likelihoods' : 'scores',
      more: posWeight === undefined ? [] : [posWeight],
    });
  }
}

/** Short for {@link SigmoidBinaryCrossEntropyLoss}. */
export { SigmoidBinaryCrossEntropyLoss as SigmoidBCELoss };

export interface KLDivOptions extends LossOptions {
  /** Predictions are logarithms of probabilities already; false: scores. Default true. */
  readonly fromLogits?: boolean;
  /** The axis of classes, of scores. Default: the last. */
  readonly axis?: number;
}

/**
 * How far predicted distributions are from given ones: `weight · label · (log(label + 10⁻¹²) - pred)`, averaged (not
 * summed) over all axes but the batch's. (Kullback & Leibler, 1951.)
 *
 * pred: logarithms of probabilities (of `logSoftmax`) or, with `fromLogits: false`, scores; label: probabilities of the
 * same shape, any dtype; `sampleWeight` as for {@link L2Loss}. Result [batch], float32 (float64 where predictions are,
 * computed in double).
 *
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ShapeError} when shapes do not fit; for scores without an axis of classes besides that of samples
 * @throws {ValueError} for NaN labels (up to 16384 are looked at), or anything but arrays
 *
 * @example
 * new KLDivLoss({ fromLogits: false })(nd.array([[0, 0]]), nd.array([[1, 0]]));   // [0.3466]
 */
export class KLDivLoss extends Loss {
  readonly fromLogits: boolean;
  readonly axis: number;
  constructor(options: KLDivOptions = {}) {
    super('KLDivLoss', options, ['fromLogits', 'axis']);
    this.fromLogits = options.fromLogits ?? true;
    this.axis = options.axis ?? -1;
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('KLDivLoss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('KLDivLoss', label, firstNaN, CLEAN);
    const axis = axisOf('KLDivLoss', this.axis, pred.ndim);
    if (!this.fromLogits) expectApart('KLDivLoss', axis, this.batchAxis, pred);
    return this.reduce(divergence, pred, label, sampleWeight, {
      axis,
      given: this.fromLogits ? 'logarithms' : 'scores',
    });
  }
}
