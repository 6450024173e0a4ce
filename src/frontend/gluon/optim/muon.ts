/**
 * Muon: matrices move by their momentum made orthogonal, everything else by AdamW.
 *
 * Invariant: which of both a parameter gets depends on its number of axes alone.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import type { Shape } from '../../../ir/type.ts';
import { type AdamOptions, decayed, Moments } from './adam.ts';
import {
  type Arithmetic,
  blend,
  checkNumber,
  inUnit,
  notNegative,
  type Rule,
  type State,
  type Updated,
} from './optimizer.ts';

export interface MuonOptions extends AdamOptions {
  /** Decay of the momentum of matrices. Default 0.95. */
  readonly momentum?: number;
  /** Look ahead along the momentum. Default true. */
  readonly nesterov?: boolean;
  /** Newton-Schulz iterations. Default 5. */
  readonly steps?: number;
  /** Learning rate of what is no matrix; schedules scale it too. Default 0.0003. */
  readonly adamLearningRate?: number;
}

/** Of the quintic iteration that brings all singular values near 1 fast. */
const [A, B, C] = [3.4445, -4.775, 2.0315];

/** `x` with its singular values moved to about 1. */
const orthogonal = (m: Arithmetic, matrix: Node, steps: number): Node => {
  const [rows, columns] = matrix.type.shape as [number, number];
  const tall = rows > columns;
  let x = m.div(matrix, m.add(m.norm(matrix), m.number(1e-7)));
  if (tall) x = m.transpose(x);
  for (let i = 0; i < steps; i++) {
    const gram = m.matmul(x, m.transpose(x));
    const terms = m.add(m.mul(m.number(B), gram), m.mul(m.number(C), m.matmul(gram, gram)));
    x = m.add(m.mul(m.number(A), x), m.matmul(terms, x));
  }
  return tall ? m.transpose(x) : x;
};

/**
 * Momentum made orthogonal by Newton-Schulz iterations, for parameters with two axes or more (kernels count as
 * `[out, the rest]`), with decoupled weight decay; vectors are trained by AdamW at `adamLearningRate`. A step is scaled
 * by `√max(1, rows / columns)`. Default learning rate 0.02.
 *
 * (Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024.)
 *
 * Keeps `momentum` of matrices, `mean` and `variance` of vectors. Shapes and dtypes as of {@link Optimizer}: floats,
 * updated in float32 (float64 in float64).
 *
 * @throws {OptionError} for options that Optimizer refuses, or unless `momentum` and betas are from 0 to below 1,
 *   `steps` is an integer ≥ 1, rates and `epsilon` ≥ 0
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'muon', { learningRate: 0.02, adamLearningRate: 1e-3 });
 */
export class Muon extends Moments {
  override readonly name = 'muon';
  momentum: number;
  adamLearningRate: number;
  readonly nesterov: boolean;
  readonly steps: number;

  constructor(options: MuonOptions = {}) {
    const known = ['momentum', 'nesterov', 'steps', 'adamLearningRate'];
    super('Muon', options, known, { learningRate: 0.02 });
    const { momentum = 0.95, steps = 5, adamLearningRate = 0.0003 } = options;
    this.momentum = checkNumber('Muon', 'momentum', momentum, 'from 0 to below 1', inUnit);
    const whole = (x: number): boolean => Number.isInteger(x) && x > 0;
    this.steps = checkNumber('Muon', 'steps', steps, 'an integer ≥ 1', whole);
    this.adamLearningRate = checkNumber(
      'Muon',
      'adamLearningRate',
      adamLearningRate,
      '≥ 0',
      notNegative,
    );
    this.nesterov = options.nesterov ?? true;
  }

  override key(): string {
    return `${super.key()} ${this.nesterov} ${this.steps}`;
  }
  override statesFor(shape: Shape): readonly State[] {
    return shape.length < 2 ? super.statesFor(shape) : [{ name: 'momentum', shape, from: 'zeros' }];
  }
  override scalars(count: number): Readonly<Record<string, number>> {
    const { momentum, learningRate, adamLearningRate } = this;
    const other = learningRate === 0 ? 0 : adamLearningRate / learningRate;
    return { ...super.scalars(count), momentum, rest: 1 - momentum, other };
  }

  override update(m: Arithmetic, rule: Rule): Updated {
    const { scalars: s, gradient, rate } = rule;
    const { shape } = rule.weight.type;
    if (shape.length < 2) {
      const own: Rule = { ...rule, rate: m.mul(rate, s['other']!) };
      return this.descend(m, own, decayed(m, own), gradient);
    }
    const momentum = blend(m, s['momentum']!, rule.states[0]!, s['rest']!, gradient);
    const ahead = this.nesterov
      ? blend(m, s['momentum']!, momentum, s['rest']!, gradient)
      : momentum;
    const rows = shape[0]!;
    const columns = shape.slice(1).reduce((n, d) => n * d, 1);
    const direction = orthogonal(m, m.reshape(ahead, [rows, columns]), this.steps);
    const scale = m.number(Math.sqrt(Math.max(1, rows / columns)));
    const step = m.mul(m.mul(rate, scale), m.reshape(direction, shape));
    return { weight: m.sub(decayed(m, rule), step), states: [momentum] };
  }
}
