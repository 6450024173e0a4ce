/**
 * Losses of predictions that are numbers: distances to what was to be predicted.
 *
 * Invariant: predictions are floats [batch, ...], labels have their shape (axes of size 1 aside); results are float32, or
 * float64 where predictions are.
 */
import { isFloat } from '../../../ir/dtype.ts';
import type { NDArray } from '../../methods.ts';
import { CLEAN, firstNaN, Loss, type LossOptions, numberOf, refuseLabels, takes } from './base.ts';
import { distances, huber, poisson, squares } from './formulas.ts';

/**
 * Half the squared distance: `weight · ½ (pred - label)²`, averaged over all axes but the batch's.
 *
 * pred: floats [batch, ...]; label: the same shape (axes of size 1 aside), any dtype; `sampleWeight`: [batch], or the
 * shape of pred with some sizes 1. Result [batch], float32 (float64 where predictions are, computed in double);
 * predictions of integers are taken as float32.
 *
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ShapeError} when shapes do not fit, or there is no axis of samples
 * @throws {ValueError} for NaN labels (up to 16384 of them; with more, the loss is NaN), or anything but arrays
 *
 * @example
 * new L2Loss()(nd.array([[1], [2]]), nd.array([[1], [0]]));   // [0, 2]
 */
export class L2Loss extends Loss {
  constructor(options: LossOptions = {}) {
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
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ShapeError | ValueError} as L2Loss
 *
 * @example
 * new L1Loss()(nd.array([[1], [2]]), nd.array([[1], [0]]));   // [0, 2]
 */
export class L1Loss extends Loss {
  constructor(options: LossOptions = {}) {
    super('L1Loss', options);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('L1Loss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('L1Loss', label, firstNaN, CLEAN);
    return this.reduce(distances, pred, label, sampleWeight);
  }
}

export interface HuberOptions extends LossOptions {
  /** Where squares end. Default 1. */
  readonly rho?: number;
}

/**
 * Squares near the label, distances far from it: with `d = |pred - label|`, `weight · d² / (2 rho)` up to `rho`, then
 * `weight · (d - rho / 2)`; averaged over all axes but the batch's. (Huber, 1964, over rho.) Shapes, dtypes and errors
 * as for {@link L2Loss}.
 *
 * @throws {OptionError} unless `rho` is a number > 0
 * @throws {ShapeError | ValueError} as L2Loss
 *
 * @example
 * new HuberLoss()(nd.array([[1.5], [3]]), nd.array([[1], [0]]));   // [0.125, 2.5]
 */
export class HuberLoss extends Loss {
  readonly rho: number;
  constructor(options: HuberOptions = {}) {
    super('HuberLoss', options, ['rho']);
    this.rho = numberOf('HuberLoss', 'rho', options.rho ?? 1, Number.MIN_VALUE);
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('HuberLoss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('HuberLoss', label, firstNaN, CLEAN);
    return this.reduce(huber, pred, label, sampleWeight, { numbers: [this.rho] });
  }
}

export interface PoissonNLLOptions extends LossOptions {
  /** Predictions are logarithms of rates; false: rates. Default true. */
  readonly fromLogits?: boolean;
  /** Add what depends on labels alone: Stirling's `label · log(label) - label + ½ log(2π label)` above 1. Default false. */
  readonly computeFull?: boolean;
}

/**
 * Minus the log-likelihood of counts under Poisson distributions: `weight · (exp(pred) - label · pred)`, or with rates
 * `weight · (pred - label · log(pred + 10⁻⁸))`; averaged over all axes but the batch's. Shapes, dtypes and errors as
 * for {@link L2Loss}.
 *
 * @throws {OptionError} for a `weight` that is no number, or unknown options
 * @throws {ShapeError | ValueError} as L2Loss
 *
 * @example
 * new PoissonNLLLoss()(nd.array([[0], [1]]), nd.array([[1], [2]]));   // [1, 0.7183]
 */
export class PoissonNLLLoss extends Loss {
  readonly fromLogits: boolean;
  readonly computeFull: boolean;
  constructor(options: PoissonNLLOptions = {}) {
    super('PoissonNLLLoss', options, ['fromLogits', 'computeFull']);
    this.fromLogits = options.fromLogits ?? true;
    this.computeFull = options.computeFull ?? false;
  }
  override forward(pred: NDArray, label: NDArray, sampleWeight?: NDArray): NDArray {
    takes('PoissonNLLLoss', pred, label, sampleWeight);
    if (isFloat(label.dtype)) refuseLabels('PoissonNLLLoss', label, firstNaN, CLEAN);
    return this.reduce(poisson, pred, label, sampleWeight, {
      given: this.fromLogits ? 'logarithms' : 'likelihoods',
      dense: this.computeFull,
    });
  }
}
