/**
 * Trainer: updates all parameters of a net by one compiled call per device, or, inside a hybridized step, by nodes of its
 * program.
 *
 * Invariants: a parameter is updated only with a gradient that a backward pass has written since its last update;
 * everything that may change from step to step (rates, batch size, bias corrections) is a scalar, never part of a graph;
 * copies on several devices are updated alike, with the same sum of their gradients.
 */

import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Assign, Node } from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';
import { consumeGradient, gradientOf, hasFreshGradient } from '../autograd.ts';
import { assign } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { hostScalar, onReplay, type Trace } from '../trace.ts';
import { applyUpdate, type Update, updateOf } from '../update.ts';
import { allReduce, type Packs } from './allreduce.ts';
import { arithmetic, checkNumber, Optimizer } from './optim/optimizer.ts';
import {
  type AdamOptions,
  create,
  type OptimizerName,
  type OptimizerOptions,
  type SGDOptions,
} from './optim.ts';
import type { Parameter } from './parameter.ts';
import {
  checkBatch,
  checkDevices,
  type ParameterSource,
  parametersOf,
  severalError,
  staleError,
} from './trainer-checks.ts';
import { readStates, type StateRow, writeStates } from './trainer-states.ts';

export type { ParameterSource } from './trainer-checks.ts';

/** A parameter with what the optimizer keeps for it. */
interface Slot {
  readonly parameter: Parameter;
  /** By name, one for each copy of the parameter. */
  readonly states: Map<string, readonly NDArray[]>;
  /** Updates so far. */
  count: number;
  /** Updates in the trace at work, which will happen at each replay. */
  traced: { readonly trace: Trace; updates: number } | undefined;
}

export interface StepOptions {
  /**
   * Leave parameters alone whose gradient no backward pass has written since the last step, and count it as zero on
   * devices where none has if there is one elsewhere. Default false: an error.
   */
  readonly ignoreStaleGrad?: boolean;
}

