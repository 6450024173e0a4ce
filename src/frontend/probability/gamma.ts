/**
 * Gamma numbers and what is made of them: chi-square, beta, Dirichlet, F.
 *
 * Invariant: gradients flow through samples by implicit slopes (see random.gamma).
 */
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import * as random from '../random.ts';
import { type Constraint, positive, realVector, simplex, unitInterval } from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { logBeta, orNever, safely, xlog1py, xlogy } from './special.ts';

/**
 * Gamma distribution with the mean `shape · scale`.
 *
 * `shape` above 0 and `scale` above 0 (default 1): numbers or floats that broadcast to the batch. Samples carry
 * gradients, by implicit slopes. No `cdf` and no `icdf`.
 *
 * @throws {ValueError} for a shape or scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Gamma(2, 3).mean;   // 6
 */
export class Gamma extends Parametric {
  readonly shape: NDArray;
  readonly scale: NDArray;
  readonly support: Constraint = positive;
  readonly hasGrad: boolean = true;
  constructor(shape: Operand, scale: Operand = 1, options?: DistributionOptions) {
    super(
      [
        ['shape', shape, positive],
        ['scale', scale, positive],
      ],
      options,
    );
    this.shape = this.parameter('shape');
    this.scale = this.parameter('scale');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Gamma {
    return new Gamma(f(this.shape, 0), f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.gamma(shape, this.shape, this.scale);
  }
  override get mean(): NDArray {
    return this.spread(this.shape.mul(this.scale));
  }
  override get variance(): NDArray {
    return this.spread(this.shape.mul(nd.square(this.scale)));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ok = nd.gt(x, 0);
    const z = safely(ok, x, 1).div(this.scale);
    const body = nd.log(z).mul(this.shape.sub(1)).sub(z).sub(nd.gammaln(this.shape));
    return orNever(ok, body.sub(nd.log(this.scale)));
  }
  override entropy(): NDArray {
    const { shape } = this;
    const logs = nd.log(this.scale).add(nd.gammaln(shape)).add(shape);
    return this.spread(nd.sub(1, shape).mul(nd.digamma(shape)).add(logs));
  }
}

const halved = (df: Operand): Operand => {
  if (isNDArray(df)) return df.mul(0.5);
  if (df > 0) return df / 2;
  throw failure('value', `Chi2: df is ${shown(df)}`, `pass ${positive.rule}`);
};

/**
 * Chi-square distribution: sums of the squares of `df` normal numbers.
 *
 * `df` above 0: a number or floats of the shape of the batch. Samples carry gradients. No `cdf` and no `icdf`.
 *
 * @throws {ValueError} for a df that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Chi2(4).mean;   // 4
 */
export class Chi2 extends Gamma {
  readonly df: NDArray;
  constructor(df: Operand, options?: DistributionOptions) {
    super(halved(df), 2, options);
    this.df = this.shape.mul(2);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Chi2 {
    return new Chi2(f(this.df, 0), this.options);
  }
}

/**
 * Beta distribution on (0, 1).
 *
 * `alpha` and `beta` above 0: numbers or floats of shapes that broadcast to that of the batch. Samples carry gradients.
 * No `cdf` and no `icdf`.
 *
 * @throws {ValueError} for parameters that are numbers ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.Beta(1, 3).mean;   // 0.25
 */
export class Beta extends Parametric {
  readonly alpha: NDArray;
  readonly beta: NDArray;
  readonly support: Constraint = unitInterval;
  readonly hasGrad: boolean = true;
  constructor(alpha: Operand, beta: Operand, options?: DistributionOptions) {
    super(
      [
        ['alpha', alpha, positive],
        ['beta', beta, positive],
      ],
      options,
    );
    this.alpha = this.parameter('alpha');
    this.beta = this.parameter('beta');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Beta {
    return new Beta(f(this.alpha, 0), f(this.beta, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.beta(shape, this.alpha, this.beta);
  }
  override get mean(): NDArray {
    return this.spread(this.alpha.div(this.alpha.add(this.beta)));
  }
  override get variance(): NDArray {
    const total = this.alpha.add(this.beta);
    const product = this.alpha.mul(this.beta);
    return this.spread(product.div(nd.square(total).mul(total.add(1))));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ok = unitInterval.check(x);
    const kept = safely(ok, x, 0.5);
    const [a, b] = [this.alpha.sub(1), this.beta.sub(1)];
    const body = xlogy(a, kept).add(xlog1py(b, kept.neg()));
    return orNever(ok, body.sub(logBeta(this.alpha, this.beta)));
  }
  override entropy(): NDArray {
    const { alpha, beta } = this;
    const total = alpha.add(beta);
    const parts = alpha
      .sub(1)
      .mul(nd.digamma(alpha))
      .add(beta.sub(1).mul(nd.digamma(beta)));
    const whole = total.sub(2).mul(nd.digamma(total));
    return this.spread(logBeta(alpha, beta).sub(parts).add(whole));
  }
}

/**
 * Dirichlet distribution: positive shares with sum 1, along the last axis of `alpha`.
 *
 * `alpha`: floats above 0 [..., K]; a value is K shares. Samples [..., K] carry gradients.
 *
 * @throws {ShapeError} for an alpha without axes
 * @throws {ValueError} for an alpha that is no array; see {@link Distribution} for the rest
 *
 * @example new probability.Dirichlet(nd.array([1, 3])).mean;   // [0.25, 0.75]
 */
export class Dirichlet extends Parametric {
  readonly alpha: NDArray;
  readonly support: Constraint = simplex;
  readonly hasGrad: boolean = true;
  constructor(alpha: NDArray, options?: DistributionOptions) {
    super([['alpha', alpha, { ...realVector, ...POSITIVE_VECTOR }]], options, ([a]) => [
      a!.shape[a!.ndim - 1]!,
    ]);
    this.alpha = this.parameter('alpha');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): Dirichlet {
    return new Dirichlet(f(this.alpha, 1), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.dirichlet([...shape, ...this.eventShape], this.alpha);
  }
  get #total(): NDArray {
    return this.alpha.sum({ axis: -1 });
  }
  override get mean(): NDArray {
    return this.alpha.div(this.alpha.sum({ axis: -1, keepDims: true }));
  }
  override get variance(): NDArray {
    const total = this.alpha.sum({ axis: -1, keepDims: true });
    const share = this.alpha.div(total);
    return share.mul(nd.sub(1, share)).div(total.add(1));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const body = xlogy(this.alpha.sub(1), x).sum({ axis: -1 });
    return body.add(nd.gammaln(this.#total)).sub(nd.gammaln(this.alpha).sum({ axis: -1 }));
  }
  override entropy(): NDArray {
    const { alpha } = this;
    const total = this.#total;
    const log = nd.gammaln(alpha).sum({ axis: -1 }).sub(nd.gammaln(total));
    const whole = total.sub(this.eventShape[0]!).mul(nd.digamma(total));
    return log.add(whole).sub(alpha.sub(1).mul(nd.digamma(alpha)).sum({ axis: -1 }));
  }
}
const POSITIVE_VECTOR: Pick<Constraint, 'rule' | 'check'> = {
  rule: 'a vector of numbers above 0',
  check: (value) => nd.all(positive.check(value), { axis: -1 }),
};

/**
 * F distribution: ratios of two chi-square numbers, each over its degrees of freedom.
 *
 * `df1` and `df2` above 0: numbers or floats of shapes that broadcast to that of the batch. The mean is NaN up to df2 =
 * 2, the variance up to 4. Samples carry gradients. No `cdf`, `icdf` and `entropy`.
 *
 * @throws {ValueError} for parameters that are numbers ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.FisherSnedecor(3, 4).mean;   // 2
 */
export class FisherSnedecor extends Parametric {
  readonly df1: NDArray;
  readonly df2: NDArray;
  readonly support: Constraint = positive;
  readonly hasGrad: boolean = true;
  constructor(df1: Operand, df2: Operand, options?: DistributionOptions) {
    super(
      [
        ['df1', df1, positive],
        ['df2', df2, positive],
      ],
      options,
    );
    this.df1 = this.parameter('df1');
    this.df2 = this.parameter('df2');
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): FisherSnedecor {
    return new FisherSnedecor(f(this.df1, 0), f(this.df2, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return random.f(shape, this.df1, this.df2);
  }
  override get mean(): NDArray {
    const few = this.spread(this.df2).le(2);
    const df = nd.where(few, 3, this.df2);
    return nd.where(few, Number.NaN, df.div(df.sub(2)));
  }
  override get variance(): NDArray {
    const few = this.spread(this.df2).le(4);
    const df2 = nd.where(few, 5, this.df2);
    const above = nd.square(df2).mul(this.df1.add(df2).sub(2)).mul(2);
    const below = this.df1.mul(nd.square(df2.sub(2))).mul(df2.sub(4));
    return nd.where(few, Number.NaN, above.div(below));
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const ok = nd.gt(x, 0);
    const [a, b] = [this.df1.mul(0.5), this.df2.mul(0.5)];
    const ratio = this.df1.div(this.df2);
    const log = nd.log(safely(ok, x, 1));
    const body = a.mul(nd.log(ratio)).add(a.sub(1).mul(log)).sub(logBeta(a, b));
    const tail = a.add(b).mul(nd.log1p(ratio.mul(safely(ok, x, 1))));
    return orNever(ok, body.sub(tail));
  }
}
