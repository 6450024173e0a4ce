/**
 * Optimizers that step by the sign of the gradient or of its mean: each weight moves by the same amount.
 *
 * Invariant: where the sign is zero, nothing moves but by decay.
 */
import { decayed } from './adam.ts';
import {
  type Arithmetic,
  blend,
  checkNumber,
  inUnit,
  notNegative,
  Optimizer,
  type OptimizerOptions,
  penalized,
  type Rule,
  type Updated,
} from './optimizer.ts';
import { Momentum, type MomentumOptions } from './sgd.ts';

/**
 * `w -= learningRate · sign(g + wd · w)`. Default learning rate 0.01.
 *
 * (Bernstein et al., "signSGD: compressed optimisation for non-convex problems", ICML 2018, algorithm 1.)
 *
 * Keeps nothing. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'signsgd', { learningRate: 1e-3 });
 */
export class SignSGD extends Optimizer {
  override readonly name = 'signsgd';
  override readonly states: readonly string[] = [];

  constructor(options: OptimizerOptions = {}) {
    super('SignSGD', options, [], { learningRate: 0.01, wd: 0 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const step = m.mul(rule.rate, m.sign(penalized(m, rule)));
    return { weight: m.sub(rule.weight, step), states: [] };
  }
}

export interface SignumOptions extends MomentumOptions {
  /** Decay of the weights themselves, beside `wd`, which goes through the sign. Default 0. */
  readonly wdLh?: number;
}

/**
 * Sign of the momentum: `m = momentum · m - (1 - momentum)(g + wd · w); w = (1 - learningRate · wdLh) w +
 * learningRate · sign(m)`. Default learning rate 0.01, momentum 0.9; with momentum 0 it is SignSGD.
 *
 * (Bernstein et al., ICML 2018, algorithm 2.)
 *
 * Keeps `momentum` where there is one. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64
 * in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` is from 0 to below 1, `wdLh` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'signum', { learningRate: 1e-3, momentum: 0.9 });
 */
export class Signum extends Momentum {
  override readonly name = 'signum';
  wdLh: number;

  constructor(options: SignumOptions = {}) {
    super('Signum', options, ['wdLh'], { learningRate: 0.01, momentum: 0.9 });
    this.wdLh = checkNumber('Signum', 'wdLh', options.wdLh ?? 0, '≥ 0', notNegative);
  }

  override scalars(count: number): Readonly<Record<string, number>> {
    return { ...super.scalars(count), rest: 1 - this.momentum, wdLh: this.wdLh };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, rate, scalars: s } = rule;
    const g = penalized(m, rule);
    const kept = m.sub(weight, m.mul(m.mul(rate, s['wdLh']!), weight));
    const momentum = s['momentum'];
    const down =
      momentum === undefined ? g : m.sub(m.mul(s['rest']!, g), m.mul(momentum, rule.states[0]!));
    const moved = m.sub(kept, m.mul(rate, m.sign(down)));
    const held = m.sub(m.number(0), down);
    return { weight: moved, states: momentum === undefined ? [] : [held] };
  }
}

export interface LionOptions extends OptimizerOptions {
  /** Share of the mean in the direction of a step. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean. Default 0.99. */
  readonly beta2?: number;
}

/**
 * Lion: the sign of a blend of mean and gradient, with decoupled weight decay; one array a parameter. Default learning
 * rate 0.0001.
 *
 * (Chen et al., "Symbolic discovery of optimization algorithms", NeurIPS 2023, program 1.)
 *
 * Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'lion', { learningRate: 1e-4, wd: 0.1 });
 */
export class Lion extends Optimizer {
  override readonly name = 'lion';
  override readonly states: readonly string[] = ['mean'];
  beta1: number;
  beta2: number;

  constructor(options: LionOptions = {}) {
    super('Lion', options, ['beta1', 'beta2'], { learningRate: 0.0001, wd: 0 });
    const { beta1 = 0.9, beta2 = 0.99 } = options;
    this.beta1 = checkNumber('Lion', 'beta1', beta1, 'from 0 to below 1', inUnit);
    this.beta2 = checkNumber('Lion', 'beta2', beta2, 'from 0 to below 1', inUnit);
  }

  override scalars(_count: number): Readonly<Record<string, number>> {
    const { beta1, beta2 } = this;
    return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2 };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { gradient, scalars: s, rate } = rule;
    const mean = rule.states[0]!;
    const towards = m.sign(blend(m, s['beta1']!, mean, s['rest1']!, gradient));
    return {
      weight: m.sub(decayed(m, rule), m.mul(rate, towards)),
      states: [blend(m, s['beta2']!, mean, s['rest2']!, gradient)],
    };
  }
}
