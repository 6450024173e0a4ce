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
  // what two units have in common, and what they would be as one, hangs on no other unit: asked once a pair
  const apart = new Map<Draft, Set<Draft>>();
  const keepApart = (a: Draft, b: Draft): void => {
    const known = apart.get(a);
    if (known === undefined) apart.set(a, new Set([b]));
    else known.add(b);
  };
  for (let again = true; again; ) {
    again = false;
    const all = [...drafts.all].sort((a, b) => a.id - b.id);
    search: for (const a of all)
      for (const b of all) {
        if (a.id >= b.id || apart.get(a)?.has(b) === true) continue;
        if (!related(drafts, updates, a, b)) {
          keepApart(a, b);
          continue;
        }
        if (drafts.illegal([a, b], undefined) !== undefined) continue;
        const merged = drafts.merged([a, b], undefined);
        const overfull = drafts.overfull(merged, undefined);
        if (overfull !== undefined)
          refused.add(`${namesOf(a)} and ${namesOf(b)} stay apart: ${overfull}`);
        if (overfull !== undefined || drafts.lowerable(merged, undefined) !== undefined) {
          keepApart(a, b);
          continue;
        }
        drafts.replace([a, b], merged);
        again = true;
        break search;
      }
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
