/**
 * Optimizers for large batches: the rate of each array is scaled by the norm of its weights over that of its step.
 *
 * Invariant: norms are taken on the device, within the step; where one is zero the rate stays as it is.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import { type AdamOptions, Moments } from './adam.ts';
import {
  type Arithmetic,
  checkNumber,
  notNegative,
  penalized,
  type Rule,
  type Updated,
} from './optimizer.ts';
import { Momentum, type MomentumOptions } from './sgd.ts';

/** `a / b`, or 1 where one of them is zero. */
const ratio = (m: Arithmetic, a: Node, b: Node): Node => {
  const [zero, one] = [m.number(0), m.number(1)];
  const sound = m.greater(m.min(a, b), zero);
  return m.select(sound, m.div(a, m.select(sound, b, one)), one);
};

export interface LARSOptions extends MomentumOptions {
  /** The share of its norm by which an array may move. Default 0.001. */
  readonly eta?: number;
  /** Added to what the rate is divided by. Default 1e-8. */
  readonly epsilon?: number;
}

/**
 * SGD whose rate for each array is `learningRate · eta · |w| / (|g| + wd · |w| + epsilon)`. Vectors (biases, scales of
 * norms) move as with SGD. Default learning rate 0.1.
 *
 * (You et al., "Large batch training of convolutional networks", 2017, algorithm 1.)
 *
 * Keeps `momentum` where there is one. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64
 * in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` is from 0 to below 1, `eta` > 0,
 *   `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'lars', { learningRate: 1, momentum: 0.9, wd: 1e-4 });
 */
export class LARS extends Momentum {
  override readonly name = 'lars';
  eta: number;
  epsilon: number;

  constructor(options: LARSOptions = {}) {
    super('LARS', options, ['eta', 'epsilon'], { learningRate: 0.1, momentum: 0 });
    this.eta = checkNumber('LARS', 'eta', options.eta ?? 0.001, '> 0', (x) => x > 0);
    this.epsilon = checkNumber('LARS', 'epsilon', options.epsilon ?? 1e-8, '≥ 0', notNegative);
  }

  override scalars(count: number): Readonly<Record<string, number>> {
    return { ...super.scalars(count), eta: this.eta, epsilon: this.epsilon };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, gradient, decay, rate, scalars: s } = rule;
    let scaled = rate;
    if (weight.type.shape.length > 1) {
      const [own, step] = [m.norm(weight), m.norm(gradient)];
      const penalty = decay === undefined ? step : m.add(step, m.mul(decay, own));
      const share = m.div(m.mul(s['eta']!, own), m.add(penalty, s['epsilon']!));
      const sound = m.greater(m.min(own, step), m.number(0));
      scaled = m.mul(rate, m.select(sound, share, m.number(1)));
    }
    return this.move(m, rule, m.mul(scaled, penalized(m, rule)), false);
  }
}

export interface LAMBOptions extends AdamOptions {
  /** Least norm of weights that counts. Default: none. */
  readonly lowerBound?: number | undefined;
  /** Largest norm of weights that counts. Default: none. */
  readonly upperBound?: number | undefined;
}

/** What LAMB and LANS share: steps with decay in them, as long as the norm of the weights says. */
abstract class Trusting extends Moments {
  lowerBound: number | undefined;
  upperBound: number | undefined;

  constructor(where: string, options: LAMBOptions) {
    super(where, options, ['lowerBound', 'upperBound'], { learningRate: 0.001, epsilon: 1e-6 });
    const { lowerBound, upperBound } = options;
    if (lowerBound !== undefined) checkNumber(where, 'lowerBound', lowerBound, '≥ 0', notNegative);
    if (upperBound !== undefined) checkNumber(where, 'upperBound', upperBound, '> 0', (x) => x > 0);
    this.lowerBound = lowerBound;
    this.upperBound = upperBound;
  }

  override key(): string {
    const { lowerBound, upperBound } = this;
    return `${super.key()} ${lowerBound !== undefined} ${upperBound !== undefined}`;
  }
  override scalars(count: number): Readonly<Record<string, number>> {
    const { lowerBound, upperBound } = this;
    return {
      ...super.scalars(count),
      ...(lowerBound === undefined ? {} : { lowerBound }),
      ...(upperBound === undefined ? {} : { upperBound }),
    };
  }

  /** `direction` with decay, as long as the weights are. */
  protected trusted(m: Arithmetic, { weight, decay, scalars: s }: Rule, direction: Node): Node {
    const step = decay === undefined ? direction : m.add(direction, m.mul(decay, weight));
    let own = m.norm(weight);
    if (s['lowerBound'] !== undefined) own = m.max(own, s['lowerBound']);
    if (s['upperBound'] !== undefined) own = m.min(own, s['upperBound']);
    return m.mul(ratio(m, own, m.norm(step)), step);
  }
}

/**
 * Adam's step with decay, scaled for each array to the norm of its weights. Default learning rate 0.001, epsilon 1e-6.
 *
 * (You et al., "Large batch optimization for deep learning: training BERT in 76 minutes", ICLR 2020, algorithm 2.)
 *
 * Keeps `mean` and `variance`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in
 * float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` and
 *   `lowerBound` ≥ 0, `upperBound` > 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'lamb', { learningRate: 2e-3, wd: 0.01 });
 */
export class LAMB extends Trusting {
  override readonly name = 'lamb';

  constructor(options: LAMBOptions = {}) {
    super('LAMB', options);
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const [mean, variance] = this.means(m, rule, rule.gradient);
    const hat = m.mul(mean, rule.scalars['correction1']!);
    const step = this.trusted(m, rule, m.div(hat, this.width(m, rule, variance)));
    return { weight: m.sub(rule.weight, m.mul(rule.rate, step)), states: [mean, variance] };
  }
}

/**
 * LAMB with normalized gradients and Nesterov's momentum. Default learning rate 0.001, epsilon 1e-6.
 *
 * (Zheng et al., "Accelerated large batch optimization of BERT pretraining in 54 minutes", 2020, algorithm 2.)
 *
 * Keeps `mean` and `variance`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in
 * float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` and
 *   `lowerBound` ≥ 0, `upperBound` > 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'lans', { learningRate: 2e-3, wd: 0.01 });
 */
export class LANS extends Trusting {
  override readonly name = 'lans';

  constructor(options: LAMBOptions = {}) {
    super('LANS', options);
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s } = rule;
    const length = m.norm(rule.gradient);
    const one = m.number(1);
    const g = m.div(rule.gradient, m.select(m.greater(length, m.number(0)), length, one));
    const [mean, variance] = this.means(m, rule, g);
    const width = this.width(m, rule, variance);
    const behind = this.trusted(m, rule, m.div(m.mul(mean, s['correction1']!), width));
    const ahead = this.trusted(m, rule, m.div(g, width));
    const step = m.add(m.mul(s['beta1']!, behind), m.mul(s['rest1']!, ahead));
    return { weight: m.sub(rule.weight, m.mul(rule.rate, step)), states: [mean, variance] };
  }
}
