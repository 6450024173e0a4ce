/**
 * Merges units that fusion left apart though they could share a loop nest: fewer launches, and data read once for all.
 *
 * Invariant: what is merged could be lowered as one and depends on itself through no other unit; new values of states
 * stay among themselves, for the optimizer is one kernel.
 */
import type { Node } from '../ir/graph/graph.ts';
import { sameShape } from '../ir/type.ts';
import { type Drafts, MAX_MEMBERS } from './drafts.ts';
import type { PassContext } from './pass.ts';
import { isNormOf } from './products.ts';
import type { Draft } from './shape-unit.ts';

/** Units that read the same data over the same domain, or each other's results in place, become one. */
export const mergeNeighbours = (
  drafts: Drafts,
  isUpdate: (draft: Draft) => boolean,
  context: PassContext,
): void => {
  const refused = new Set<string>();
  /** The two as one unit, unless they stay apart: then they do whatever others do. */
  const joined = (a: Draft, b: Draft): Draft | undefined => {
    if (!related(drafts, a, b) || isUpdate(a) !== isUpdate(b)) return undefined;
    if (drafts.illegal([a, b], undefined) !== undefined) return undefined;
    const merged = drafts.merged([a, b], undefined);
    const overfull = drafts.overfull(merged, undefined);
    if (overfull !== undefined)
      refused.add(`${namesOf(a)} and ${namesOf(b)} stay apart: ${overfull}`);
    if (overfull !== undefined || drafts.lowerable(merged, undefined) !== undefined)
      return undefined;
    drafts.replace([a, b], merged);
    return merged;
  };
  /** Those that read or store a value. */
  const touching = new Map<Node, Set<Draft>>();
  const touched = (draft: Draft): Set<Draft>[] =>
    [...draft.members, ...drafts.loadsOf(draft)].map((x) => {
      const others = touching.get(x) ?? new Set();
      touching.set(x, others);
      return others.add(draft);
    });
  /** Those that it has anything to do with. */
  const near = (draft: Draft): Set<Draft> => new Set(touched(draft).flatMap((set) => [...set]));
  let all = [...drafts.all].filter((d) => !d.loop && !d.scatter).sort((a, b) => a.id - b.id);
  /** Those that were held against all behind them. */
  const settled = new Set<Draft>();
  /** Puts `a` together with the first of `others` that it can be one with: that one is `all[at]` then. */
  const join = (at: number, others: readonly Draft[]): boolean => {
    const a = all[at]!;
    for (const b of others) {
      const one = joined(a, b);
      if (one === undefined) continue;
      all = all.flatMap((x) => (x === a ? one : x === b ? [] : x));
      return true;
    }
    return false;
  };
  const later = (at: number): Draft[] => {
    const around = near(all[at]!);
    return all.filter((b, i) => i > at && around.has(b));
  };
  all.forEach(touched);
  for (let at = 0; at < all.length; at++) {
    if (settled.has(all[at]!)) continue;
    while (join(at, later(at)))
      // those before it were held against its parts, not against it
      for (let before = 0, around = near(all[at]!); before < at; before++)
        if (around.has(all[before]!) && join(before, [all[at]!])) {
          at = before;
          before = -1;
          around = near(all[at]!);
        }
    settled.add(all[at]!);
  }
  for (const text of refused) context.note(text);
};

const namesOf = (draft: Draft): string =>
  draft.members.map((m) => `${m.op.name} [${m.type.shape.join(', ')}]`).join(', ');

/** Worth merging: one reads the other's result, or both read the same bytes over equal domains. */
const related = (drafts: Drafts, a: Draft, b: Draft): boolean => {
  if (a.members.length + b.members.length > MAX_MEMBERS) return false;
  const areProducts = a.contract !== undefined && b.contract !== undefined;
  if (areProducts && !isNormOf(a.contract, b.contract) && !isNormOf(b.contract, a.contract))
    return false;
  const areMaps = a.contract === undefined && b.contract === undefined;
  const loadsA = drafts.loadsOf(a);
  const loadsB = drafts.loadsOf(b);
  if (hasOneOf(loadsB, a.members) || hasOneOf(loadsA, b.members)) {
    if (drafts.holdsUp(a, b.members) || drafts.holdsUp(b, a.members)) return false;
    return areMaps || a.members[0]!.type.size === b.members[0]!.type.size;
  }
  if (!areMaps) return areProducts;
  if (!sameShape(a.members[0]!.type.shape, b.members[0]!.type.shape)) return false;
  for (const x of loadsA) if (loadsB.has(x) && x.type.size > 1) return true;
  return false;
};

const hasOneOf = (loads: ReadonlySet<Node>, members: readonly Node[]): boolean => {
  for (const member of members) if (loads.has(member)) return true;
  return false;
};
