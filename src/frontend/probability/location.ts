/**
 * Distributions on the line around a place: normal, Laplace, Cauchy, Gumbel, Student's t, uniform.
 *
 * Invariant: `loc` moves and `scale` stretches a standard distribution; both carry gradients.
 */
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import * as random from '../random.ts';
import { type Constraint, halfOpenInterval, positive, real } from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { EULER, HALF_LOG_TURN, normalCdf, normalQuantile, orNever } from './special.ts';

type Parameters = readonly (readonly [string, Operand, Constraint])[];

/** What distributions by place and scale share. */
abstract class Located extends Parametric {
  readonly loc: NDArray;
  readonly scale: NDArray;
  readonly support: Constraint = real;
  readonly hasGrad: boolean = true;

  constructor(
    loc: Operand,
    scale: Operand,
    options: DistributionOptions | undefined,
    more: Parameters = [],
  ) {
    super([['loc', loc, real], ['scale', scale, positive], ...more], options);
    this.loc = this.parameter('loc');
    this.scale = this.parameter('scale');
  }
  /** The value in the standard distribution. */
  protected standard(value: Operand, where?: string): NDArray {
    return this.value(value, where).sub(this.loc).div(this.scale);
  }
  /** A standard value in this distribution. */
  protected placed(z: NDArray): NDArray {
    return z.mul(this.scale).add(this.loc);
  }
  override get mean(): NDArray {
    return this.spread(this.loc);
  }
}

/**
 * Normal distribution.
 *
 * `loc` (default 0) and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch.
 * Samples carry gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example
 * const d = new probability.Normal(nd.array([0, 1]), 2);
 * d.logProb(1);   // [-1.7371, -1.6121]
 */
