/**
 * Steps scaled by the sizes of past gradients: AdaGrad and what came of it.
 *
 * Invariant: no bias corrections: each rule depends on its states alone.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import type { Shape } from '../../../ir/type.ts';
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
  type State,
  type Updated,
} from './optimizer.ts';

export interface AdaGradOptions extends OptimizerOptions {
  /** Added to the root of the sum of squares. Default 1e-6. */
  readonly epsilon?: number;
}

/** Optimizers that sum squares up. */
abstract class Summing extends Optimizer {
  override readonly states: readonly string[] = ['history'];
  epsilon: number;

  constructor(where: string, options: AdaGradOptions) {
    super(where, options, ['epsilon'], { learningRate: 0.01, wd: 0 });
    this.epsilon = checkNumber(where, 'epsilon', options.epsilon ?? 1e-6, '≥ 0', notNegative);
  }

  override scalars(_count: number): Readonly<Record<string, number>> {
    return { epsilon: this.epsilon };
  }

  protected descend(m: Arithmetic, rule: Rule, g: Node, squares: Node): Updated {
    const history = m.add(rule.states[0]!, squares);
    const width = m.add(m.sqrt(history), rule.scalars['epsilon']!);
    const step = m.div(m.mul(rule.rate, g), width);
    return { weight: m.sub(rule.weight, step), states: [history] };
  }
}

/**
 * `h += g²; w -= learningRate · g / (√h + epsilon)`. Default learning rate 0.01.
 *
 * (Duchi et al., "Adaptive subgradient methods for online learning and stochastic optimization", JMLR 12, 2011.)
 *
 * Keeps `history`. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adagrad', { learningRate: 0.1 });
 */
export class AdaGrad extends Summing {
  override readonly name = 'adagrad';

  constructor(options: AdaGradOptions = {}) {
    super('AdaGrad', options);
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const g = penalized(m, rule);
    return this.descend(m, rule, g, m.square(g));
  }
}

/**
 * AdaGrad with one number a row: what is summed up is the mean of the squares of each row (of each element, for
 * vectors). For embeddings, whose rows are seen unequally often. There is no weight decay in it.
 *
 * Keeps `history` [rows, 1, ...], of vectors their shape. Shapes and dtypes as of {@link Optimizer}: floats, updated in
 * float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'groupadagrad', { learningRate: 0.1 });
 */
export class GroupAdaGrad extends Summing {
  override readonly name = 'groupadagrad';

  constructor(options: AdaGradOptions = {}) {
    super('GroupAdaGrad', options);
  }

  override statesFor(shape: Shape): readonly State[] {
    const rows = shape.map((d, i) => (i === 0 ? d : 1));
    return [{ name: 'history', shape: rows, from: 'zeros' }];
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { gradient } = rule;
    const within = gradient.type.shape.map((_, i) => i).slice(1);
    return this.descend(m, rule, gradient, m.mean(m.square(gradient), within));
  }
}

export interface AdaDeltaOptions extends OptimizerOptions {
  /** Decay of both means. Default 0.9. */
  readonly rho?: number;
  /** Added to both means under their roots. Default 1e-6. */
  readonly epsilon?: number;
}

/**
 * Steps in the unit of the weights: `d = √(mean of d² + epsilon) / √(mean of g² + epsilon) · g; w -= learningRate · d`.
 * Default learning rate 1.
 *
 * (Zeiler, "ADADELTA: an adaptive learning rate method", 2012, algorithm 1.)
 *
 * Keeps both means. Shapes and dtypes as of {@link Optimizer}: floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `rho` is from 0 to below 1, `epsilon` > 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'adadelta', { rho: 0.95 });
 */
export class AdaDelta extends Optimizer {
  override readonly name = 'adadelta';
  override readonly states: readonly string[] = ['squares', 'steps'];
  rho: number;
  epsilon: number;

  constructor(options: AdaDeltaOptions = {}) {
    super('AdaDelta', options, ['rho', 'epsilon'], { learningRate: 1, wd: 0 });
    const { rho = 0.9, epsilon = 1e-6 } = options;
    this.rho = checkNumber('AdaDelta', 'rho', rho, 'from 0 to below 1', inUnit);
    this.epsilon = checkNumber('AdaDelta', 'epsilon', epsilon, '> 0', (x) => x > 0);
  }

