/**
 * Optimizers that follow the regularized leader: weights are solved for anew from sums over all gradients.
 *
 * Invariant: both divide by the learning rate; a parameter whose rate is 0 stays as it is, states too.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import { type AdamOptions, Moments } from './adam.ts';
import {
  type Arithmetic,
  blend,
  checkNumber,
  notNegative,
  Optimizer,
  type OptimizerOptions,
  penalized,
  type Rule,
  type Updated,
} from './optimizer.ts';

/** `after` where there is a learning rate, else what was. */
const whereMoving = (m: Arithmetic, { rate, weight, states }: Rule, after: Updated): Updated => {
  const moving = m.greater(rate, m.number(0));
  const chosen = (now: Node, before: Node): Node => m.select(moving, now, before);
  return {
    weight: chosen(after.weight, weight),
    states: after.states.map((x, i) => chosen(x, states[i]!)),
  };
};

export interface FtrlOptions extends OptimizerOptions {
  /** L1 penalty: weights below it become 0. Default 0.01. */
  readonly lambda1?: number;
  /** Holds first steps back. Default 1. */
  readonly beta?: number;
}

/**
 * FTRL-Proximal: sparse weights. `wd` is its L2 penalty. Default learning rate 0.1.
 *
 * (McMahan et al., "Ad click prediction: a view from the trenches", KDD 2013, algorithm 1.)
 *
 * Keeps two arrays. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `lambda1` and `beta` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'ftrl', { learningRate: 0.1, lambda1: 0.01 });
 */
export class Ftrl extends Optimizer {
  override readonly name = 'ftrl';
  override readonly states: readonly string[] = ['z', 'n'];
  lambda1: number;
  beta: number;

  constructor(options: FtrlOptions = {}) {
    super('Ftrl', options, ['lambda1', 'beta'], { learningRate: 0.1, wd: 0 });
    this.lambda1 = checkNumber('Ftrl', 'lambda1', options.lambda1 ?? 0.01, '≥ 0', notNegative);
    this.beta = checkNumber('Ftrl', 'beta', options.beta ?? 1, '≥ 0', notNegative);
  }

  override scalars(_count: number): Readonly<Record<string, number>> {
    return { lambda1: this.lambda1, beta: this.beta };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, gradient, rate, decay, scalars: s } = rule;
    const [z, n] = rule.states as [Node, Node];
    const after = m.add(n, m.square(gradient));
    const sigma = m.div(m.sub(m.sqrt(after), m.sqrt(n)), rate);
    const sum = m.sub(m.add(z, gradient), m.mul(sigma, weight));
    const own = m.div(m.add(s['beta']!, m.sqrt(after)), rate);
    const width = decay === undefined ? own : m.add(own, decay);
    const beyond = m.max(m.sub(m.abs(sum), s['lambda1']!), m.number(0));
    const solved = m.div(m.mul(m.sub(m.number(0), m.sign(sum)), beyond), width);
    return whereMoving(m, rule, { weight: solved, states: [sum, after] });
  }
}

/**
 * Follow the moving leader: as FTRL, but gradients fade. Default learning rate 0.0025, beta1 0.6.
 *
 * (Zheng & Kwok, "Follow the moving leader in deep learning", ICML 2017, algorithm 1.)
 *
 * Keeps three arrays. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless betas are from 0 to below 1, `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'ftml', { learningRate: 2.5e-3 });
 */
export class FTML extends Moments {
  override readonly name = 'ftml';
  override readonly states: readonly string[] = ['width', 'variance', 'z'];

  constructor(options: AdamOptions = {}) {
    super('FTML', options, [], { learningRate: 0.0025, beta1: 0.6 });
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, rate, scalars: s } = rule;
    const [before, spread, z] = rule.states as [Node, Node, Node];
    const g = penalized(m, rule);
    const variance = blend(m, s['beta2']!, spread, s['rest2']!, m.square(g));
    const width = m.div(this.width(m, rule, variance), m.mul(rate, s['correction1']!));
    const sigma = m.sub(width, m.mul(s['beta1']!, before));
    const sum = m.sub(blend(m, s['beta1']!, z, s['rest1']!, g), m.mul(sigma, weight));
    const solved = m.div(m.sub(m.number(0), sum), width);
    return whereMoving(m, rule, { weight: solved, states: [width, variance, sum] });
  }
}
