/**
 * How many buffers a launch will bind, while fusion is still deciding what is stored.
 *
 * Invariant: what is decided later adds nothing to a count, unless it is asked about then; lowering holds its launches
 * against the same limit.
 */
import type { Node } from '../ir/graph/graph.ts';
import { isRead } from './lower.ts';
import type { Draft } from './shape-unit.ts';

/** What is decided so far. */
export interface Standing {
  /** Whether a value is in memory, or will be whatever else is decided. */
  isStored(node: Node): boolean;
  /** Whether it was decided that a value is computed in place, unless it is stored. */
  isDecided(node: Node): boolean;
  usersOf(node: Node): readonly Node[];
}

/**
 * Buffers that a launch of the draft binds: stored values it reads, but for scalars, and values it stores. What only
 * joins arrays can be cut into launches for some of them: there the operand that needs most counts; of those, where a
 * `node` is asked about, the ones it is part of.
 */
export const bindingsOf = (draft: Draft, node: Node | undefined, standing: Standing): number => {
  const [only, another] = draft.members;
  if (another === undefined && !draft.contract && only!.op.name === 'concat') {
    const changed = node === undefined ? only!.inputs : joinedFrom(only!, node, standing);
    return 1 + Math.max(0, ...changed.map((x) => boundBy([x], draft, standing).size));
  }
  const operands = draft.members.flatMap((m) => m.inputs);
  return draft.members.length + boundBy(operands, draft, standing).size;
};

/** Operands of a join that would be made of `node` in place. */
export const joinedFrom = (join: Node, node: Node, standing: Standing): readonly Node[] => {
  const found = new Set<Node>();
  const seen = new Set([node]);
  for (const x of seen)
    for (const user of standing.usersOf(x))
      if (user === join) found.add(x);
      else if (!standing.isStored(user)) seen.add(user);
  return [...found];
};

/** The stored values that computing `nodes` inside a draft reads. Views of a value will be views of its buffer. */
const boundBy = (nodes: readonly Node[], draft: Draft, standing: Standing): ReadonlySet<Node> => {
  const bound = new Set<Node>();
  const seen = new Set<Node>(draft.members);
  const visit = (x: Node): void => {
    if (seen.has(x) || !isRead(x)) return;
    seen.add(x);
    if (!standing.isStored(x) && (standing.isDecided(x) || isMovement(x))) x.inputs.forEach(visit);
    else if (x.attrs['role'] !== 'scalar') bound.add(x);
  };
  nodes.forEach(visit);
  return bound;
};

/** Views that are not stored for their own sake: they are other indices into what they are views of. */
const isMovement = (node: Node): boolean =>
  node.op.kind === 'view' && node.op.name !== 'concat' && node.op.name !== 'pad';
