/**
 * Recomputation: a part of a recorded program keeps its arguments only, and is computed again when gradients need it.
 *
 * Invariant: the second run draws the same random numbers and has no effects (running statistics change once), so
 * gradients are those of the plain call.
 */

import { isFloat } from '../ir/dtype.ts';
import { again } from '../ir/graph/ops/view.ts';
import { flow } from './backprop.ts';
import { mode, withMode } from './mode.ts';
import { aliasOf, type NDArray } from './ndarray.ts';
import { checkFunction } from './options.ts';
import { withDrawsKept } from './random/state.ts';
import { scope, scoped } from './scope.ts';
import { mapArrays } from './signature.ts';
import { filledIn, slotted } from './slots.ts';
import {
  forget,
  nextEntry,
  type Origin,
  originOf,
  push,
  snapshot,
  type TapeEntry,
} from './tape.ts';
import { NeedsTape } from './trace.ts';

/**
 * `fn(...args)`, of which only the arguments (arrays of any shapes and dtypes, also in lists and objects, and other
 * values) are kept for backward: it is run again then. Saves the memory of what is computed inside for the time of
 * running it twice. Arrays made inside are freed unless they are in the result. Inside hybridized functions it is the
 * compiler that computes again what depends on the arguments.
 *
 * @throws {ValueError} unless `fn` is a function, and when it returns a promise
 *
 * @example
 * const out = autograd.record(() => checkpoint((h) => net.output(net.features(h)), x));
 */
export const checkpoint = <A extends unknown[], R>(fn: (...args: A) => R, ...args: A): R => {
  checkFunction('checkpoint', fn, 'write checkpoint(f, x)');
  const { trace, training, autocast } = mode;
  // Loops compute their steps again anyway.
  if (!mode.recording || mode.repeating || trace?.inside !== undefined) return fn(...args);
  if (trace !== undefined && !mode.taping) throw new NeedsTape();
  const first = nextEntry();
  const { result, again: withSameDraws } = withDrawsKept(() =>
    scoped('checkpoint', 'do the awaiting outside', () => fn(...args)),
  );
  const made = outputsIn(result, first);
  const { entries, sources } = historyOf(made, first);
  if (sources.length === 0) return result;
  // What goes on the tape in place of the calls inside: its results are handles of their own.
  const results = made.map((y) => (trace === undefined ? aliasOf(y) : trace.wrap(trace.nodeOf(y))));
  const kept: NDArray[] = [];
  const structure = slotted(args, kept);
  const repeat = (dys: readonly (NDArray | undefined)[], create: boolean) => {
    const given = entry.saved as readonly NDArray[];
    const heads = withMode(
      { recording: true, taping: true, training, autocast, repeating: true, monitor: undefined },
      () => {
        const repeated = filledIn(structure, given.map(apart)) as A;
        const results = outputsIn(
          withSameDraws(() => fn(...repeated)),
          first,
        );
        return results.map((y, i) => ({ origin: originOf(y)!, dy: dys[i]! }));
      },
    );
    const gradients = flow(heads, new Set(sources), { retain: create, create });
    return sources.map((origin) => gradients.get(origin));
  };
  const run = (dys: readonly (NDArray | undefined)[]): readonly (NDArray | undefined)[] => {
    const create = mode.taping;
    return create ? repeat(dys, true) : scope(() => repeat(dys, false));
  };
  const saved = kept.map((x) => snapshot(x) as NDArray);
  for (const inner of entries) forget(inner);
  const entry = push({ kind: 'custom', run, owned: true }, 'checkpoint', sources, results);
  entry.saved = saved;
  mode.scope?.push(...results);
  return replaced(result, made, results) as R;
};

/** A handle to compute with a second time: inside a trace, through a node that keeps both times apart. */
const apart = (x: NDArray): NDArray => {
  const { trace } = mode;
  const copy =
    trace === undefined ? aliasOf(x) : trace.wrap(trace.builder.emit(again, [trace.nodeOf(x)], {}));
  copy.origin = x.origin;
  return copy;
};

/** The arrays in `result` that were computed since `first`, each once. */
const outputsIn = (result: unknown, first: number): NDArray[] => {
  const found: NDArray[] = [];
  mapArrays(result, (y) => {
    const inside = isFloat(y.dtype) && madeSince(first, originOf(y));
    if (inside && !found.includes(y)) found.push(y);
    return y;
  });
  return found;
};

const madeSince = (first: number, origin: Origin | undefined): boolean =>
  origin?.kind === 'produced' && origin.entry.id >= first;

/** The calls since `first` that `results` depend on, and where gradients leave them. */
const historyOf = (
  results: readonly NDArray[],
  first: number,
): { readonly entries: ReadonlySet<TapeEntry>; readonly sources: readonly Origin[] } => {
  const entries = new Set<TapeEntry>();
  const sources = new Set<Origin>();
  const stack = results.map((y) => originOf(y));
  for (let origin = stack.pop(); stack.length > 0 || origin !== undefined; origin = stack.pop()) {
    if (origin === undefined) continue;
    if (origin.kind !== 'produced' || origin.entry.id < first) sources.add(origin);
    else if (!entries.has(origin.entry)) {
      entries.add(origin.entry);
      stack.push(...origin.entry.inputs);
    }
  }
  return { entries, sources: [...sources] };
};

const replaced = (value: unknown, from: readonly NDArray[], to: readonly NDArray[]): unknown =>
  mapArrays(value, (x) => {
    const i = from.indexOf(x);
    if (i < 0) return x;
    if (mode.trace === undefined) x.dispose();
    return to[i];
  });
