/**
 * Decides about maps, gathers and windows: computed again wherever they are needed, or stored once.
 *
 * Invariant: what is computed in place can be lowered there, and binds no more than a launch may.
 */
import type { Node } from '../ir/graph/graph.ts';
import type { Expr } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';
import { describe, type Fusing, isWindow, mayMerge, tryMerge } from './fusing.ts';
import { isLongJoin } from './fusion-model.ts';
import { CannotLower } from './lower.ts';
import type { Draft } from './shape-unit.ts';

/** At most this many distinct expressions in a nest for the sake of a concat. */
const MAX_CODE = 96;

/** Cheap values are recomputed in every unit that needs them; dear ones are stored once. */
export const decideMap = (f: Fusing, node: Node, homes: Set<Draft>): void => {
  const size = node.type.size;
  const evaluations = f.evaluations.get(node)!;
  const cost = f.costs.get(node)!;
  const { access, again: launch, trifle } = f.grain;
  const again = cost * evaluations;
  const once = cost * size + access * (2 * size + evaluations);
  const twice = evaluations <= (isWindow(node) ? 1 : 2) * size;
  if (isLongJoin(node)) {
    f.context.note(`${describe(node)} is stored: it joins ${node.inputs.length} arrays`);
    f.drafts.store(node);
    return;
  }
  if (node.op.name === 'concat' && [...homes].some((h) => codeSize(f, h, node) > MAX_CODE)) {
    f.context.note(`${describe(node)} is stored: choosing among its parts again and again`);
    f.drafts.store(node);
    return;
  }
  if (f.together.has(node)) {
    f.drafts.inline(node, homes);
    return;
  }
  const tooMuch = overfull(f, homes, node);
  if (tooMuch !== undefined && inlineWithCone(f, node, homes)) return;
  if (tooMuch !== undefined) {
    f.context.note(`${describe(node)} is stored: ${tooMuch}`);
    f.drafts.store(node);
    return;
  }
  const inOneUnit = homes.size === 1 && (twice || again - once < launch);
  if (inOneUnit || again <= 1.1 * once || again - once < trifle) {
    f.drafts.inline(node, homes);
    return;
  }
  if (homes.size > 1 && mayMerge(homes) && savesWork(f, homes, node) && tryMerge(f, homes, node))
    return;
  f.context.note(
    `${describe(node)} is stored: ${homes.size} kernels need it and computing it again costs ${Math.round(again / once)}x`,
  );
  f.drafts.store(node);
};

/** Why `node` cannot be computed in place, if it brings a unit more operands than its launch may bind. */
const overfull = (f: Fusing, homes: Set<Draft>, node: Node): string | undefined => {
  if (node.inputs.length < 2) return undefined;
  for (const home of homes) {
    const reason = f.drafts.overfull(home, node);
    if (reason !== undefined) return reason;
  }
  return undefined;
};

/**
 * Computes `node` in place with all maps that are needed nowhere else: a formula has many intermediate values, which
 * would be too many operands, and is made of few. False where that is too many, too.
 */
const inlineWithCone = (f: Fusing, node: Node, homes: Set<Draft>): boolean => {
  const [home, another] = homes;
  if (home === undefined || another !== undefined) return false;
  const cone = new Set([node]);
  const isIn = (user: Node): boolean => {
    const draft = f.drafts.draftOf.get(user);
    if (draft !== undefined) return draft === home;
    const homes = f.drafts.computing(user);
    return homes.size === 1 && homes.has(home);
  };
  for (let i = f.order.indexOf(node) - 1; i >= 0; i--) {
    const x = f.order[i]!;
    if (x.op.kind !== 'map' || f.required.has(x)) continue;
    if (f.users.get(x)!.every((user) => cone.has(user) || isIn(user))) cone.add(x);
  }
  if (!f.drafts.fits(home, [...cone])) return false;
  for (const x of cone) {
    f.together.add(x);
    f.drafts.inline(x, new Set(homes));
    f.drafts.decide(x);
  }
  return true;
};

/** Distinct expressions of a unit with `node` computed in place: each part of a concat reads what is below elsewhere. */
const codeSize = (f: Fusing, draft: Draft, node: Node): number => {
  const count = f.drafts.supposing(node, () => {
    const seen = new Set<Expr>();
    for (const value of f.drafts.shape(draft).unit.values) visitExpr(value, {}, seen);
    return seen.size;
  });
  return count instanceof CannotLower ? 0 : count;
};

/** Whether one unit would compute `node` at fewer positions than its users do apart. */
const savesWork = (f: Fusing, homes: Set<Draft>, node: Node): boolean => {
  const drafts = [...homes];
  const saves = f.drafts.supposing(node, () => {
    const positions = (draft: Draft): number => f.drafts.shape(draft).positionsOf(node);
    const together = positions(f.drafts.merged(drafts, undefined));
    // each of them needs it somewhere
    return together < drafts.length || together < drafts.reduce((sum, d) => sum + positions(d), 0);
  });
  return saves === true;
};
