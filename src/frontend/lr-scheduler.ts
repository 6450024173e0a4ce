/**
 * `tigon/lr-scheduler`: learning rates as functions of the number of updates.
 *
 * Invariant: a scheduler has no state: the rate of an update depends on its number and on the optimizer's learning rate
 * alone, so training goes on from saved states as if it had not stopped, and compiled steps read it at each call.
 */
import { failure } from './callsite.ts';
import { checkChoice, checkOptions, shown } from './options.ts';

/** What an optimizer asks for the rate of each update. */
export interface LRScheduler {
  /** The learning rate of update number `update` (from 1); `base` is the optimizer's `learningRate`. */
  rate(update: number, base: number): number;
}

export interface WarmupOptions {
  /** Rate that the schedule starts from after warming up. Default: the optimizer's `learningRate`. */
  readonly baseLr?: number;
  /** Updates of the warm-up, before the schedule begins. Default 0. */
  readonly warmupSteps?: number;
  /** Rate that the warm-up begins with. Default 0. */
  readonly warmupBeginLr?: number;
  /** 'linear': grows to the base rate; 'constant': stays at `warmupBeginLr`. Default 'linear'. */
  readonly warmupMode?: 'linear' | 'constant';
}

const WARMUP = ['baseLr', 'warmupSteps', 'warmupBeginLr', 'warmupMode'];

/** Throws an OptionError unless `value` is a number that `ok` accepts. */
const check = (
  where: string,
  name: string,
  value: unknown,
  rule: string,
  ok: (value: number) => boolean,
): number => {
  if (typeof value === 'number' && Number.isFinite(value) && ok(value)) return value;
  throw failure('option', `${where}: ${name} is ${shown(value)}`, `it must be ${rule}`);
};
/** Throws an OptionError unless there are options, all of them known. */
const checkGiven = (where: string, options: object, known: readonly string[]): void => {
  checkOptions(where, options, known);
  if (options === undefined)
    throw failure('option', `${where}: there are no options`, `pass { ${known[0] ?? ''}: … }`);
};
const whole = (x: number): boolean => Number.isInteger(x) && x >= 0;
const positive = (x: number): boolean => x > 0;
const notNegative = (x: number): boolean => x >= 0;
const whereIn = (x: number): boolean => x > 0 && x < 1;

/** Throws a ValueError unless a rate can be computed. */
const checkRate = (update: number, base: number): void => {
  if (Number.isFinite(update) && Number.isFinite(base)) return;
  throw failure(
    'value',
    `rate: update ${shown(update)}, base ${shown(base)}`,
    'pass two numbers: the update, counted from 1, and the learning rate to begin with',
  );
};

/**
 * A schedule after a warm-up. Subclass it for one of your own: `scheduled` is all it takes. Rates are scalars,
 * JavaScript's numbers, whatever the dtype of the weights.
 *
 * @throws {OptionError} for options that are unknown, missing or out of range: rates ≥ 0, `warmupSteps` an integer ≥ 0
 * @throws {ValueError} from `rate`, for an update or a base rate that is no number
 *
 * @example
 * class Halving extends Scheduler {
 *   protected scheduled(update: number, base: number) { return base / 2 ** update; }
 * }
 * new Halving('Halving', {}, []).rate(3, 0.8);   // 0.1
 */
export abstract class Scheduler implements LRScheduler {
  readonly warmupSteps: number;
  readonly warmupBeginLr: number;
  readonly warmupMode: 'linear' | 'constant';
  readonly baseLr: number | undefined;

  constructor(where: string, options: WarmupOptions, known: readonly string[]) {
    checkGiven(where, options, [...known, ...WARMUP]);
    const { warmupSteps = 0, warmupBeginLr = 0, warmupMode = 'linear', baseLr } = options;
    this.warmupSteps = check(where, 'warmupSteps', warmupSteps, 'an integer ≥ 0', whole);
    this.warmupBeginLr = check(where, 'warmupBeginLr', warmupBeginLr, '≥ 0', notNegative);
    this.warmupMode = checkChoice(where, 'warmupMode', warmupMode, ['linear', 'constant']);
    this.baseLr =
      baseLr === undefined ? undefined : check(where, 'baseLr', baseLr, '≥ 0', notNegative);
  }

  rate(update: number, base: number): number {
    const from = this.baseLr ?? base;
    checkRate(update, from);
    const { warmupSteps, warmupBeginLr, warmupMode } = this;
    if (update >= warmupSteps) return this.scheduled(update, from);
    if (warmupMode === 'constant') return warmupBeginLr;
    return warmupBeginLr + ((from - warmupBeginLr) * update) / warmupSteps;
  }

  /** The rate after the warm-up. `update` counts from the very first one. */
  protected abstract scheduled(update: number, base: number): number;
}

export interface FactorOptions extends WarmupOptions {
  /** Updates between two changes. */
  readonly step: number;
  /** What the rate is multiplied by. Default 1. */
  readonly factor?: number;
  /** The rate does not fall below it. Default 1e-8. */
  readonly stopFactorLr?: number;
}

