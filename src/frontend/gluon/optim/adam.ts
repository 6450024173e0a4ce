/**
 * Adam and AdamW.
 *
 * Invariant: bias corrections are host numbers of each parameter's own update count, so a compiled step never changes.
 */
import {
  type Arithmetic,
  checkNumber,
  Optimizer,
  type OptimizerOptions,
  type Rule,
  type Updated,
} from './optimizer.ts';
import { inUnit } from './sgd.ts';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the corrected second moment. Default 1e-8. */
  readonly epsilon?: number;
}

/** What Adam and AdamW share. */
abstract class AdaptiveMoments extends Optimizer {
  override readonly states: readonly string[] = ['mean', 'variance'];
  beta1: number;
  beta2: number;
  epsilon: number;

  constructor(where: string, options: AdamOptions, wd: number) {
    super(where, options, ['beta1', 'beta2', 'epsilon'], { learningRate: 0.001, wd });
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
    this.beta1 = checkNumber(where, 'beta1', beta1, 'from 0 to below 1', inUnit);
    this.beta2 = checkNumber(where, 'beta2', beta2, 'from 0 to below 1', inUnit);
    this.epsilon = checkNumber(where, 'epsilon', epsilon, '≥ 0', (x) => x >= 0);
  }

  override scalars(count: number): Readonly<Record<string, number>> {
    const { beta1, beta2, epsilon } = this;
    return {
      beta1,
      rest1: 1 - beta1,
      beta2,
      rest2: 1 - beta2,
      epsilon,
      correction1: 1 / (1 - beta1 ** count),
      correction2: 1 / Math.sqrt(1 - beta2 ** count),
    };
  }

  protected descend(m: Arithmetic, rule: Rule, weight: Rule['weight'], g: Rule['weight']): Updated {
    const { states, scalars: s, rate } = rule;
    const mean = m.add(m.mul(s['beta1']!, states[0]!), m.mul(s['rest1']!, g));
    const variance = m.add(m.mul(s['beta2']!, states[1]!), m.mul(s['rest2']!, m.mul(g, g)));
    const width = m.add(m.mul(m.sqrt(variance), s['correction2']!), s['epsilon']!);
    const step = m.div(m.mul(m.mul(rate, s['correction1']!), mean), width);
    return { weight: m.sub(weight, step), states: [mean, variance] };
  }
}

/**
 * Adam: steps scaled by running means of gradients and of their squares, both corrected for starting at zero. `wd` is
 * an L2 penalty: it goes through the means. Default learning rate 0.001.
 *
 * (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.)
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 1e-3 });
 */
export class Adam extends AdaptiveMoments {
  override readonly name = 'adam';

  constructor(options: AdamOptions = {}) {
    super('Adam', options, 0);
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, gradient, decay } = rule;
    const g = decay === undefined ? gradient : m.add(gradient, m.mul(decay, weight));
    return this.descend(m, rule, weight, g);
  }
}

/**
 * Adam with decoupled weight decay: `w -= learningRate · wd · w` beside Adam's step. Default wd 0.01.
 *
 * (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.)
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adamw', { learningRate: 1e-3, wd: 0.05 });
 */
export class AdamW extends AdaptiveMoments {
  override readonly name = 'adamw';

  constructor(options: AdamOptions = {}) {
    super('AdamW', options, 0.01);
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, gradient, decay, rate } = rule;
    const kept = decay === undefined ? weight : m.sub(weight, m.mul(m.mul(rate, decay), weight));
    return this.descend(m, rule, kept, gradient);
  }
}
