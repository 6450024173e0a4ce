/**
 * From a fused unit to its loop nest, as buffers stand.
 *
 * Invariant: a member's store runs over a prefix of the nest's axes: those that its place depends on.
 */
import { idxAxes, idxAxis, newAxis } from '../ir/dim.ts';
import type { Node } from '../ir/graph/graph.ts';
import { readsOf } from '../ir/loop/access.ts';
import { constant, load, runningValue } from '../ir/loop/expr.ts';
import type { LoopBuffer, Nest, Store } from '../ir/loop/loop.ts';
import { stridesOf } from '../ir/type.ts';
import type { Fused } from './fuse.ts';
import { canonicalIndex, isRead, Lowering } from './lower.ts';
import { placeOf, productAxes, productOf, productPart } from './products.ts';
import type { Member, Unit } from './units.ts';

const formed = new WeakMap<Unit, Nest>();

/** The nest of a unit as buffers stand; the same as before, unless values it reads or stores have moved. */
export const nestOf = (unit: Unit, fused: Fused): Nest => {
  const known = formed.get(unit) ?? nestFrom(unit, fused);
  const readsStay = readsOf(known).every((b) => !fused.buffers.isLeft(b));
  const nest = readsStay
    ? storedAnew(known, unit, fused)
    : nestFrom(loweredAgain(unit, fused), fused);
  formed.set(unit, nest);
  return nest;
};

/** The nest with its stores where its members live now. */
const storedAnew = (nest: Nest, { members }: Unit, { buffers }: Fused): Nest =>
  nest.stores.every((s, i) => s.buffer === buffers.of(members[i]!.node))
    ? nest
    : {
        ...nest,
        stores: nest.stores.map((s, i) => ({ ...s, buffer: buffers.of(members[i]!.node) })),
      };

const nestFrom = (unit: Unit, fused: Fused): Nest => {
  const [value] = unit.values;
  const bufferOf = (member: Member): LoopBuffer => fused.buffers.of(member.node);
  if (unit.running !== undefined) {
    const [member] = unit.members as [Member];
    const { index } = member;
    const { axes, running } = unit;
    const last = runningValue(running);
    const store: Store = {
      buffer: bufferOf(member),
      index,
      value: last,
      axes,
      mode: 'set',
      over: [],
    };
    return { axes, stores: [store], contract: undefined, running };
  }
  if (unit.scatter !== undefined) {
    const { axes, index, mode, over } = unit.scatter;
    const buffer = bufferOf(unit.members[0]!);
    const store: Store = { buffer, index, value: value!, axes, mode: mode ?? 'add', over };
    return { axes, stores: [store], contract: undefined };
  }
  const { axes } = unit;
  const stores = unit.members.map((m, i): Store => {
    const used = new Set<number>();
    for (const idx of m.index) idxAxes(idx, (a) => used.add(a.id));
    return {
      buffer: bufferOf(m),
      index: m.index,
      value: unit.values[i]!,
      axes: axes.slice(0, axes.findLastIndex((a) => used.has(a.id)) + 1),
      mode: 'set',
      over: [],
    };
  });
  return { axes, stores, ...productPart(unit.contract) };
};

const loweredAgain = (unit: Unit, fused: Fused): Unit => {
  const lookup = (node: Node): LoopBuffer | undefined =>
    isRead(node) && !unit.members.some((m) => m.node === node)
      ? fused.stored(node)?.buffer
      : undefined;
  const [{ node }] = unit.members as [Member];
  const lowering = new Lowering(undefined, lookup);
  if (unit.running !== undefined) {
    const { axes, running } = node.op.running!(node, lowering);
    const members = [{ node, index: axes.map(idxAxis) }];
    return { ...unit, axes, members, running };
  }
  if (unit.scatter !== undefined) {
    const scatter = node.op.scatter!(node, lowering);
    return { ...unit, scatter, values: [scatter.value] };
  }
  const contract = unit.contract && productOf(unit.contract.node, lowering);
  const placed: Unit =
    contract === undefined
      ? unit
      : {
          ...unit,
          contract,
          axes: productAxes(contract),
          members: unit.members.map((m) => ({ node: m.node, index: placeOf(contract, m.node)! })),
        };
  const inside = new Lowering(placed, lookup);
  return { ...placed, values: placed.members.map((m) => inside.inline(m.node, m.index)) };
};

/** Writes a number to all elements of a buffer. */
export const fillNest = (to: LoopBuffer, number: number): Nest => {
  const axes = to.shape.map((extent, i) => newAxis(`i${i}`, extent, 'par'));
  const index = canonicalIndex(axes);
  const live = axes.filter((a) => a.extent !== 1);
  const value = constant(number, to.dtype);
  return {
    axes: live,
    stores: [{ buffer: to, index, value, axes: live, mode: 'set', over: [] }],
    contract: undefined,
  };
};

/** Copies the elements of one buffer to another, which may have another shape. */
export const copyNest = (from: LoopBuffer, to: LoopBuffer): Nest => {
  const axes = to.shape.map((extent, i) => newAxis(`i${i}`, extent, 'par'));
  const index = canonicalIndex(axes);
  const source: LoopBuffer = {
    ...from,
    shape: to.shape,
    strides: isRowMajor(from) ? stridesOf(to.shape) : from.strides,
  };
  const live = axes.filter((a) => a.extent !== 1);
  const value = load(source, index);
  return {
    axes: live,
    stores: [{ buffer: to, index, value, axes: live, mode: 'set', over: [] }],
    contract: undefined,
  };
};

export const isRowMajor = (buffer: LoopBuffer): boolean => {
  let step = 1;
  for (let i = buffer.shape.length - 1; i >= 0; i--) {
    if (buffer.shape[i] !== 1 && buffer.strides[i] !== step) return false;
    step *= buffer.shape[i]!;
  }
  return true;
};
