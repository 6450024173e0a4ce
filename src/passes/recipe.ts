/**
 * How a graph is to be compiled: by what the user asked for, and by what its caller knows of its inputs.
 *
 * Invariant: plain data; equal recipes have equal keys, and the usual one has an empty key.
 */
import { keyOf, NOTHING, type Without } from './switches.ts';

export interface Recipe {
  /** Passes that are left out. */
  readonly without: Without;
  /** Inputs that are likely to be the same arrays, unchanged, call after call: by number. Default: none. */
  readonly held?: readonly number[];
  /** Whether schedules are measured where several promise much the same. */
  readonly tune: boolean;
}

export const PLAIN: Recipe = { without: NOTHING, tune: false };

/** A part of keys. */
export const recipeKey = ({ without, tune, held = [] }: Recipe): string =>
  keyOf(without) + (tune ? ' tuned' : '') + (held.length > 0 ? ` held ${held.join(' ')}` : '');