/**
 * Multiplies the rate (a scalar, whatever the dtype of the weights) by `factor` after every `step` updates: update
 * `step + 1` is the first at the new rate.
 *
 * @throws {OptionError} unless `step` is an integer ≥ 1 and `factor` above 0, at most 1, and as {@link Scheduler}
 *
 * @example
 * const schedule = new FactorScheduler({ step: 2, factor: 0.5 });
 * [1, 2, 3, 4, 5].map((t) => schedule.rate(t, 1));   // [1, 1, 0.5, 0.5, 0.25]
 */
export class FactorScheduler extends Scheduler {
  readonly step: number;
  readonly factor: number;
  readonly stopFactorLr: number;

  constructor(options: FactorOptions) {
    super('FactorScheduler', options, ['step', 'factor', 'stopFactorLr']);
    const { factor = 1, stopFactorLr = 1e-8 } = options;
    this.step = check('FactorScheduler', 'step', options.step, 'an integer ≥ 1', (x) =>
      whole(x - 1),
    );
    this.factor = check(
      'FactorScheduler',
      'factor',
      factor,
      'above 0, at most 1',
      (x) => x > 0 && x <= 1,
    );
    this.stopFactorLr = check('FactorScheduler', 'stopFactorLr', stopFactorLr, '≥ 0', notNegative);
  }

  protected override scheduled(update: number, base: number): number {
    const changes = Math.max(0, Math.floor((update - 1) / this.step));
    const rate = base * this.factor ** changes;
    return changes > 0 ? Math.max(rate, this.stopFactorLr) : rate;
  }
}

export interface MultiFactorOptions extends WarmupOptions {
  /** Increasing numbers of updates: after each, the rate changes. */
  readonly step: readonly number[];
  /** What the rate is multiplied by. Default 1. */
  readonly factor?: number;
}

/**
 * Multiplies the rate by `factor` after each of the given numbers of updates.
 *
 * @throws {OptionError} unless `step` is a list of integers ≥ 1 that increase and `factor` above 0, at most 1, and as
 *   {@link Scheduler}
 *
 * @example
 * const schedule = new MultiFactorScheduler({ step: [1, 3], factor: 0.1 });
 * [1, 2, 3, 4].map((t) => Number(schedule.rate(t, 1).toFixed(6)));   // [1, 0.1, 0.1, 0.01]
 */
export class MultiFactorScheduler extends Scheduler {
  readonly step: readonly number[];
  readonly factor: number;

  constructor(options: MultiFactorOptions) {
    super('MultiFactorScheduler', options, ['step', 'factor']);
    const { step, factor = 1 } = options;
    if (!Array.isArray(step) || step.length === 0)
      throw failure(
        'option',
        `MultiFactorScheduler: step is ${shown(step)}`,
        'pass a list: [100, 200]',
      );
    step.forEach((n: unknown, i) => {
      const least = i === 0 ? 1 : step[i - 1] + 1;
      check('MultiFactorScheduler', `step[${i}]`, n, `an integer ≥ ${least}: they increase`, (x) =>
        whole(x - least),
      );
    });
    this.step = step;
    this.factor = check(
      'MultiFactorScheduler',
      'factor',
      factor,
      'above 0, at most 1',
      (x) => x > 0 && x <= 1,
    );
  }

  protected override scheduled(update: number, base: number): number {
    return base * this.factor ** this.step.filter((n) => update > n).length;
  }
}

export interface DecayOptions extends WarmupOptions {
  /** The update at which the final rate is reached. */
  readonly maxUpdate: number;
  /** Default 0. */
  readonly finalLr?: number;
}

/** Schedules that go from the base rate to a final one and stay there. */
abstract class Decay extends Scheduler {
  readonly maxUpdate: number;
  readonly finalLr: number;

  constructor(where: string, options: DecayOptions, known: readonly string[]) {
    super(where, options, ['maxUpdate', 'finalLr', ...known]);
    const { maxUpdate, finalLr = 0 } = options;
    const least = this.warmupSteps + 1;
    this.maxUpdate = check(
      where,
      'maxUpdate',
      maxUpdate,
      `an integer ≥ ${least}: it counts the warm-up`,
      (x) => whole(x - least),
    );
    this.finalLr = check(where, 'finalLr', finalLr, '≥ 0', notNegative);
  }

  protected override scheduled(update: number, base: number): number {
    const { warmupSteps, maxUpdate, finalLr } = this;
    const done = Math.min(1, (update - warmupSteps) / (maxUpdate - warmupSteps));
    return finalLr + (base - finalLr) * this.left(done);
  }

  /** From 1 to 0 while `done` goes from 0 to 1. */
  protected abstract left(done: number): number;
}

export interface PolyOptions extends DecayOptions {
  /** Default 2. */
  readonly pwr?: number;
}

