/**
 * Distributions of sizes: the halves of symmetric ones.
 *
 * Invariant: no value below 0 has a density.
 */
import type { Shape } from '../../ir/type.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import * as random from '../random.ts';
import { type Constraint, nonNegative, positive } from './constraint.ts';
import { type DistributionOptions, Parametric } from './distribution.ts';
import { HALF_LOG_TURN, normalQuantile, orNever } from './special.ts';

abstract class Half extends Parametric {
  readonly scale: NDArray;
  readonly support: Constraint = nonNegative;
  readonly hasGrad: boolean = true;
  constructor(scale: Operand, options: DistributionOptions | undefined) {
    super([['scale', scale, positive]], options);
    this.scale = this.parameter('scale');
  }
}

/**
 * Sizes of normal numbers around 0.
 *
 * `scale` above 0 (default 1), of the normal numbers: a number or floats of the shape of the batch. Samples carry
 * gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.HalfNormal(2).mean;   // 1.59577
 */
export class HalfNormal extends Half {
  constructor(scale: Operand = 1, options?: DistributionOptions) {
    super(scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): HalfNormal {
    return new HalfNormal(f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return nd.abs(random.normal(shape, 0, this.scale));
  }
  override get mean(): NDArray {
    return this.scale.mul(Math.sqrt(2 / Math.PI));
  }
  override get variance(): NDArray {
    return nd.square(this.scale).mul(1 - 2 / Math.PI);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const z = x.div(this.scale);
    const log = nd
      .square(z)
      .mul(-0.5)
      .sub(nd.log(this.scale))
      .add(Math.LN2 - HALF_LOG_TURN);
    return orNever(nd.ge(x, 0), log);
  }
  override cdf(value: Operand): NDArray {
    return nd.erf(nd.relu(this.value(value, 'cdf')).div(this.scale).mul(Math.SQRT1_2));
  }
  override icdf(probability: Operand): NDArray {
    const up = this.share(probability).add(1).mul(0.5);
    return normalQuantile(up).mul(this.scale);
  }
  override entropy(): NDArray {
    return nd.log(this.scale).add(0.5 + HALF_LOG_TURN - Math.LN2);
  }
}

/**
 * Sizes of Cauchy numbers around 0, which have no mean.
 *
 * `scale` above 0 (default 1): a number or floats of the shape of the batch. Mean and variance are infinite.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.HalfCauchy(1).cdf(1);   // 0.5
 */
export class HalfCauchy extends Half {
  constructor(scale: Operand = 1, options?: DistributionOptions) {
    super(scale, options);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): HalfCauchy {
    return new HalfCauchy(f(this.scale, 0), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return nd.abs(random.cauchy(shape, 0, this.scale));
  }
  override get mean(): NDArray {
    return this.constant(Number.POSITIVE_INFINITY);
  }
  override get variance(): NDArray {
    return this.constant(Number.POSITIVE_INFINITY);
  }
  override logProb(value: Operand): NDArray {
    const x = this.value(value);
    const rest = nd.log1p(nd.square(x.div(this.scale))).neg();
    return orNever(nd.ge(x, 0), rest.sub(nd.log(this.scale.mul(Math.PI / 2))));
  }
  override cdf(value: Operand): NDArray {
    return nd.arctan(nd.relu(this.value(value, 'cdf')).div(this.scale)).mul(2 / Math.PI);
  }
  override icdf(probability: Operand): NDArray {
    return nd.tan(this.share(probability).mul(Math.PI / 2)).mul(this.scale);
  }
  override entropy(): NDArray {
    return nd.log(this.scale.mul(2 * Math.PI));
  }
}
