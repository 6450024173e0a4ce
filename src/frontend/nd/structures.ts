/**
 * What loops and branches go through: arrays in lists and plain objects, and that they stay what they are.
 *
 * Invariant: structures with equal keys differ in their arrays alone.
 */
import { showType } from '../../ir/type.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { mapArrays } from '../signature.ts';
import { stack } from './concat.ts';

/** Arrays in lists and plain objects, as deep as you like. */
export type Structure =
  | NDArray
  | null
  | undefined
  | readonly Structure[]
  | { readonly [name: string]: Structure };

/** The arrays of a structure, in order, and how to put others in their places. */
export interface Flat {
  readonly arrays: readonly NDArray[];
  /** Equal for structures that differ in their arrays alone. */
  readonly key: string;
  readonly with: (arrays: readonly NDArray[]) => unknown;
}

export const flat = (value: unknown): Flat => {
  const arrays: NDArray[] = [];
  const places = mapArrays(value, (x) => {
    arrays.push(x);
    return '%';
  });
  return {
    arrays,
    key: JSON.stringify(places) ?? 'undefined',
    with: (others) => {
      let next = 0;
      return mapArrays(value, () => others[next++]!);
    },
  };
};

export const checkStep = (name: string, result: unknown): readonly [unknown, unknown] => {
  if (Array.isArray(result) && result.length === 2) return [result[0], result[1]];
  throw failure(
    'value',
    `${name}: the body returned ${shown(result)}`,
    'return [outputs, states]: what the step gives, and the states for the next one',
  );
};

/** Throws unless states have the structure and the types that they had before. */
export const checkStates = (name: string, before: Flat, after: Flat): void => {
  if (before.key !== after.key)
    throw failure(
      'value',
      `${name}: the states are ${before.key} before a step and ${after.key} after it`,
      'return states in the structure in which they came (% is an array)',
    );
  before.arrays.forEach((x, i) => {
    const y = after.arrays[i]!;
    if (x.type !== y.type)
      throw failure(
        x.dtype === y.dtype ? 'shape' : 'dtype',
        `${name}: state ${i} is ${showType(x.type)} before a step and ${showType(y.type)} after it`,
        'a state keeps its shape and dtype',
      );
  });
};

/** What the steps gave, array by array. */
export const stacked = (name: string, steps: readonly Flat[]): unknown => {
  const [first] = steps;
  const odd = steps.find((s) => s.key !== first!.key);
  if (odd !== undefined)
    throw failure(
      'value',
      `${name}: one step gave ${first!.key}, another one ${odd.key}`,
      'return outputs of the same structure in each step (% is an array)',
    );
  return first!.with(
    first!.arrays.map((_, i) => inName(name, 'stack', () => stack(steps.map((s) => s.arrays[i]!)))),
  );
};