/**
 * A polynomial from the base rate to `finalLr` (scalars, whatever the dtype of the weights): `(1 - t / maxUpdate) **
 * pwr`, without the warm-up.
 *
 * @throws {OptionError} unless `maxUpdate` is an integer above `warmupSteps`, `finalLr` ≥ 0 and `pwr` > 0, and as
 *   {@link Scheduler}
 *
 * @example
 * const schedule = new PolyScheduler({ maxUpdate: 4, pwr: 2 });
 * [1, 2, 3, 4, 5].map((t) => schedule.rate(t, 1));   // [0.5625, 0.25, 0.0625, 0, 0]
 */
export class PolyScheduler extends Decay {
  readonly pwr: number;

  constructor(options: PolyOptions) {
    super('PolyScheduler', options, ['pwr']);
    this.pwr = check('PolyScheduler', 'pwr', options.pwr ?? 2, '> 0', positive);
  }

  protected override left(done: number): number {
    return (1 - done) ** this.pwr;
  }
}

/**
 * Half a cosine from the base rate to `finalLr` (scalars, whatever the dtype of the weights).
 *
 * (Loshchilov & Hutter, "SGDR: stochastic gradient descent with warm restarts", ICLR 2017, eq. 5.)
 *
 * @throws {OptionError} unless `maxUpdate` is an integer above `warmupSteps` and `finalLr` ≥ 0, and as {@link
 *   Scheduler}
 *
 * @example
 * const schedule = new CosineScheduler({ maxUpdate: 12, warmupSteps: 2 });
 * [0, 1, 2, 7, 12].map((t) => Number(schedule.rate(t, 1).toFixed(6)));   // [0, 0.5, 1, 0.5, 0]
 */
export class CosineScheduler extends Decay {
  constructor(options: DecayOptions) {
    super('CosineScheduler', options, []);
  }

  protected override left(done: number): number {
    return (1 + Math.cos(Math.PI * done)) / 2;
  }
}

export interface OneCycleOptions {
  /** Updates in all. */
  readonly maxUpdate: number;
  /** The highest rate. Default: the optimizer's `learningRate`. */
  readonly maxLr?: number;
  /** Share of the updates in which the rate grows. Default 0.3. */
  readonly warmupShare?: number;
  /** The first rate is the highest divided by this. Default 25. */
  readonly divFactor?: number;
  /** The last rate is the first divided by this. Default 10000. */
  readonly finalDivFactor?: number;
  /** The shape of both ways. Default 'cosine'. */
  readonly anneal?: 'cosine' | 'linear';
}

/**
 * One cycle: up to the highest rate, then down to almost nothing (scalars, whatever the dtype of the weights).
 *
 * (Smith & Topin, "Super-convergence: very fast training of neural networks using large learning rates", 2018, §2.)
 *
 * @throws {OptionError} unless `maxUpdate` is an integer ≥ 2, `warmupShare` between 0 and 1, and rates and divisors > 0
 *
 * @example
 * const schedule = new OneCycleScheduler({ maxUpdate: 10, warmupShare: 0.4, divFactor: 10, anneal: 'linear' });
 * [1, 4].map((t) => Number(schedule.rate(t, 1).toFixed(6)));   // [0.1, 1]
 */
export class OneCycleScheduler implements LRScheduler {
  readonly maxUpdate: number;
  readonly maxLr: number | undefined;
  readonly warmupShare: number;
  readonly divFactor: number;
  readonly finalDivFactor: number;
  readonly anneal: 'cosine' | 'linear';

  constructor(options: OneCycleOptions) {
    const where = 'OneCycleScheduler';
    const known = ['maxUpdate', 'maxLr', 'warmupShare', 'divFactor', 'finalDivFactor', 'anneal'];
    checkGiven(where, options, known);
    const { maxUpdate, maxLr, warmupShare = 0.3, divFactor = 25, finalDivFactor = 1e4 } = options;
    this.maxUpdate = check(where, 'maxUpdate', maxUpdate, 'an integer ≥ 2', (x) => whole(x - 2));
    this.maxLr = maxLr === undefined ? undefined : check(where, 'maxLr', maxLr, '> 0', positive);
    this.warmupShare = check(where, 'warmupShare', warmupShare, 'from above 0 to below 1', whereIn);
    this.divFactor = check(where, 'divFactor', divFactor, '> 0', positive);
    this.finalDivFactor = check(where, 'finalDivFactor', finalDivFactor, '> 0', positive);
    this.anneal = checkChoice(where, 'anneal', options.anneal ?? 'cosine', ['cosine', 'linear']);
  }

  rate(update: number, base: number): number {
    const { maxUpdate, warmupShare, divFactor, finalDivFactor } = this;
    const top = this.maxLr ?? base;
    checkRate(update, top);
    const first = top / divFactor;
    const peak = warmupShare * maxUpdate - 1;
    const at = Math.min(Math.max(update, 1), maxUpdate) - 1;
    if (at === peak) return top;
    return at < peak
      ? this.#between(first, top, at / peak)
      : this.#between(top, first / finalDivFactor, (at - peak) / (maxUpdate - 1 - peak));
  }

  #between(from: number, to: number, share: number): number {
    const bent = this.anneal === 'linear' ? share : (1 - Math.cos(Math.PI * share)) / 2;
    return from + (to - from) * bent;
  }
}
