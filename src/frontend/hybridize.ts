/**
 * hybridize: a function that is traced once per signature and from then on runs as one compiled program.
 *
 * Invariant: the hybridized function does what the plain one does; plans are kept per signature in a bounded cache, so
 * alternating shapes never thrash and endless new ones never pile up.
 */
import { PLAIN, type Recipe, recipeKey } from '../passes/recipe.ts';
import { PASSES, type PassName, type Without } from '../passes/switches.ts';
import type { Device } from '../runtime/device.ts';
import { failure } from './callsite.ts';
import { defaultDevice } from './default-device.ts';
import { mode } from './mode.ts';
import type { NDArray } from './ndarray.ts';
import { checkChoice, checkList, checkOptions, checkSwitch } from './options.ts';
import { isFresh, load, type Plan, replay, trace, unload } from './plan.ts';
import { revision } from './revision.ts';
import { signature } from './signature.ts';
import { ONE_DEVICE } from './trace.ts';

export interface HybridizeOptions {
  /** False: run the plain function. Default true. */
  readonly active?: boolean;
  /** For messages and `explain`. Default: the name of the function. */
  readonly name?: string;
  /** How many compiled signatures to keep for each device; the one unused for longest goes first. Default 16. */
  readonly maxPlans?: number;
  /** Also write gradients to `grad` that an update in the same program has used up. Default false. */
  readonly keepGradients?: boolean;
  /**
   * Passes of the compiler to leave out, to see what they are good for: results stay the same up to rounding, time and
   * memory do not. `passes` has all names. Default: none.
   */
  readonly without?: readonly PassName[];
  /**
   * Measure schedules of products and convolutions on the device instead of trusting estimates: the first call takes
   * longer, up to two seconds for each different kernel. What was found is kept as compiled programs are. On the CPU;
   * other devices go by estimates. In pages, `tigon/tune` has to be asked first. Default false.
   */
  readonly tune?: boolean;
  /** Accepted for Gluon's sake: static planning is how Tigon compiles. */
  readonly staticAlloc?: boolean;
  readonly staticShape?: boolean;
}

/** Names of all options. */
export const HYBRIDIZE: readonly string[] = [
  'active',
  'name',
  'maxPlans',
  'keepGradients',
  'without',
  'tune',
  'staticAlloc',
  'staticShape',
];

/** The names of passes in `without`. */
const chosen = (without: readonly PassName[]): Without => {
  checkList('hybridize', 'without', without, `pass a list of names: ${PASSES.join(', ')}`);
  for (const name of without) checkChoice('hybridize', 'without', name, PASSES);
  return new Set(without);
};

/** The compiled forms of one function. Blocks hold one; `hybridize` wraps one. */
export class CachedFunction {
  readonly name: string;
  active = true;
  readonly #body: (...args: never[]) => unknown;
  #maxPlans = 16;
  #keepGradients = false;
  #recipe: Recipe = PLAIN;
  readonly #plans = new Map<string, Plan>();
  #clock = 0;

  constructor(body: (...args: never[]) => unknown, options: HybridizeOptions = {}) {
    this.#body = body;
    this.name = options.name ?? (body.name === '' ? 'function' : body.name);
    this.configure(options);
  }

