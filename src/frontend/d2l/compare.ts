/**
 * The same function imperatively and compiled: equal results first, then what each costs.
 *
 * Invariant: no time is shown for results that differ; both sides start from the same random state and are built apart,
 * so that neither trains the other's parameters; tracing and compiling are timed by themselves.
 */
import type { Device } from '../../runtime/device.ts';
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { explain } from '../explain.ts';
import { type Hybridized, hybridize } from '../hybridize.ts';
import { withMode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkCount, checkFunction, checkList, checkOptions, shown } from '../options.ts';
import { getState, setState } from '../random/state.ts';
import { mapArrays } from '../signature.ts';
import { assertAllClose } from '../testing.ts';
import { comparisonTable, recordComparison } from './compared.ts';
import { type Counts, countsOf } from './counts.ts';
import { display } from './display.ts';
import { environment } from './environment.ts';
import { drop, type Spread, timeInTurns } from './timing.ts';

/** A function of arrays, or a block: what is compared. */
export type Work = (...inputs: NDArray[]) => unknown;

export interface CompareOptions {
  /** What to compare: a function, a block, or several under names (`{ forward, step }`), where they keep no state. */
  readonly run?: Work | Readonly<Record<string, Work>> | undefined;
  /** Makes it afresh for each side: nets and trainers with their parameters and states. Instead of `run`. */
  readonly make?: (() => Work | Readonly<Record<string, Work>>) | undefined;
  /** Arguments, or a function that makes them for a batch size. */
  readonly inputs: readonly NDArray[] | ((batchSize: number) => readonly NDArray[]);
  /** With a function for `inputs`. Default 1, 32 and 256. */
  readonly batchSizes?: readonly number[] | undefined;
  /** Results of both sides are equal when they differ by `atol + rtol · |expected|` at most. Default 1e-5 and 1e-4. */
  readonly atol?: number | undefined;
  readonly rtol?: number | undefined;
  /** Calls in a row whose results are compared: state carries over. Default 3. */
  readonly calls?: number | undefined;
  /** Times that each side is measured. Default 15. */
  readonly repeats?: number | undefined;
  /** For the repeats of one row; three are made however long they take. Default 2. */
  readonly seconds?: number | undefined;
}

const KNOWN = [
  'run',
  'make',
  'inputs',
  'batchSizes',
  'atol',
  'rtol',
  'calls',
  'repeats',
  'seconds',
];

/** One way of doing it. */
export interface Way {
  /** Milliseconds of a call. */
  readonly ms: Spread;
  readonly counts: Counts;
}

/** One function at one batch size. */
export interface ComparisonRow {
  /** The name under which it was given; undefined for a single one. */
  readonly what: string | undefined;
  /** Undefined for inputs that are given once and for all. */
  readonly batchSize: number | undefined;
  readonly imperative: Way;
  readonly compiled: Way;
  /** Imperative time over compiled time, of the medians. */
  readonly ratio: number;
  /** Milliseconds to trace and compile, before the first compiled call. */
  readonly compileMs: number;
}

/** Plain data: what `compare` found. */
export interface Comparison {
  readonly name: string;
  readonly environment: string;
  readonly atol: number;
  readonly rtol: number;
  /** Calls in a row that gave equal results. */
  readonly calls: number;
  readonly rows: readonly ComparisonRow[];
}

interface Settings {
  readonly name: string;
  readonly atol: number;
  readonly rtol: number;
  readonly calls: number;
  readonly repeats: number;
  readonly seconds: number;
}

const arraysIn = (result: unknown): NDArray[] => {
  const found: NDArray[] = [];
  mapArrays(result, (x) => found.push(x));
  return found;
};

/** Throws unless both sides gave the same in each call. */
const checkEqual = async (
  label: string,
  expected: readonly NDArray[][],
  actual: readonly NDArray[][],
  { atol, rtol }: Settings,
): Promise<void> => {
  for (const [i, wanted] of expected.entries())
    for (const [k, value] of wanted.entries())
      await assertAllClose(actual[i]![k]!, value, {
        atol,
        rtol,
        label: `${label}: compiled, call ${i}, result ${k}`,
      });
  drop([expected, actual]);
};

