/**
 * Horizontal merging: products that share an operand become one product of joined operands (query, key and value).
 *
 * Invariant: merges only products of which none needs another's result, and only where reading the shared operand once
 * saves more than joining the others costs; every refusal is noted.
 */
import { type Graph, type Node, rootsOf, topological } from '../ir/graph/graph.ts';
import { concat } from '../ir/graph/ops/concat.ts';
import { otherAxes } from '../ir/graph/ops/define.ts';
import { type DotAttrs, dot } from '../ir/graph/ops/dot.ts';
import { sliceAxis } from '../ir/graph/ops/slice.ts';
import { showType } from '../ir/type.ts';
import { canonicalBuilder } from './canonicalize.ts';
import type { GraphPass, PassContext } from './pass.ts';
import { copyInputs } from './rewrite.ts';

/** Products with the same operand at `shared` (0 or 1); the others are joined along `axis`. */
interface Family {
  readonly members: readonly Node[];
  readonly shared: 0 | 1;
  readonly axis: number;
}

export const horizontal: GraphPass = {
  name: 'horizontal',
  run: (graph, context) => {
    const families = familiesOf(graph, context);
    return families.length === 0 ? graph : merge(graph, families, context);
  },
};

const familiesOf = (graph: Graph, context: PassContext): Family[] => {
  const groups = new Map<string, Node[]>();
  for (const node of topological(graph)) {
    if (node.op !== (dot as Node['op'])) continue;
    for (const shared of [0, 1] as const) {
      const key = `${shared} ${node.inputs[shared]!.id} ${JSON.stringify(node.attrs)}`;
      groups.set(key, [...(groups.get(key) ?? []), node]);
    }
  }
  const taken = new Set<Node>();
  const families: Family[] = [];
  for (const [key, members] of groups) {
    if (members.length < 2 || members.some((m) => taken.has(m))) continue;
    const shared = key.startsWith('0') ? 0 : 1;
    const refusal = whyNot(members, shared, families);
    if (refusal !== undefined) {
      context.note(
        `${members.length} products of ${showType(members[0]!.inputs[shared]!.type)} kept apart: ${refusal}`,
      );
      continue;
    }
    for (const m of members) taken.add(m);
    families.push({ members, shared, axis: joinAxis(members[0]!, shared)! });
  }
  return families;
};

/** The one free axis of the operand that is not shared. */
const joinAxis = (node: Node, shared: 0 | 1): number | undefined => {
  const { aBatch, bBatch, aContract, bContract } = node.attrs as DotAttrs;
  const other = node.inputs[1 - shared]!;
  const named = shared === 0 ? [...bBatch, ...bContract] : [...aBatch, ...aContract];
  const free = otherAxes(other.type.shape.length, named);
  return free.length === 1 ? free[0] : undefined;
};

const whyNot = (
  members: readonly Node[],
  shared: 0 | 1,
  families: readonly Family[],
): string | undefined => {
  if (members.some((m) => joinAxis(m, shared) === undefined))
    return 'the operands have several free axes to join along';
  const before = new Set(
    orderBy(
      members.flatMap((m) => m.inputs),
      operandsAfter(families),
    ),
  );
  if (members.some((m) => before.has(m))) return 'one needs the result of another';
  const common = members[0]!.inputs[shared]!.type.size;
  const joined = members.reduce((sum, m) => sum + m.inputs[1 - shared]!.type.size, 0);
  const saved = (members.length - 1) * common;
  // Joining reads and writes each element once; reading the shared operand again costs a read and a packed write.
  return saved > joined
    ? undefined
    : `reading it once saves ${saved} elements, joining the others moves ${joined}`;
};

const byMember = (families: readonly Family[]): ReadonlyMap<Node, Family> =>
  new Map(families.flatMap((f) => f.members.map((m) => [m, f] as const)));

/** What a node needs once the families are merged: members need what any of them needs. */
const operandsAfter = (families: readonly Family[]): ((node: Node) => readonly Node[]) => {
  const familyOf = byMember(families);
  return (node) => familyOf.get(node)?.members.flatMap((m) => m.inputs) ?? node.inputs;
};

const merge = (graph: Graph, families: readonly Family[], context: PassContext): Graph => {
  const familyOf = byMember(families);
  const b = canonicalBuilder(context);
  const made = copyInputs(graph, b);
  const emitFamily = ({ members, shared, axis }: Family): void => {
    const others = members.map((m) => made.get(m.inputs[1 - shared]!)!);
    const joined = b.emit(concat, others, { axis });
    const common = made.get(members[0]!.inputs[shared]!)!;
    const operands = shared === 0 ? [common, joined] : [joined, common];
    const whole = b.emit(dot, operands, members[0]!.attrs as DotAttrs);
    const { aBatch, aContract } = members[0]!.attrs as DotAttrs;
    const along =
      shared === 0 ? members[0]!.inputs[0]!.type.shape.length - aContract.length : aBatch.length;
    let begin = 0;
    for (const [i, member] of members.entries()) {
      const end = begin + others[i]!.type.shape[axis]!;
      made.set(member, sliceAxis(b, whole, along, begin, end));
      begin = end;
    }
  };
  for (const node of orderBy(rootsOf(graph), operandsAfter(families))) {
    if (made.has(node)) continue;
    b.origin = node.origin;
    const family = familyOf.get(node);
    if (family !== undefined) emitFamily(family);
    else
      made.set(
        node,
        b.emit(
          node.op,
          node.inputs.map((x) => made.get(x)!),
          node.attrs,
        ),
      );
  }
  return b.graph(
    graph.name,
    graph.outputs.map((x) => made.get(x)!),
    graph.assigns.map((a) => ({ target: made.get(a.target)!, value: made.get(a.value)! })),
  );
};

/** All that the roots depend on, each node after those that `needs` lists for it. */
const orderBy = (roots: readonly Node[], needs: (node: Node) => readonly Node[]): Node[] => {
  const seen = new Set<Node>();
  const order: Node[] = [];
  for (const root of roots) {
    const stack = [{ node: root, next: 0 }];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (top.next === 0 && seen.has(top.node)) {
        stack.pop();
        continue;
      }
      seen.add(top.node);
      const child = needs(top.node)[top.next++];
      if (child !== undefined) stack.push({ node: child, next: 0 });
      else {
        order.push(top.node);
        stack.pop();
      }
    }
  }
  return order;
};