  /** Changes options; drops plans that they no longer fit. */
  configure(options: HybridizeOptions): void {
    checkOptions('hybridize', options, HYBRIDIZE);
    this.active = options.active ?? true;
    const { maxPlans = this.#maxPlans, keepGradients = this.#keepGradients } = options;
    checkSwitch('hybridize', 'tune', options.tune);
    const { without, tune } = this.#recipe;
    const recipe: Recipe = {
      without: options.without === undefined ? without : chosen(options.without),
      tune: options.tune ?? tune,
    };
    if (!Number.isInteger(maxPlans) || maxPlans < 1)
      throw failure('option', `hybridize: maxPlans is ${maxPlans}`, 'pass an integer ≥ 1');
    if (keepGradients !== this.#keepGradients || recipeKey(recipe) !== recipeKey(this.#recipe))
      this.clear();
    this.#recipe = recipe;
    this.#keepGradients = keepGradients;
    this.#maxPlans = maxPlans;
    this.#forgetOldest();
  }

  /** Forgets all plans: the next call traces anew. Blocks call it when a child or parameter is replaced. */
  clear(): void {
    for (const plan of this.#plans.values()) unload(plan);
    this.#plans.clear();
  }

  /** The plans, least recently used first. */
  get plans(): readonly Plan[] {
    return [...this.#plans.values()].sort((a, b) => a.used - b.used);
  }

  call(args: readonly unknown[]): unknown {
    if (!this.active || mode.imperative || mode.trace !== undefined)
      return this.#body(...(args as never[]));
    const arrays: NDArray[] = [];
    return replay(this.#planFor(args, arrays), arrays);
  }

  /** Compiles what a call with such arguments would run, and does not run it. */
  prepare(args: readonly unknown[]): void {
    const arrays: NDArray[] = [];
    load(this.#planFor(args, arrays), arrays);
  }

  #planFor(args: readonly unknown[], arrays: NDArray[]): Plan {
    let key = mode.recording ? (mode.training ? 'rt' : 'r') : mode.training ? 't' : '';
    if (mode.autocast !== undefined) key += mode.autocast.key;
    key += revision();
    for (let i = 0; i < args.length; i++) key += `;${signature(args[i], arrays)}`;
    // arrays say which device a plan is for
    if (arrays.length === 0) key += `;${signature(defaultDevice(), arrays)}`;
    let plan = this.#plans.get(key);
    if (plan === undefined || !isFresh(plan)) plan = this.#trace(key, args, arrays);
    plan.used = ++this.#clock;
    return plan;
  }

  #trace(key: string, args: readonly unknown[], arrays: readonly NDArray[]): Plan {
    const old = this.#plans.get(key);
    if (old !== undefined) unload(old);
    this.#plans.delete(key);
    const plan = trace({
      name: this.name,
      key,
      device: this.#deviceOf(arrays),
      body: this.#body as (...args: unknown[]) => unknown,
      args,
      arrays,
      keepGradients: this.#keepGradients,
      recipe: this.#recipe,
    });
    plan.used = ++this.#clock;
    this.#plans.set(key, plan);
    this.#forgetOldest();
    return plan;
  }

  #deviceOf(arrays: readonly NDArray[]): Device {
    const device = arrays[0]?.device ?? defaultDevice();
    const odd = arrays.find((x) => x.device !== device);
    if (odd !== undefined)
      throw failure(
        'device',
        `${this.name}: arguments live on ${device.name} and ${odd.device.name}`,
        ONE_DEVICE,
      );
    return device;
  }

  /** Drops the plans unused for longest, so that no device has more than it may. */
  #forgetOldest(): void {
    const counts = new Map<Device, number>();
    for (const plan of this.plans.toReversed()) {
      const count = (counts.get(plan.device) ?? 0) + 1;
      counts.set(plan.device, count);
      if (count <= this.#maxPlans) continue;
      unload(plan);
      this.#plans.delete(plan.key);
    }
  }
}

/** A function made by {@link hybridize}. */
export type Hybridized<F> = F & {
  /** Changes options, e.g. `fn.hybridize({ active: false })` to debug imperatively. */
  hybridize(options?: HybridizeOptions): void;
  /** Its compiled forms. */
  readonly cached: CachedFunction;
};

/**
 * Compiles a function of arrays: it is traced at the first call for each combination of argument shapes, dtypes and
 * plain values, and runs as one program from then on. Arrays that it reads from outside are inputs, arrays that it
 * updates (parameters, running statistics) are updated; `record`, `backward` and `trainer.step` may all be inside.
 *
 * The function must be synchronous, must not look at array *values* (shapes are fine), and its plain TypeScript code
 * runs at trace time only.
 *
 * @throws {ValueError} unless `body` is a function
 * @throws {OptionError} for other options, unless `maxPlans` is an integer ≥ 1, and for unknown passes in `without`
 * @throws {TraceError} by calls in which `body` reads values or returns a promise
 * @throws {DeviceError} by calls whose arguments live on several devices
 *
 * @example
 * const step = hybridize((x: nd.NDArray, y: nd.NDArray) => {
 *   const l = autograd.record(() => loss(net(x), y));
 *   l.backward();
 *   trainer.step(x.shape[0]);
 *   return l.mean();
 * });
 */
export const hybridize = <A extends unknown[], R>(
  body: (...args: A) => R,
  options?: HybridizeOptions,
): Hybridized<(...args: A) => R> => {
  if (typeof body !== 'function')
    throw failure('value', 'hybridize: takes a function', 'blocks have a method: net.hybridize()');
  const cached = new CachedFunction(body as (...args: never[]) => unknown, options);
  const callable = (...args: A): R => cached.call(args) as R;
  return Object.assign(callable, {
    hybridize: (changed: HybridizeOptions = {}): void => cached.configure(changed),
    cached,
  });
};

/** The compiled plans of a hybridized function, for explain and tests. */
export const plansOf = (fn: { readonly cached: CachedFunction }): readonly Plan[] =>
  fn.cached.plans;
