/**
 * Structures of arrays with numbers in place of the arrays: what a compiled call returns, before it has run.
 *
 * Invariant: a slot never leaves a plan: users see the arrays that are put in its place.
 */
import { isNDArray, type NDArray } from './ndarray.ts';
import { mapArrays } from './signature.ts';

/** Stands for an array of a list. */
export class Slot {
  readonly index: number;
  constructor(index: number) {
    this.index = index;
  }
}

/** `value` with its arrays moved to `arrays`, and slots in their place. */
export const slotted = (value: unknown, arrays: NDArray[]): unknown =>
  mapArrays(value, (x) => {
    arrays.push(x);
    return new Slot(arrays.length - 1);
  });

/** The structure with arrays in place of the slots. */
export const filledIn = (structure: unknown, arrays: readonly NDArray[]): unknown => {
  if (structure instanceof Slot) return arrays[structure.index];
  if (isNDArray(structure) || typeof structure !== 'object' || structure === null) return structure;
  if (Array.isArray(structure)) return structure.map((item) => filledIn(item, arrays));
  const prototype = Object.getPrototypeOf(structure);
  if (prototype !== Object.prototype && prototype !== null) return structure;
  return Object.fromEntries(
    Object.entries(structure).map(([name, item]) => [name, filledIn(item, arrays)]),
  );
};
