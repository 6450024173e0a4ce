/**
 * Distributions made of others: axes of a batch taken as one value, and mixtures.
 *
 * Invariant: shapes of samples stay those of the base; what was batch becomes event.
 */
import type { DType } from '../../ir/dtype.ts';
import type { Shape } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { checkShape } from '../nd/creation.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { Categorical } from './categorical.ts';
import { type Constraint, independent } from './constraint.ts';
import {
  checkDistribution,
  commonShape,
  Distribution,
  type DistributionOptions,
} from './distribution.ts';

const lastAxes = (count: number): number[] => Array.from({ length: count }, (_, i) => -1 - i);
const summed = (x: NDArray, count: number): NDArray =>
  count === 0 ? x : x.sum({ axis: lastAxes(count) });

/**
 * `base` with its last `axes` batch axes as parts of one value: log probabilities are added over them.
 *
 * A base with the batch [...a, ...b], where b are the last `axes`, gives the batch a and events [...b, ...event];
 * dtypes are those of the base.
 *
 * @throws {ShapeError} unless `axes` is an integer from 0 to the number of batch axes of the base
 * @throws {ValueError} for a base that is no distribution
 *
 * @example
 * const d = new probability.Independent(new probability.Normal(nd.zeros([3]), 1), 1);
 * d.logProb(nd.zeros([3]));   // -2.7568
 */
export class Independent extends Distribution {
  readonly base: Distribution;
  readonly axes: number;
  readonly support: Constraint;
  readonly hasGrad: boolean;

  constructor(base: Distribution, axes: number, options?: DistributionOptions) {
    checkDistribution('Independent', base);
    const rank = base.batchShape.length;
    if (!Number.isInteger(axes) || axes < 0 || axes > rank)
      throw failure(
        'shape',
        `Independent: ${shown(axes)} axes of a batch with ${rank}`,
        `pass an integer from 0 to ${rank}`,
      );
    super([], options, {
      batchShape: base.batchShape.slice(0, rank - axes),
      eventShape: [...base.batchShape.slice(rank - axes), ...base.eventShape],
    });
    this.base = base;
    this.axes = axes;
    this.support = independent(base.support, axes);
    this.hasGrad = base.hasGrad;
  }
  override get device(): Device {
    return this.base.device;
  }
  override get dtype(): DType {
    return this.base.dtype;
  }
  override broadcastTo(batchShape: Shape): this {
    checkShape('Independent.broadcastTo', batchShape);
    const whole = [...batchShape, ...this.eventShape.slice(0, this.axes)];
    return new Independent(this.base.broadcastTo(whole), this.axes, this.options) as this;
  }
  protected override draw(shape: Shape): NDArray {
    return this.base.sample([...shape, ...this.eventShape.slice(0, this.axes)]);
  }
  override get mean(): NDArray {
    return this.base.mean;
  }
  override get variance(): NDArray {
    return this.base.variance;
  }
  override logProb(value: Operand): NDArray {
    return summed(this.base.logProb(this.value(value)), this.axes);
  }
  override entropy(): NDArray {
    return summed(this.base.entropy(), this.axes);
  }
  override async validate(): Promise<void> {
    await this.base.validate();
  }
}

/**
 * One of the distributions along the last batch axis of `components`, chosen by `mixture`.
 *
 * Components with the batch [...b, K], a mixture of K categories with a batch that broadcasts with b: that is the
 * batch. Values, samples and dtypes are as of the components; samples carry no gradients. No `entropy` and no `icdf`.
 *
 * @throws {ShapeError} unless there are as many components as categories, and the batches broadcast
 * @throws {ValueError} for components that are no distribution
 *
 * @example
 * const d = new probability.MixtureSameFamily(
 *   new probability.Categorical({ prob: nd.array([1, 3]) }),
 *   new probability.Normal(nd.array([-2, 2]), 1),
 * );
 * d.mean;   // 1
 */
export class MixtureSameFamily extends Distribution {
  readonly mixture: Categorical;
  readonly components: Distribution;
  readonly support: Constraint;
  readonly hasGrad: boolean = false;

  constructor(mixture: Categorical, components: Distribution, options?: DistributionOptions) {
    checkDistribution('MixtureSameFamily', components);
    const { batchShape, eventShape } = components;
    const count = batchShape[batchShape.length - 1];
    if (!(mixture instanceof Categorical) || mixture.numEvents !== count)
      throw failure(
        'shape',
        `MixtureSameFamily: ${mixture instanceof Categorical ? mixture.numEvents : shown(mixture)} weights for ${count ?? 'no'} components`,
        'the last batch axis of the components is as long as the mixture has categories',
      );
    const common = commonShape('MixtureSameFamily', [mixture.batchShape, batchShape.slice(0, -1)]);
    super([], options, { batchShape: common, eventShape });
    this.mixture = mixture;
    this.components = components;
    this.support = components.support;
  }
  override get device(): Device {
    return this.components.device;
  }
  override get dtype(): DType {
    return this.components.dtype;
  }
  override broadcastTo(batchShape: Shape): this {
    checkShape('MixtureSameFamily.broadcastTo', batchShape);
    const components = this.components.broadcastTo([...batchShape, this.mixture.numEvents]);
    return new MixtureSameFamily(
      this.mixture.broadcastTo(batchShape),
      components,
      this.options,
    ) as this;
  }
  /** The position of the axis of components, from the last. */
  get #axis(): number {
    return -1 - this.eventShape.length;
  }
  /** One number a component, with axes for the event. */
  #alike(x: NDArray): NDArray {
    return x.reshape([...x.shape, ...this.eventShape.map(() => 1)]);
  }
  protected override draw(shape: Shape): NDArray {
    const count = this.mixture.numEvents;
    const chosen = this.#alike(nd.oneHot(this.mixture.sample(shape), count));
    const all = this.components.sample([...shape, count]);
    return nd.where(nd.gt(chosen, 0), all, 0).sum({ axis: this.#axis });
  }
  /** Means over the components. */
  #average(x: NDArray): NDArray {
    return nd.mul(this.#alike(this.mixture.prob), x).sum({ axis: this.#axis });
  }
  override get mean(): NDArray {
    return this.#average(this.components.mean);
  }
  override get variance(): NDArray {
    const { mean, variance } = this.components;
    const away = mean.sub(nd.expandDims(this.mean, this.#axis));
    return this.#average(variance.add(nd.square(away)));
  }
  #beside(value: Operand): NDArray {
    return nd.expandDims(this.value(value), this.#axis);
  }
  override logProb(value: Operand): NDArray {
    const each = this.components.logProb(this.#beside(value));
    return nd.logSumExp(each.add(this.mixture.logit), { axis: -1 });
  }
  override cdf(value: Operand): NDArray {
    return nd.mul(this.mixture.prob, this.components.cdf(this.#beside(value))).sum({ axis: -1 });
  }
  override async validate(): Promise<void> {
    await this.mixture.validate();
    await this.components.validate();
  }
}
