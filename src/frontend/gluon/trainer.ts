/**
 * Trainer: updates all parameters of a net by one compiled call, or, inside a hybridized step, by nodes of its program.
 *
 * Invariants: a parameter is updated only with a gradient that a backward pass has written since its last update;
 * everything that may change from step to step (rates, batch size, bias corrections) is a scalar, never part of a graph.
 */

import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Assign, Node } from '../../ir/graph/graph.ts';
import { tensor } from '../../ir/type.ts';
import { consumeGradient, gradientOf, hasFreshGradient } from '../autograd.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import type { NDArray, Operand } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { hostScalar, onReplay, type Trace } from '../trace.ts';
import { applyUpdate, type Update, updateOf } from '../update.ts';
import { arithmetic, checkNumber, Optimizer } from './optim/optimizer.ts';
import {
  type AdamOptions,
  create,
  type OptimizerName,
  type OptimizerOptions,
  type SGDOptions,
} from './optim.ts';
import { Parameter } from './parameter.ts';
import { readStates, type StateRow, writeStates } from './trainer-states.ts';

/** What a trainer is given to update: `net.parameters()`, or some of them by name: `net.collectParams('.*weight')`. */
export type ParameterSource = Iterable<Parameter> | ReadonlyMap<string, Parameter>;

/** A parameter with what the optimizer keeps for it. */
interface Slot {
  readonly parameter: Parameter;
  readonly states: Map<string, NDArray>;
  /** Updates so far. */
  count: number;
  /** Updates in the trace at work, which will happen at each replay. */
  traced: { readonly trace: Trace; updates: number } | undefined;
}

export interface StepOptions {
  /** Leave parameters alone whose gradient no backward pass has written since the last step. Default false: an error. */
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
 */
export class Trainer {
  readonly optimizer: Optimizer;
  readonly #slots: readonly Slot[];
  readonly #updates = new Map<string, Update>();

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
  step(batchSize: number | undefined, options: StepOptions = {}): void {
    checkOptions('trainer.step', options, ['ignoreStaleGrad']);
    if (typeof batchSize !== 'number' || !(batchSize > 0) || !Number.isFinite(batchSize))
      throw failure(
        'value',
        `trainer.step: the batch size is ${String(batchSize)}`,
        'pass the number of samples that the loss was computed on: trainer.step(x.shape[0])',
      );
    const wanted = this.#slots.filter((s) => s.parameter.gradReq !== 'null');
    const active = wanted.filter((s) => hasFreshGradient(s.parameter.data()));
    if (active.length < wanted.length && !options.ignoreStaleGrad)
      throw staleError(wanted.filter((s) => !active.includes(s)));
    if (active.length > 0) this.#update(active, batchSize);
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
    const arrays: Operand[] = [];
    for (const slot of active) {
      const data = slot.parameter.data();
      arrays.push(data, gradientOf(data)!);
      for (const state of optimizer.states) arrays.push(stateOf(slot, state));
    }
    const numbers = scalarsOf(optimizer, active, groups, batchSize);
    applyUpdate(
      update,
      [...arrays, ...numbers.map((read) => hostScalar(read))],
      active[0]!.parameter.data().device,
    );
    onReplay(() => {
      const stale = active.filter((s) => !hasFreshGradient(s.parameter.data()));
      if (stale.length > 0) throw staleError(stale);
    });
    for (const slot of active) this.#finish(slot);
    mode.trace?.guards.push(() => this.#keyOf(active, groupsOf(active)) === key);
  }

  /** Marks the gradient as used and counts the update: now, or at each replay of the program being traced. */
  #finish(slot: Slot): void {
    const data = slot.parameter.data();
    const { trace } = mode;
    if (trace !== undefined) slot.traced = { trace, updates: tracedUpdates(slot) + 1 };
    onReplay(() => {
      slot.count++;
    });
    consumeGradient(data);
  }

  #keyOf(active: readonly Slot[], groups: readonly number[]): string {
    let key = this.optimizer.key();
    active.forEach(({ parameter: p }, i) => {
      key += `;${this.#slots.indexOf(active[i]!)} ${groups[i]} ${p.data().type.id}`;
      if (p.lrMult !== 1 || p.wdMult !== 1) key += ` ${p.lrMult} ${p.wdMult}`;
    });
    return key;
  }

  #build(active: readonly Slot[], groups: readonly number[]): Update {
    return updateOf(`${this.optimizer.name}.step`, (b) => {
      const arrays = active.map(({ parameter }) => {
        const { type } = parameter.data();
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
        for (const state of this.optimizer.states) stateOf(slot, state);
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

const stateOf = (slot: Slot, name: string): NDArray => {
  let state = slot.states.get(name);
  if (state === undefined) {
    const { shape, device } = slot.parameter.data();
    state = withMode({ trace: undefined, recording: false, taping: false }, () =>
      filled(tensor('float32', shape), 0, device),
    );
    slot.states.set(name, state);
  }
  return state;
};

const staleError = (slots: readonly Slot[]): Error => {
  const names = slots.slice(0, 3).map((s) => s.parameter.name);
  const more = slots.length > 3 ? ` and ${slots.length - 3} more` : '';
  return failure(
    'gradient',
    `trainer.step: no backward pass has written the gradient of ${names.join(', ')}${more} since the last step`,
    'call l.backward() on a recorded loss before each step; { ignoreStaleGrad: true } leaves such parameters as they are',
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
