/**
 * Merges units that fusion left apart though they could share a loop nest: fewer launches, and data read once for all.
 *
 * Invariant: what is merged could be lowered as one and depends on itself through no other unit; new values of states
 * stay among themselves, for the optimizer is one kernel.
 */
import { type Drafts, MAX_MEMBERS } from './drafts.ts';
import type { PassContext } from './pass.ts';
import { isNormOf } from './products.ts';
import type { Draft } from './shape-unit.ts';

/** Units that read the same data over the same domain, or each other's results in place, become one. */
export const mergeNeighbours = (
  drafts: Drafts,
  updates: (draft: Draft) => boolean,
  context: PassContext,
): void => {
  const refused = new Set<string>();
  /** Whether two units are one now; 'never' where nothing that others do can change that they are not. */
  const tryPair = (a: Draft, b: Draft): Draft | 'never' | 'later' => {
    if (!related(drafts, updates, a, b)) return 'never';
    if (drafts.illegal([a, b], undefined) !== undefined) return 'later';
    const merged = drafts.merged([a, b], undefined);
    const overfull = drafts.overfull(merged, undefined);
    if (overfull !== undefined)
      refused.add(`${namesOf(a)} and ${namesOf(b)} stay apart: ${overfull}`);
    if (overfull !== undefined || drafts.lowerable(merged, undefined) !== undefined) return 'never';
    drafts.replace([a, b], merged);
    return merged;
  };
  const byId = (a: Draft, b: Draft): number => a.id - b.id;
  let all = [...drafts.all].sort(byId);
  /** For each unit that was gone through, those after it that it may be one with yet. */
  const open = new Map<Draft, Draft[]>();
  for (let i = 0; i < all.length; i++) {
    const a = all[i]!;
    const later: Draft[] = [];
    let merged: Draft | undefined;
    for (const b of open.get(a) ?? all.slice(i + 1)) {
      if (!drafts.all.has(b)) continue;
      const found = tryPair(a, b);
      if (found === 'later') later.push(b);
      else if (found !== 'never') {
        merged = found;
        break;
      }
    }
    open.set(a, later);
    if (merged === undefined) continue;
    const now = merged;
    for (const before of all.slice(0, i)) open.set(before, [...open.get(before)!, now].sort(byId));
    all = all.flatMap((x) => (x === a ? now : drafts.all.has(x) ? x : []));
    i = -1;
  }
  for (const text of refused) context.note(text);
};

const namesOf = (draft: Draft): string =>
  draft.members.map((m) => `${m.op.name} [${m.type.shape.join(', ')}]`).join(', ');

/** Worth merging: one reads the other's result, or both read the same bytes over equal domains. */
const related = (
  drafts: Drafts,
  updates: (draft: Draft) => boolean,
  a: Draft,
  b: Draft,
): boolean => {
  if (a.contract !== undefined && b.contract !== undefined)
    if (!isNormOf(a.contract, b.contract) && !isNormOf(b.contract, a.contract)) return false;
  if (
    a.loop ||
    b.loop ||
    a.scatter ||
    b.scatter ||
    a.members.length + b.members.length > MAX_MEMBERS
  )
    return false;
  if (updates(a) !== updates(b)) return false;
  const loadsA = drafts.loadsOf(a);
  const loadsB = drafts.loadsOf(b);
  if (a.members.some((m) => loadsB.has(m)) || b.members.some((m) => loadsA.has(m))) {
    if (drafts.holdsUp(a, b.members) || drafts.holdsUp(b, a.members)) return false;
    return (
      a.members[0]!.type.size === b.members[0]!.type.size ||
      (a.contract === undefined && b.contract === undefined)
    );
  }
  if (a.contract !== undefined && b.contract !== undefined) return true;
  if (a.contract !== undefined || b.contract !== undefined) return false;
  if (a.members[0]!.type.shape.join() !== b.members[0]!.type.shape.join()) return false;
  for (const x of loadsA) if (loadsB.has(x) && x.type.size > 1) return true;
  return false;
};