export class Normal extends Located {
  constructor(loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    super(loc, scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Normal {
    return new Normal(f(this.loc, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.normal(shape, this.loc, this.scale);
  }
  override get variance(): NDArray {
    return this.spread(nd.square(this.scale));
  }
  override logProb(value: Operand): NDArray {
    const z = this.standard(value);
    return nd.square(z).mul(-0.5).sub(nd.log(this.scale)).sub(HALF_LOG_TURN);
  }
  override cdf(value: Operand): NDArray {
    return normalCdf(this.standard(value, 'cdf'));
  }
  override icdf(probability: Operand): NDArray {
    return this.placed(normalQuantile(this.share(probability)));
  }
  override entropy(): NDArray {
    return this.spread(nd.log(this.scale).add(0.5 + HALF_LOG_TURN));
  }
}

/**
 * Laplace (double exponential) distribution.
 *
 * `loc` (default 0) and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch.
 * Samples carry gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example
 * const d = new probability.Laplace(0, 2);
 * d.logProb(0);   // -1.3863
 * d.variance;   // 8
 */
export class Laplace extends Located {
  constructor(loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    super(loc, scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Laplace {
    return new Laplace(f(this.loc, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.laplace(shape, this.loc, this.scale);
  }
  override get variance(): NDArray {
    return this.spread(nd.square(this.scale).mul(2));
  }
  override logProb(value: Operand): NDArray {
    return nd
      .abs(this.standard(value))
      .neg()
      .sub(nd.log(this.scale.mul(2)));
  }
  override cdf(value: Operand): NDArray {
    const z = this.standard(value, 'cdf');
    return nd.sub(
      0.5,
      nd
        .sign(z)
        .mul(nd.expm1(nd.abs(z).neg()))
        .mul(0.5),
    );
  }
  override icdf(probability: Operand): NDArray {
    const side = this.share(probability).sub(0.5);
    return this.placed(
      nd
        .sign(side)
        .mul(nd.log1p(nd.abs(side).mul(-2)))
        .neg(),
    );
  }
  override entropy(): NDArray {
    return this.spread(nd.log(this.scale.mul(2)).add(1));
  }
}

/**
 * Cauchy distribution, which has no mean.
 *
 * `loc` (default 0) and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch.
 * The mean is NaN, the variance infinite.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Cauchy(0, 1).pdf(0);   // 0.31831
 */
export class Cauchy extends Located {
  constructor(loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    super(loc, scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Cauchy {
    return new Cauchy(f(this.loc, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.cauchy(shape, this.loc, this.scale);
  }
  override get mean(): NDArray {
    return this.constant(Number.NaN);
  }
  override get variance(): NDArray {
    return this.constant(Number.POSITIVE_INFINITY);
  }
  override logProb(value: Operand): NDArray {
    const z = this.standard(value);
    return nd
      .log1p(nd.square(z))
      .neg()
      .sub(nd.log(this.scale.mul(Math.PI)));
  }
  override cdf(value: Operand): NDArray {
    return nd.arctan(this.standard(value, 'cdf')).div(Math.PI).add(0.5);
  }
  override icdf(probability: Operand): NDArray {
    return this.placed(nd.tan(this.share(probability).sub(0.5).mul(Math.PI)));
  }
  override entropy(): NDArray {
    return this.spread(nd.log(this.scale.mul(4 * Math.PI)));
  }
}

/**
 * Gumbel distribution: the largest of many.
 *
 * `loc` (default 0) and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that of the batch.
 * Samples carry gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Gumbel(0, 1).mean;   // 0.57722
 */
export class Gumbel extends Located {
  constructor(loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    super(loc, scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Gumbel {
    return new Gumbel(f(this.loc, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.gumbel(shape, this.loc, this.scale);
  }
  override get mean(): NDArray {
    return this.spread(this.scale.mul(EULER).add(this.loc));
  }
  override get variance(): NDArray {
    return this.spread(nd.square(this.scale).mul(Math.PI ** 2 / 6));
  }
  override logProb(value: Operand): NDArray {
    const z = this.standard(value);
    return z.add(nd.exp(z.neg())).neg().sub(nd.log(this.scale));
  }
  override cdf(value: Operand): NDArray {
    return nd.exp(nd.exp(this.standard(value, 'cdf').neg()).neg());
  }
  override icdf(probability: Operand): NDArray {
    return this.placed(nd.log(nd.log(this.share(probability)).neg()).neg());
  }
  override entropy(): NDArray {
    return this.spread(nd.log(this.scale).add(1 + EULER));
  }
}

/**
 * Student's t distribution.
 *
 * `df` above 0, `loc` (default 0) and `scale` above 0 (default 1): numbers or floats of shapes that broadcast to that
 * of the batch. The mean is NaN up to one degree of freedom, the variance infinite or NaN up to two. No `cdf` and no
 * `icdf`.
 *
 * @throws {ValueError} for a df or scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.StudentT(3).variance;   // 3
 */
export class StudentT extends Located {
  readonly df: NDArray;
  constructor(df: Operand, loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    super(loc, scale, options, [['df', df, positive]]);
    this.df = this.parameter('df');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): StudentT {
    return new StudentT(f(this.df, 0), f(this.loc, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return this.placed(random.studentT(shape, this.df));
  }
  override get mean(): NDArray {
    return nd.where(this.spread(this.df).gt(1), this.loc, Number.NaN);
  }
  override get variance(): NDArray {
    const df = this.spread(this.df);
    const many = df.gt(2);
    const known = nd.where(many, df, 3);
    const value = nd.square(this.scale).mul(known).div(known.sub(2));
    const few = nd.where(df.gt(1), Number.POSITIVE_INFINITY, nd.fullLike(df, Number.NaN));
    return nd.where(many, value, few);
  }
  override logProb(value: Operand): NDArray {
    const { df } = this;
    const z = this.standard(value);
    const half = df.mul(0.5);
    const norm = nd
      .gammaln(half.add(0.5))
      .sub(nd.gammaln(half))
      .sub(nd.log(df.mul(Math.PI)).mul(0.5));
    const tail = nd.log1p(nd.square(z).div(df)).mul(half.add(0.5));
    return norm.sub(tail).sub(nd.log(this.scale));
  }
  override entropy(): NDArray {
    const half = this.df.mul(0.5);
    const up = half.add(0.5);
    const logs = nd
      .gammaln(half)
      .add(nd.log(this.df.mul(Math.PI)).mul(0.5))
      .sub(nd.gammaln(up));
    const slope = up.mul(nd.digamma(up).sub(nd.digamma(half)));
    return this.spread(nd.log(this.scale).add(slope).add(logs));
  }
}

/**
 * Uniform distribution from `low` to `high`.
 *
 * `low` (default 0), which is included, and `high` (default 1), which is not: numbers or floats of shapes that
 * broadcast to that of the batch. Samples carry gradients.
 *
 * @throws {ValueError} for numbers unless low < high; see {@link Distribution} for the rest
 *
 * @example
 * const d = new probability.Uniform(0, 4);
 * d.mean;   // 2
 * d.cdf(1);   // 0.25
 * d.icdf(0.25);   // 1
 * d.entropy();   // 1.3863
 * d.stddev;   // 1.1547
 */
export class Uniform extends Parametric {
  readonly low: NDArray;
  readonly high: NDArray;
  readonly hasGrad: boolean = true;
  readonly support: Constraint;
  constructor(low: Operand = 0, high: Operand = 1, options?: DistributionOptions) {
    super(
      [
        ['low', low, real],
        ['high', high, real],
      ],
      options,
    );
    this.low = this.parameter('low');
    this.high = this.parameter('high');
    const range = typeof low === 'number' && typeof high === 'number';
    if (range && low >= high)
      throw failure('value', `Uniform: from ${low} to ${high}`, 'pass low < high');
    this.support = range
      ? halfOpenInterval(low, high)
      : {
          rule: 'a number from low to below high',
          eventAxes: 0,
          discrete: false,
          check: (value) => this.#holds(value),
        };
  }
  #holds(value: NDArray): NDArray {
    return nd.logicalAnd(nd.ge(value, this.low), nd.lt(value, this.high));
  }
  get #width(): NDArray {
    return this.high.sub(this.low);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Uniform {
    return new Uniform(f(this.low, 0), f(this.high, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.uniform(shape, this.low, this.high);
  }
  override get mean(): NDArray {
    return this.spread(this.low.add(this.high).mul(0.5));
  }
  override get variance(): NDArray {
    return this.spread(nd.square(this.#width).div(12));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    return orNever(this.#holds(x), nd.log(this.#width).neg());
  }
  override cdf(value: Operand): NDArray {
    return nd.clip(this.value(value, 'cdf').sub(this.low).div(this.#width), 0, 1);
  }
  override icdf(probability: Operand): NDArray {
    return this.share(probability).mul(this.#width).add(this.low);
  }
  override entropy(): NDArray {
    return this.spread(nd.log(this.#width));
  }
}
