/**
 * Trainer: updates all parameters of a net by one compiled call per device, or, inside a hybridized step, by nodes of its
 * program.
 *
 * Invariants: a parameter is updated only with a gradient that a backward pass has written since its last update;
 * everything that may change from step to step (rates, batch size, bias corrections) is a scalar, never part of a graph;
 * copies on several devices are updated alike, with the same sum of their gradients.
 */

import { type Packs, sumGradients } from '#several';
import { summedIn } from '../../ir/dtype.ts';
import { gradientOf } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { getState, normal, setState } from '../random.ts';
import { hostScalar, ONE_DEVICE, onReplay } from '../trace.ts';
import { applyUpdate, type Update } from '../update.ts';
import { checkNumber, notNegative, Optimizer } from './optim/optimizer.ts';
import { createNamed, type OptimizerName, type OptimizerTable } from './optim/table.ts';
import { Parameter } from './parameter.ts';
import {
  finishStep,
  groupsOf,
  isFresh,
  type Slot,
  scalarsOf,
  staleError,
  statesOf,
} from './trainer-slots.ts';
import type { StateRow } from './trainer-states.ts';
import { dtypesOf, type StepScaling, stepOf } from './trainer-step.ts';

/** What a trainer is given to update: `net.parameters()`, or some of them by name: `net.collectParams('.*weight')`. */
export type ParameterSource = Iterable<Parameter> | ReadonlyMap<string, Parameter>;

/** An optimizer, or the name of one and its options. */
export type OptimizerArguments =
  | [optimizer: Optimizer]
  | {
      [Name in OptimizerName]: [optimizer: Name, options?: OptimizerTable[Name]];
    }[OptimizerName];

export interface StepOptions {
  /**
   * Leave parameters alone whose gradient no backward pass has written since the last step. Where one was written on
   * some devices, it counts as zero on the others. Default false: an error.
   */
  readonly ignoreStaleGrad?: boolean;
}

/**
 * What steps over several devices return, to be awaited. Not declared as a promise: on one device there is nothing to
 * wait for, and nobody has to say so to a linter.
 */
export interface Pending {
  then<A = void, B = never>(
    done?: ((value: unknown) => A | PromiseLike<A>) | null,
    failed?: ((reason: unknown) => B | PromiseLike<B>) | null,
  ): PromiseLike<A | B>;
}

