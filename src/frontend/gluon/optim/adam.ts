/**
 * Adam and AdamW.
 *
 * Invariant: bias corrections are numbers of each parameter's own update count, so a compiled step never changes.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import {
  type Arithmetic,
  blend,
  type Correction,
  checkNumber,
  inUnit,
  notNegative,
  Optimizer,
  type OptimizerOptions,
  penalized,
  type Rule,
  type Updated,
} from './optimizer.ts';

export interface AdamOptions extends OptimizerOptions {
  /** Decay of the mean of gradients. Default 0.9. */
  readonly beta1?: number;
  /** Decay of the mean of squared gradients. Default 0.999. */
  readonly beta2?: number;
  /** Added to the root of the corrected second moment. Default 1e-8. */
  readonly epsilon?: number;
}

/** Optimizers with running means of gradients and of their sizes. */
export abstract class Moments extends Optimizer {
  override readonly states: readonly string[] = ['mean', 'variance'];
  beta1: number;
  beta2: number;
  epsilon: number;

  constructor(
    where: string,
    options: AdamOptions,
    known: readonly string[],
    defaults: {
      readonly learningRate: number;
      readonly wd?: number;
      readonly beta1?: number;
      readonly epsilon?: number;
    },
  ) {
    super(where, options, ['beta1', 'beta2', 'epsilon', ...known], { wd: 0, ...defaults });
    const { beta1 = defaults.beta1 ?? 0.9, beta2 = 0.999 } = options;
    const { epsilon = defaults.epsilon ?? 1e-8 } = options;
    this.beta1 = checkNumber(where, 'beta1', beta1, 'from 0 to below 1', inUnit);
    this.beta2 = checkNumber(where, 'beta2', beta2, 'from 0 to below 1', inUnit);
    this.epsilon = checkNumber(where, 'epsilon', epsilon, '≥ 0', notNegative);
  }

  override scalars(_count: number): Readonly<Record<string, number>> {
    const { beta1, beta2, epsilon } = this;
    return { beta1, rest1: 1 - beta1, beta2, rest2: 1 - beta2, epsilon };
  }
  override corrections(): Readonly<Record<string, Correction>> {
    return {
      correction1: { base: this.beta1 },
      correction2: { base: this.beta2, root: true },
    };
  }

  /** The running means after a gradient: of it, and of its square. */
  protected means(m: Arithmetic, { states, scalars: s }: Rule, g: Node): [Node, Node] {
    return [
      blend(m, s['beta1']!, states[0]!, s['rest1']!, g),
      blend(m, s['beta2']!, states[1]!, s['rest2']!, m.square(g)),
    ];
  }

  /** What the mean is divided by: the root of the corrected variance, and epsilon. */
  protected width(m: Arithmetic, { scalars: s }: Rule, variance: Node): Node {
    return m.add(m.mul(m.sqrt(variance), s['correction2']!), s['epsilon']!);
  }

  /** Adam's step with the gradient `g`, from `weight`. */
  protected descend(m: Arithmetic, rule: Rule, weight: Node, g: Node): Updated {
    const [mean, variance] = this.means(m, rule, g);
    const rate = m.mul(rule.rate, rule.scalars['correction1']!);
    const step = m.div(m.mul(rate, mean), this.width(m, rule, variance));
    return { weight: m.sub(weight, step), states: [mean, variance] };
  }
}

/** The weight after decay that does not go through the gradient: `w - learningRate · wd · w`. */
export const decayed = (m: Arithmetic, { weight, decay, rate }: Rule): Node =>
  decay === undefined ? weight : m.sub(weight, m.mul(m.mul(rate, decay), weight));

/**
 * Adam: steps scaled by running means of gradients and of their squares, both corrected for starting at zero. `wd` is
 * an L2 penalty: it goes through the means. Default learning rate 0.001.
 *
 * (Kingma & Ba, "Adam: a method for stochastic optimization", ICLR 2015, algorithm 1.)
 *
 * Keeps `mean` and `variance`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in
 * float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adam', { learningRate: 1e-3 });
 */
export class Adam extends Moments {
  override readonly name = 'adam';

  constructor(options: AdamOptions = {}) {
    super('Adam', options, [], { learningRate: 0.001 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    return this.descend(m, rule, rule.weight, penalized(m, rule));
  }
}

/**
 * Adam with decoupled weight decay: `w -= learningRate · wd · w` beside Adam's step. Default wd 0.01.
 *
 * (Loshchilov & Hutter, "Decoupled weight decay regularization", ICLR 2019, algorithm 2.)
 *
 * Keeps `mean` and `variance`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in
 * float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adamw', { learningRate: 1e-3, wd: 0.05 });
 */
export class AdamW extends Moments {
  override readonly name = 'adamw';

  constructor(options: AdamOptions = {}) {
    super('AdamW', options, [], { learningRate: 0.001, wd: 0.01 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    return this.descend(m, rule, decayed(m, rule), rule.gradient);
  }
}
