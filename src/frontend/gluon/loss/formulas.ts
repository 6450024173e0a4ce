/**
 * The graphs of losses: a formula per element, then weights and the mean over all axes but the batch's.
 *
 * Invariant: operands are predictions, labels, what the formula takes more, and last (if `weighted`) weights of samples;
 * everything is computed in float32, whatever their dtypes.
 */
import { countedIn, isFloat } from '../../../ir/dtype.ts';
import { TigonError } from '../../../ir/errors.ts';
import type { GraphBuilder } from '../../../ir/graph/builder.ts';
import type { Node } from '../../../ir/graph/graph.ts';
import { logSoftmax } from '../../../ir/graph/ops/composite.ts';
import { iota } from '../../../ir/graph/ops/leaf.ts';
import { takeAlong } from '../../../ir/graph/ops/take.ts';
import { type Shape, sameShape, showType } from '../../../ir/type.ts';
import { type Fragment, fragment } from '../../call.ts';
import { kept } from '../../nd/axes.ts';
import { single } from '../../nd/math.ts';

/** Everything about a loss that is fixed when its graph is built. */
export interface LossAttrs {
  readonly weight: number;
  readonly batchAxis: number;
  /** Of classes; -1 where there are none. */
  readonly axis: number;
  /** What predictions are. */
  readonly given: 'scores' | 'likelihoods' | 'logarithms';
  /** Labels have one number per class. */
  readonly dense: boolean;
  readonly weighted: boolean;
  /** Margins and the like. */
  readonly numbers: readonly number[];
}
/** The loss of each element; axes that the formula folds stay with size 1. */
type Formula = (
  b: GraphBuilder,
  pred: Node,
  label: Node,
  attrs: LossAttrs,
  more: readonly Node[],
) => Node;

