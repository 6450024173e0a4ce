/**
 * Probabilities or their logits: what distributions of tosses are made of.
 *
 * Invariant: exactly one of the two is given; the other is computed where it is needed.
 */
import { failure } from '../callsite.ts';
import * as nd from '../nd/index.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { type Constraint, real, unitInterval } from './constraint.ts';
import { type DistributionOptions, type Given, Parametric } from './distribution.ts';
import { logitOf } from './special.ts';

/** The probability of a success, or its logit `log(p / (1 - p))`. */
export type Chance =
  | { readonly prob: Operand; readonly logit?: undefined }
  | { readonly prob?: undefined; readonly logit: Operand };

const given = (name: string, chance: Chance): Given => {
  const { prob, logit } = (chance ?? {}) as Partial<Chance>;
  if ((prob === undefined) === (logit === undefined))
    throw failure(
      'value',
      `${name}: the chance is ${prob === undefined ? shown(chance) : 'given twice'}`,
      'pass either { prob } or { logit }',
    );
  return prob === undefined ? ['logit', logit!, real] : ['prob', prob, unitInterval];
};

/** Distributions of tosses. */
export abstract class Tossed extends Parametric {
  readonly #logits: boolean;
  readonly hasGrad: boolean = false;

  constructor(
    name: string,
    chance: Chance,
    options: DistributionOptions | undefined,
    more: readonly (readonly [string, Operand, Constraint])[] = [],
  ) {
    const own = given(name, chance);
    super([own, ...more], options);
    this.#logits = own[0] === 'logit';
  }
  /** Probability of a success. */
  get prob(): NDArray {
    return this.#logits ? nd.sigmoid(this.parameter('logit')) : this.parameter('prob');
  }
  /** `log(prob / (1 - prob))`. */
  get logit(): NDArray {
    return this.#logits ? this.parameter('logit') : logitOf(this.parameter('prob'));
  }
  /** The chance as it was given, changed. */
  protected chance(f: (x: NDArray, eventAxes: number) => NDArray): Chance {
    return this.#logits
      ? { logit: f(this.parameter('logit'), 0) }
      : { prob: f(this.parameter('prob'), 0) };
  }
}
