/**
 * How a graph is to be compiled: by what the user asked for.
 *
 * Invariant: plain data; equal recipes have equal keys, and the usual one has an empty key.
 */
import { keyOf, NOTHING, type Without } from './switches.ts';

export interface Recipe {
  /** Passes that are left out. */
  readonly without: Without;
  /** Whether schedules are measured where several promise much the same. */
  readonly tune: boolean;
}

export const PLAIN: Recipe = { without: NOTHING, tune: false };

/** A part of keys. */
export const recipeKey = ({ without, tune }: Recipe): string =>
  keyOf(without) + (tune ? ' tuned' : '');
