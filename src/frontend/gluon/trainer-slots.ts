/**
 * What a trainer keeps for each parameter: states of the optimizer, and how often it was updated.
 *
 * Invariant: states are made when they are first asked for and are where the parameter's copies are; updates count when
 * they happen, in a program at each replay.
 */
import { namesOf } from '#several';
import { summedIn } from '../../ir/dtype.ts';
import { tensor } from '../../ir/type.ts';
import { consumeGradient, hasFreshGradient } from '../autograd.ts';
import { copyOf } from '../callable.ts';
import { failure } from '../callsite.ts';
import { mode, withMode } from '../mode.ts';
import { filled } from '../nd/filled.ts';
import { astype } from '../nd/math.ts';
import type { NDArray } from '../ndarray.ts';
import { onReplay, type Trace } from '../trace.ts';
import type { Optimizer, State } from './optim/optimizer.ts';
import type { Parameter } from './parameter.ts';
import { type StepScaling, scalarsAt, statesFor } from './trainer-step.ts';

/** A parameter with what the optimizer keeps for it. */
export interface Slot {
  readonly parameter: Parameter;
  /** By name, one for each copy of the parameter. */
  readonly states: Map<string, readonly NDArray[]>;
  /** Updates so far. */
  count: number;
  /** `states` in the order of the step's operands, as long as the optimizer and the parameter are as they were. */
  operands:
    | {
        readonly key: string;
        readonly copies: readonly NDArray[];
        readonly states: readonly (readonly NDArray[])[];
      }
    | undefined;
  /** Updates in the trace at work, which will happen at each replay. */
  traced: { readonly trace: Trace; updates: number } | undefined;
}

/** What is kept for a parameter, in the order of its states: each one array for each copy. */
export const statesOf = (
  slot: Slot,
  optimizer: Optimizer,
  key: string = optimizer.key(),
): readonly (readonly NDArray[])[] => {
  const { parameter, operands } = slot;
  const copies = parameter.listData();
  if (operands?.key === key && operands.copies === copies) return operands.states;
  const states = statesFor(optimizer, parameter).map((state) => stateOf(slot, state));
  slot.operands = { key, copies, states };
  return states;
};

/** Marks the gradients as used and counts the update: now, or at each replay of the program being traced. */
export const finishStep = (slot: Slot): void => {
  const { trace } = mode;
  if (trace !== undefined) slot.traced = { trace, updates: tracedUpdates(slot) + 1 };
  onReplay(() => {
    slot.count++;
  });
  for (const data of slot.parameter.listData()) consumeGradient(data);
};

/** Reads all scalars of a step: those of each group, then those of the scaler. At this step or at each replay. */
export const scalarsOf = (
  optimizer: Optimizer,
  active: readonly Slot[],
  groups: readonly number[],
  batchSize: number,
  scaling: StepScaling | undefined,
): (() => number[]) => {
  const ahead = active.map((slot) => tracedUpdates(slot) + 1);
  const firsts = Array.from({ length: Math.max(...groups) + 1 }, (_, g) => groups.indexOf(g));
  return () => {
    const counts = active.map((slot, i) => slot.count + ahead[i]!);
    const latest = Math.max(...counts);
    return [
      ...firsts.flatMap((i) =>
        scalarsAt(optimizer, batchSize, counts[i]!, latest, scaling !== undefined),
      ),
      ...(scaling?.numbers() ?? []),
    ];
  };
};

/** Updates of the slot that the trace at work has already made. */
const tracedUpdates = (slot: Slot): number =>
  mode.trace !== undefined && slot.traced?.trace === mode.trace ? slot.traced.updates : 0;

/** Parameters updated equally often and computed in one dtype share their scalars: the group of each. */
export const groupsOf = (active: readonly Slot[]): number[] => {
  const known: string[] = [];
  return active.map(({ count, parameter }) => {
    const kind = `${count} ${summedIn(parameter.dtype)}`;
    const group = known.indexOf(kind);
    return group >= 0 ? group : known.push(kind) - 1;
  });
};

/** What the optimizer keeps as `state` for each copy of a parameter. */
const stateOf = (slot: Slot, { name, shape, from }: State): readonly NDArray[] => {
  const copies = slot.parameter.listData();
  let states = slot.states.get(name);
  if (states === undefined) {
    const dtype = summedIn(copies[0]!.dtype);
    const type = tensor(dtype, shape);
    states = withMode(OUTSIDE, () =>
      copies.map((x) => (from === 'weight' ? copyOf(astype(x, dtype)) : filled(type, 0, x.device))),
    );
    slot.states.set(name, states);
  }
  if (states.length === copies.length && states.every((s, i) => s.device === copies[i]!.device))
    return states;
  const namesFor = (arrays: readonly NDArray[]): string => namesOf(arrays.map((x) => x.device));
  throw failure(
    'device',
    `Trainer: ${slot.parameter.name} has gone from ${namesFor(states)} to ${namesFor(copies)}`,
    'make a new trainer once parameters are moved or initialized anew; saveStates and loadStates take its states along',
  );
};

const OUTSIDE = { trace: undefined, scope: undefined, recording: false, taping: false } as const;

/** Whether a backward pass has written its gradient; sums over devices are written on all of them. */
export const isFresh = ({ parameter }: Slot): boolean => hasFreshGradient(parameter.listData()[0]!);

export const staleError = (slots: readonly Slot[]): Error => {
  const names = slots.slice(0, 3).map((s) => s.parameter.name);
  const more = slots.length > 3 ? ` and ${slots.length - 3} more` : '';
  return failure(
    'gradient',
    `trainer.step: no backward pass has written the gradient of ${names.join(', ')}${more} since the last step`,
    'call l.backward() on a recorded loss before each step; { ignoreStaleGrad: true } leaves such parameters as they are',
  );
};
