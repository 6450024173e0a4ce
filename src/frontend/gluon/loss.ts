/**
 * `tigon/loss`: how far predictions are from labels, one number per sample.
 *
 * Invariant: the loss of each element is scaled by `weight` and `sampleWeight`, then averaged over all axes but the
 * batch's. Labels with wrong values are refused, never trained on: see {@link SoftmaxCrossEntropyLoss}.
 */
import { isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { logSoftmax } from '../../ir/graph/ops/composite.ts';
import { takeAlong } from '../../ir/graph/ops/take.ts';
import { type Shape, sameShape, showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../methods.ts';
import { axisOf, kept } from '../nd/axes.ts';
import type { TypedArray } from '../nd/filled.ts';
import { floating } from '../nd/math.ts';
import { checkOptions } from '../options.ts';
import { expectPositions, expectValues } from '../values.ts';
import { HybridBlock } from './block.ts';

export interface LossOptions {
  /** Multiplies the loss. Default 1. */
  readonly weight?: number;
  /** The axis of samples. Default 0. */
  readonly batchAxis?: number;
}
const LOSS = ['weight', 'batchAxis'] as const;

/** Everything about a loss that is fixed when its graph is built. */
interface Attrs {
  readonly weight: number;
  readonly batchAxis: number;
  /** Of classes; 0 where there are none. */
  readonly axis: number;
  /** What variant of the formula. */
  readonly variant: string;
  readonly weighted: boolean;
}
/** The loss of each element; axes that the formula folds stay with size 1. */
type Formula = (
  b: GraphBuilder,
  pred: Node,
  label: Node,
  attrs: Attrs,
  more: readonly Node[],
) => Node;

/** `given` for each element of a loss of `shape`: one per sample, or of that shape (sizes of 1 stretch). */
const spread = (b: GraphBuilder, given: Node, shape: Shape, { batchAxis, axis }: Attrs): Node => {
  const own = given.type.shape;
  if (own.length === 1 && own[0] === shape[batchAxis])
    return b.broadcast(given, shape, [batchAxis]);
  const rest = shape.filter((_, i) => i !== axis);
  const whole =
    own.length === rest.length && shape[axis] === 1
      ? b.reshape(given, own.toSpliced(axis, 0, 1))
      : given;
  const { shape: full } = whole.type;
  if (full.length === shape.length && full.every((d, i) => d === 1 || d === shape[i]))
    return b.broadcastTo(whole, shape);
  throw new TigonError(
    'shape',
    `sampleWeight ${showType(given.type)} does not fit losses of shape [${shape.join(', ')}]`,
    `pass one weight per sample, [${shape[batchAxis]}], or the shape of the losses with some sizes 1`,
  );
};

const define = (name: string, formula: Formula): Fragment<Attrs> =>
  fragment<Attrs>(name, (b, [x, y, ...rest], attrs) => {
    const pred = floating(b, x!);
    const given = attrs.weighted ? rest.slice(0, -1) : rest;
    let loss = formula(b, pred, y!, attrs, given);
    if (attrs.weight !== 1) loss = b.op('mul', loss, b.lit(attrs.weight, loss));
    const { shape, dtype } = loss.type;
    if (attrs.weighted)
      loss = b.op('mul', loss, spread(b, b.cast(rest[rest.length - 1]!, dtype), shape, attrs));
    const axes = shape.flatMap((_, i) => (i === attrs.batchAxis ? [] : [i]));
    const count = axes.reduce((n, a) => n * shape[a]!, 1);
    const total = b.sum(loss, axes);
    return count === 1 ? total : b.op('mul', total, b.lit(1 / count, total));
  });

/** Labels in the shape of predictions: sizes of 1 may be missing or added, nothing else. */
const fitted = (b: GraphBuilder, label: Node, pred: Node): Node => {
  const long = (shape: Shape): Shape => shape.filter((d) => d !== 1);
  if (!sameShape(long(label.type.shape), long(pred.type.shape)))
    throw new TigonError(
      'shape',
      `labels ${showType(label.type)} do not fit predictions ${showType(pred.type)}`,
      'labels need the shape of the predictions',
    );
  return b.cast(b.reshape(label, pred.type.shape), pred.type.dtype);
};

const half = (b: GraphBuilder, x: Node): Node => b.op('mul', x, b.lit(0.5, x));
const squares = define('L2Loss', (b, pred, label) => {
  const away = b.op('sub', pred, fitted(b, label, pred));
  return half(b, b.op('mul', away, away));
});
const distances = define('L1Loss', (b, pred, label) =>
  b.op('abs', b.op('sub', pred, fitted(b, label, pred))),
);

/** Positions as int32, and where they are not what a label can be. */
const classes = (b: GraphBuilder, given: Node, count: number): { at: Node; wrong: Node } => {
  const { dtype } = given.type;
  // The number of classes may be more than what small dtypes hold.
  const label = dtype === 'uint8' || dtype === 'bool' ? b.cast(given, 'int32') : given;
  const least = b.op('ge', label, b.lit(0, label));
  const bounded = b.op('and', least, b.op('lt', label, b.lit(count, label)));
  const right = isFloat(label.type.dtype)
    ? b.op('and', bounded, b.op('eq', label, b.op('floor', label)))
    : bounded;
  return { at: b.cast(label, 'int32'), wrong: b.op('not', right) };
};

const crossEntropy = define('SoftmaxCrossEntropyLoss', (b, pred, label, { axis, variant }) => {
  const likelihood = variant.includes('logits') ? pred : b.emit(logSoftmax, [pred], { axis });
  if (variant.includes('dense')) {
    const terms = b.op('mul', likelihood, fitted(b, label, pred));
    return b.op('neg', b.reshape(b.sum(terms, [axis]), kept(pred.type.shape, [axis])));
  }
  const one = kept(pred.type.shape, [axis]);
  const { at, wrong } = classes(b, b.reshape(label, one), pred.type.shape[axis]!);
  const lost = b.op('neg', b.emit(takeAlong, [likelihood, at], { axis }));
  return b.op('select', wrong, b.lit(Number.NaN, lost), lost);
});

const binary = define(
  'SigmoidBinaryCrossEntropyLoss',
  (b, pred, label, { variant }, [positive]) => {
    const target = fitted(b, label, pred);
    const one = b.lit(1, pred);
    const factor =
      positive === undefined
        ? undefined
        : b.broadcastTo(b.cast(positive, pred.type.dtype), pred.type.shape);
    if (variant === 'sigmoid') {
      const tiny = b.lit(1e-12, pred);
      const hit = b.op('mul', b.op('log', b.op('add', pred, tiny)), target);
      const miss = b.op('log', b.op('add', b.op('sub', one, pred), tiny));
      const rest = b.op('mul', miss, b.op('sub', one, target));
      return b.op('neg', b.op('add', factor === undefined ? hit : b.op('mul', hit, factor), rest));
    }
    const decay = b.op('log1p', b.op('exp', b.op('neg', b.op('abs', pred))));
    if (factor === undefined) {
      const rise = b.op('sub', b.op('relu', pred), b.op('mul', pred, target));
      return b.op('add', rise, decay);
    }
    const share = b.op('add', one, b.op('mul', b.op('sub', factor, one), target));
    const tail = b.op('add', decay, b.op('relu', b.op('neg', pred)));
    return b.op('add', b.op('sub', pred, b.op('mul', pred, target)), b.op('mul', share, tail));
  },
);

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
    f: Fragment<Attrs>,
    pred: NDArray,
    label: NDArray,
    sampleWeight: NDArray | undefined,
    how: {
      readonly axis?: number;
      readonly variant?: string;
      readonly more?: readonly NDArray[];
    } = {},
  ): NDArray {
    const { axis = 0, variant = '', more = [] } = how;
    const batchAxis = axisOf(f.name, this.batchAxis, pred.ndim);
    const weighted = sampleWeight !== undefined;
    const attrs: Attrs = { weight: this.weight, batchAxis, axis, variant, weighted };
    const operands = [pred, label, ...more];
    return call(f, weighted ? [...operands, sampleWeight] : operands, {
      attrs,
      key: `${this.weight}/${batchAxis}/${axis}/${variant}/${weighted}`,
    });
  }
}