/**
 * Applies an optimizer to parameters.
 *
 * @example
 * const trainer = new Trainer(net.parameters(), 'sgd', { learningRate: 0.1, momentum: 0.9 });
 * const l = autograd.record(() => loss(net(x), y));
 * l.backward();
 * trainer.step(x.shape[0]);          // gradients are divided by the batch size
 * trainer.learningRate = 0.01;       // takes effect at the next step, also of compiled ones
 *
 * With parameters on several devices, `step` sums the gradients over them first. It returns a promise where a device
 * cannot be read at once: `await trainer.step(batchSize)` is right everywhere.
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly #slots: readonly Slot[];
  readonly #updates = new Map<string, Update>();
  readonly #packs: Packs = new Map();
  /** Gradients have been summed over the devices, and not used yet. */
  #summed = false;

  constructor(parameters: ParameterSource, optimizer: 'sgd', options?: SGDOptions);
  constructor(parameters: ParameterSource, optimizer: 'adam' | 'adamw', options?: AdamOptions);
  constructor(parameters: ParameterSource, optimizer: Optimizer);
  constructor(parameters: ParameterSource, optimizer: OptimizerName, options?: OptimizerOptions);
  constructor(
    parameters: ParameterSource,
    optimizer: OptimizerName | Optimizer,
    options?: SGDOptions | AdamOptions,
  ) {
    this.#slots = parametersOf(parameters).map((parameter) => ({
      parameter,
      states: new Map(),
      count: 0,
      traced: undefined,
    }));
    if (optimizer instanceof Optimizer && options !== undefined)
      throw failure(
        'option',
        'Trainer: options beside an optimizer instance',
        'pass them to its constructor',
      );
    this.optimizer = optimizer instanceof Optimizer ? optimizer : create(optimizer, options);
  }

  /** The parameters, in the order given. */
  get parameters(): readonly Parameter[] {
    return this.#slots.map((s) => s.parameter);
  }

  /** The optimizer's learning rate. May be set at any time. */
  get learningRate(): number {
    return this.optimizer.learningRate;
  }
  set learningRate(rate: number) {
    this.optimizer.learningRate = checkNumber(
      'Trainer',
      'learningRate',
      rate,
      '≥ 0',
      (x) => x >= 0,
    );
  }
  /** The same as setting `learningRate`. */
  setLearningRate(rate: number): void {
    this.learningRate = rate;
  }

  /**
   * Updates every parameter (but those with gradReq 'null') with its gradient divided by `batchSize`.
   *
   * `undefined` is in the type for `x.shape[0]` under `noUncheckedIndexedAccess`; as a value it is an error. Throws when
   * a gradient has not been written since the last step, unless `ignoreStaleGrad`.
   */
  step(batchSize: number | undefined, options: StepOptions = {}): Promise<void> | undefined {
    const size = checkBatch('trainer.step', batchSize);
    if (this.#summed)
      throw failure(
        'value',
        'trainer.step: gradients have been summed over the devices already',
        'after trainer.allreduceGrads() call trainer.update(batchSize)',
      );
    const active = this.#active('trainer.step', options);
    if (active.length === 0) return undefined;
    const waiting = this.#sum(active);
    if (waiting !== undefined) return waiting.then(() => this.#update(active, size));
    this.#update(active, size);
    return undefined;
  }

  /**
   * The first half of `step` for parameters on several devices: each gradient becomes its sum over them. To look at
   * gradients, or change them alike on all devices, before `update`. On one device it does nothing.
   */
  allreduceGrads(options: StepOptions = {}): Promise<void> | undefined {
    const active = this.#active('trainer.allreduceGrads', options);
    if (active.length === 0 || copiesOf(active) === 1) return undefined;
    const waiting = this.#sum(active);
    this.#summed = true;
    return waiting;
  }

  /** The second half of `step`, after `allreduceGrads`. */
  update(batchSize: number | undefined, options: StepOptions = {}): void {
    const size = checkBatch('trainer.update', batchSize);
    const active = this.#active('trainer.update', options);
    if (active.length === 0) return;
    if (!this.#summed && copiesOf(active) > 1)
      throw failure(
        'value',
        'trainer.update: gradients have not been summed over the devices',
        'call trainer.allreduceGrads() first, or trainer.step(batchSize), which does both',
      );
    this.#summed = false;
    this.#update(active, size);
  }

  /** Those with gradients to use; throws when some have none, or when their copies do not go together. */
  #active(where: string, options: StepOptions): readonly Slot[] {
    checkOptions(where, options, ['ignoreStaleGrad']);
    const wanted = this.#slots.filter((s) => s.parameter.gradReq !== 'null');
    for (const { parameter } of wanted) checkDevices(where, parameter, wanted[0]!.parameter);
    if (wanted.length > 0 && mode.trace !== undefined && copiesOf(wanted) > 1)
      throw severalError(where, mode.trace.name, wanted[0]!.parameter);
    if (options.ignoreStaleGrad) return wanted.filter((s) => isFresh(s, 'some'));
    const stale = wanted.filter((s) => !isFresh(s, 'every'));
    if (stale.length > 0) throw staleError(where, parametersIn(stale));
    return wanted;
  }

  /** Sums gradients over the devices, if there are several. */
  #sum(active: readonly Slot[]): Promise<void> | undefined {
    if (copiesOf(active) === 1) return undefined;
    const parameters = parametersIn(active);
    const devices = parameters[0]!.listDevices();
    const gradients = devices.map((_, d) =>
      parameters.map((p) => {
        const data = p.listData()[d]!;
        const gradient = gradientOf(data)!;
        if (!hasFreshGradient(data)) assign(gradient, gradient.mul(0));
        return gradient;
      }),
    );
    const waiting = allReduce(this.#packs, devices, gradients);
    if (waiting === undefined) return undefined;
    const setBusy = (busy: boolean): void => {
      for (const p of parameters) p.busy = busy;
    };
    setBusy(true);
    return waiting.finally(() => setBusy(false));
  }

  #update(active: readonly Slot[], batchSize: number): void {
    const { optimizer } = this;
    const groups = groupsOf(active);
    const key = this.#keyOf(active, groups);
    let update = this.#updates.get(key);
    if (update === undefined) {
      update = this.#build(active, groups);
      this.#updates.set(key, update);
    }
    const numbers = scalarsOf(optimizer, active, groups, batchSize);
    const scalars = numbers.map((read) => hostScalar(read));
    active[0]!.parameter.listData().forEach(({ device }, copy) => {
      const arrays: Operand[] = [];
      for (const slot of active) {
        const data = slot.parameter.listData()[copy]!;
        arrays.push(data, gradientOf(data)!);
        for (const state of optimizer.states) arrays.push(statesOf(slot, state)[copy]!);
      }
      applyUpdate(update, [...arrays, ...scalars], device);
    });
    onReplay(() => {
      const stale = active.filter((s) => !isFresh(s, 'some'));
      if (stale.length > 0) throw staleError('trainer.step', parametersIn(stale));
    });
    for (const slot of active) this.#finish(slot);
    mode.trace?.guards.push(() => this.#keyOf(active, groupsOf(active)) === key);
  }

  /** Marks the gradients as used and counts the update: now, or at each replay of the program being traced. */
  #finish(slot: Slot): void {
    const { trace } = mode;
    if (trace !== undefined) slot.traced = { trace, updates: tracedUpdates(slot) + 1 };
    onReplay(() => {
      slot.count++;
    });
    for (const data of slot.parameter.listData()) consumeGradient(data);
  }

  #keyOf(active: readonly Slot[], groups: readonly number[]): string {
    let key = this.optimizer.key();
    active.forEach(({ parameter: p }, i) => {
      key += `;${this.#slots.indexOf(active[i]!)} ${groups[i]} ${p.listData()[0]!.type.id}`;
      if (p.lrMult !== 1 || p.wdMult !== 1) key += ` ${p.lrMult} ${p.wdMult}`;
    });
    return key;
  }

  #build(active: readonly Slot[], groups: readonly number[]): Update {
    return updateOf(`${this.optimizer.name}.step`, (b) => {
      const arrays = active.map(({ parameter }) => {
        const { type } = parameter.listData()[0]!;
        const input = (what: string, t = type): Node =>
          b.input(t, { name: `${parameter.name}.${what}` });
        const state = tensor('float32', type.shape);
        return {
          weight: input('data'),
          gradient: input('grad'),
          states: this.optimizer.states.map((name) => input(name, state)),
        };
      });
      const scalars = this.#scalarInputs(b, Math.max(...groups) + 1);
      return active.flatMap(({ parameter }, i): Assign[] => {
        const { weight, gradient, states } = arrays[i]!;
        return this.#rule(b, parameter, { weight, gradient, states }, scalars[groups[i]!]!);
      });
    });
  }

  /** Inputs for the scalars of each group, in the order of `scalarsOf`. */
  #scalarInputs(b: GraphBuilder, groups: number): Record<string, Node>[] {
    return Array.from({ length: groups }, (_, g) =>
      Object.fromEntries(
        [...SHARED, ...Object.keys(this.optimizer.scalars(1))].map((name) => [
          name,
          b.input(tensor('float32', []), { name: `${name}${g}`, role: 'scalar' }),
        ]),
      ),
    );
  }

  #rule(
    b: GraphBuilder,
    parameter: Parameter,
    given: { readonly weight: Node; readonly gradient: Node; readonly states: readonly Node[] },
    scalars: Readonly<Record<string, Node>>,
  ): Assign[] {
    const m = arithmetic(b);
    const { optimizer } = this;
    const { lrMult, wdMult } = parameter;
    const { learningRate, wd, rescale, clip, ...own } = scalars;
    const scaled = (x: Node, by: number): Node => (by === 1 ? x : m.mul(x, b.lit(by, x)));
    const raw = m.mul(b.cast(given.gradient, 'float32'), rescale!);
    const result = optimizer.update(m, {
      weight: b.cast(given.weight, 'float32'),
      gradient: optimizer.clipGradient === undefined ? raw : m.clip(raw, clip!),
      states: given.states,
      rate: scaled(learningRate!, lrMult),
      decay: optimizer.wd === 0 || wdMult === 0 ? undefined : scaled(wd!, wdMult),
      scalars: own,
    });
    return [
      { target: given.weight, value: b.cast(result.weight, given.weight.type.dtype) },
      ...given.states.map((target, i) => ({ target, value: result.states[i]! })),
    ];
  }

  /** Writes what the optimizer keeps (momenta, update counts, learning rate) to a safetensors file. */
  async saveStates(path: string): Promise<void> {
    const { name, learningRate } = this.optimizer;
    await writeStates(path, { optimizer: name, learningRate }, this.#rows());
  }

  /**
   * Goes on from a file of `saveStates` (path or bytes): the same optimizer over parameters of the same names and
   * shapes. Nothing changes unless all of it fits.
   */
  async loadStates(source: string | Uint8Array): Promise<void> {
    const loaded = await readStates(source, this.optimizer.name, this.#rows());
    this.learningRate = loaded.learningRate;
    this.#slots.forEach((slot, i) => {
      slot.count = loaded.counts[i]!;
    });
  }

  #rows(): StateRow[] {
    const names = new Map<string, number>();
    for (const slot of this.#slots)
      if (slot.parameter.gradReq !== 'null')
        for (const state of this.optimizer.states) statesOf(slot, state);
    return this.#slots.map(({ parameter, states, count }) => {
      const seen = names.get(parameter.name) ?? 0;
      names.set(parameter.name, seen + 1);
      return { name: seen === 0 ? parameter.name : `${parameter.name}.${seen}`, states, count };
    });
  }
}

