/**
 * Which nests share a launch: updates of states, so that the optimizer is one kernel for the whole net, and what computes
 * the same on its way.
 *
 * Invariant: whatever shares a launch leaves an order for all launches: who reads the old value of a state still runs
 * before the launch that replaces it.
 */
import { readsOf, writesOf } from '../ir/loop/access.ts';
import type { LoopBuffer, Nest } from '../ir/loop/loop.ts';
import { hasOrder, type Unit as Launch } from './order.ts';
import type { Unit } from './units.ts';

export interface Placed {
  readonly unit: Unit;
  readonly nest: Nest;
}

/** What units read and write. */
export interface Accesses {
  readonly reads: ReadonlyMap<Unit, ReadonlySet<LoopBuffer>>;
  readonly writes: (unit: Unit) => readonly LoopBuffer[];
  /** States, but for those whose old value is read by nobody. */
  readonly existing: ReadonlySet<LoopBuffer>;
}

/** Those of `updates` that can be one launch beside the other units. */
export const launchedTogether = (
  updates: readonly Placed[],
  units: readonly Unit[],
  accesses: Accesses,
): readonly Placed[] => {
  const chosen = independent(updates);
  if (isOrderable(chosen, units, accesses)) return chosen;
  // Who reads a state that another launch needs replaced first is what launches may wait for in a circle.
  const inside = new Set(chosen.map((n) => n.unit));
  const readOutside = new Set(
    units.filter((u) => !inside.has(u)).flatMap((u) => [...accesses.reads.get(u)!]),
  );
  const quiet = chosen.filter(({ unit }) =>
    accesses.writes(unit).every((b) => !accesses.existing.has(b) || !readOutside.has(b)),
  );
  return isOrderable(quiet, units, accesses) ? quiet : chosen.slice(0, 1);
};

/** Those groups, each of which can be one launch beside all others. */
export const launchedInGroups = (
  groups: readonly (readonly Placed[])[],
  before: readonly (readonly Placed[])[],
  units: readonly Unit[],
  accesses: Accesses,
): readonly (readonly Placed[])[] => {
  const chosen: (readonly Placed[])[] = [];
  for (const group of groups)
    if (
      independent(group).length === group.length &&
      areOrderable([...before, ...chosen, group], units, accesses)
    )
      chosen.push(group);
  return chosen;
};

/** Those that neither read nor write what another of them writes. */
const independent = (nests: readonly Placed[]): Placed[] => {
  const chosen: Placed[] = [];
  const touched = new Map<number, 'read' | 'written'>();
  for (const n of nests) {
    const writes = writesOf(n.nest).map((b) => b.id);
    const loads = readsOf(n.nest).map((b) => b.id);
    if (writes.some((id) => touched.has(id)) || loads.some((id) => touched.get(id) === 'written'))
      continue;
    for (const id of loads) touched.set(id, touched.get(id) ?? 'read');
    for (const id of writes) touched.set(id, 'written');
    chosen.push(n);
  }
  return chosen;
};

const isOrderable = (
  chosen: readonly Placed[],
  units: readonly Unit[],
  accesses: Accesses,
): boolean => areOrderable([chosen], units, accesses);

/** Whether there is an order in which each group is one launch. */
const areOrderable = (
  groups: readonly (readonly Placed[])[],
  units: readonly Unit[],
  { reads, writes, existing }: Accesses,
): boolean => {
  const numbers = new Map<LoopBuffer, number>();
  const numberOf = (b: LoopBuffer): number => {
    const known = numbers.get(b) ?? numbers.size;
    numbers.set(b, known);
    return known;
  };
  const inside = new Set(groups.flatMap((group) => group.map((n) => n.unit)));
  const launchOf = (members: readonly Unit[]): Launch => ({
    reads: [...new Set(members.flatMap((u) => [...reads.get(u)!]))].map(numberOf),
    writes: members.flatMap((u) => writes(u).map(numberOf)),
  });
  const launches = [
    ...units.filter((u) => !inside.has(u)).map((u) => launchOf([u])),
    ...groups.map((group) => launchOf(group.map((n) => n.unit))),
  ];
  return hasOrder(
    launches,
    [...numbers.keys()].map((b) => existing.has(b)),
  );
};
