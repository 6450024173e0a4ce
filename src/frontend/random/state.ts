/**
 * Where sequences of random numbers are: a seed and a count of draws, for all devices together or for one of them.
 *
 * Invariant: each call takes the draws it needs in program order; a compiled program takes as many at each replay as its
 * trace did. Draws for parameters are numbered apart and are those of the common sequence, on whatever device.
 */

import { iota } from '../../ir/graph/ops/leaf.ts';
import { tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { onFailure } from '../attempt.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { add } from '../nd/arithmetic.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkDevice, checkFunction, checkOptions, shown } from '../options.ts';
import type { Inside, Trace } from '../trace.ts';

/** Draw numbers from here on are those of parameters. */
const PARAMETER_DRAWS = 0x80000000;

interface Generator {
  low: number;
  high: number;
  counter: number;
  parameters: number;
}
const startOf = (value: number): Generator => ({
  low: value >>> 0,
  high: Math.floor(value / 4294967296),
  counter: 0,
  parameters: 0,
});

let common: Generator = startOf(0);
let own = new WeakMap<Device, Generator>();
let forParameters = false;

const generatorOf = (device: Device | undefined): Generator =>
  (device === undefined || forParameters ? undefined : own.get(device)) ?? common;

/**
 * Draws made by `body` are numbered apart from all others: a parameter gets its values when its shape is learnt, which
 * is earlier in a traced program than in an imperative run, and must not shift what either draws. Gives what `body`
 * gives, of whatever shape and dtype.
 *
 * @throws {ValueError} for what is no function
 * @throws what `body` throws; drawing goes on as before
 *
 * @example
 * const weight = random.forParameter(() => random.normal([2, 3]));
 * weight.shape;   // [2, 3]
 */
export const forParameter = <T>(body: () => T): T => {
  checkFunction('random.forParameter', body, 'pass one: forParameter(() => random.normal([2]))');
  const before = forParameters;
  forParameters = true;
  try {
    return body();
  } finally {
    forParameters = before;
  }
};

export interface SeedOptions {
  /** Only the sequence of this device, which leaves the common one. Default: all devices. */
  readonly device?: Device;
}

const checked = (name: string, options: SeedOptions | undefined): void => {
  checkOptions(name, options, ['device']);
  checkDevice(name, options?.device);
};

const put = (device: Device | undefined, generator: Generator): void => {
  if (device !== undefined) {
    own.set(device, generator);
    return;
  }
  common = generator;
  own = new WeakMap();
};

/**
 * Starts the sequence of random numbers anew. `value`: any integer ≥ 0 below 2⁵³. All devices draw from one sequence,
 * so a program draws the same numbers wherever it runs; `{ device }` gives one device a sequence of its own.
 *
 * @throws {ValueError} unless `value` is an integer from 0 to 2⁵³ - 1
 * @throws {OptionError} for a `device` that is none
 *
 * @example
 * random.seed(7);
 * const a = random.normal([3]);
 * random.seed(7);
 * random.normal([3]).sub(a);   // [0, 0, 0]
 */
export const seed = (value: number, options?: SeedOptions): void => {
  checked('random.seed', options);
  if (!Number.isSafeInteger(value) || value < 0)
    throw failure('value', `random.seed: ${shown(value)} is not an integer from 0 to 2^53 - 1`);
  put(options?.device, startOf(value));
};

/** Where a sequence of random numbers is. */
export interface RandomState {
  readonly seed: number;
  readonly draws: number;
  /** Draws for parameters, which are numbered apart. */
  readonly parameters: number;
}

/**
 * The seed and how many draws were made since (integers): to save and to go on from. `device`: the one whose sequence
 * is meant.
 *
 * @throws {OptionError} for an option other than `device`, and a `device` that is none
 *
 * @example
 * const saved = random.getState();
 * const a = random.normal([3]);
 * random.setState(saved);
 * random.normal([3]).sub(a);   // [0, 0, 0]
 */
export const getState = (options?: SeedOptions): RandomState => {
  checked('random.getState', options);
  const { low, high, counter, parameters } = generatorOf(options?.device);
  return { seed: high * 4294967296 + low, draws: counter, parameters };
};
/**
 * Goes on from a saved state of three integers (scalars). Without a device, sequences of devices stay as they are.
 *
 * @throws {ValueError} unless seed, draws and parameters are integers from 0 to 2⁵³ - 1
 * @throws {OptionError} for a `device` that is none
 *
 * @see {@link getState}
 */
export const setState = (saved: RandomState, options?: SeedOptions): void => {
  checked('random.setState', options);
  const help = 'pass what random.getState() gave';
  if (typeof saved !== 'object' || saved === null)
    throw failure('value', `random.setState: ${shown(saved)} is no state`, help);
  const { seed: value, draws, parameters } = saved;
  for (const [name, part] of Object.entries({ seed: value, draws, parameters }))
    if (!Number.isSafeInteger(part) || part < 0)
      throw failure(
        'value',
        `random.setState: ${name} is ${shown(part)}, not an integer from 0 to 2^53 - 1`,
        help,
      );
  const generator = { ...startOf(value), counter: draws, parameters };
  if (options?.device === undefined) common = generator;
  else own.set(options.device, generator);
};

