/**
 * From a fused unit to its loop nest, as buffers stand.
 *
 * Invariant: a member's store runs over a prefix of the nest's axes: those that its place depends on.
 */
import { idxAxes, idxAxis, newAxis } from '../ir/dim.ts';
import type { Node } from '../ir/graph/graph.ts';
import { constant, load, runningValue } from '../ir/loop/expr.ts';
import type { LoopBuffer, Nest, Store } from '../ir/loop/loop.ts';
import { stridesOf } from '../ir/type.ts';
import type { Fused } from './fuse.ts';
import { canonicalIndex, isRead, Lowering, type Stored } from './lower.ts';
import { placeOf, productAxes, productOf, productPart } from './products.ts';
import type { Unit } from './units.ts';

export const nestOf = (unit: Unit, fused: Fused): Nest => {
  const lookup = (node: Node): Stored | undefined =>
    isRead(node) && !unit.members.some((m) => m.node === node) ? fused.stored(node) : undefined;
  if (unit.running !== undefined) {
    const node = unit.members[0]!.node;
    const { axes, running } = node.op.running!(node, new Lowering(undefined, lookup));
    const buffer = fused.buffers.of(node);
    const index = axes.map(idxAxis);
    const value = runningValue(running);
    const store: Store = { buffer, index, value, axes, mode: 'set', over: [] };
    return { axes, stores: [store], contract: undefined, running };
  }
  if (unit.scatter !== undefined) {
    const node = unit.members[0]!.node;
    const scattering = node.op.scatter!(node, new Lowering(undefined, lookup));
    const store: Store = {
      buffer: fused.buffers.of(node),
      index: scattering.index,
      value: scattering.value,
      axes: scattering.axes,
      mode: scattering.mode ?? 'add',
      over: scattering.over,
    };
    return { axes: scattering.axes, stores: [store], contract: undefined };
  }
  // Operands may have moved since the unit was formed: lower the product again.
  const contract = unit.contract && productOf(unit.contract.node, new Lowering(undefined, lookup));
  const axes = contract ? productAxes(contract) : unit.axes;
  const members = contract
    ? unit.members.map((m) => ({ node: m.node, index: placeOf(contract, m.node)! }))
    : unit.members;
  const placed: Unit = { ...unit, axes, members, contract };
  const lowering = new Lowering(placed, lookup);
  const stores = members.map((m): Store => {
    const used = new Set<number>();
    for (const idx of m.index) idxAxes(idx, (a) => used.add(a.id));
    return {
      buffer: fused.buffers.of(m.node),
      index: m.index,
      value: lowering.inline(m.node, m.index),
      axes: axes.slice(0, axes.findLastIndex((a) => used.has(a.id)) + 1),
      mode: 'set',
      over: [],
    };
  });
  return { axes, stores, ...productPart(contract) };
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
