/**
 * Keeps what a launch binds within what the device allows: nests that share launches are shared out, and a nest that
 * only chooses among many arrays is cut where the choice changes.
 *
 * Invariant: each element is stored once, by one of the launches; scalars bind nothing.
 */

import { type Axis, type Idx, idxAxis, idxOffset, newAxis } from '../ir/dim.ts';
import { buffersOf, loadedBy } from '../ir/loop/access.ts';
import type { Expr, LoopBuffer, Nest } from '../ir/loop/loop.ts';
import { rewriter } from './rewrite.ts';

export interface Bindings {
  readonly most: number;
  /** Whether a buffer needs a binding: all do but scalars. */
  takesOne(buffer: LoopBuffer): boolean;
}

/** How many buffers a launch of `nests` binds. */
export const countBindings = (nests: readonly Nest[], { takesOne }: Bindings): number =>
  buffersOf(nests).filter(takesOne).length;

/**
 * Shares nests out among as few launches as can be found: largest first, each where it has most in common with what is
 * there already.
 */
export const shareOut = <T extends { readonly nest: Nest }>(
  items: readonly T[],
  bindings: Bindings,
): T[][] => {
  const { most, takesOne } = bindings;
  const all = items.map((item) => item.nest);
  if (items.length === 0) return [];
  if (countBindings(all, bindings) <= most) return [items.slice()];
  const needs = new Map(items.map((x) => [x, buffersOf([x.nest]).filter(takesOne)]));
  const bins: { readonly items: T[]; readonly bound: Set<number> }[] = [];
  const largestFirst = items.toSorted((a, b) => needs.get(b)!.length - needs.get(a)!.length);
  for (const item of largestFirst) {
    const own = needs.get(item)!;
    const fresh = (bound: ReadonlySet<number>): number =>
      own.filter((b) => !bound.has(b.id)).length;
    const open = bins.filter(({ bound }) => bound.size + fresh(bound) <= most);
    let bin = open.reduce<(typeof bins)[number] | undefined>(
      (best, b) => (best === undefined || fresh(b.bound) < fresh(best.bound) ? b : best),
      undefined,
    );
    if (bin === undefined) {
      bin = { items: [], bound: new Set() };
      bins.push(bin);
    }
    bin.items.push(item);
    for (const b of own) bin.bound.add(b.id);
  }
  return bins.map((bin) => bin.items);
};

/** A value that is one of several along an axis, as `concat` makes it: where each ends, and what it reads. */
interface Choice {
  readonly axis: Axis;
  readonly parts: readonly { readonly end: number; readonly reads: readonly LoopBuffer[] }[];
}

const choiceOf = (value: Expr): Choice | undefined => {
  const parts: { end: number; reads: LoopBuffer[] }[] = [];
  let axis: Axis | undefined;
  let rest = value;
  while (rest.kind === 'guard') {
    const [bound, another] = rest.bounds;
    const along = axisOf(bound!.idx);
    if (another !== undefined || along === undefined || bound!.lo !== 0) break;
    if (axis !== undefined && along !== axis) break;
    axis = along;
    parts.push({ end: bound!.hi, reads: loadedBy([rest.then]) });
    rest = rest.otherwise;
  }
  if (axis === undefined) return undefined;
  parts.push({ end: axis.extent, reads: loadedBy([rest]) });
  return { axis, parts };
};

const axisOf = (idx: Idx): Axis | undefined => {
  const [term, another] = idx.terms;
  const alone = another === undefined && idx.constant === 0 && term?.coef === 1;
  return alone && term.atom.kind === 'axis' ? term.atom.axis : undefined;
};

/** The nest as one that fits or several that do, each with a range of the axis along which its only value is chosen. */
export const cutToFit = (nest: Nest, bindings: Bindings): Nest[] => {
  const [store] = nest.stores;
  if (countBindings([nest], bindings) <= bindings.most || store === undefined) return [nest];
  const choice =
    (nest.contract ?? nest.attend ?? nest.running ?? nest.stores[1])
      ? undefined
      : choiceOf(store.value);
  if (choice === undefined) return [nest];
  const cuts: number[] = [];
  let end = 0;
  let bound = new Set<number>();
  for (const part of choice.parts) {
    const own = part.reads.filter(bindings.takesOne).map((b) => b.id);
    const together = new Set([...bound, ...own]);
    const fits = together.size + 1 <= bindings.most;
    if (!fits && end > 0) cuts.push(end);
    bound = fits ? together : new Set(own);
    end = part.end;
  }
  const { axis } = choice;
  return [...cuts, axis.extent].map((to, i) => range(nest, axis, cuts[i - 1] ?? 0, to));
};

/** The part of a nest where `axis` lies in `from..to - 1`. */
const range = (nest: Nest, axis: Axis, from: number, to: number): Nest => {
  const own = newAxis(axis.name, to - from, axis.kind);
  const at = idxOffset(idxAxis(own), from);
  const { expr, idx } = rewriter({ axis: (a) => (a === axis ? at : undefined) });
  const inside = (axes: readonly Axis[]): Axis[] =>
    axes.map((a) => (a === axis ? own : a)).filter((a) => a.extent !== 1);
  return {
    axes: inside(nest.axes),
    stores: nest.stores.map((s) => ({
      ...s,
      index: s.index.map(idx),
      value: expr(s.value),
      axes: inside(s.axes),
    })),
    contract: undefined,
  };
};