/**
 * Applies an optimizer to parameters. With parameters on several devices, `step` sums the gradients over them first,
 * and has to be awaited.
 *
 * Parameters of any shape and float dtype; steps are computed in float32 (of float64 in float64), what optimizers keep
 * is of that dtype.
 *
 * @throws {ValueError} for what is no list of parameters, or an empty one
 * @throws {OptionError} for an optimizer that is not known, and options that it refuses
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9 });
 * const l = autograd.record(() => loss(net(x), y));
 * l.backward();
 * trainer.step(x.shape[0]);          // gradients are divided by the batch size
 * trainer.learningRate = 0.01;       // takes effect at the next step, also of compiled ones
 * trainer.setLearningRate(0.02);
 * trainer.learningRate;   // 0.02
 * await trainer.saveStates('momenta');
 * await trainer.loadStates('momenta');
 * autograd.record(() => loss(net(x), y)).backward();
 * await trainer.allreduceGrads();    // the two parts of step: something may look at the sums between them
 * trainer.update(x.shape[0]);
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly #slots: readonly Slot[];
  readonly #updates = new Map<string, Update>();
  readonly #packs: Packs = new Map();
  /** Gradients have been summed over the devices, and not used yet. */
  #summed = false;
  /** Made by `amp.initTrainer`. @internal */
  scaling: StepScaling | undefined;

  constructor(parameters: ParameterSource, ...optimizer: OptimizerArguments) {
    const [named, options] = optimizer;
    if (named instanceof Optimizer && options !== undefined)
      throw failure(
        'option',
        'Trainer: options beside an optimizer instance',
        'pass them to its constructor',
      );
    this.optimizer = named instanceof Optimizer ? named : createNamed(named, options);
    const count = this.optimizer.beginNumUpdate;
    this.#slots = parametersOf(parameters).map((parameter) => ({
      parameter,
      states: new Map(),
      count,
      operands: undefined,
      traced: undefined,
    }));
  }

  /** The parameters, in the order given. */
  get parameters(): readonly Parameter[] {
    return this.#slots.map((s) => s.parameter);
  }

  /**
   * The optimizer's learning rate, of the last update where a scheduler sets it. May be set at any time, unless there
   * is a scheduler.
   *
   * @throws {OptionError} when set to what is no number ≥ 0, or while there is a scheduler
   */
  get learningRate(): number {
    return this.optimizer.rateAt(Math.max(...this.#slots.map((s) => s.count)));
  }
  set learningRate(rate: number) {
    if (this.optimizer.lrScheduler !== undefined)
      throw failure(
        'option',
        'Trainer: the learning rate is that of the scheduler',
        'change trainer.optimizer.learningRate, which it starts from, or trainer.optimizer.lrScheduler',
      );
    this.optimizer.learningRate = checkNumber('Trainer', 'learningRate', rate, '≥ 0', notNegative);
  }
  /**
   * The same as setting `learningRate`.
   *
   * @throws {OptionError} for what is no number ≥ 0, or while there is a scheduler
   */
  setLearningRate(rate: number): void {
    this.learningRate = rate;
  }

  /**
   * Updates every parameter (but those with gradReq 'null') with its gradient divided by `batchSize`.
   *
   * `undefined` is in the type for `x.shape[0]` under `noUncheckedIndexedAccess`; as a value it is an error.
   *
   * @throws {GradientError} for a gradient that no backward pass has written since the last step, unless
   *   `ignoreStaleGrad`
   * @throws {ValueError} unless `batchSize` is a number > 0, and parameters have values
   * @throws {DeviceError} when parameters have moved to another device since the first step
   * @throws {TraceError} inside a program, with parameters on several devices
   */
  step(batchSize: number | undefined, options: StepOptions = {}): Pending | undefined {
    checkBatch(batchSize);
    const summed = this.allreduceGrads(options);
    if (summed !== undefined) return summed.then(() => this.update(batchSize, options));
    this.update(batchSize, options);
    return undefined;
  }

  /**
   * The first half of `step` for parameters on several devices: each gradient becomes its sum over them. For looking at
   * gradients, or changing them alike on all devices, before `update`. On one device it does nothing.
   *
   * @throws {ValueError} when gradients have been summed already, and not used
   * @throws {GradientError} for a gradient that no backward pass has written, unless `ignoreStaleGrad`
   * @throws {TraceError} inside a program, with parameters on several devices
   */
  allreduceGrads(options: StepOptions = {}): Pending | undefined {
    if (!this.#isReplicated()) return undefined;
    checkOptions('trainer.step', options, ['ignoreStaleGrad']);
    if (mode.trace !== undefined)
      throw failure(
        'trace',
        `trainer.step: in ${mode.trace.name}, with parameters on several devices`,
        ONE_DEVICE,
      );
    this.#expectSums(false);
    const parameters = this.#wanted().map((s) => s.parameter);
    for (const p of parameters) p.setBusy(true);
    return sumGradients(this.#packs, parameters, options.ignoreStaleGrad === true)
      .then(() => {
        this.#summed = true;
      })
      .finally(() => {
        for (const p of parameters) p.setBusy(false);
      });
  }

  /**
   * The second half of `step`, after `allreduceGrads`.
   *
   * @throws {GradientError | DeviceError} as `step`
   * @throws {ValueError} unless `batchSize` is a number > 0, and gradients of several devices have been summed
   */
  update(batchSize: number | undefined, options: StepOptions = {}): void {
    const size = checkBatch(batchSize);
    checkOptions('trainer.step', options, ['ignoreStaleGrad']);
    if (this.#isReplicated()) this.#expectSums(true);
    this.#summed = false;
    const wanted = this.#wanted();
    const active = wanted.filter((s) => isFresh(s));
    if (active.length < wanted.length && !options.ignoreStaleGrad)
      throw staleError(wanted.filter((s) => !active.includes(s)));
    if (active.length > 0) this.#update(active, size);
  }

  #wanted(): readonly Slot[] {
    return this.#slots.filter((s) => s.parameter.gradReq !== 'null');
  }

  #isReplicated(): boolean {
    return this.#slots.some(({ parameter: p }) => p.gradReq !== 'null' && p.listData().length > 1);
  }

  #expectSums(summed: boolean): void {
    if (this.#summed !== summed)
      throw failure(
        'value',
        `trainer: the gradients of several devices have ${summed ? 'not ' : ''}been summed`,
        'call allreduceGrads() and then update(batchSize), or step(batchSize), which does both; await them',
      );
  }

  #update(active: readonly Slot[], batchSize: number): void {
    const { optimizer, scaling } = this;
    const groups = groupsOf(active);
    const unscaled = scaling?.begin() ?? false;
    const key = this.#keyOf(active, groups);
    let update = this.#updates.get(`${key} ${unscaled}`);
    if (update === undefined) {
      const parameters = active.map((s) => s.parameter);
      update = stepOf(optimizer, parameters, groups, scaling, unscaled);
      this.#updates.set(`${key} ${unscaled}`, update);
    }
    const read = scalarsOf(optimizer, active, groups, batchSize, scaling);
    let numbers = read();
    const dtypes = dtypesOf(
      active.map((s) => s.parameter),
      groups,
    );
    const each = (numbers.length - (scaling?.numbers().length ?? 0)) / dtypes.length;
    const scalars = numbers.map((_, i) =>
      hostScalar(
        () => {
          // the first of each replay reads them all
          if (i === 0 && mode.trace === undefined) numbers = read();
          return numbers[i]!;
        },
        dtypes[Math.floor(i / each)],
      ),
    );
    const before = optimizer.noisy ? getState() : undefined;
    const own = optimizer.key();
    active[0]!.parameter.listData().forEach(({ device }, copy) => {
      // the same noise on all devices
      if (before !== undefined) setState(before);
      const arrays: Operand[] = [];
      for (const slot of active) {
        const data = slot.parameter.listData()[copy]!;
        arrays.push(data, gradientOf(data)!);
        for (const state of statesOf(slot, optimizer, own)) arrays.push(state[copy]!);
        if (optimizer.noisy) arrays.push(noiseLike(data));
      }
      arrays.push(...(scaling?.arrays(device) ?? []));
      applyUpdate(update, [...arrays, ...scalars], device);
    });
    onReplay(() => {
      const stale = active.filter((s) => !isFresh(s));
      if (stale.length > 0) throw staleError(stale);
    });
    for (const slot of active) finishStep(slot);
    mode.trace?.guards.push(
      () => this.scaling === scaling && this.#keyOf(active, groupsOf(active)) === key,
    );
  }

  #keyOf(active: readonly Slot[], groups: readonly number[]): string {
    let key = `${this.optimizer.key()} ${this.scaling !== undefined}`;
    active.forEach(({ parameter: p }, i) => {
      key += `;${this.#slots.indexOf(active[i]!)} ${groups[i]} ${p.listData()[0]!.type.id}`;
      if (p.lrMult !== 1 || p.wdMult !== 1) key += ` ${p.lrMult} ${p.wdMult}`;
    });
    return key;
  }

  /**
   * Writes what the optimizer keeps (momenta, update counts, learning rate) to a safetensors file.
   *
   * @throws {FileError} when the file cannot be written
   * @throws {ValueError} for a path that is no text
   */
  async saveStates(path: string): Promise<void> {
    const { name, learningRate } = this.optimizer;
    const rows = this.#rows();
    const { writeStates } = await import('./trainer-states.ts');
    await writeStates(path, { optimizer: name, learningRate }, rows);
  }

  /**
   * Goes on from a file of `saveStates` (path or bytes): the same optimizer over parameters of the same names and
   * shapes. Nothing changes unless all of it fits.
   *
   * @throws {FileError} for a file that cannot be read or does not fit, with every name, shape and dtype that does not
   * @throws {DataError} for bytes that are no safetensors file
   */
  async loadStates(source: string | Uint8Array): Promise<void> {
    const { readStates } = await import('./trainer-states.ts');
    const loaded = await readStates(source, this.optimizer.name, this.#rows());
    this.optimizer.learningRate = loaded.learningRate;
    this.#slots.forEach((slot, i) => {
      slot.count = loaded.counts[i]!;
    });
  }

  #rows(): StateRow[] {
    const names = new Map<string, number>();
    for (const slot of this.#slots)
      if (slot.parameter.gradReq !== 'null') statesOf(slot, this.optimizer);
    const { scaling } = this;
    const [device] = this.#slots[0]!.parameter.listDevices();
    const own: StateRow[] =
      scaling === undefined
        ? []
        : [{ name: 'lossScaler', states: scaling.states(device!), count: 0 }];
    const rows = this.#slots.map(({ parameter, states, count }) => {
      const seen = names.get(parameter.name) ?? 0;
      names.set(parameter.name, seen + 1);
      return { name: seen === 0 ? parameter.name : `${parameter.name}.${seen}`, states, count };
    });
    return [...rows, ...own];
  }
}

const noiseLike = ({ shape, dtype, device }: NDArray): NDArray =>
  withMode({ recording: false, taping: false }, () =>
    normal(shape, 0, 1, { dtype: summedIn(dtype), device }),
  );

const checkBatch = (batchSize: number | undefined): number => {
  if (typeof batchSize === 'number' && batchSize > 0 && Number.isFinite(batchSize))
    return batchSize;
  throw failure(
    'value',
    `trainer.step: the batch size is ${shown(batchSize)}`,
    'pass the number of samples that the loss was computed on: trainer.step(x.shape[0])',
  );
};

const parametersOf = (source: ParameterSource): Parameter[] => {
  const wrong = (what: string): Error =>
    failure('value', `Trainer: ${what}`, 'pass net.parameters() or net.collectParams(...)');
  if (typeof source !== 'object' || source === null || !(Symbol.iterator in source))
    throw wrong('the first argument is not a list of parameters');
  const list: unknown[] = [...(source instanceof Map ? source.values() : source)];
  if (list.length === 0) throw wrong('there are no parameters');
  const odd = list.findIndex((p) => !(p instanceof Parameter));
  if (odd >= 0) throw wrong(`item ${odd} is not a Parameter`);
  return [...new Set(list as Parameter[])];
};
