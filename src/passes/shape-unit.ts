/**
 * Gives a set of stored values one loop nest: its axes, their order, and where each value is computed in it.
 *
 * A member of smaller domain (a row's loss beside the row's gradient) is aligned by the reductions both use.
 * Invariant: reductions nested in element-wise values depend on a prefix of the axes, so each is computed once per row.
 */
import type { Caps } from '../codegen/caps.ts';
import { grainOf } from '../codegen/grain.ts';
import { type Axis, type Idx, idxAxes, idxAxis, newAxis, pointsOf } from '../ir/dim.ts';
import type { Node } from '../ir/graph/graph.ts';
import { runningOperands } from '../ir/loop/access.ts';
import type { Expr, ReduceExpr } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';
import { sameShape } from '../ir/type.ts';
import { CannotLower, canonicalIndex, Lowering } from './lower.ts';
import { hasPlaceFor, placeOf, productAxes, productOf } from './products.ts';
import type { PlaceOf, Recall } from './recall.ts';
import type { Member, Unit } from './units.ts';

/** A unit in the making. */
export interface Draft {
  readonly id: number;
  readonly members: readonly Node[];
  readonly contract: Node | undefined;
  /** It scatters or runs along an axis: its only member has no company. */
  readonly scatter: boolean;
  readonly loop: boolean;
  /** Cache of what it reads. */
  loads: ReadonlySet<Node> | undefined;
}

export interface Shaped {
  readonly unit: Unit;
  /** Why the nest would be a bad one, though it is a right one. */
  readonly refusal: string | undefined;
  /** At how many positions each inlined value is computed. */
  positionsOf(node: Node): number;
}

/** Where a value computed at `axes`, one a dimension, uses values that are read or folded (and itself). */
export interface Uses {
  readonly axes: readonly Axis[];
  readonly at: ReadonlyMap<Node, readonly Idx[]>;
}

/** `known`: what was found of values by themselves. */
export const shapeUnit = (
  draft: Draft,
  caps: Caps,
  stored: PlaceOf,
  known: Recall<Node, Uses>,
): Shaped => {
  const outside: PlaceOf = (node) => (draft.members.includes(node) ? undefined : stored(node));
  if (draft.contract !== undefined) return shapeContraction(draft, draft.contract, outside);
  if (draft.scatter) return shapeScatter(draft, outside);
  return shapeMap(draft, caps, outside, known);
};

const shapeContraction = (draft: Draft, node: Node, stored: PlaceOf): Shaped => {
  const misfit = draft.members.find((member) => !hasPlaceFor(node, member));
  if (misfit !== undefined)
    throw new CannotLower(`${misfit.op.name} has another shape than the contraction`);
  const operands = new Lowering(undefined, stored);
  const product = productOf(node, operands);
  const members: Member[] = draft.members.map((member) => {
    const index = placeOf(product, member);
    if (index === undefined)
      throw new CannotLower(`${member.op.name} has another shape than the contraction`);
    return { node: member, index };
  });
  const unit: Unit = {
    id: draft.id,
    axes: productAxes(product),
    members,
    values: [],
    contract: product,
    scatter: undefined,
  };
  const lowering = new Lowering(unit, stored);
  const values = members.map((m) => lowering.inline(m.node, m.index));
  for (const value of values) {
    const used = new Set<string>();
    visitExpr(value, {
      expr: (e) => {
        if (e.kind === 'reduce') throw new CannotLower('a reduction cannot be part of an epilogue');
        if (e.kind === 'acc') used.add(e.name);
      },
    });
    if (used.size > 1) throw new CannotLower('a row and its norm cannot be part of one value');
  }
  return {
    unit: { ...unit, values },
    refusal: undefined,
    positionsOf: (n) => lowering.positionsOf(n),
  };
};

const shapeRunning = (draft: Draft, stored: PlaceOf): Shaped => {
  const node = draft.members[0]!;
  const lowering = new Lowering(undefined, stored);
  const { axes, running } = node.op.running!(node, lowering);
  const member: Member = { node, index: axes.map(idxAxis) };
  const values = runningOperands(running);
  const unit: Unit = {
    id: draft.id,
    axes,
    members: [member],
    values,
    contract: undefined,
    scatter: undefined,
    running,
  };
  let refusal: string | undefined;
  const expr = (e: Expr): void => {
    if (e.kind === 'reduce') refusal = 'it would be folded again at each place of what runs';
  };
  for (const value of values) visitExpr(value, { expr });
  return { unit, refusal, positionsOf: (n) => lowering.positionsOf(n) };
};

const shapeScatter = (draft: Draft, stored: PlaceOf): Shaped => {
  const node = draft.members[0]!;
  if (node.op.kind === 'running') return shapeRunning(draft, stored);
  const lowering = new Lowering(undefined, stored);
  const scatter = node.op.scatter!(node, lowering);
  const unit: Unit = {
    id: draft.id,
    axes: scatter.axes,
    members: [{ node, index: scatter.index }],
    values: [scatter.value],
    contract: undefined,
    scatter,
  };
  return { unit, refusal: undefined, positionsOf: (n) => lowering.positionsOf(n) };
};

