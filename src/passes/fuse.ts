/**
 * Fusion: decides which values are stored, and which stored values share a loop nest; all else is recomputed in place.
 *
 * Walks from results to inputs, so that when a value is decided all its users are. Legality is decided by trial
 * lowering: a step that cannot be lowered, or whose reductions would not hoist, is taken back, with the reason noted.
 * Invariant: the units' dependences are acyclic after every step.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import type { BufferTable } from './buffers.ts';
import { decideContract, decideReduce } from './fuse-folds.ts';
import { decideMap } from './fuse-maps.ts';
import { describe, evaluationsOf, type Fusing, fusingOf, isWindow } from './fusing.ts';
import { CannotLower, type Stored } from './lower.ts';
import { mergeNeighbours } from './neighbours.ts';
import type { PassContext } from './pass.ts';
import type { Draft } from './shape-unit.ts';
import type { Unit } from './units.ts';

export interface Fused {
  readonly units: readonly Unit[];
  readonly buffers: BufferTable;
  readonly literals: readonly Node[];
  /** Where each stored value lives and the unit that computes it. */
  stored(node: Node): Stored | undefined;
}

export const fuse = (graph: Graph, caps: Caps, context: PassContext): Fused => {
  const f = fusingOf(graph, caps, context);
  for (let i = f.order.length - 1; i >= 0; i--) {
    const node = f.order[i]!;
    if (node.op.name === 'input' || node.op.name === 'literal') continue;
    decide(f, node);
    f.drafts.decide(node);
  }
  if (!f.isApart)
    mergeNeighbours(f.drafts, (draft) => f.optimizer.updates(draft.members), f.context);
  const units = new Map<Draft, Unit>();
  for (const draft of [...f.drafts.all])
    for (const [part, unit] of unitsOf(f, draft)) units.set(part, unit);
  return {
    units: [...units.values()],
    buffers: f.drafts.buffers,
    literals: f.order.filter((n) => n.op.name === 'literal'),
    stored: (node) => {
      const buffer = f.drafts.buffers.known(node);
      const draft = f.drafts.draftOf.get(node);
      return buffer && { buffer, unit: draft && units.get(draft) };
    },
  };
};

/** What was inlined after a draft was tried can make it impossible: then each of its members gets a unit of its own. */
const unitsOf = (f: Fusing, draft: Draft): readonly (readonly [Draft, Unit])[] => {
  if (draft.loop) return [[draft, loopUnit(draft)]];
  const nodes = new Set(draft.members);
  if (draft.contract !== undefined) nodes.add(draft.contract);
  try {
    return [[draft, f.drafts.shape(draft).unit]];
  } catch (error) {
    if (!(error instanceof CannotLower) || nodes.size === 1) throw error;
    f.context.note(
      `${describe(draft.members[0]!)} and what was fused with it stay apart: ${error.message}`,
    );
  }
  f.drafts.all.delete(draft);
  for (const node of nodes) f.drafts.store(node);
  return [...nodes].flatMap((node) => unitsOf(f, f.drafts.draftOf.get(node)!));
};

const decide = (f: Fusing, node: Node): void => {
  const homes = f.drafts.homesOf(node);
  f.evaluations.set(node, evaluationsOf(f, node));
  const reason = f.required.get(node);
  if (reason === undefined) decideBy(f, node, homes);
  else {
    if (homes.size > 0) f.context.note(`${describe(node)} is stored: ${reason}`);
    f.drafts.store(node);
  }
};

const decideBy = (f: Fusing, node: Node, homes: Set<Draft>): void => {
  switch (node.op.kind) {
    case 'leaf':
      f.drafts.inline(node, homes);
      break;
    case 'view':
      if (node.op.name === 'concat' || node.op.name === 'pad') decideMap(f, node, homes);
      else f.drafts.inline(node, homes);
      break;
    case 'map':
    case 'gather':
      decideMap(f, node, homes);
      break;
    case 'reduce':
      if (isWindow(node)) decideMap(f, node, homes);
      else decideReduce(f, node, homes);
      break;
    case 'contract':
      decideContract(f, node, homes);
      break;
    case 'scatter':
    case 'running':
    case 'loop':
      f.drafts.store(node);
      break;
    case 'composite':
      throw new Error(`${node.op.name} must be decomposed before fusion`);
    default:
      node.op.kind satisfies never;
  }
};

/** What stands for a result of a loop among the units. */
const loopUnit = ({ id, members: [node] }: Draft): Unit => ({
  id,
  axes: [],
  members: [{ node: node!, index: [] }],
  values: [],
  contract: undefined,
  scatter: undefined,
  loop: true,
});
