/**
 * Losses of sides and distances: how far predictions are on the right side, or samples apart, up to a margin.
 *
 * Invariant: what is beyond the margin costs nothing and has no gradient.
 */
import { showType } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import type { NDArray } from '../../methods.ts';
import { checkChoice } from '../../options.ts';
import {
  expectApart,
  firstBeyond,
  firstUnsigned,
  Loss,
  type LossOptions,
  numberOf,
  refuseLabels,
  takes,
} from './base.ts';
import { contrast, embeddings, hinge, logistic, squaredHinge, triplet } from './formulas.ts';

export interface MarginOptions extends LossOptions {
  /** How far is far enough. */
  readonly margin?: number;
}

const SIGNS = 'labels are -1 or 1: for 0 and 1, pass label.mul(2).sub(1)';

/**
 * `weight · max(0, margin - pred · label)`, averaged over all axes but the batch's; `margin` 1 unless said otherwise.
 *
 * pred: floats [batch, ...]; label: the same shape (axes of size 1 aside), -1 or 1; `sampleWeight` as for
 * {@link L2Loss}. Labels of any dtype. Result [batch], float32 (float64 where predictions are, computed in double).
 *
 * @throws {OptionError} unless `margin` is a number
 * @throws {ShapeError} when shapes do not fit
 * @throws {ValueError} for other labels (up to 16384 are looked at), or anything but arrays
 *
 * @example
 * new HingeLoss()(nd.array([[0.5], [0.5]]), nd.array([[1], [-1]]));   // [0.5, 1.5]
 */
export class HingeLoss extends Loss {
  readonly margin: number;
  constructor(options: MarginOptions = {}) {
    super('HingeLoss', options, ['margin']);
    this.margin = numberOf('HingeLoss', 'margin', options.margin ?? 1);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('HingeLoss', pred, label, sampleWeight);
    refuseLabels('HingeLoss', label, firstUnsigned, SIGNS);
    return this.reduce(hinge, pred, label, sampleWeight, { numbers: [this.margin] });
  }
}

/**
 * `weight · max(0, margin - pred · label)²`, averaged over all axes but the batch's. Shapes, dtypes and errors as for
 * {@link HingeLoss}.
 *
 * @throws {OptionError | ShapeError | ValueError} as HingeLoss
 *
 * @example
 * new SquaredHingeLoss()(nd.array([[0.5], [0.5]]), nd.array([[1], [-1]]));   // [0.25, 2.25]
 */
export class SquaredHingeLoss extends Loss {
  readonly margin: number;
  constructor(options: MarginOptions = {}) {
    super('SquaredHingeLoss', options, ['margin']);
    this.margin = numberOf('SquaredHingeLoss', 'margin', options.margin ?? 1);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('SquaredHingeLoss', pred, label, sampleWeight);
    refuseLabels('SquaredHingeLoss', label, firstUnsigned, SIGNS);
    return this.reduce(squaredHinge, pred, label, sampleWeight, { numbers: [this.margin] });
  }
}

export interface LogisticOptions extends LossOptions {
  /** Labels are -1 and 1 ('signed', the default), or 0 and 1 ('binary'). */
  readonly labelFormat?: 'signed' | 'binary';
}

/**
 * `weight · log(1 + exp(-pred · label))` for labels -1 and 1, averaged over all axes but the batch's: the cross-entropy
 * of {@link SigmoidBinaryCrossEntropyLoss} with other labels. Shapes, dtypes and errors as for {@link HingeLoss}.
 *
 * @throws {OptionError} for another `labelFormat`
 * @throws {ShapeError | ValueError} as HingeLoss
 *
 * @example
 * new LogisticLoss()(nd.array([[0], [100]]), nd.array([[1], [-1]]));   // [0.6931, 100]
 */
export class LogisticLoss extends Loss {
  readonly labelFormat: 'signed' | 'binary';
  constructor(options: LogisticOptions = {}) {
    super('LogisticLoss', options, ['labelFormat']);
    const format = options.labelFormat ?? 'signed';
    this.labelFormat = checkChoice('LogisticLoss', 'labelFormat', format, ['signed', 'binary']);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('LogisticLoss', pred, label, sampleWeight);
    const signed = this.labelFormat === 'signed';
    if (signed) refuseLabels('LogisticLoss', label, firstUnsigned, SIGNS);
    else refuseLabels('LogisticLoss', label, firstBeyond, 'labels go from 0 to 1');
    return this.reduce(logistic, pred, label, sampleWeight, { dense: signed });
  }
}

