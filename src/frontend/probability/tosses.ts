/**
 * Distributions of tosses: one (Bernoulli), many (binomial), until a success (geometric) or several (negative
 * binomial).
 *
 * Invariant: probabilities of 0 and 1 give finite gradients, by logits; no gradients flow through samples.
 */
import { summedIn } from '../../ir/dtype.ts';
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import * as random from '../random.ts';
import { type Chance, Tossed } from './coin.ts';
import {
  boolean,
  type Constraint,
  integerInterval,
  nonNegative,
  nonNegativeInteger,
  positive,
} from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { coinEntropy, inside, logChoose, orNever, safely, xlogy } from './special.ts';

/**
 * One toss: 1 with probability `prob`, else 0.
 *
 * `prob` from 0 to 1, or its `logit`: a number or floats of the shape of the batch. Probabilities are taken no nearer
 * to 0 and 1 than one step of the dtype. Samples are floats.
 *
 * @throws {ValueError} unless exactly one of prob and logit is given, and for a prob that is a number outside of [0,
 * 1]; see {@link Distribution} for the rest
 *
 * @example
 * new probability.Bernoulli({ prob: 0.25 }).logProb(1);   // -1.3863
 */
export class Bernoulli extends Tossed {
  readonly support: Constraint = boolean;
  override readonly hasEnumerateSupport: boolean = true;
  constructor(chance: Chance, options?: DistributionOptions) {
    super('Bernoulli', chance, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Bernoulli {
    return new Bernoulli(this.chance(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.bernoulli(shape, this.prob);
  }
  override get mean(): NDArray {
    return this.prob;
  }
  override get variance(): NDArray {
    return this.prob.mul(nd.sub(1, this.prob));
  }
  override logProb(value: Operand): NDArray {
    const { logit } = this;
    return nd.mul(this.value(value), logit).sub(nd.softplus(logit));
  }
  override entropy(): NDArray {
    return coinEntropy(this.prob, this.logit);
  }
  override enumerateSupport(): NDArray {
    const { device } = this.prob;
    const rank = this.batchShape.length;
    const values = nd.array([0, 1], { device }).reshape([2, ...new Array<number>(rank).fill(1)]);
    return nd.broadcastTo(values, [2, ...this.batchShape]);
  }
}

/**
 * How many tosses fail before one succeeds, from 0 on. (`random.geometric` counts the success too.)
 *
 * `prob` from 0 to 1, or its `logit`: a number or floats of the shape of the batch. Probabilities are taken no nearer
 * to 0 and 1 than one step of the dtype. Samples are floats.
 *
 * @throws {ValueError} unless exactly one of prob and logit is given, and for a prob that is a number outside of [0,
 * 1]; see {@link Distribution} for the rest
 *
 * @example new probability.Geometric({ prob: 0.25 }).mean;   // 3
 */
export class Geometric extends Tossed {
  readonly support: Constraint = nonNegativeInteger;
  constructor(chance: Chance, options?: DistributionOptions) {
    super('Geometric', chance, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Geometric {
    return new Geometric(this.chance(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.geometric(shape, this.prob).sub(1);
  }
  override get mean(): NDArray {
    return nd.reciprocal(this.prob).sub(1);
  }
  override get variance(): NDArray {
    return nd.reciprocal(this.prob).sub(1).div(this.prob);
  }
  override logProb(value: Operand): NDArray {
    const p = inside(this.prob);
    const k = this.value(value);
    return orNever(nd.ge(k, 0), nd.mul(k, nd.log1p(p.neg())).add(nd.log(p)));
  }
  override entropy(): NDArray {
    return coinEntropy(this.prob, this.logit).div(this.prob);
  }
}

/**
 * How many of `n` tosses succeed.
 *
 * `n`: a whole number ≥ 0 or an array of them, which broadcasts with the chance: `prob` from 0 to 1 or its `logit`, a
 * number or floats. Samples are floats of the shape of the batch. `entropy` and `enumerateSupport` want n as a number.
 *
 * @throws {ValueError} unless exactly one of prob and logit is given, for an n that is a number but no integer ≥ 0; see
 * {@link Distribution} for the rest
 *
 * @example new probability.Binomial(4, { prob: 0.5 }).logProb(2);   // -0.98083
 */
export class Binomial extends Tossed {
  readonly n: NDArray;
  readonly support: Constraint;
  override readonly hasEnumerateSupport: boolean;
  readonly #most: number | undefined;
  constructor(n: Operand, chance: Chance, options?: DistributionOptions) {
    super('Binomial', chance, options, [['n', n, nonNegativeInteger]]);
    this.n = this.parameter('n');
    this.#most = typeof n === 'number' ? n : undefined;
    this.hasEnumerateSupport = this.#most !== undefined;
    this.support =
      this.#most === undefined
        ? {
            rule: 'an integer from 0 to n',
            eventAxes: 0,
            discrete: true,
            check: (value) => nd.logicalAnd(nonNegativeInteger.check(value), nd.le(value, this.n)),
          }
        : integerInterval(0, this.#most);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Binomial {
    return new Binomial(this.#most ?? f(this.n, 0), this.chance(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.binomial(shape, this.n, this.prob);
  }
  override get mean(): NDArray {
    return this.spread(this.n.mul(this.prob));
  }
  override get variance(): NDArray {
    return this.spread(this.n.mul(this.prob).mul(nd.sub(1, this.prob)));
  }
  override logProb(value: Operand): NDArray {
    const k = this.value(value);
    const { logit } = this;
    return logChoose(this.n, k)
      .add(nd.mul(k, logit))
      .sub(this.n.mul(nd.softplus(logit)));
  }
  /** With n as a number: a sum over all values. */
  override entropy(): NDArray {
    const log = this.logProb(this.enumerateSupport());
    return nd.mul(nd.exp(log), log).sum({ axis: 0 }).neg();
  }
  override enumerateSupport(): NDArray {
    if (this.#most === undefined)
      throw failure(
        'value',
        'Binomial.enumerateSupport: n is an array',
        'pass n as a number: how many values there are must be known',
      );
    const rank = this.batchShape.length;
    const count = this.#most + 1;
    const dtype = summedIn(this.dtype);
    const values = nd.arange(0, count, 1, { dtype, device: this.n.device });
    return nd.broadcastTo(values.reshape([count, ...new Array<number>(rank).fill(1)]), [
      count,
      ...this.batchShape,
    ]);
  }
}

/**
 * How many tosses succeed, each with probability `prob`, before `n` fail (any number above 0).
 *
 * `n` and the chance (`prob` from 0 to 1 or its `logit`) are numbers or floats of shapes that broadcast to that of the
 * batch. Samples are floats. No `entropy`.
 *
 * @throws {ValueError} unless exactly one of prob and logit is given, for an n that is a number ≤ 0; see
 * {@link Distribution} for the rest
 *
 * @example new probability.NegativeBinomial(2, { prob: 0.5 }).mean;   // 2
 */
export class NegativeBinomial extends Tossed {
  readonly n: NDArray;
  readonly support: Constraint = nonNegativeInteger;
  constructor(n: Operand, chance: Chance, options?: DistributionOptions) {
    super('NegativeBinomial', chance, options, [['n', n, positive]]);
    this.n = this.parameter('n');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): NegativeBinomial {
    return new NegativeBinomial(f(this.n, 0), this.chance(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.negativeBinomial(shape, this.n, nd.sub(1, this.prob));
  }
  override get mean(): NDArray {
    return this.spread(this.n.mul(nd.exp(this.logit)));
  }
  override get variance(): NDArray {
    return this.spread(this.n.mul(nd.exp(this.logit)).div(nd.sub(1, this.prob)));
  }
  override logProb(value: Operand): NDArray {
    const given = this.value(value);
    const ok = nd.ge(given, 0);
    const k = safely(ok, given, 0);
    const { n, logit } = this;
    const ways = nd
      .gammaln(k.add(n))
      .sub(nd.gammaln(k.add(1)))
      .sub(nd.gammaln(n));
    // log(1 - p) and log(p) by the logit
    const fails = n.mul(nd.softplus(logit)).neg();
    return orNever(ok, ways.add(fails).add(nd.mul(k, nd.softplus(logit.neg())).neg()));
  }
}

/**
 * How many events happen where `rate` are expected.
 *
 * `rate` ≥ 0 (default 1): a number or floats of the shape of the batch. Samples are floats. No `entropy`.
 *
 * @throws {ValueError} for a rate that is a number below 0; see {@link Distribution} for the rest
 *
 * @example new probability.Poisson(3).logProb(0);   // -3
 */
export class Poisson extends Parametric {
  readonly rate: NDArray;
  readonly support: Constraint = nonNegativeInteger;
  readonly hasGrad: boolean = false;
  constructor(rate: Operand = 1, options?: DistributionOptions) {
    super([['rate', rate, nonNegative]], options);
    this.rate = this.parameter('rate');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Poisson {
    return new Poisson(f(this.rate, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.poisson(shape, this.rate);
  }
  override get mean(): NDArray {
    return this.rate;
  }
  override get variance(): NDArray {
    return this.rate;
  }
  override logProb(value: Operand): NDArray {
    const k = this.value(value);
    return xlogy(k, this.rate)
      .sub(this.rate)
      .sub(nd.gammaln(k.add(1)));
  }
}
