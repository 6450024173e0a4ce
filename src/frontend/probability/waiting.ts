/**
 * Distributions of waiting times and heavy tails: exponential, Weibull, Pareto.
 *
 * Invariant: densities are 0 below the least value.
 */
import type { Shape } from '../../ir/type.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import * as random from '../random.ts';
import { type Constraint, nonNegative, positive } from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { EULER, orNever, safely } from './special.ts';

/**
 * Exponential distribution with the mean `scale`.
 *
 * `scale` above 0 (default 1): a number or floats of the shape of the batch. Samples carry gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Exponential(2).logProb(2);   // -1.6931
 */
export class Exponential extends Parametric {
  readonly scale: NDArray;
  readonly support: Constraint = nonNegative;
  readonly hasGrad: boolean = true;
  constructor(scale: Operand = 1, options?: DistributionOptions) {
    super([['scale', scale, positive]], options);
    this.scale = this.parameter('scale');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Exponential {
    return new Exponential(f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.exponential(shape, this.scale);
  }
  override get mean(): NDArray {
    return this.scale;
  }
  override get variance(): NDArray {
    return nd.square(this.scale);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    return orNever(nd.ge(x, 0), x.div(this.scale).add(nd.log(this.scale)).neg());
  }
  override cdf(value: Operand): NDArray {
    return nd.expm1(nd.relu(this.value(value, 'cdf')).div(this.scale).neg()).neg();
  }
  override icdf(probability: Operand): NDArray {
    return nd.log1p(this.share(probability).neg()).mul(this.scale).neg();
  }
  override entropy(): NDArray {
    return nd.log(this.scale).add(1);
  }
}

/**
 * Weibull distribution: a power of exponential numbers.
 *
 * `concentration` and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch.
 * Samples carry gradients.
 *
 * @throws {ValueError} for parameters that are numbers ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Weibull(1, 2).mean;   // 2
 */
export class Weibull extends Parametric {
  readonly concentration: NDArray;
  readonly scale: NDArray;
  readonly support: Constraint = positive;
  readonly hasGrad: boolean = true;
  constructor(concentration: Operand, scale: Operand = 1, options?: DistributionOptions) {
    super(
      [
        ['concentration', concentration, positive],
        ['scale', scale, positive],
      ],
      options,
    );
    this.concentration = this.parameter('concentration');
    this.scale = this.parameter('scale');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Weibull {
    return new Weibull(f(this.concentration, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.weibull(shape, this.concentration, this.scale);
  }
  /** The mean of the n-th power, over that of the scale. */
  #moment(n: number): NDArray {
    return nd.exp(nd.gammaln(nd.div(n, this.concentration).add(1)));
  }
  override get mean(): NDArray {
    return this.spread(this.scale.mul(this.#moment(1)));
  }
  override get variance(): NDArray {
    return this.spread(nd.square(this.scale).mul(this.#moment(2).sub(nd.square(this.#moment(1)))));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ok = nd.gt(x, 0);
    const log = nd.log(safely(ok, x, 1).div(this.scale));
    const k = this.concentration;
    const body = nd
      .log(k.div(this.scale))
      .add(k.sub(1).mul(log))
      .sub(nd.exp(k.mul(log)));
    return orNever(ok, body);
  }
  override cdf(value: Operand): NDArray {
    const x = this.value(value, 'cdf');
    const ok = nd.gt(x, 0);
    const power = nd.exp(this.concentration.mul(nd.log(safely(ok, x, 1).div(this.scale))));
    return nd.where(ok, nd.expm1(power.neg()).neg(), 0);
  }
  override icdf(probability: Operand): NDArray {
    const waited = nd.log1p(this.share(probability).neg()).neg();
    return nd.pow(waited, nd.reciprocal(this.concentration)).mul(this.scale);
  }
  override entropy(): NDArray {
    const inverse = nd.reciprocal(this.concentration);
    const log = nd.log(this.scale.mul(inverse));
    return this.spread(nd.sub(1, inverse).mul(EULER).add(log).add(1));
  }
}

/**
 * Pareto distribution: values from `scale` on that fall off by the power `alpha`.
 *
 * `alpha` and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch. The mean is
 * infinite up to alpha = 1, the variance up to 2. Samples carry gradients.
 *
 * @throws {ValueError} for parameters that are numbers ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Pareto(3, 2).mean;   // 3
 */
export class Pareto extends Parametric {
  readonly alpha: NDArray;
  readonly scale: NDArray;
  readonly hasGrad: boolean = true;
  readonly support: Constraint;
  constructor(alpha: Operand, scale: Operand = 1, options?: DistributionOptions) {
    super(
      [
        ['alpha', alpha, positive],
        ['scale', scale, positive],
      ],
      options,
    );
    this.alpha = this.parameter('alpha');
    this.scale = this.parameter('scale');
    this.support = {
      rule: 'a number ≥ scale',
      eventAxes: 0,
      discrete: false,
      check: (value) => nd.ge(value, this.scale),
    };
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Pareto {
    return new Pareto(f(this.alpha, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.pareto(shape, this.alpha).add(1).mul(this.scale);
  }
  override get mean(): NDArray {
    const few = this.spread(this.alpha).le(1);
    const a = nd.where(few, 2, this.alpha);
    return nd.where(few, Number.POSITIVE_INFINITY, this.scale.mul(a).div(a.sub(1)));
  }
  override get variance(): NDArray {
    const few = this.spread(this.alpha).le(2);
    const a = nd.where(few, 3, this.alpha);
    const value = nd
      .square(this.scale.div(a.sub(1)))
      .mul(a)
      .div(a.sub(2));
    return nd.where(few, Number.POSITIVE_INFINITY, value);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ok = nd.ge(x, this.scale);
    const log = nd.log(nd.where(ok, x, this.scale));
    const { alpha } = this;
    const body = nd
      .log(alpha)
      .add(alpha.mul(nd.log(this.scale)))
      .sub(alpha.add(1).mul(log));
    return orNever(ok, body);
  }
  override cdf(value: Operand): NDArray {
    const x = this.value(value, 'cdf');
    const ok = nd.ge(x, this.scale);
    const log = nd.log(this.scale.div(nd.where(ok, x, this.scale)));
    return nd.where(ok, nd.expm1(this.alpha.mul(log)).neg(), 0);
  }
  override icdf(probability: Operand): NDArray {
    const left = nd.log1p(this.share(probability).neg());
    return nd.exp(left.div(this.alpha).neg()).mul(this.scale);
  }
  override entropy(): NDArray {
    const log = nd.log(this.scale.div(this.alpha));
    return this.spread(log.add(nd.reciprocal(this.alpha)).add(1));
  }
}