/**
 * Half the squared distance: `weight · ½ (pred - label)²`, averaged over all axes but the batch's.
 *
 * pred: floats [batch, ...]; label: the same shape (axes of size 1 aside), any dtype; `sampleWeight`: [batch], or the
 * shape of pred with some sizes 1. Result [batch], dtype of pred.
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
 * `sampleWeight`: [batch], or the shape of the labels, or with size 1 along the axis of classes. Result [batch].
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
    const axis = axisOf(name, this.axis, pred.ndim);
    if (this.sparseLabel) {
      this.#fits(name, pred, label, axis);
      const hint = '; to leave positions out, give them any class and weight 0 in sampleWeight';
      expectPositions(label, pred.shape[axis]!, `${name}: label`, 'classes', hint);
    } else if (isFloat(label.dtype)) refuseLabels(name, label, firstNaN, CLEAN);
    const variant = `${this.sparseLabel ? '' : 'dense'}${this.fromLogits ? 'logits' : ''}`;
    return this.reduce(crossEntropy, pred, label, sampleWeight, { axis, variant });
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
 * `posWeight`: broadcasts to pred. Result [batch], dtype of pred.
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
    const help = 'labels go from 0 to 1: for -1 and 1, pass label.add(1).div(2)';
    refuseLabels('SigmoidBinaryCrossEntropyLoss', label, firstBeyond, help);
    return this.reduce(binary, pred, label, sampleWeight, {
      variant: this.fromSigmoid ? 'sigmoid' : '',
      more: posWeight === undefined ? [] : [posWeight],
    });
  }
}

/** Short for {@link SigmoidBinaryCrossEntropyLoss}. */
export { SigmoidBinaryCrossEntropyLoss as SigmoidBCELoss };
