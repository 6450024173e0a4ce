/**
 * Relaxed tosses and categories: continuous, so that gradients flow through samples (Maddison, Mnih & Teh, "The
 * concrete distribution", ICLR 2017).
 *
 * Invariant: as the temperature falls, samples come to those of the distribution that is relaxed.
 */
import type { Shape } from '../../ir/type.ts';
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { isNDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import * as random from '../random.ts';
import { type Chances, Chosen } from './categorical.ts';
import { type Chance, Tossed } from './coin.ts';
import { type Constraint, simplex, unitInterval } from './constraint.ts';
import type { DistributionOptions } from './distribution.ts';
import { inside, logitOf } from './special.ts';

const temperatureOf = (name: string, value: Operand): Operand => {
  if (isNDArray(value) || (typeof value === 'number' && value > 0)) return value;
  throw failure('value', `${name}: the temperature is ${shown(value)}`, 'pass a number above 0');
};

/**
 * A toss between 0 and 1, near them at low temperatures.
 *
 * `temperature` above 0 and the chance (`prob` from 0 to 1 or its `logit`): numbers or floats; the shape of the batch
 * is that of the chance. Samples carry gradients. No `mean` and no `variance`.
 *
 * @throws {ValueError} for a temperature that is a number ≤ 0, and unless exactly one of prob and logit is given; see
 * {@link Distribution} for the rest
 *
 * @example new probability.RelaxedBernoulli(0.5, { prob: 0.25 }).sample([3]).shape;   // [3]
 */
export class RelaxedBernoulli extends Tossed {
  readonly temperature: Operand;
  readonly support: Constraint = unitInterval;
  override readonly hasGrad: boolean = true;
  constructor(temperature: Operand, chance: Chance, options?: DistributionOptions) {
    super('RelaxedBernoulli', chance, options);
    this.temperature = temperatureOf('RelaxedBernoulli', temperature);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): RelaxedBernoulli {
    return new RelaxedBernoulli(this.temperature, this.chance(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    return nd.sigmoid(random.logistic(shape, this.logit).div(this.temperature));
  }
  override get mean(): NDArray {
    throw this.missing('mean');
  }
  override get variance(): NDArray {
    throw this.missing('variance');
  }
  override logProb(value: Operand): NDArray {
    const x = inside(this.value(value));
    const y = logitOf(x);
    const { temperature } = this;
    const diff = this.logit.sub(nd.mul(y, temperature));
    const density = diff.sub(nd.softplus(diff).mul(2));
    const log = isNDArray(temperature) ? nd.log(temperature) : Math.log(temperature);
    return density.add(log).sub(nd.log(x)).sub(nd.log1p(x.neg()));
  }
}

/**
 * Shares of categories with sum 1, near a one-hot vector at low temperatures.
 *
 * `temperature` above 0: a number or floats of the shape of the batch. `prob` (floats ≥ 0, normalized) or `logit`:
 * arrays [..., K] with the K categories along the last axis. Values and samples are [..., K]; samples carry gradients.
 * No `mean` and no `variance`.
 *
 * @throws {ValueError} for a temperature that is a number ≤ 0, and unless exactly one of prob and logit is given, as an
 * array; see {@link Distribution} for the rest
 *
 * @example new probability.RelaxedOneHotCategorical(0.5, { prob: nd.array([1, 3]) }).sample().sum();   // 1
 */
export class RelaxedOneHotCategorical extends Chosen {
  readonly temperature: Operand;
  readonly support: Constraint = simplex;
  override readonly hasGrad: boolean = true;
  constructor(temperature: Operand, chances: Chances, options?: DistributionOptions) {
    super('RelaxedOneHotCategorical', chances, options, false);
    this.temperature = temperatureOf('RelaxedOneHotCategorical', temperature);
  }
  protected override map(f: (x: NDArray, eventAxes: number) => NDArray): RelaxedOneHotCategorical {
    return new RelaxedOneHotCategorical(this.temperature, this.chances(f), this.options);
  }
  protected override draw(shape: Shape): NDArray {
    const noisy = random.gumbel([...shape, ...this.eventShape], this.logit);
    return nd.softmax(noisy.div(this.temperature));
  }
  override get mean(): NDArray {
    throw this.missing('mean');
  }
  override get variance(): NDArray {
    throw this.missing('variance');
  }
  override logProb(value: Operand): NDArray {
    const log = nd.log(inside(this.value(value)));
    const { temperature } = this;
    const score = this.logit.sub(log.mul(temperature));
    const k = this.numEvents;
    const heat = isNDArray(temperature)
      ? nd.log(temperature).mul(k - 1)
      : Math.log(temperature) * (k - 1);
    const total = score.sum({ axis: -1 }).sub(nd.logSumExp(score, { axis: -1 }).mul(k));
    const factorial = nd.gammaln(nd.full([], k, { device: log.device, dtype: log.dtype }));
    return total
      .add(heat)
      .add(factorial)
      .sub(log.sum({ axis: -1 }));
  }
}