/**
 * How much nearer a sample is to a positive example than to a negative one:
 * `weight · max(0, Σ (positive - pred)² - Σ (negative - pred)² + margin)`, `margin` 1 unless said otherwise. (Schroff
 * et al., "FaceNet", CVPR 2015.)
 *
 * All three: floats [batch, ...] of one shape; `sampleWeight` [batch]. Result [batch], float32 (float64 where
 * predictions are, computed in double).
 *
 * @throws {OptionError} unless `margin` is a number
 * @throws {ShapeError} when shapes differ
 * @throws {ValueError} for anything but arrays
 *
 * @example
 * new TripletLoss()(nd.array([[0]]), nd.array([[1]]), nd.array([[0.5]]));   // [1.75]
 */
export class TripletLoss extends Loss {
  readonly margin: number;
  constructor(options: MarginOptions = {}) {
    super('TripletLoss', options, ['margin']);
    this.margin = numberOf('TripletLoss', 'margin', options.margin ?? 1);
  }
  override forward(
    pred: NDArray,
    positive: NDArray,
    negative: NDArray,
    sampleWeight?: NDArray,
  ): NDArray {
    takes('TripletLoss', pred, positive, sampleWeight);
    const how = { numbers: [this.margin], more: [negative] };
    return this.reduce(triplet, pred, positive, sampleWeight, how);
  }
}

/**
 * Pairs of vectors that are to look alike or not: `1 - cos(a, b)` for label 1, `max(0, cos(a, b) - margin)` for label
 * -1, times `weight`; averaged over all axes but the batch's; `margin` 0 unless said otherwise.
 *
 * `a` and `b`: floats [batch, ..., features] of one shape; label: -1 or 1, that shape without the last axis (or with 1
 * there); `sampleWeight` [batch]. Result [batch], float32 (float64 where predictions are, computed in double). Vectors
 * of zeros have cosine 0.
 *
 * @throws {OptionError} unless `margin` is a number
 * @throws {ShapeError} when shapes do not fit, or there is no axis of features besides that of samples
 * @throws {ValueError} for other labels (up to 16384 are looked at), or anything but arrays
 *
 * @example
 * const a = nd.array([[1, 0], [1, 0]]);
 * new CosineEmbeddingLoss()(a, nd.array([[1, 1], [1, 1]]), nd.array([1, -1]));   // [0.2929, 0.7071]
 */
export class CosineEmbeddingLoss extends Loss {
  readonly margin: number;
  constructor(options: MarginOptions = {}) {
    super('CosineEmbeddingLoss', options, ['margin']);
    this.margin = numberOf('CosineEmbeddingLoss', 'margin', options.margin ?? 0);
  }
  override forward(a: NDArray, b: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('CosineEmbeddingLoss', a, label, sampleWeight);
    expectApart('CosineEmbeddingLoss', a.ndim - 1, this.batchAxis, a);
    refuseLabels('CosineEmbeddingLoss', label, firstUnsigned, SIGNS);
    const how = { axis: a.ndim - 1, numbers: [this.margin], more: [label] };
    return this.reduce(embeddings, a, b, sampleWeight, how);
  }
}

export interface SDMLOptions extends LossOptions {
  /** Share of the probability that goes to the other samples of the batch. Default 0.3. */
  readonly smoothingParameter?: number;
}

/**
 * Pairs that are to be nearer to each other than to all others of the batch: the divergence of `softmax(-|aᵢ - bⱼ|²)`
 * over j from smoothed labels that are 1 for j = i. (Bonadiman et al., "Large scale question paraphrase retrieval with
 * smoothed deep metric learning", 2019.)
 *
 * `a` and `b`: floats [batch, features], two samples at least. Result [batch], float32 (float64 where predictions are,
 * computed in double).
 *
 * @throws {OptionError} unless 0 ≤ smoothingParameter ≤ 1, or for another `batchAxis` than 0
 * @throws {ShapeError} when shapes differ, or there are fewer than two samples
 * @throws {ValueError} for anything but arrays
 *
 * @example
 * const a = nd.array([[0], [1]]);
 * new SDMLLoss()(a, a);   // [0.0024, 0.0024]
 */
export class SDMLLoss extends Loss {
  readonly smoothingParameter: number;
  constructor(options: SDMLOptions = {}) {
    super('SDMLLoss', options, ['smoothingParameter']);
    const share = numberOf('SDMLLoss', 'smoothingParameter', options.smoothingParameter ?? 0.3, 0);
    if (share > 1)
      throw failure('option', `SDMLLoss: smoothingParameter is ${share}`, 'pass a share: 0 … 1');
    this.smoothingParameter = share;
    if (this.batchAxis !== 0)
      throw failure('option', `SDMLLoss: batchAxis is ${this.batchAxis}`, 'samples are rows');
  }
  override forward(a: NDArray, b: NDArray): NDArray {
    takes('SDMLLoss', a, b, undefined);
    if (a.ndim !== 2 || a.shape[0]! < 2)
      throw failure(
        'shape',
        `SDMLLoss: takes [batch, features] with two samples at least, not ${showType(a.type)}`,
      );
    return this.reduce(contrast, a, b, undefined, { numbers: [this.smoothingParameter] });
  }
}