const shapeMap = (draft: Draft, caps: Caps, stored: PlaceOf, known: Recall<Node, Uses>): Shaped => {
  const base = draft.members.reduce((a, b) => (b.type.size > a.type.size ? b : a));
  const axes = base.type.shape.map((extent, i) => newAxis(`i${i}`, extent, 'par'));
  const live = axes.filter((a) => a.extent !== 1);
  const members = alignMembers(draft, base, axes, stored, known);
  const draftUnit: Unit = {
    id: draft.id,
    axes: live,
    members,
    values: [],
    contract: undefined,
    scatter: undefined,
  };
  const lowering = new Lowering(draftUnit, stored);
  const values = members.map((m) => lowering.inline(m.node, m.index));
  const sets: ReadonlySet<Axis>[] = members.map((m) => axesOf(m.index));
  const grain = grainOf(caps);
  let refusal: string | undefined;
  /** Points of the nest that depend on `waiting` axes have a fold before them that depends on the `free` ones. */
  const weigh = (e: ReduceExpr, free: ReadonlySet<Axis>, waiting: ReadonlySet<Axis>): void => {
    const rows = pointsOf(free);
    const apart = free.size < waiting.size;
    if (apart && !grain.keepsBusy(rows, pointsOf(e.axes), pointsOf(waiting) / rows))
      refusal = `only ${rows} independent rows would be left`;
  };
  for (const [i, value] of values.entries())
    visitExpr(value, {
      expr: (e) => {
        if (e.kind !== 'reduce' || !e.axes.some((a) => a.kind === 'red')) return;
        const free = freeAxes(e);
        // Threads that fold a row together go on with all points of the row, whichever value the fold is for.
        if (caps.threads > 1) weigh(e, free, new Set(live));
        if (e === value) return;
        if (caps.threads === 1) weigh(e, free, axesOf(members[i]!.index));
        sets.push(free);
      },
    });
  const ordered = orderByPrefixes(live, sets);
  if (ordered === undefined) throw new CannotLower('its reductions run along crossing axes');
  return {
    unit: { ...draftUnit, axes: ordered, values },
    refusal,
    positionsOf: (n) => lowering.positionsOf(n),
  };
};

const axesOf = (index: readonly Idx[]): Set<Axis> => {
  const axes = new Set<Axis>();
  for (const idx of index) idxAxes(idx, (a) => axes.add(a));
  return axes;
};

/** Parallel axes an expression depends on. */
const freeAxes = (expr: Expr): Set<Axis> => {
  const axes = new Set<Axis>();
  visitExpr(expr, { index: (idx) => idxAxes(idx, (a) => a.kind === 'par' && axes.add(a)) });
  return axes;
};

/** Orders axes so that every set is a prefix; `undefined` when the sets do not form a chain. */
const orderByPrefixes = (
  axes: readonly Axis[],
  sets: readonly ReadonlySet<Axis>[],
): Axis[] | undefined => {
  const chain = [...sets].sort((a, b) => a.size - b.size);
  const ordered: Axis[] = [];
  for (const set of chain) {
    if (!ordered.every((a) => set.has(a))) return undefined;
    for (const axis of axes) if (set.has(axis) && !ordered.includes(axis)) ordered.push(axis);
  }
  for (const axis of axes) if (!ordered.includes(axis)) ordered.push(axis);
  return ordered;
};

/** The index of each member in terms of the base member's axes. */
const alignMembers = (
  draft: Draft,
  base: Node,
  axes: readonly Axis[],
  stored: PlaceOf,
  known: Recall<Node, Uses>,
): Member[] => {
  const baseIndex = canonicalIndex(axes);
  const usesBy = (node: Node): Uses => known.get(node, stored, (placeOf) => usesOf(node, placeOf));
  return draft.members.map((node) => {
    if (node === base || sameShape(node.type.shape, base.type.shape))
      return { node, index: baseIndex };
    const there = usesBy(base);
    const here = usesBy(node);
    const map = new Map<Axis, Idx>();
    for (const [shared, index] of here.at) {
      const target = there.at.get(shared);
      if (target === undefined) continue;
      for (const [d, idx] of index.entries()) {
        const [axis, to] = [onlyAxis(idx), onlyAxis(target[d]!)];
        if (axis === undefined || to === undefined || map.has(axis)) continue;
        const place = there.axes.indexOf(to);
        if (here.axes.includes(axis) && place >= 0) map.set(axis, baseIndex[place]!);
      }
    }
    const index = here.axes.map((axis) => (axis.extent === 1 ? idxAxis(axis) : map.get(axis)));
    const distinct = new Set(index.map((i) => i?.key));
    if (index.some((i) => i === undefined))
      throw new CannotLower(`the rows of ${node.op.name} do not line up`);
    const live = here.axes.filter((a) => a.extent !== 1);
    if (live.length !== [...distinct].filter((k) => k !== '0').length)
      throw new CannotLower(`the rows of ${node.op.name} do not line up`);
    for (const [i, axis] of here.axes.entries())
      if (axis.extent !== 1 && onlyAxis(index[i]!)!.extent !== axis.extent)
        throw new CannotLower(`the rows of ${node.op.name} do not line up`);
    return { node, index: index as Idx[] };
  });
};

const onlyAxis = (idx: Idx): Axis | undefined => {
  const term = idx.terms[0];
  return idx.terms.length === 1 &&
    idx.constant === 0 &&
    term!.coef === 1 &&
    term!.atom.kind === 'axis'
    ? term!.atom.axis
    : undefined;
};

const usesOf = (node: Node, stored: PlaceOf): Uses => {
  const axes = node.type.shape.map((extent, i) => newAxis(`j${i}`, extent, 'par'));
  const index = canonicalIndex(axes);
  const at = new Map<Node, readonly Idx[]>([[node, index]]);
  const lowering = new Lowering(undefined, stored, (used, there) => {
    if ((used.op.kind === 'reduce' || stored(used) !== undefined) && !at.has(used))
      at.set(used, there);
  });
  lowering.inline(node, index);
  return { axes, at };
};
