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

/**
 * Whether `node` is stored for a draft that updates states: where they share a launch, and where it is made of the
 * state itself, which could not be updated in place then.
 */
export const keepsApart = (f: Fusing, draft: Draft, node: Node): boolean => {
  const { updates, readsState } = f.optimizer;
  if (!updates(draft.members)) return false;
  return f.grain.updatesApart || readsState(node, draft.members);
};

export const tryMerge = (f: Fusing, homes: Set<Draft>, node: Node): boolean => {
  const drafts = [...homes];
  if (drafts.some((d) => d.scatter || d.loop) || drafts.filter((d) => d.contract).length > 1)
    return false;
  const merged = f.drafts.merged(drafts, undefined);
  if (merged.members.length > MAX_MEMBERS) return false;
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
      for (const home of own === undefined ? (f.drafts.homes.get(user) ?? []) : [own])
        shared.set(home, Math.max(times, shared.get(home) ?? 0));
  }
  for (const times of shared.values()) apart += times;
  return apart;
};

export const keptForOptimizer = (node: Node): string =>
  `${describe(node)} keeps its result apart: the optimizer is one kernel for all parameters`;

export const describe = (node: Node): string =>
  `${node.op.name} [${node.type.shape.join(', ')}] (${node.type.size * bytesOf(node.type.dtype)} bytes)`;
