/**
 * `tigon/loss`: how far predictions are from labels, one number per sample.
 *
 * Invariant: the loss of each element is scaled by `weight` and `sampleWeight`, then averaged over all axes but the
 * batch's; float32 throughout. Labels with wrong values are refused, never trained on: see {@link SoftmaxCrossEntropyLoss}.
 */
import { isFloat } from '../../ir/dtype.ts';
import { sameShape, showType } from '../../ir/type.ts';
import { call, type Fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../methods.ts';
import { axisOf, kept } from '../nd/axes.ts';
import type { TypedArray } from '../nd/filled.ts';
import { checkOptions } from '../options.ts';
import { expectPositions, expectValues } from '../values.ts';
import { HybridBlock } from './block.ts';
import { binary, crossEntropy, distances, type LossAttrs, squares } from './loss/formulas.ts';
import { expectArray } from './nn/shared.ts';

export interface LossOptions {
  /** Multiplies the loss. Default 1. */
  readonly weight?: number;
  /** The axis of samples. Default 0. */
  readonly batchAxis?: number;
}
const LOSS = ['weight', 'batchAxis'] as const;

/** Dense labels are looked at up to this size; a NaN among more shows as a NaN loss. */
const LOOKED_AT = 16384;

const firstNaN = (values: TypedArray): number => {
  for (let i = 0; i < values.length; i++) if (Number.isNaN(values[i]!)) return i;
  return -1;
};
const firstBeyond = (values: TypedArray): number => {
  for (let i = 0; i < values.length; i++) if (!(values[i]! >= 0 && values[i]! <= 1)) return i;
  return -1;
};

const refuseLabels = (
  where: string,
  label: NDArray,
  search: (values: TypedArray) => number,
  help: string,
): void => {
  expectValues(
    label,
    search,
    (value, position, array, asked) =>
      failure(
        'value',
        `${where}: label ${value} at [${position.join(', ')}] of ${showType(array.type)}${asked}`,
        help,
      ),
    LOOKED_AT,
  );
};

const CLEAN = 'labels must be numbers: find out where the NaN comes from, and drop such samples';

const takes = (name: string, pred: NDArray, label: NDArray, weight: NDArray | undefined): void => {
  expectArray(name, pred, 'the prediction');
  expectArray(name, label, 'the label');
  if (weight !== undefined) expectArray(name, weight, 'the sample weight');
};

/** What losses have in common. Subclasses say how an element counts. */
abstract class Loss extends HybridBlock {
  readonly weight: number;
  readonly batchAxis: number;

  constructor(name: string, options: LossOptions) {
    super();
    const { weight = 1, batchAxis = 0 } = options;
    if (typeof weight !== 'number' || Number.isNaN(weight))
      throw failure('option', `${name}: weight is ${weight}`, 'weights of samples go to the call');
    this.weight = weight;
    this.batchAxis = batchAxis;
  }

  protected reduce(
    f: Fragment<LossAttrs>,
    pred: NDArray,
    label: NDArray,
    sampleWeight: NDArray | undefined,
    how: Partial<LossAttrs> & { readonly more?: readonly NDArray[] } = {},
  ): NDArray {
    const { axis = -1, given = 'scores', dense = false, more = [] } = how;
    const { weight } = this;
    const batchAxis = axisOf(f.name, this.batchAxis, pred.ndim);
    const weighted = sampleWeight !== undefined;
    const operands = [pred, label, ...more];
    return call(f, weighted ? [...operands, sampleWeight] : operands, {
      attrs: { weight, batchAxis, axis, given, dense, weighted },
      key: `${weight}/${batchAxis}/${axis}/${given}/${dense}/${weighted}`,
    });
  }
}

/**
 * Half the squared distance: `weight · ½ (pred - label)²`, averaged over all axes but the batch's.
 *
 * pred: floats [batch, ...]; label: the same shape (axes of size 1 aside), any dtype; `sampleWeight`: [batch], or the
 * shape of pred with some sizes 1. Result [batch], float32.
 * ShapeError when shapes do not fit; ValueError for NaN labels (up to 16384 of them; with more, the loss is NaN).
 *
 * @example
 * new L2Loss()(nd.array([[1], [2]]), nd.array([[1], [0]]));   // [0, 2]
 */
export class L2Loss extends Loss {
  constructor(options: LossOptions = {}) {
    checkOptions('L2Loss', options, LOSS);
    super('L2Loss', options);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('L2Loss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('L2Loss', label, firstNaN, CLEAN);
    return this.reduce(squares, pred, label, sampleWeight);
  }
}

/**
 * The distance: `weight · |pred - label|`, averaged over all axes but the batch's. Shapes, dtypes and errors as for
 * {@link L2Loss}; the gradient is 0 where both are equal.
 *
 * @example
 * new L1Loss()(nd.array([[1], [2]]), nd.array([[1], [0]]));   // [0, 2]
 */
export class L1Loss extends Loss {
  constructor(options: LossOptions = {}) {
    checkOptions('L1Loss', options, LOSS);
    super('L1Loss', options);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('L1Loss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('L1Loss', label, firstNaN, CLEAN);
    return this.reduce(distances, pred, label, sampleWeight);
  }
}

export interface SoftmaxCrossEntropyOptions extends LossOptions {
  /** The axis of classes. Default: the last. */
  readonly axis?: number;
  /** Labels are class numbers; false: probabilities of all classes. Default true. */
  readonly sparseLabel?: boolean;
  /** Predictions are logarithms of probabilities already (of `logSoftmax`). Default false. */
  readonly fromLogits?: boolean;
}

/**
 * Minus the log-likelihood of the label under the softmax of the predictions:
 * `-weight · log(softmax(pred))[label]`, or `-weight · Σ label · log(softmax(pred))` for dense labels; averaged over all
 * axes but the batch's. (Goodfellow et al., "Deep Learning", §6.2.2.3; with the maximum taken off before `exp`.)
 *
 * pred: floats, e.g. [batch, classes] or [batch, classes, height, width] with `axis: 1`; label: class numbers of the
 * shape of pred without the axis of classes (or with size 1 there), any dtype; dense: the shape of pred.
 * `sampleWeight`: [batch], or the shape of the labels, or with size 1 along the axis of classes. Result [batch], float32.
 *
 * **Wrong labels.** A class number that is not an integer from 0 to classes - 1 is a ValueError that names it. Labels
 * that are arrays made outside of a compiled program are looked at before the program runs, so nothing is updated.
 * Labels that the program computes itself are not: there, a wrong label makes the loss of its sample NaN, and no
 * gradient flows from it. NaN in dense labels: as for {@link L2Loss}.
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
    checkOptions('SoftmaxCrossEntropyLoss', options, [
      ...LOSS,
      'axis',
      'sparseLabel',
      'fromLogits',
    ]);
    super('SoftmaxCrossEntropyLoss', options);
    this.axis = options.axis ?? -1;
    this.sparseLabel = options.sparseLabel ?? true;
    this.fromLogits = options.fromLogits ?? false;
  }

  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    const name = 'SoftmaxCrossEntropyLoss';
    takes(name, pred, label, sampleWeight);
    const axis = axisOf(name, this.axis, pred.ndim);
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
 * `posWeight`: broadcasts to pred. Result [batch], float32.
 * ShapeError when shapes do not fit; ValueError for labels that are not from 0 to 1 (up to 16384 are looked at).
 *
 * @example
 * new SigmoidBinaryCrossEntropyLoss()(nd.array([[0, 100]]), nd.array([[1, 1]]));   // [0.3466]
 */
export class SigmoidBinaryCrossEntropyLoss extends Loss {
  readonly fromSigmoid: boolean;

  constructor(options: SigmoidBinaryCrossEntropyOptions = {}) {
    checkOptions('SigmoidBinaryCrossEntropyLoss', options, [...LOSS, 'fromSigmoid']);
    super('SigmoidBinaryCrossEntropyLoss', options);
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