/** `given` for each element of a loss of `shape`: one per sample, or of that shape (sizes of 1 stretch). */
const spread = (
  b: GraphBuilder,
  given: Node,
  shape: Shape,
  { batchAxis, axis }: LossAttrs,
): Node => {
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

const define = (name: string, formula: Formula): Fragment<LossAttrs> =>
  fragment<LossAttrs>(name, (b, [x, y, ...rest], attrs) => {
    const pred = single(b, x!);
    const given = attrs.weighted ? rest.slice(0, -1) : rest;
    let loss = formula(b, pred, y!, attrs, given);
    if (attrs.weight !== 1) loss = b.op('mul', loss, b.lit(attrs.weight, loss));
    const { shape } = loss.type;
    if (attrs.weighted)
      loss = b.op('mul', loss, spread(b, single(b, rest[rest.length - 1]!, loss), shape, attrs));
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

/** `max(x, 0)`, with half of the gradient at 0: there, that of `log(1 + eˣ)` must be 1/2. */
const atLeastZero = (b: GraphBuilder, x: Node): Node => b.op('max', x, b.lit(0, x));
const half = (b: GraphBuilder, x: Node): Node => b.op('mul', x, b.lit(0.5, x));
/** Half the squared difference. */
export const squares: Fragment<LossAttrs> = define('L2Loss', (b, pred, label) => {
  const away = b.op('sub', pred, fitted(b, label, pred));
  return half(b, b.op('mul', away, away));
});
/** The absolute difference. */
export const distances: Fragment<LossAttrs> = define('L1Loss', (b, pred, label) =>
  b.op('abs', b.op('sub', pred, fitted(b, label, pred))),
);

/** Positions as int32, and where they are not what a label can be. */
const classes = (b: GraphBuilder, given: Node, count: number): { at: Node; wrong: Node } => {
  const { dtype } = given.type;
  // The number of classes may be more than what small dtypes hold.
  const label = isFloat(dtype) ? given : b.cast(given, countedIn(dtype));
  const least = b.op('ge', label, b.lit(0, label));
  const bounded = b.op('and', least, b.op('lt', label, b.lit(count, label)));
  const right = isFloat(label.type.dtype)
    ? b.op('and', bounded, b.op('eq', label, b.op('floor', label)))
    : bounded;
  return { at: b.cast(label, 'int32'), wrong: b.op('not', right) };
};

/** Minus the log-likelihood of the label; NaN where a class number is wrong. */
export const crossEntropy: Fragment<LossAttrs> = define(
  'SoftmaxCrossEntropyLoss',
  (b, pred, label, { axis, given, dense }) => {
    const likelihood = given === 'logarithms' ? pred : b.emit(logSoftmax, [pred], { axis });
    if (dense) {
      const terms = b.op('mul', likelihood, fitted(b, label, pred));
      return b.op('neg', b.reshape(b.sum(terms, [axis]), kept(pred.type.shape, [axis])));
    }
    const one = kept(pred.type.shape, [axis]);
    const { at, wrong } = classes(b, b.reshape(label, one), pred.type.shape[axis]!);
    const lost = b.op('neg', b.emit(takeAlong, [likelihood, at], { axis }));
    return b.op('select', wrong, b.lit(Number.NaN, lost), lost);
  },
);

/** Cross-entropy of each element for itself. */
export const binary: Fragment<LossAttrs> = define(
  'SigmoidBinaryCrossEntropyLoss',
  (b, pred, label, { given }, [positive]) => {
    const target = fitted(b, label, pred);
    const one = b.lit(1, pred);
    const factor =
      positive === undefined
        ? undefined
        : b.broadcastTo(b.cast(positive, pred.type.dtype), pred.type.shape);
    if (given === 'likelihoods') {
      const tiny = b.lit(1e-12, pred);
      const hit = b.op('mul', b.op('log', b.op('add', pred, tiny)), target);
      const miss = b.op('log', b.op('add', b.op('sub', one, pred), tiny));
      const rest = b.op('mul', miss, b.op('sub', one, target));
      return b.op('neg', b.op('add', factor === undefined ? hit : b.op('mul', hit, factor), rest));
    }
    const decay = b.op('log1p', b.op('exp', b.op('neg', b.op('abs', pred))));
    if (factor === undefined) {
      const rise = b.op('sub', atLeastZero(b, pred), b.op('mul', pred, target));
      return b.op('add', rise, decay);
    }
    const share = b.op('add', one, b.op('mul', b.op('sub', factor, one), target));
    const tail = b.op('add', decay, atLeastZero(b, b.op('neg', pred)));
    return b.op('add', b.op('sub', pred, b.op('mul', pred, target)), b.op('mul', share, tail));
  },
);

const plus = (b: GraphBuilder, x: Node, by: number): Node => b.op('add', x, b.lit(by, x));
const times = (b: GraphBuilder, x: Node, by: number): Node => b.op('mul', x, b.lit(by, x));

/** Squares over 2 rho up to rho, distances from there. */
export const huber: Fragment<LossAttrs> = define(
  'HuberLoss',
  (b, pred, label, { numbers: [rho = 1] }) => {
    const away = b.op('abs', b.op('sub', pred, fitted(b, label, pred)));
    const near = times(b, b.op('mul', away, away), 0.5 / rho);
    return b.op('select', b.op('gt', away, b.lit(rho, away)), plus(b, away, -rho / 2), near);
  },
);

/** Minus the log-likelihood of counts; `dense` stands for the terms of labels alone. */
export const poisson: Fragment<LossAttrs> = define('PoissonNLLLoss', (b, pred, label, attrs) => {
  const count = fitted(b, label, pred);
  const isLog = attrs.given === 'logarithms';
  const rate = isLog ? b.op('exp', pred) : pred;
  const log = isLog ? pred : b.op('log', plus(b, pred, 1e-8));
  const loss = b.op('sub', rate, b.op('mul', count, log));
  if (!attrs.dense) return loss;
  const many = b.op('gt', count, b.lit(1, count));
  const safe = b.op('select', many, count, b.lit(1, count));
  const entropy = b.op('sub', b.op('mul', safe, b.op('log', safe)), safe);
  const width = times(b, b.op('log', times(b, safe, 2 * Math.PI)), 0.5);
  const stirling = b.op('add', entropy, width);
  return b.op('add', loss, b.op('select', many, stirling, b.lit(0, stirling)));
});

/** `label · (log(label + tiny) - pred)`. */
const diverging = (b: GraphBuilder, logs: Node, label: Node): Node =>
  b.op('mul', label, b.op('sub', b.op('log', plus(b, label, 1e-12)), logs));

/** The terms of the Kullback-Leibler divergence. */
export const divergence: Fragment<LossAttrs> = define(
  'KLDivLoss',
  (b, pred, label, { axis, given }) => {
    const logs = given === 'logarithms' ? pred : b.emit(logSoftmax, [pred], { axis });
    return diverging(b, logs, fitted(b, label, pred));
  },
);

/** `max(0, margin - pred · label)`. */
const short = (b: GraphBuilder, pred: Node, label: Node, margin: number): Node => {
  const side = b.op('mul', pred, fitted(b, label, pred));
  return b.op('relu', b.op('sub', b.lit(margin, side), side));
};
/** What is missing to the margin. */
export const hinge: Fragment<LossAttrs> = define(
  'HingeLoss',
  (b, pred, label, { numbers: [margin = 1] }) => short(b, pred, label, margin),
);
/** The square of what is missing to the margin. */
export const squaredHinge: Fragment<LossAttrs> = define(
  'SquaredHingeLoss',
  (b, pred, label, { numbers: [margin = 1] }) => {
    const missing = short(b, pred, label, margin);
    return b.op('mul', missing, missing);
  },
);

/** `log(1 + exp(-pred · label))`; `dense` stands for labels -1 and 1, else they are 0 and 1. */
export const logistic: Fragment<LossAttrs> = define('LogisticLoss', (b, pred, label, { dense }) => {
  const given = fitted(b, label, pred);
  const target = dense ? half(b, plus(b, given, 1)) : given;
  const decay = b.op('log1p', b.op('exp', b.op('neg', b.op('abs', pred))));
  return b.op('add', b.op('sub', atLeastZero(b, pred), b.op('mul', pred, target)), decay);
});

/** How much farther the positive example is than the negative one, plus the margin. */
export const triplet: Fragment<LossAttrs> = define(
  'TripletLoss',
  (b, pred, positive, { batchAxis, numbers: [margin = 1] }, [negative]) => {
    const { shape } = pred.type;
    const axes = shape.flatMap((_, i) => (i === batchAxis ? [] : [i]));
    const square = (example: Node): Node => {
      const away = b.op('sub', fitted(b, example, pred), pred);
      return b.op('mul', away, away);
    };
    const farther = b.sum(b.op('sub', square(positive), square(negative!)), axes);
    return b.op('relu', plus(b, b.reshape(farther, kept(shape, axes)), margin));
  },
);

/** `1 - cos` of pairs that are alike, `max(0, cos - margin)` of others. */
export const embeddings: Fragment<LossAttrs> = define(
  'CosineEmbeddingLoss',
  (b, first, given, { axis, numbers: [margin = 0] }, [label]) => {
    const second = fitted(b, given, first);
    const one = kept(first.type.shape, [axis]);
    const product = (p: Node, q: Node): Node => b.reshape(b.sum(b.op('mul', p, q), [axis]), one);
    const sizes = b.op('mul', product(first, first), product(second, second));
    const bounded = b.op('max', sizes, b.lit(1e-24, sizes));
    const cosine = b.op('mul', product(first, second), b.op('rsqrt', bounded));
    const alike = fitted(b, label!, cosine);
    const apart = b.op('relu', plus(b, cosine, -margin));
    const near = b.op('sub', b.lit(1, cosine), cosine);
    return b.op('select', b.op('gt', alike, b.lit(0, alike)), near, apart);
  },
);

/** The divergence of shares by distance from smoothed ones that are largest on the diagonal. */
export const contrast: Fragment<LossAttrs> = define(
  'SDMLLoss',
  (b, first, given, { numbers: [smoothing = 0.3] }) => {
    const second = fitted(b, given, first);
    const [count, features] = first.type.shape as [number, number];
    const all = [count, count, features];
    const away = b.op('sub', b.broadcast(first, all, [0, 2]), b.broadcast(second, all, [1, 2]));
    const distance = b.sum(b.op('mul', away, away), [2]);
    const logs = b.emit(logSoftmax, [b.op('neg', distance)], { axis: 1 });
    const position = (axis: number): Node =>
      b.emit(iota, [], { axis, dtype: 'int32', shape: [count, count] });
    const own = b.op('eq', position(0), position(1));
    const shares = b.op(
      'select',
      own,
      b.lit(1 - smoothing, logs),
      b.lit(smoothing / (count - 1), logs),
    );
    // The mean over the batch, which follows, is to be a sum.
    return times(b, diverging(b, logs, shares), count);
  },
);
