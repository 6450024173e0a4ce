/**
 * Axes whose indices divide them (heads and units of attention as one axis, after a reshape) become two, so that vectors
 * can run along the inner one.
 *
 * Invariant: the nest means the same, in the same order; an axis is taken apart only where no index divides it any more.
 */
import { type Axis, type Idx, idxAdd, idxAxis, idxScale, newAxis } from '../ir/dim.ts';
import type { Nest } from '../ir/loop/loop.ts';
import { idxFree, indicesIn } from './analysis.ts';
import { storeOffset } from './normalize.ts';
import { rewriter } from './rewrite.ts';

/** Shorter inner axes are woven (`interleave.ts`) or not worth a vector. */
const LEAST_INNER = 8;

const isAxis = ({ terms, constant }: Idx, axis: Axis): boolean => {
  const [only, ...others] = terms;
  if (only === undefined || others.length > 0 || constant !== 0 || only.coef !== 1) return false;
  return only.atom.kind === 'axis' && only.atom.axis === axis;
};

/** What all indices divide `axis` by; `undefined` where none do, or not all by the same. */
const divisorOf = (indices: readonly Idx[], axis: Axis): number | undefined => {
  let by: number | undefined;
  for (const { terms } of indices)
    for (const { atom } of terms) {
      if (atom.kind !== 'div' && atom.kind !== 'mod') continue;
      if (!idxFree(atom.arg).has(axis)) continue;
      if (!isAxis(atom.arg, axis) || (by !== undefined && by !== atom.by)) return undefined;
      by = atom.by;
    }
  return by;
};

const apart = (nest: Nest, axis: Axis, by: number): Nest => {
  const outer = newAxis(axis.name, axis.extent / by, axis.kind);
  const inner = newAxis(axis.name, by, axis.kind);
  const both = idxAdd(idxScale(idxAxis(outer), by), idxAxis(inner));
  const { expr, idx } = rewriter({ axis: (a) => (a === axis ? both : undefined) });
  const two = (axes: readonly Axis[]): Axis[] =>
    axes.flatMap((a) => (a === axis ? [outer, inner] : [a]));
  const stores = nest.stores.map((s) => ({
    ...s,
    index: s.index.map(idx),
    value: expr(s.value),
    axes: two(s.axes),
    over: two(s.over),
  }));
  return { ...nest, axes: two(nest.axes), stores };
};

/** The nest with such axes taken apart. */
export const splitDivided = (nest: Nest): Nest => {
  const indices = [...indicesIn(nest.stores.map((s) => s.value)), ...nest.stores.map(storeOffset)];
  for (const axis of nest.axes) {
    const by = divisorOf(indices, axis);
    if (by === undefined || by < LEAST_INNER || axis.extent % by !== 0) continue;
    if (axis.extent > by) return splitDivided(apart(nest, axis, by));
  }
  return nest;
};
