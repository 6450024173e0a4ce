/**
 * What every optimizer is: a rule for one parameter, written as graph nodes, and the numbers it needs at each step.
 *
 * Invariant: hyperparameters reach the graph as scalars read at each step, so changing one never compiles anything;
 * what changes the graph itself is in `key`.
 */
import type { Node } from '../../../ir/graph/graph.ts';
import type { Shape } from '../../../ir/type.ts';
import { failure } from '../../callsite.ts';
import type { LRScheduler } from '../../lr-scheduler.ts';
import { checkOptions, shown } from '../../options.ts';
import type { Arithmetic } from './arithmetic.ts';

export type { Arithmetic } from './arithmetic.ts';

/** Options that all optimizers take. */
export interface OptimizerOptions {
  /** Step size. Each optimizer has its own default. */
  readonly learningRate?: number;
  /** Weight decay: L2 penalty added to the gradient (where the optimizer says so, applied to the weight itself). */
  readonly wd?: number;
  /** Clips each element of the rescaled gradient to [-clipGradient, clipGradient]. Default: no clipping. */
  readonly clipGradient?: number | undefined;
  /** Multiplies gradients, besides the division by the batch size. Default 1. */
  readonly rescaleGrad?: number;
  /** Computes the rate of each update from `learningRate`. Default: the rate stays. */
  readonly lrScheduler?: LRScheduler | undefined;
  /** Updates that count as made before the first, for schedules and bias corrections. Default 0. */
  readonly beginNumUpdate?: number;
  /**
   * Keeps float32 values of parameters of 16 bits, which small steps add up in; they are rounded into the parameter at
   * each step. Default false: each step is computed in float32 and rounded.
   */
  readonly multiPrecision?: boolean;
}

const COMMON: readonly string[] = [
  'learningRate',
  'wd',
  'clipGradient',
  'rescaleGrad',
  'lrScheduler',
  'beginNumUpdate',
  'multiPrecision',
];

/** One parameter's part of a step; all nodes are float32, of float64 parameters float64. */
export interface Rule {
  readonly weight: Node;
  /** Rescaled and clipped. */
  readonly gradient: Node;
  /** In the order of `Optimizer.statesFor`. */
  readonly states: readonly Node[];
  /** Learning rate times the parameter's `lrMult`, shape []. */
  readonly rate: Node;
  /** Weight decay times the parameter's `wdMult`, shape []; undefined when there is none. */
  readonly decay: Node | undefined;
  /** The optimizer's own scalars and corrections, shape [], by name. */
  readonly scalars: Readonly<Record<string, Node>>;
  /** Standard normal numbers, new at each step, for optimizers that are `noisy`. */
  readonly noise: Node | undefined;
}

export interface Updated {
  readonly weight: Node;
  readonly states: readonly Node[];
}

/** An array kept for a parameter between its updates. */
export interface State {
  readonly name: string;
  readonly shape: Shape;
  /** What it begins with. */
  readonly from: 'zeros' | 'weight';
}

/** `1 / (1 - base ** updates)`, or the root of it: makes up for a running mean that began at zero. */
export interface Correction {
  readonly base: number;
  readonly root?: boolean;
}

/** Throws an OptionError unless `value` is a number that `ok` accepts. */
export const checkNumber = (
  where: string,
  name: string,
  value: number,
  rule: string,
  ok: (value: number) => boolean,
): number => {
  if (typeof value === 'number' && Number.isFinite(value) && ok(value)) return value;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, `it must be a number ${rule}`);
};

/** From 0 to below 1. */
export const inUnit = (x: number): boolean => x >= 0 && x < 1;
export const notNegative = (x: number): boolean => x >= 0;

/**
 * An optimizer: hyperparameters and an update rule. Hyperparameters may be changed at any time, also of compiled
 * training steps, without compiling anything anew (unless one goes from zero to non-zero).
 *
 * Subclass it for a rule of your own and hand an instance to `Trainer`.
 *
 * Parameters and gradients are of any shape and float dtype. Updates are computed in float32, of float64 parameters in
 * float64; what is kept between them is of that dtype, and of the parameter's shape unless said otherwise. The new
 * weight is rounded to the dtype of the parameter (see `multiPrecision`).
 *
 * @throws {OptionError} for unknown options, and numbers that are out of range: `learningRate`, `wd` ≥ 0,
 *   `clipGradient` > 0, `beginNumUpdate` an integer ≥ 0
 *
 * @example
 * class Signs extends optim.Optimizer {
 *   readonly name = 'signs';
 *   readonly states = [];
 *   override update(m: optim.Arithmetic, { weight, gradient, rate }: optim.Rule): optim.Updated {
 *     return { weight: m.sub(weight, m.mul(rate, m.sign(gradient))), states: [] };
 *   }
 * }
 * const rule = new Signs('Signs', {}, [], { learningRate: 0.5, wd: 0 });
 * rule.rateAt(1);   // 0.5
 * rule.statesFor([2, 3]).length;   // 0
 * Object.keys({ ...rule.scalars(1), ...rule.corrections() });   // []
 * const own = new Trainer(net.parameters(), rule);
 */
