/**
 * Walks the tape backwards: gradients flow from heads to the leaves, each recorded call handled once, latest first.
 *
 * Invariant: handles in `sums` belong to the walk alone, so it gives their memory back as soon as they are used; with
 * `createGraph` the walk's own calls are recorded like any others.
 */
import type { Device } from '../runtime/device.ts';
import { call2, callGraph } from './call.ts';
import { failure } from './callsite.ts';
import { type Backward, backwardOf } from './differentiate.ts';
import type { Layout } from './layout.ts';
import { mode, withMode } from './mode.ts';
import { addition } from './nd/arithmetic.ts';
import { filled } from './nd/filled.ts';
import { aliasOf, type NDArray, type Operand } from './ndarray.ts';
import { forget, type Origin, originOf, type TapeEntry } from './tape.ts';

export interface FlowOptions {
  /** Keep what the tape saved, for another backward. */
  readonly retain: boolean;
  /** Record the walk, so that the gradients can be differentiated. */
  readonly create: boolean;
}

export interface Head {
  readonly origin: Origin;
  readonly dy: NDArray;
}

/**
 * Gradients of the sum of `heads · dys` with respect to the leaves that they depend on and to results whose gradients are
 * kept, or, when `wanted` is given, with respect to those origins alone.
 */
export const flow = (
  heads: readonly Head[],
  wanted: ReadonlySet<Origin> | undefined,
  options: FlowOptions,
): Map<Origin, NDArray> =>
  withMode({ recording: options.create, taping: options.create }, () => {
    const sums = new Map<Origin, NDArray>();
    for (const { origin, dy } of heads) accumulate(sums, origin, own(dy));
    const entries = reachable(heads.map((h) => h.origin));
    const relevant = wanted === undefined ? undefined : leadingTo(entries, wanted);
    for (let i = entries.length - 1; i >= 0; i--) {
      const entry = entries[i]!;
      if (relevant !== undefined && !relevant.has(entry)) continue;
      const dys = entry.results.map((r) => sums.get(r));
      if (dys.every((dy) => dy === undefined)) continue;
      const wants = entry.inputs.map(
        (o) => o !== undefined && (relevant === undefined || wanted!.has(o) || leads(o, relevant)),
      );
      const gradients = pull(entry, dys, wants, options.create);
      gradients.forEach((g, k) => {
        const origin = entry.inputs[k];
        if (g !== undefined && origin !== undefined && wants[k]) accumulate(sums, origin, g);
      });
      for (const r of entry.results) {
        if (wanted === undefined ? r.kept !== undefined : wanted.has(r)) continue;
        const { pullback } = entry;
        if ((pullback.kind === 'graph' || pullback.owned) && !options.create)
          sums.get(r)?.dispose();
        sums.delete(r);
      }
      if (!options.retain) forget(entry);
    }
    return sums;
  });

/** A handle of our own to an array that somebody else may hold. */
const own = (x: NDArray): NDArray => {
  const { trace } = mode;
  const copy = trace === undefined ? aliasOf(x) : trace.wrap(trace.nodeOf(x));
  copy.origin = originOf(x);
  return copy;
};

const accumulate = (sums: Map<Origin, NDArray>, origin: Origin, g: NDArray): void => {
  const before = sums.get(origin);
  if (before === undefined) sums.set(origin, g);
  else {
    sums.set(origin, call2(addition, before, g, before.layout, g.layout));
    if (!mode.taping) {
      before.dispose();
      g.dispose();
    }
  }
};

/** Entries that the origins depend on, oldest first. */
const reachable = (origins: readonly Origin[]): TapeEntry[] => {
  const seen = new Set<TapeEntry>();
  const stack = origins.flatMap((o) => (o.kind === 'produced' ? [o.entry] : []));
  for (let entry = stack.pop(); entry !== undefined; entry = stack.pop()) {
    if (seen.has(entry)) continue;
    seen.add(entry);
    for (const origin of entry.inputs)
      if (origin?.kind === 'produced' && !seen.has(origin.entry)) stack.push(origin.entry);
  }
  return [...seen].sort((a, b) => a.id - b.id);
};

const leads = (origin: Origin, relevant: ReadonlySet<TapeEntry>): boolean =>
  origin.kind === 'produced' && relevant.has(origin.entry);

/** Entries (given oldest first) from which one of `wanted` can be reached. */
const leadingTo = (
  entries: readonly TapeEntry[],
  wanted: ReadonlySet<Origin>,
): ReadonlySet<TapeEntry> => {
  const relevant = new Set<TapeEntry>();
  for (const entry of entries)
    if (entry.inputs.some((o) => o !== undefined && (wanted.has(o) || leads(o, relevant))))
      relevant.add(entry);
  return relevant;
};

const zeros = (layout: Layout): NDArray => filled(layout.type, 0, layout.device);

const pull = (
  entry: TapeEntry,
  dys: readonly (NDArray | undefined)[],
  wants: readonly boolean[],
  create: boolean,
): readonly (NDArray | undefined)[] => {
  const { pullback, saved } = entry;
  if (saved === undefined)
    throw failure(
      'gradient',
      `backward: the values saved by ${entry.name} were freed by an earlier backward`,
      'pass { retainGraph: true } to all but the last backward, or record again',
    );
  if (pullback.kind === 'custom')
    return pullback
      .run(dys.map((dy, i) => dy ?? zeros(entry.layouts[i]!)))
      .map((g) => (g === undefined || pullback.owned ? g : own(g)));
  const { callable } = pullback;
  const { device } = entry.layouts[0]!;
  const backward =
    create && callable.exact !== undefined
      ? callable.exact()
      : backwardOf(callable, bits(wants), bits(dys.map((dy) => dy !== undefined)));
  return runBackward(entry, backward, dys, device);
};

const bits = (flags: readonly boolean[]): string => flags.map((f) => (f ? '1' : '0')).join('');

const runBackward = (
  entry: TapeEntry,
  backward: Backward,
  dys: readonly (NDArray | undefined)[],
  device: Device,
): readonly (NDArray | undefined)[] => {
  if (backward.callable === undefined) return [];
  const made: NDArray[] = [];
  const operands = backward.takes.map(({ from, index }): Operand => {
    if (from === 'input') return entry.saved![index]!;
    if (from === 'output') return entry.saved![entry.inputs.length + index]!;
    const dy = dys[index];
    if (dy !== undefined) return dy;
    const zero = zeros(entry.layouts[index]!);
    made.push(zero);
    return zero;
  });
  const gradients = callGraph(backward.callable, operands, device);
  if (!mode.taping) for (const zero of made) zero.dispose();
  return backward.gives.map((i) => (i < 0 ? undefined : gradients[i]));
};