/** What a trace draws: its first draw number is an input of the program. */
interface TraceDraws {
  readonly low: NDArray;
  readonly high: NDArray;
  readonly base: NDArray;
  /** Taken so far while tracing. */
  count: number;
  /** The key and the first draw number of the present replay. */
  now: DrawKey;
}
/** Key and number of a draw. */
export type DrawKey = readonly [low: number, high: number, draw: number];

const traces = new WeakMap<Trace, TraceDraws>();

/** Numbers from `base` on, `count` apart: where each run of a loop's body begins to draw. */
const spread: Fragment<{ readonly trips: number; readonly count: number }> = fragment(
  'draws',
  (b, [base], { trips, count }) => {
    const places = b.emit(iota, [], { axis: 0, dtype: 'uint32', shape: [trips] });
    const first = b.broadcast(base!, [trips], []);
    return b.op('add', first, b.op('mul', places, b.full(count, 'uint32', [trips])));
  },
);

/** Draws of the body of a loop: those of the trace around it, as many for each run as the body takes. */
const drawsInside = ({ around, perStep }: Inside): TraceDraws => {
  const outer = drawsOf(around);
  const base = perStep(tensor('uint32', []), (trips) => {
    const first = outer.count === 0 ? outer.base : add(outer.base, outer.count);
    outer.count += trips * made.count;
    const attrs = { trips, count: made.count };
    return call(spread, [first], { attrs, key: `${trips},${made.count}` });
  });
  const made: TraceDraws = { low: outer.low, high: outer.high, base, count: 0, now: [0, 0, 0] };
  return made;
};

const drawsOf = (trace: Trace): TraceDraws => {
  let draws = traces.get(trace);
  if (draws === undefined && trace.inside !== undefined) {
    draws = drawsInside(trace.inside);
    traces.set(trace, draws);
  }
  if (draws === undefined) {
    const made: TraceDraws = {
      low: trace.hostScalar(() => generatorOf(trace.device).low, 'uint32'),
      high: trace.hostScalar(() => generatorOf(trace.device).high, 'uint32'),
      base: trace.hostScalar(() => {
        made.now = takeNew(trace.device, made.count);
        return made.now[2];
      }, 'uint32'),
      count: 0,
      now: [0, 0, 0],
    };
    draws = made;
    traces.set(trace, draws);
  }
  return draws;
};

/** Draws in the order in which they were made, to be made again. */
interface Draws {
  readonly made: unknown[];
  /** Which of them comes next, when they are made again. */
  next: number | undefined;
  readonly outer: Draws | undefined;
}
let log: Draws | undefined;

/** Makes a draw, or gives the one that was made in its place. Those of parameters happen once. */
const draw = <T>(make: () => T): T => {
  if (log === undefined || forParameters) return make();
  if (log.next !== undefined) return log.made[log.next++] as T;
  const made = make();
  for (let d: Draws | undefined = log; d !== undefined; d = d.outer) d.made.push(made);
  return made;
};

/** Runs `body`; returns its result, and a function that runs another body with the same draws. */
export const withDrawsKept = <T>(body: () => T): { result: T; again: <R>(body: () => R) => R } => {
  const outer = log;
  const made: unknown[] = [];
  const run = <R>(draws: Draws | undefined, inner: () => R): R => {
    const before = log;
    log = draws;
    try {
      return inner();
    } finally {
      log = before;
    }
  };
  const result = run({ made, next: undefined, outer }, body);
  return { result, again: (inner) => run({ made, next: 0, outer: undefined }, inner) };
};

/** The inputs of a traced program that its draws come from, and how many it makes; undefined when it makes none. */
export const tracedDraws = (
  trace: Trace,
): { readonly inputs: readonly NDArray[]; readonly count: number } | undefined => {
  const draws = traces.get(trace);
  return draws && { inputs: [draws.low, draws.high, draws.base], count: draws.count };
};

/** Takes `count` draws of the sequence of `device` now: the key and the first. */
export const take = (device: Device, count: number): DrawKey => draw(() => takeNew(device, count));

const takeNew = (device: Device, count: number): DrawKey => {
  const generator = generatorOf(device);
  const counter = forParameters ? 'parameters' : 'counter';
  const draw = generator[counter] + (forParameters ? PARAMETER_DRAWS : 0);
  generator[counter] += count;
  onFailure(() => {
    generator[counter] -= count;
  });
  return [generator.low, generator.high, draw];
};

/** Key and first draw number for a random function that makes `count` draws, as operands of a call. */
export const drawOperands = (
  device: Device,
  count: number,
): readonly [low: Operand, high: Operand, draw: Operand] => {
  const { trace } = mode;
  if (trace === undefined) return take(device, count);
  return draw(() => {
    const draws = drawsOf(trace);
    const first = draws.count === 0 ? draws.base : add(draws.base, draws.count);
    draws.count += count;
    return [draws.low, draws.high, first] as const;
  });
};

/** Takes one draw of the trace; the answer tells its key at each replay, from hooks that run before it. */
export const drawAtReplay = (trace: Trace): (() => DrawKey) => {
  if (trace.inside !== undefined)
    throw failure(
      'trace',
      `${trace.name}: random orders are made outside of the program, and each step would get the same one`,
      'draw it outside of the loop, one for each step, and loop over them',
    );
  const draws = drawsOf(trace);
  const offset = draw(() => draws.count++);
  return () => [draws.now[0], draws.now[1], draws.now[2] + offset];
};