  override scalars(_count: number): Readonly<Record<string, number>> {
    return { rho: this.rho, rest: 1 - this.rho, epsilon: this.epsilon };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, states } = rule;
    const g = penalized(m, rule);
    const root = (x: Node): Node => m.sqrt(m.add(x, s['epsilon']!));
    const squares = blend(m, s['rho']!, states[0]!, s['rest']!, m.square(g));
    const step = m.mul(m.div(root(states[1]!), root(squares)), g);
    const steps = blend(m, s['rho']!, states[1]!, s['rest']!, m.square(step));
    return { weight: m.sub(rule.weight, m.mul(rule.rate, step)), states: [squares, steps] };
  }
}

export interface RMSPropOptions extends OptimizerOptions {
  /** Decay of the means. Default 0.9. */
  readonly rho?: number;
  /** Share of the last step that is added to this one. Default 0. */
  readonly momentum?: number;
  /** Divide by the standard deviation instead of the root of the mean square. Default false. */
  readonly centered?: boolean;
  /** Added to what steps are divided by. Default 1e-8. */
  readonly epsilon?: number;
  /** Restricts weights to [-clipWeights, clipWeights]. Default: no restriction. */
  readonly clipWeights?: number | undefined;
}

/**
 * Steps scaled by the root of a running mean of squares: `w -= learningRate · g / (√v + epsilon)`; `centered` takes
 * the square of the mean gradient off `v`. Default learning rate 0.001.
 *
 * (Tieleman & Hinton, "Lecture 6.5: rmsprop", 2012; centered: Graves, "Generating sequences with recurrent neural
 * networks", 2013, eq. 38 to 45.)
 *
 * Keeps the mean of squares, and what `centered` and `momentum` need. Shapes and dtypes as of {@link Optimizer}:
 * floats, updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `rho` and `momentum` are from 0 to below 1,
 *   `epsilon` ≥ 0, `clipWeights` > 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'rmsprop', { learningRate: 1e-3, centered: true, momentum: 0.9 });
 */
export class RMSProp extends Optimizer {
  override readonly name = 'rmsprop';
  rho: number;
  momentum: number;
  epsilon: number;
  clipWeights: number | undefined;
  readonly centered: boolean;

  constructor(options: RMSPropOptions = {}) {
    const known = ['rho', 'momentum', 'centered', 'epsilon', 'clipWeights'];
    super('RMSProp', options, known, { learningRate: 0.001, wd: 0 });
    const { rho = 0.9, momentum = 0, epsilon = 1e-8, clipWeights } = options;
    this.rho = checkNumber('RMSProp', 'rho', rho, 'from 0 to below 1', inUnit);
    this.momentum = checkNumber('RMSProp', 'momentum', momentum, 'from 0 to below 1', inUnit);
    this.epsilon = checkNumber('RMSProp', 'epsilon', epsilon, '≥ 0', notNegative);
    if (clipWeights !== undefined)
      checkNumber('RMSProp', 'clipWeights', clipWeights, '> 0', (x) => x > 0);
    this.clipWeights = clipWeights;
    this.centered = options.centered ?? false;
  }

  override get states(): readonly string[] {
    const optional = [
      ...(this.centered ? ['mean'] : []),
      ...(this.momentum > 0 ? ['momentum'] : []),
    ];
    return ['variance', ...optional];
  }
  override key(): string {
    const { centered, momentum, clipWeights } = this;
    return `${super.key()} ${centered} ${momentum > 0} ${clipWeights !== undefined}`;
  }
  override scalars(_count: number): Readonly<Record<string, number>> {
    const { rho, momentum, epsilon, clipWeights } = this;
    return {
      ...{ rho, rest: 1 - rho, epsilon },
      ...(momentum > 0 ? { momentum } : {}),
      ...(clipWeights === undefined ? {} : { clipWeights }),
    };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, states } = rule;
    const g = penalized(m, rule);
    const running = (before: Node, now: Node): Node => blend(m, s['rho']!, before, s['rest']!, now);
    const variance = running(states[0]!, m.square(g));
    const next = [variance];
    let spread = variance;
    if (this.centered) {
      const mean = running(states[1]!, g);
      next.push(mean);
      // rounding may bring a constant gradient below zero
      spread = m.max(m.sub(variance, m.square(mean)), m.number(0));
    }
    let step = m.div(m.mul(rule.rate, g), m.add(m.sqrt(spread), s['epsilon']!));
    if (s['momentum'] !== undefined) {
      step = m.add(m.mul(s['momentum'], states.at(-1)!), step);
      next.push(step);
    }
    const moved = m.sub(rule.weight, step);
    const limit = s['clipWeights'];
    return { weight: limit === undefined ? moved : m.clip(moved, limit), states: next };
  }
}