/** Both sides of a row, each made by itself from the same random state. */
const rowOf = async (
  what: string | undefined,
  batchSize: number | undefined,
  make: () => Work,
  inputs: readonly NDArray[],
  settings: Settings,
): Promise<ComparisonRow> => {
  const label = [settings.name, what, batchSize].filter((part) => part !== undefined).join(', ');
  const device = deviceOf(label, inputs);
  const results = (call: () => unknown): NDArray[][] =>
    Array.from({ length: settings.calls }, () => arraysIn(call()));
  const state = getState();
  const plain = make();
  const imperatively = (): unknown => withMode({ imperative: true }, () => plain(...inputs));
  const expected = results(imperatively);
  setState(state);
  const hybrid: Hybridized<Work> = hybridize(make(), { name: what ?? settings.name });
  const compiled = (): unknown => hybrid(...inputs);
  const before = performance.now();
  hybrid.cached.prepare(inputs);
  const compileMs = performance.now() - before;
  await checkEqual(label, expected, results(compiled), settings);
  const effort = { rounds: settings.repeats, seconds: settings.seconds };
  const [first, second] = await timeInTurns(
    [{ call: imperatively }, { call: compiled }],
    device,
    effort,
  );
  const imperative = { ms: first, counts: await countsOf(imperatively, device, undefined) };
  const counts = await countsOf(compiled, device, explain(hybrid));
  return {
    what,
    batchSize,
    imperative,
    compiled: { ms: second, counts },
    ratio: first.median / second.median,
    compileMs,
  };
};

const deviceOf = (label: string, inputs: readonly NDArray[]): Device => {
  checkList('compare', 'the list of inputs', inputs, 'write { inputs: [x] }');
  for (const x of inputs) checkArray(`compare(${label}): an input`, x);
  if (inputs[0] !== undefined) return inputs[0].device;
  throw failure('value', `compare(${label}): there are no inputs`, 'write { inputs: [x] }');
};

const makerOf = ({ run, make }: CompareOptions): (() => Readonly<Record<string, Work>>) => {
  if ((run === undefined) === (make === undefined))
    throw failure(
      'option',
      'compare: pass either run or make',
      'run: a function without state; make: () => a function with a net and a trainer of its own',
    );
  if (make !== undefined) checkFunction('compare: make', make, 'write { make: () => … }');
  return () => {
    const made = make === undefined ? run! : make();
    const works = typeof made === 'function' ? { '': made } : made;
    for (const work of Object.values(works ?? {}))
      checkFunction('compare', work, 'pass a function of arrays, or several under names');
    if (typeof works !== 'object' || works === null || Object.keys(works).length === 0)
      throw failure('value', `compare: ${shown(made)} is nothing to run`, 'pass a function');
    return works;
  };
};

const DEFAULT_SIZES: readonly number[] = [1, 32, 256];

/** The arguments for each batch size. */
const inputsOf = ({
  inputs,
  batchSizes = DEFAULT_SIZES,
}: CompareOptions): readonly (readonly [number | undefined, readonly NDArray[]])[] => {
  if (typeof inputs !== 'function') return [[undefined, inputs]];
  for (const size of batchSizes) checkCount('compare', 'a batch size', size);
  return batchSizes.map((size) => [size, inputs(size)]);
};

/**
 * Compares a function (a forward pass, a whole training step) with its compiled form: checks that both give the same,
 * then measures them in turns, compiled programs warm, the device idle at each stop. Shows a table and records its values:
 * `name.ratio`, `name.imperative.ms`, `name.compiled.launches`, …; names of functions and batch sizes stand between
 * (`name.step.32.ratio`).
 *
 * Inputs are arrays of any shapes and dtypes, all on one device. A function that changes state (parameters, an
 * optimizer's averages) is given by `make`, which builds all of it afresh: each side has its own, from the same random
 * state.
 *
 * @throws {Error} when the results differ: the message names the worst element (all as a rejected promise)
 * @throws {OptionError} for unknown options, and unless there is either `run` or `make`
 * @throws {ValueError} without inputs, and for what is no function
 * @throws {TraceError} for functions that read values
 *
 * @example
 * const report = await compare('softmax', {
 *   run: (x) => x.exp().div(x.exp().sum({ axis: 1, keepDims: true })),
 *   inputs: [random.normal([64, 10])],
 *   repeats: 3,
 * });
 * report.rows[0]!.compiled.counts.launches;   // 1
 */
export const compare = async (name: string, options: CompareOptions): Promise<Comparison> => {
  checkOptions('compare', options, KNOWN);
  if (typeof name !== 'string')
    throw failure('value', `compare: the name is ${shown(name)}`, "write compare('name', { … })");
  const { atol = 1e-5, rtol = 1e-4, calls = 3, repeats = 15, seconds = 2 } = options;
  const settings = { name, atol, rtol, calls, repeats, seconds };
  checkCount('compare', 'calls', calls);
  checkCount('compare', 'repeats', repeats);
  const make = makerOf(options);
  const seed = getState();
  const names = Object.keys(make());
  const rows: ComparisonRow[] = [];
  let where = '';
  for (const what of names)
    for (const [batchSize, inputs] of inputsOf(options)) {
      setState(seed);
      rows.push(
        await rowOf(
          what === '' ? undefined : what,
          batchSize,
          () => make()[what]!,
          inputs,
          settings,
        ),
      );
      where = environment(inputs.find(isNDArray)!.device);
    }
  const comparison = { name, environment: where, atol, rtol, calls, rows };
  display(comparisonTable(comparison));
  recordComparison(comparison);
  return comparison;
};
