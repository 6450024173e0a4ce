/**
 * What fusion knows while it decides, and what all its decisions ask: how often a value would be computed, whether its
 * users can be one unit.
 *
 * Invariant: what is known of the graph never changes; what was decided is in `drafts`, and in the two collections here.
 */
import type { Caps } from '../codegen/caps.ts';
import { type Grain, grainOf } from '../codegen/grain.ts';
import { bytesOf } from '../ir/dtype.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { topological, usersOf } from '../ir/graph/graph.ts';
import { windowAlignment } from '../ir/program/windows.ts';
import { Drafts, MAX_MEMBERS } from './drafts.ts';
import { coneCosts, evaluationsBy, everyValue, mustStore, rowValues } from './fusion-model.ts';
import { type Optimizer, optimizerOf } from './optimizer.ts';
import type { PassContext } from './pass.ts';
import type { Draft } from './shape-unit.ts';

export interface Fusing {
  readonly context: PassContext;
  /** Whether every value has a unit of its own. */
  readonly isApart: boolean;
  readonly grain: Grain;
  readonly order: readonly Node[];
  readonly users: ReadonlyMap<Node, readonly Node[]>;
  readonly required: ReadonlyMap<Node, string>;
  readonly costs: ReadonlyMap<Node, number>;
  readonly rows: ReadonlySet<Node>;
  readonly optimizer: Optimizer;
  readonly drafts: Drafts;
  readonly evaluations: Map<Node, number>;
  /** Maps that were decided to be computed in place with what is made of them. */
  readonly together: Set<Node>;
}

/** Nothing is decided yet. */
export const fusingOf = (graph: Graph, caps: Caps, context: PassContext): Fusing => {
  const isApart = context.without?.has('fuse') === true;
  const grain = grainOf(caps);
  const order = topological(graph);
  const users = usersOf(graph);
  const stored = mustStore(graph, order, windowAlignment(caps));
  const required = isApart ? new Map([...everyValue(order), ...stored]) : stored;
  return {
    context,
    isApart,
    grain,
    order,
    users,
    required,
    costs: coneCosts(order, grain.access),
    rows: rowValues(order),
    optimizer: optimizerOf(graph, (node) => required.has(node)),
    drafts: new Drafts(order, users, required, caps),
    evaluations: new Map(),
    together: new Set(),
  };
};

/** Windows overlap or not, but each holds few elements: they are computed again like maps. */
export const isWindow = (node: Node): boolean =>
  node.op.kind === 'reduce' && node.attrs['kernel'] !== undefined;

/** Whether `node` is stored for a draft that updates states: they could not be updated in place if it is made of them. */
export const keepsApart = (f: Fusing, draft: Draft, node: Node): boolean =>
  f.optimizer.updates(draft.members) && f.optimizer.readsState(node, draft.members);

/** Whether more new values of states are made of `node` than a product takes along. */
export const updatesTooMany = (f: Fusing, node: Node): boolean => {
  if (f.grain.updatesTaken === Number.POSITIVE_INFINITY) return false;
  const seen = new Set<Node>();
  let count = 0;
  const visit = (x: Node): void => {
    if (seen.has(x) || (x.op.kind !== 'map' && x.op.kind !== 'view')) return;
    seen.add(x);
    if (f.optimizer.updates([x])) count++;
    f.users.get(x)!.forEach(visit);
  };
  f.users.get(node)!.forEach(visit);
  return count > f.grain.updatesTaken;
};

/** Whether drafts may be one as far as their kinds and numbers go. */
export const mayMerge = (homes: Iterable<Draft>): boolean => {
  const drafts = [...homes];
  const members = drafts.reduce((n, d) => n + d.members.length, 0);
  return (
    members <= MAX_MEMBERS &&
    !drafts.some((d) => d.scatter || d.loop) &&
    drafts.filter((d) => d.contract).length <= 1
  );
};

export const tryMerge = (f: Fusing, homes: Set<Draft>, node: Node): boolean => {
  if (!mayMerge(homes)) return false;
  const drafts = [...homes];
  const merged = f.drafts.merged(drafts, undefined);
  const reason = f.drafts.illegal(drafts, undefined) ?? f.drafts.lowerable(merged, node);
  if (reason !== undefined) {
    f.context.note(`${describe(node)}: its ${drafts.length} users stay apart: ${reason}`);
    return false;
  }
  f.drafts.replace(drafts, merged);
  f.drafts.inline(node, new Set([merged]));
  return true;
};

/**
 * How often a value is computed if it is not stored. Uses at the same position in one unit share the computation:
 * maps read where they write, and a reduction is computed once per row whoever asks.
 */
export const evaluationsOf = (f: Fusing, node: Node): number => {
  // What is one value a row is computed once for each unit that has it.
  if (f.rows.has(node)) return node.type.size * f.drafts.homesOf(node).size;
  let apart = 0;
  const shared = new Map<Draft | undefined, number>();
  for (const user of f.users.get(node) ?? []) {
    const own = f.drafts.draftOf.get(user);
    const times = evaluationsBy(
      user,
      node,
      own === undefined ? (f.evaluations.get(user) ?? 0) : user.type.size,
    );
    if (user.op.kind !== 'map') apart += times;
    else
      for (const home of own === undefined ? f.drafts.computing(user) : [own])
        shared.set(home, Math.max(times, shared.get(home) ?? 0));
  }
  for (const times of shared.values()) apart += times;
  return apart;
};

export const keptForOptimizer = (node: Node): string =>
  `${describe(node)} keeps its result apart: the optimizer takes it up in a launch of its own`;

export const describe = (node: Node): string =>
  `${node.op.name} [${node.type.shape.join(', ')}] (${node.type.size * bytesOf(node.type.dtype)} bytes)`;
