/**
 * Decides about reductions and contractions: with their consumers in one unit, or stored.
 *
 * Invariant: a reduction that joins its consumers is computed once a row of them; a contraction that does ends its unit's
 * sums.
 */
import type { Node } from '../ir/graph/graph.ts';
import {
  describe,
  type Fusing,
  keepsApart,
  keptForOptimizer,
  tryMerge,
  updatesTooMany,
} from './fusing.ts';
import type { Draft } from './shape-unit.ts';

/** A reduction joins its consumers when it can be computed once per row of them. */
export const decideReduce = (f: Fusing, node: Node, homes: Set<Draft>): void => {
  const forOptimizer = homes.size > 0 && [...homes].every((d) => keepsApart(f, d, node));
  if (forOptimizer) f.context.note(keptForOptimizer(node));
  else if (homes.size > 1) {
    if (tryMerge(f, homes, node)) return;
  } else {
    const [home] = homes;
    if (home !== undefined && tryInline(f, node, home)) return;
  }
  f.drafts.store(node);
};

const tryInline = (f: Fusing, node: Node, home: Draft): boolean => {
  const reason = f.drafts.lowerable(home, node);
  if (reason !== undefined) {
    f.context.note(`${describe(node)} is stored: ${reason}`);
    return false;
  }
  f.drafts.inline(node, new Set([home]));
  return true;
};

/** A contraction takes its consumers as epilogue when they use it element for element. */
export const decideContract = (f: Fusing, node: Node, homes: Set<Draft>): void => {
  const drafts = [...homes];
  const forOptimizer = drafts.some((d) => keepsApart(f, d, node)) || updatesTooMany(f, node);
  if (
    drafts.length > 0 &&
    !forOptimizer &&
    drafts.every((d) => !d.loop && d.contract === undefined)
  ) {
    const merged = f.drafts.merged(drafts, node);
    const reason = f.drafts.illegal(drafts, node) ?? f.drafts.lowerable(merged, node);
    if (reason === undefined) {
      f.drafts.replace(drafts, merged);
      f.drafts.inline(node, new Set([merged]));
      return;
    }
    f.context.note(`${describe(node)} keeps its result apart: ${reason}`);
  } else if (forOptimizer) f.context.note(keptForOptimizer(node));
  storeWithEpilogue(f, node);
};

/** Stores, instead of the contraction's result, what the maps that only it feeds make of it (bias, activation). */
const storeWithEpilogue = (f: Fusing, node: Node): void => {
  let last = node;
  for (;;) {
    const users = f.users.get(last)!;
    const next = users[0];
    if (users.length !== 1 || next === undefined || next.op.kind !== 'map') break;
    if (f.drafts.draftOf.has(next) || next.type.shape.join() !== node.type.shape.join()) break;
    last = next;
  }
  for (; last !== node; last = last.inputs.find((x) => feeds(node, x))!)
    if (f.drafts.tryEpilogue(last, node)) return;
  f.drafts.store(node);
};

/** Whether `node` is `from` or computed from it by maps alone. */
const feeds = (from: Node, node: Node): boolean =>
  node === from || (node.op.kind === 'map' && node.inputs.some((x) => feeds(from, x)));