export abstract class Optimizer {
  /** As in `new Trainer(parameters, name)`. */
  abstract readonly name: string;
  /** Names of the arrays kept for each parameter, of its shape; they start as zeros. */
  abstract readonly states: readonly string[];
  /** True for rules that draw random numbers. */
  readonly noisy: boolean = false;
  learningRate: number;
  wd: number;
  clipGradient: number | undefined;
  rescaleGrad: number;
  lrScheduler: LRScheduler | undefined;
  readonly beginNumUpdate: number;
  readonly multiPrecision: boolean;

  constructor(
    where: string,
    options: OptimizerOptions,
    known: readonly string[],
    defaults: { readonly learningRate: number; readonly wd: number },
  ) {
    checkOptions(where, options, [...COMMON, ...known]);
    const { learningRate = defaults.learningRate, wd = defaults.wd } = options;
    const { clipGradient, rescaleGrad = 1, lrScheduler, beginNumUpdate = 0 } = options;
    this.learningRate = checkNumber(where, 'learningRate', learningRate, '≥ 0', notNegative);
    this.wd = checkNumber(where, 'wd', wd, '≥ 0', notNegative);
    if (clipGradient !== undefined)
      checkNumber(where, 'clipGradient', clipGradient, '> 0', (x) => x > 0);
    this.clipGradient = clipGradient;
    this.rescaleGrad = checkNumber(where, 'rescaleGrad', rescaleGrad, 'a number', () => true);
    if (lrScheduler !== undefined && typeof lrScheduler?.rate !== 'function')
      throw failure(
        'option',
        `${where}: lrScheduler is ${shown(lrScheduler)}`,
        'pass one of tigon/lr-scheduler, or { rate: (update, base) => … }',
      );
    this.lrScheduler = lrScheduler;
    this.beginNumUpdate = checkNumber(
      where,
      'beginNumUpdate',
      beginNumUpdate,
      'an integer ≥ 0',
      (x) => Number.isInteger(x) && x >= 0,
    );
    this.multiPrecision = options.multiPrecision ?? false;
  }

  /**
   * The learning rate of update number `update` (from 1).
   *
   * @throws whatever the scheduler throws
   */
  rateAt(update: number): number {
    return this.lrScheduler?.rate(update, this.learningRate) ?? this.learningRate;
  }

  /**
   * What the graph of an update depends on besides the parameter: equal keys, equal graphs.
   *
   * @throws nothing
   */
  key(): string {
    return `${this.name} ${this.wd !== 0} ${this.clipGradient !== undefined}`;
  }

  /**
   * What is kept for a parameter of this shape: names, shapes, and what they begin with.
   *
   * @throws nothing
   */
  statesFor(shape: Shape): readonly State[] {
    return this.states.map((name) => ({ name, shape, from: 'zeros' }));
  }

  /**
   * The rule's own numbers for update number `count` (from 1) of a parameter. The same names at every step.
   *
   * @throws nothing
   */
  scalars(_count: number): Readonly<Record<string, number>> {
    return {};
  }

  /**
   * Corrections by the number of updates, by name. They come with the scalars.
   *
   * @throws nothing
   */
  corrections(): Readonly<Record<string, Correction>> {
    return {};
  }

  /**
   * New weight and states, of the shapes and dtypes of the old ones.
   *
   * @throws {ShapeError | DTypeError} for functions of `m` given nodes that do not fit
   */
  abstract update(m: Arithmetic, rule: Rule): Updated;
}

/** The gradient with the L2 penalty. */
export const penalized = (m: Arithmetic, { gradient, decay, weight }: Rule): Node =>
  decay === undefined ? gradient : m.add(gradient, m.mul(decay, weight));

/** `by · a + (1 - by) · b`, for scalars `by` and `rest`. */
export const blend = (m: Arithmetic, by: Node, a: Node, rest: Node, b: Node): Node =>
  m.add(m.mul(by, a), m.mul(rest, b));
