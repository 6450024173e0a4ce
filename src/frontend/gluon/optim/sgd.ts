/**
 * Stochastic gradient descent, with momentum and without.
 *
 * Invariant: with momentum, the learning rate is inside the momentum, as in MXNet: a new rate does not rescale old steps.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import { failure } from '../../callsite.ts';
import {
  type Arithmetic,
  checkNumber,
  inUnit,
  Optimizer,
  type OptimizerOptions,
  penalized,
  type Rule,
  type Updated,
} from './optimizer.ts';

export interface MomentumOptions extends OptimizerOptions {
  /** Share of the last step that is added to this one. */
  readonly momentum?: number;
}

export interface SGDOptions extends MomentumOptions {
  /** Look ahead along the momentum; needs momentum > 0. Default false. */
  readonly nesterov?: boolean;
}

/** Optimizers whose steps have momentum: `m = momentum · m - step; w += m`. */
export abstract class Momentum extends Optimizer {
  momentum: number;

  constructor(
    where: string,
    options: MomentumOptions,
    known: readonly string[],
    defaults: { readonly learningRate: number; readonly momentum: number },
  ) {
    super(where, options, ['momentum', ...known], { ...defaults, wd: 0 });
    const { momentum = defaults.momentum } = options;
    this.momentum = checkNumber(where, 'momentum', momentum, 'from 0 to below 1', inUnit);
  }

  override get states(): readonly string[] {
    return this.momentum === 0 ? [] : ['momentum'];
  }
  override key(): string {
    return `${super.key()} ${this.momentum !== 0}`;
  }
  override scalars(_count: number): Readonly<Record<string, number>> {
    return this.momentum === 0 ? {} : { momentum: this.momentum };
  }

  /** Goes down by `step`, with momentum if there is any. */
  protected move(m: Arithmetic, rule: Rule, step: Node, nesterov: boolean): Updated {
    const { weight, scalars } = rule;
    const momentum = scalars['momentum'];
    if (momentum === undefined) return { weight: m.sub(weight, step), states: [] };
    const moved = m.sub(m.mul(momentum, rule.states[0]!), step);
    const next = nesterov ? m.sub(m.mul(momentum, moved), step) : moved;
    return { weight: m.add(weight, next), states: [moved] };
  }
}

/**
 * `g += wd · w; m = momentum · m - learningRate · g; w += m`, with `nesterov` `w += momentum · m - learningRate · g`.
 * Default learning rate 0.01.
 *
 * (Nesterov's momentum in the form of Sutskever et al., "On the importance of initialization and momentum in deep
 * learning", ICML 2013, §2.)
 *
 * Keeps `momentum` where there is one. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64
 * in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` is from 0 to below 1; `nesterov` needs
 *   one
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9, wd: 1e-4 });
 */
export class SGD extends Momentum {
  override readonly name: string = 'sgd';
  readonly nesterov: boolean;

  constructor(options: SGDOptions = {}) {
    super('SGD', options, ['nesterov'], { learningRate: 0.01, momentum: 0 });
    this.nesterov = options.nesterov ?? false;
    if (this.nesterov && this.momentum === 0)
      throw failure('option', 'SGD: nesterov needs momentum', 'pass { momentum: 0.9 } too');
  }

  override key(): string {
    return `${super.key()} ${this.nesterov}`;
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    return this.move(m, rule, m.mul(rule.rate, penalized(m, rule)), this.nesterov);
  }
}
