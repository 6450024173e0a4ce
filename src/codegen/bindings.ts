/**
 * Keeps what a launch binds within what the device allows: nests that share launches are shared out.
 *
 * Invariant: each nest is in one launch; scalars bind nothing.
 */
import { buffersOf } from '../ir/loop/access.ts';
import type { LoopBuffer, Nest } from '../ir/loop/loop.ts';

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