/** Scalars that every rule may use, before the optimizer's own. */
const SHARED = ['learningRate', 'wd', 'rescale', 'clip'] as const;

/** How to read the scalars of each group, at this step or at each replay. */
const scalarsOf = (
  optimizer: Optimizer,
  active: readonly Slot[],
  groups: readonly number[],
  batchSize: number,
): (() => number)[] => {
  const readers: (() => number)[] = [];
  for (let group = 0; group <= Math.max(...groups); group++) {
    const slot = active[groups.indexOf(group)]!;
    const ahead = tracedUpdates(slot) + 1;
    readers.push(
      () => optimizer.learningRate,
      () => optimizer.wd,
      () => optimizer.rescaleGrad / batchSize,
      () => optimizer.clipGradient ?? 0,
    );
    for (const name of Object.keys(optimizer.scalars(1)))
      readers.push(() => optimizer.scalars(slot.count + ahead)[name]!);
  }
  return readers;
};

/** Updates of the slot that the trace at work has already made. */
const tracedUpdates = (slot: Slot): number =>
  mode.trace !== undefined && slot.traced?.trace === mode.trace ? slot.traced.updates : 0;

/** Parameters updated equally often share their scalars: the group of each. */
const groupsOf = (active: readonly Slot[]): number[] => {
  const known: number[] = [];
  return active.map(({ count }) => {
    const group = known.indexOf(count);
    return group >= 0 ? group : known.push(count) - 1;
  });
};

/** What the optimizer keeps under `name` for each copy of a parameter. */
const statesOf = (slot: Slot, name: string): readonly NDArray[] => {
  const copies = slot.parameter.listData();
  let states = slot.states.get(name);
  if (states === undefined) {
    states = withMode({ trace: undefined, scope: undefined }, () =>
      copies.map(({ shape, device }) => filled(tensor('float32', shape), 0, device)),
    );
    slot.states.set(name, states);
  }
  if (states.length === copies.length) return states;
  throw failure(
    'device',
    `Trainer: ${slot.parameter.name} has gone from ${states.length} devices to ${copies.length}`,
    'make a new trainer after initializing parameters anew',
  );
};

const copiesOf = (slots: readonly Slot[]): number => slots[0]!.parameter.listData().length;

const parametersIn = (slots: readonly Slot[]): Parameter[] => slots.map((s) => s.parameter);

/** Whether a backward pass has written the gradient of some copy, or of every one. */
const isFresh = ({ parameter }: Slot, of: 'some' | 'every'): boolean =>
  parameter.listData()[of](hasFreshGradient);
