/**
 * Relatives of Adam: other norms, Nesterov's momentum, and the variance around the mean.
 *
 * Invariant: the running means are those of adam.ts; what differs is how a step comes of them.
 */
import type { Shape } from '../../../ir/type.ts';
import { type AdamOptions, Moments } from './adam.ts';
import {
  type Arithmetic,
  blend,
  type Correction,
  checkNumber,
  notNegative,
  penalized,
  type Rule,
  type State,
  type Updated,
} from './optimizer.ts';

/**
 * Adam with the largest gradient, fading, in place of the root of the mean square. Default learning rate 0.002.
 *
 * (Kingma & Ba, ICLR 2015, algorithm 2.)
 *
 * Keeps two arrays. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adamax', { learningRate: 2e-3 });
 */
export class Adamax extends Moments {
  override readonly name = 'adamax';
  override readonly states: readonly string[] = ['mean', 'largest'];

  constructor(options: AdamOptions = {}) {
    super('Adamax', options, [], { learningRate: 0.002 });
  }

  override corrections(): Readonly<Record<string, Correction>> {
    return { correction1: { base: this.beta1 } };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, states } = rule;
    const g = penalized(m, rule);
    const mean = blend(m, s['beta1']!, states[0]!, s['rest1']!, g);
    const size = m.add(m.abs(g), s['epsilon']!);
    const largest = m.max(m.mul(s['beta2']!, states[1]!), size);
    const step = m.div(m.mul(m.mul(rule.rate, s['correction1']!), mean), largest);
    return { weight: m.sub(rule.weight, step), states: [mean, largest] };
  }
}

export interface NadamOptions extends AdamOptions {
  /** How fast the momentum grows towards beta1. Default 0.004. */
  readonly scheduleDecay?: number;
}

/**
 * Adam with Nesterov's momentum, which grows: `µ_t = beta1 (1 - 0.5 · 0.96^(t · scheduleDecay))`. Default learning rate
 * 0.001.
 *
 * (Dozat, "Incorporating Nesterov momentum into Adam", ICLR workshop 2016, algorithm 2.)
 *
 * Keeps `mean`, `variance` and a scalar []. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32
 * (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` and
 *   `scheduleDecay` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'nadam', { learningRate: 1e-3 });
 */
export class Nadam extends Moments {
  override readonly name = 'nadam';
  scheduleDecay: number;

  constructor(options: NadamOptions = {}) {
    super('Nadam', options, ['scheduleDecay'], { learningRate: 0.001 });
    const { scheduleDecay = 0.004 } = options;
    this.scheduleDecay = checkNumber('Nadam', 'scheduleDecay', scheduleDecay, '≥ 0', notNegative);
  }

  /** `gone`: one less the product of all momenta so far, which is zero at first. */
  override statesFor(shape: Shape): readonly State[] {
    return [...super.statesFor(shape), { name: 'gone', shape: [], from: 'zeros' }];
  }
  override corrections(): Readonly<Record<string, Correction>> {
    return { correction2: { base: this.beta2, root: true } };
  }
  override scalars(count: number): Readonly<Record<string, number>> {
    const momentum = (t: number): number =>
      this.beta1 * (1 - 0.5 * 0.96 ** (t * this.scheduleDecay));
    const now = momentum(count);
    return { ...super.scalars(count), now, rest: 1 - now, next: momentum(count + 1) };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, rate } = rule;
    const g = penalized(m, rule);
    const [mean, variance] = this.means(m, rule, g);
    const one = m.number(1);
    const gone = m.sub(one, m.mul(m.sub(one, rule.states[2]!), s['now']!));
    const soon = m.sub(one, m.mul(m.sub(one, gone), s['next']!));
    const ahead = m.add(
      m.mul(m.div(m.mul(rate, s['rest']!), gone), g),
      m.mul(m.div(m.mul(rate, s['next']!), soon), mean),
    );
    const step = m.div(ahead, this.width(m, rule, variance));
    return { weight: m.sub(rule.weight, step), states: [mean, variance, gone] };
  }
}

/**
 * Adam with the variance of gradients around their mean: steps are long where gradients are as expected. Default
 * learning rate 0.001, epsilon 1e-6.
 *
 * (Zhuang et al., "AdaBelief optimizer", NeurIPS 2020, algorithm 2.)
 *
 * Keeps `mean` and `variance`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in
 * float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adabelief', { learningRate: 1e-3 });
 */
export class AdaBelief extends Moments {
  override readonly name = 'adabelief';

  constructor(options: AdamOptions = {}) {
    super('AdaBelief', options, [], { learningRate: 0.001, epsilon: 1e-6 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, states } = rule;
    const g = penalized(m, rule);
    const mean = blend(m, s['beta1']!, states[0]!, s['rest1']!, g);
    const surprise = m.square(m.sub(g, mean));
    const variance = m.add(blend(m, s['beta2']!, states[1]!, s['rest2']!, surprise), s['epsilon']!);
    const rate = m.mul(rule.rate, s['correction1']!);
    const step = m.div(m.mul(rate, mean), this.width(m, rule, variance));
    return { weight: m.sub(rule.weight, step), states: [mean, variance] };
  }
}
