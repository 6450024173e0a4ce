/**
 * Distributions of transformed values.
 *
 * Invariant: the density is that of the base at the value that was transformed, less how much the transform stretches
 * there; transforms that are not one to one give samples, but no density.
 */
import type { DType } from '../../ir/dtype.ts';
import type { Shape } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { checkShape } from '../nd/creation.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import type { Constraint } from './constraint.ts';
import { checkDistribution, Distribution, type DistributionOptions } from './distribution.ts';
import { Normal } from './location.ts';
import { compose, exp, summedTo, type Transform } from './transform.ts';

/**
 * What `base` gives, transformed.
 *
 * Shapes and dtypes are those of the base, but axes of its batch that a transform takes together become axes of the
 * event. No `mean`, `variance` and `entropy`; `cdf` and `icdf` for transforms of single numbers that rise or fall.
 *
 * @throws {ValueError} for a base that is no distribution, or transforms that are none
 * @throws {ShapeError} when transforms take more axes together than the base has
 *
 * @example
 * const d = new probability.TransformedDistribution(new probability.Normal(0, 1), [
 *   probability.transforms.exp(),
 * ]);
 * d.logProb(1);   // -0.9189
 */
export class TransformedDistribution extends Distribution {
  readonly base: Distribution;
  readonly transforms: readonly Transform[];
  readonly support: Constraint;
  readonly hasGrad: boolean;
  readonly #whole: Transform;

  constructor(
    base: Distribution,
    transforms: Transform | readonly Transform[],
    options?: DistributionOptions,
  ) {
    const list = Array.isArray(transforms)
      ? (transforms as readonly Transform[])
      : [transforms as Transform];
    checkDistribution('TransformedDistribution', base);
    const whole = compose(...list);
    // axes of the batch that a transform takes together are part of the event
    const { batchShape, eventShape } = base;
    const taken = Math.max(0, whole.eventAxes - eventShape.length);
    if (taken > batchShape.length)
      throw failure(
        'shape',
        `TransformedDistribution: ${whole.name} takes ${whole.eventAxes} axes as one value, of ${batchShape.length + eventShape.length}`,
        'give the base parameters with an axis more',
      );
    super([], options, {
      batchShape: batchShape.slice(0, batchShape.length - taken),
      eventShape: [...batchShape.slice(batchShape.length - taken), ...eventShape],
    });
    this.base = base;
    this.transforms = list;
    this.#whole = whole;
    this.support = whole.codomain;
    this.hasGrad = base.hasGrad;
  }
  override get device(): Device {
    return this.base.device;
  }
  override get dtype(): DType {
    return this.base.dtype;
  }
  override broadcastTo(batchShape: Shape): this {
    checkShape(`${this.name}.broadcastTo`, batchShape);
    const taken = this.eventShape.length - this.base.eventShape.length;
    const whole = [...batchShape, ...this.eventShape.slice(0, taken)];
    return new TransformedDistribution(
      this.base.broadcastTo(whole),
      this.transforms,
      this.options,
    ) as this;
  }
  protected override draw(shape: Shape): NDArray {
    const taken = this.eventShape.length - this.base.eventShape.length;
    return this.#whole.forward(this.base.sample([...shape, ...this.eventShape.slice(0, taken)]));
  }
  override get mean(): NDArray {
    throw this.missing('mean');
  }
  override get variance(): NDArray {
    throw this.missing('variance');
  }
  override logProb(value: Operand): NDArray {
    const y = this.value(value);
    const whole = this.#whole;
    if (!whole.bijective)
      throw failure(
        'value',
        `${this.name}.logProb: ${whole.name} gives different values one image`,
        'densities need transforms that are one to one',
      );
    const x = whole.inverse(y);
    const rank = this.eventShape.length;
    const grown = summedTo(whole.logDet(x, y), rank - whole.eventAxes);
    const log = summedTo(this.base.logProb(x), rank - this.base.eventShape.length);
    return log.sub(grown);
  }
  override cdf(value: Operand): NDArray {
    const below = this.base.cdf(this.#whole.inverse(this.value(value, 'cdf')));
    return this.#turned(below);
  }
  override icdf(probability: Operand): NDArray {
    const { sign } = this.#whole;
    const p = this.share(probability);
    const own = typeof sign === 'number' && sign > 0 ? p : this.#turned(p);
    return this.#whole.forward(this.base.icdf(own));
  }
  /** A share of samples from the other end, where larger values have smaller images. */
  #turned(share: NDArray): NDArray {
    const { sign } = this.#whole;
    if (sign === undefined || this.#whole.eventAxes > 0) throw this.missing('cdf');
    if (typeof sign === 'number') return sign > 0 ? share : nd.sub(1, share);
    return nd.where(nd.gt(sign, 0), share, nd.sub(1, share));
  }
  override async validate(): Promise<void> {
    await this.base.validate();
  }
}

/**
 * Distribution of numbers whose logarithm is normal.
 *
 * `loc` (default 0) and `scale` above 0 (default 1), of the logarithm: numbers or floats of shapes that broadcast to
 * that of the batch. Samples carry gradients.
 *
 * @throws {ValueError} for a scale that is a number ≤ 0; see {@link Distribution} for the rest
 *
 * @example new probability.LogNormal(0, 1).mean;   // 1.64872
 */
export class LogNormal extends TransformedDistribution {
  readonly loc: NDArray;
  readonly scale: NDArray;
  constructor(loc: Operand = 0, scale: Operand = 1, options?: DistributionOptions) {
    const base = new Normal(loc, scale, options);
    super(base, exp(), options);
    this.loc = base.loc;
    this.scale = base.scale;
  }
  override broadcastTo(batchShape: Shape): this {
    const { loc, scale } = (this.base as Normal).broadcastTo(batchShape);
    return new LogNormal(loc, scale, this.options) as this;
  }
  override get mean(): NDArray {
    return nd.exp(this.loc.add(nd.square(this.scale).mul(0.5)));
  }
  override get variance(): NDArray {
    const spread = nd.square(this.scale);
    return nd.expm1(spread).mul(nd.exp(this.loc.mul(2).add(spread)));
  }
  override entropy(): NDArray {
    return this.base.entropy().add(this.loc);
  }
}
