/**
 * Distributions over categories: which (categorical, one-hot), how often each (multinomial).
 *
 * Invariant: probabilities lie along the last axis of the parameter and are normalized where they are used.
 */
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import * as random from '../random.ts';
import { type Constraint, counts, integerInterval, oneHot, realVector } from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { inside, orNever, xlogy } from './special.ts';
import { Binomial } from './tosses.ts';

/** Probabilities along the last axis (up to a factor), or their logarithms (up to a constant). */
export type Chances =
  | { readonly prob: NDArray; readonly logit?: undefined }
  | { readonly prob?: undefined; readonly logit: NDArray };

/** Probabilities, up to a factor. */
export const weights: Constraint = {
  rule: 'a vector of numbers ≥ 0 along the last axis',
  eventAxes: 1,
  discrete: false,
  check: (value) => nd.all(nd.ge(value, 0), { axis: -1 }),
};

/** What distributions over categories share. */
export abstract class Chosen extends Parametric {
  readonly #logits: boolean;
  readonly hasGrad: boolean = false;
  /** How many categories there are. */
  readonly numEvents: number;

  constructor(
    name: string,
    chances: Chances,
    options: DistributionOptions | undefined,
    single: boolean,
  ) {
    const { prob, logit } = (chances ?? {}) as Partial<Chances>;
    if ((prob === undefined) === (logit === undefined))
      throw failure(
        'value',
        `${name}: the chances are ${prob === undefined ? shown(chances) : 'given twice'}`,
        'pass either { prob } or { logit }, an array with the categories along its last axis',
      );
    const own =
      prob === undefined
        ? (['logit', logit!, realVector] as const)
        : (['prob', prob, weights] as const);
    super([own], options, ([x]) => (single ? [] : [x!.shape[x!.ndim - 1]!]));
    this.#logits = prob === undefined;
    const [, { shape }] = own;
    this.numEvents = shape[shape.length - 1]!;
    if (this.numEvents === 0)
      throw failure('shape', `${name}: ${own[0]} has no categories`, 'pass one at least');
  }
  /** Probabilities of the categories, with sum 1. */
  get prob(): NDArray {
    if (this.#logits) return nd.softmax(this.parameter('logit'));
    const prob = this.parameter('prob');
    return prob.div(prob.sum({ axis: -1, keepDims: true }));
  }
  /** Their logarithms. */
  get logit(): NDArray {
    return this.#logits ? nd.logSoftmax(this.parameter('logit')) : nd.log(inside(this.prob));
  }
  /** The chances as they were given, changed. */
  protected chances(f: (x: NDArray, eventAxes: number) => NDArray): Chances {
    return this.#logits
      ? { logit: f(this.parameter('logit'), 1) }
      : { prob: f(this.parameter('prob'), 1) };
  }
  protected drawn(shape: Shape): NDArray {
    return this.#logits
      ? random.categorical(shape, this.parameter('logit'), { logits: true })
      : random.categorical(shape, this.parameter('prob'));
  }
  protected uncertainty(): NDArray {
    return xlogy(this.prob, nd.exp(this.logit)).sum({ axis: -1 }).neg();
  }
}

/**
 * Numbers of categories, int32.
 *
 * `prob` (floats ≥ 0, normalized) or `logit`: arrays [..., K] with the K categories along the last axis. Values and
 * samples have the shape of the batch; values may have any dtype, and such as are no integers from 0 to K - 1 have no
 * probability.
 *
 * @throws {ShapeError} without categories along a last axis
 * @throws {ValueError} unless exactly one of the two is given, as an array; see {@link Distribution} for the rest
 *
 * @example
 * new probability.Categorical({ prob: nd.array([1, 3]) }).logProb(1);   // -0.2877
 */
export class Categorical extends Chosen {
  readonly support: Constraint;
  override readonly hasEnumerateSupport: boolean = true;
  constructor(chances: Chances, options?: DistributionOptions) {
    super('Categorical', chances, options, true);
    this.support = integerInterval(0, this.numEvents - 1);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Categorical {
    return new Categorical(this.chances(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return this.drawn(shape);
  }
  /** Numbers of categories have no mean: NaN. */
  override get mean(): NDArray {
    return this.constant(Number.NaN);
  }
  override get variance(): NDArray {
    return this.constant(Number.NaN);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const k = nd.astype(x, 'int32');
    const hit = nd.gt(nd.oneHot(k, this.numEvents), 0);
    const ok = nd.logicalAnd(nd.any(hit, { axis: -1 }), nd.eq(k, x));
    return orNever(ok, nd.where(hit, this.logit, 0).sum({ axis: -1 }));
  }
  override entropy(): NDArray {
    return this.uncertainty();
  }
  override enumerateSupport(): NDArray {
    const { device } = this.logit;
    const rank = this.batchShape.length;
    const values = nd.arange(0, this.numEvents, 1, { dtype: 'int32', device });
    return nd.broadcastTo(values.reshape([this.numEvents, ...new Array<number>(rank).fill(1)]), [
      this.numEvents,
      ...this.batchShape,
    ]);
  }
}

/**
 * Categories as vectors of zeros and one 1.
 *
 * `prob` (floats ≥ 0, normalized) or `logit`: arrays [..., K] with the K categories along the last axis. Values are
 * [..., K] of any dtype, samples float32.
 *
 * @throws {ShapeError} without categories along a last axis
 * @throws {ValueError} unless exactly one of the two is given, as an array; see {@link Distribution} for the rest
 *
 * @example new probability.OneHotCategorical({ prob: nd.array([1, 3]) }).logProb(nd.array([0, 1]));   // -0.2877
 */
export class OneHotCategorical extends Chosen {
  readonly support: Constraint = oneHot;
  override readonly hasEnumerateSupport: boolean = true;
  constructor(chances: Chances, options?: DistributionOptions) {
    super('OneHotCategorical', chances, options, false);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): OneHotCategorical {
    return new OneHotCategorical(this.chances(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return nd.oneHot(this.drawn(shape), this.numEvents);
  }
  override get mean(): NDArray {
    return this.prob;
  }
  override get variance(): NDArray {
    return this.prob.mul(nd.sub(1, this.prob));
  }
  override logProb(value: Operand): NDArray {
    return nd.where(nd.gt(this.value(value), 0), this.logit, 0).sum({ axis: -1 });
  }
  override entropy(): NDArray {
    return this.uncertainty();
  }
  override enumerateSupport(): NDArray {
    const { device } = this.logit;
    const n = this.numEvents;
    const rank = this.batchShape.length;
    const values = nd.eye(n, n, { device }).reshape([n, ...new Array<number>(rank).fill(1), n]);
    return nd.broadcastTo(values, [n, ...this.batchShape, n]);
  }
}

/**
 * How often each category comes in `totalCount` tries.
 *
 * `prob` (floats ≥ 0, normalized) or `logit`: arrays [..., K] with the K categories along the last axis. Values are
 * counts [..., K] of any dtype, samples float32.
 *
 * @throws {ShapeError} without categories along a last axis
 * @throws {ValueError} unless totalCount is an integer ≥ 0 and exactly one of the two is given, as an array; see
 * {@link Distribution} for the rest
 *
 * @example new probability.Multinomial(2, { prob: nd.array([0.5, 0.5]) }).logProb(nd.array([1, 1]));   // -0.6931
 */
export class Multinomial extends Chosen {
  readonly totalCount: number;
  readonly support: Constraint;
  constructor(totalCount: number, chances: Chances, options?: DistributionOptions) {
    if (!Number.isInteger(totalCount) || totalCount < 0)
      throw failure(
        'value',
        `Multinomial: totalCount is ${shown(totalCount)}`,
        'pass an integer ≥ 0',
      );
    super('Multinomial', chances, options, false);
    this.totalCount = totalCount;
    this.support = counts(totalCount);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Multinomial {
    return new Multinomial(this.totalCount, this.chances(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.multinomial(shape, this.totalCount, this.prob, { dtype: 'float32' });
  }
  override get mean(): NDArray {
    return this.prob.mul(this.totalCount);
  }
  override get variance(): NDArray {
    return this.prob.mul(nd.sub(1, this.prob)).mul(this.totalCount);
  }
  /** By that of one try, and by how often each category comes in all. */
  override entropy(): NDArray {
    const { prob, totalCount } = this;
    const each = new Binomial(totalCount, { prob });
    const k = each.enumerateSupport();
    const terms = nd.mul(each.pdf(k), nd.gammaln(k.add(1)));
    const repeats = terms.sum({ axis: [0, -1] });
    let factorial = 0;
    for (let i = 2; i <= totalCount; i++) factorial += Math.log(i);
    return this.uncertainty().mul(totalCount).sub(factorial).add(repeats);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ways = nd.sub(
      nd.gammaln(x.sum({ axis: -1 }).add(1)),
      nd.gammaln(x.add(1)).sum({ axis: -1 }),
    );
    return ways.add(nd.where(nd.gt(x, 0), nd.mul(x, this.logit), 0).sum({ axis: -1 }));
  }
}
