/**
 * Relatives of SGD: with Nesterov's momentum, with the noise of Langevin dynamics, and for late gradients.
 *
 * Invariant: momentum is that of sgd.ts, with the learning rate inside.
 */

import type { Shape } from '../../../ir/type.ts';
import {
  type Arithmetic,
  checkNumber,
  notNegative,
  Optimizer,
  type OptimizerOptions,
  penalized,
  type Rule,
  type State,
  type Updated,
} from './optimizer.ts';
import { Momentum, type MomentumOptions } from './sgd.ts';

/**
 * SGD with Nesterov's momentum: `m = momentum · m - learningRate · g; w += momentum · m - learningRate · g`. Default
 * learning rate 0.1, momentum 0.9.
 *
 * Keeps `momentum`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` is from 0 to below 1
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'nag', { learningRate: 0.05 });
 */
export class NAG extends Momentum {
  override readonly name = 'nag';

  constructor(options: MomentumOptions = {}) {
    super('NAG', options, [], { learningRate: 0.1, momentum: 0.9 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    return this.move(m, rule, m.mul(rule.rate, penalized(m, rule)), true);
  }
}

/**
 * Stochastic gradient Langevin dynamics: half a step down, and normal noise of variance `learningRate`, so that the
 * weights are drawn from their posterior. Default learning rate 0.1. The noise follows `random.seed`.
 *
 * (Welling & Teh, "Bayesian learning via stochastic gradient Langevin dynamics", ICML 2011, eq. 4.)
 *
 * Keeps nothing. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'sgld', { learningRate: 1e-4 });
 */
export class SGLD extends Optimizer {
  override readonly name = 'sgld';
  override readonly states: readonly string[] = [];
  override readonly noisy = true;

  constructor(options: OptimizerOptions = {}) {
    super('SGLD', options, [], { learningRate: 0.1, wd: 0 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, rate } = rule;
    const step = m.mul(m.mul(rate, m.number(0.5)), penalized(m, rule));
    const noise = m.mul(m.sqrt(rate), rule.noise!);
    return { weight: m.add(m.sub(weight, step), noise), states: [] };
  }
}

export interface DCASGDOptions extends MomentumOptions {
  /** How much of the curvature is made up for. Default 0.04. */
  readonly lambda?: number;
}

/**
 * SGD that makes up for gradients of older weights: `g + lambda · g² · (w - w_before)`. Default learning rate 0.01.
 *
 * (Zheng et al., "Asynchronous stochastic gradient descent with delay compensation", ICML 2017, eq. 10.)
 *
 * Keeps the weight from before, and `momentum` where there is one. Shapes and dtypes as of {@link Optimizer}: floats,
 * updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` is from 0 to below 1, `lambda` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'dcasgd', { learningRate: 0.05, momentum: 0.9 });
 */
export class DCASGD extends Momentum {
  override readonly name = 'dcasgd';
  lambda: number;

  constructor(options: DCASGDOptions = {}) {
    super('DCASGD', options, ['lambda'], { learningRate: 0.01, momentum: 0 });
    this.lambda = checkNumber('DCASGD', 'lambda', options.lambda ?? 0.04, '≥ 0', notNegative);
  }

  override statesFor(shape: Shape): readonly State[] {
    return [...super.statesFor(shape), { name: 'previous', shape, from: 'weight' }];
  }
  override scalars(count: number): Readonly<Record<string, number>> {
    return { ...super.scalars(count), lambda: this.lambda };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, scalars } = rule;
    const g = penalized(m, rule);
    const late = m.sub(weight, rule.states.at(-1)!);
    const curvature = m.mul(m.mul(scalars['lambda']!, m.square(g)), late);
    const moved = this.move(m, rule, m.mul(rule.rate, m.add(g, curvature)), false);
    return { weight: moved.weight, states: [...moved.states, weight] };
  }
}
