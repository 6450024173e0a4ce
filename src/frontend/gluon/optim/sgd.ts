/**
 * Stochastic gradient descent.
 *
 * Invariant: with momentum, the learning rate is inside the momentum, as in MXNet: a new rate does not rescale old steps.
 */
import { failure } from '../../callsite.ts';
import {
  type Arithmetic,
  checkNumber,
  Optimizer,
  type OptimizerOptions,
  type Rule,
  type Updated,
} from './optimizer.ts';

export interface SGDOptions extends OptimizerOptions {
  /** Share of the last step that is added to this one. Default 0. */
  readonly momentum?: number;
  /** Look ahead along the momentum; needs momentum > 0. Default false. */
  readonly nesterov?: boolean;
}

/**
 * `g += wd · w; m = momentum · m - learningRate · g; w += m`, with `nesterov` `w += momentum · m - learningRate · g`.
 * Default learning rate 0.01.
 *
 * (Nesterov's momentum in the form of Sutskever et al., "On the importance of initialization and momentum in deep
 * learning", ICML 2013, §2.)
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9, wd: 1e-4 });
 */
export class SGD extends Optimizer {
  override readonly name = 'sgd';
  momentum: number;
  readonly nesterov: boolean;

  constructor(options: SGDOptions = {}) {
    super('SGD', options, ['momentum', 'nesterov'], { learningRate: 0.01, wd: 0 });
    const { momentum = 0, nesterov = false } = options;
    this.momentum = checkNumber('SGD', 'momentum', momentum, 'from 0 to below 1', inUnit);
    if (nesterov && momentum === 0)
      throw failure('option', 'SGD: nesterov needs momentum', 'pass { momentum: 0.9 } too');
    this.nesterov = nesterov;
  }

  override get states(): readonly string[] {
    return this.momentum === 0 ? [] : ['momentum'];
  }
  override key(): string {
    return `${super.key()} ${this.momentum !== 0} ${this.nesterov}`;
  }
  override scalars(): Readonly<Record<string, number>> {
    return this.momentum === 0 ? {} : { momentum: this.momentum };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { weight, decay, rate } = rule;
    const gradient =
      decay === undefined ? rule.gradient : m.add(rule.gradient, m.mul(decay, weight));
    const step = m.mul(rate, gradient);
    const { momentum } = rule.scalars;
    if (momentum === undefined) return { weight: m.sub(weight, step), states: [] };
    const moved = m.sub(m.mul(momentum, rule.states[0]!), step);
    const next = this.nesterov ? m.sub(m.mul(momentum, moved), step) : moved;
    return { weight: m.add(weight, next), states: [moved] };
  }
}

/** From 0 to below 1. */
export const inUnit = (x: number): boolean => x >= 0 && x < 1;
