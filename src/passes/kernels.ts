/**
 * From fused units to L2 kernels: where results and updated states live, and which nests share a launch.
 *
 * An assigned value is written straight into its state when nobody needs the old value afterwards; all updates that
 * nothing else waits for share one launch (the optimizer is one kernel for the whole net).
 * Invariant: every buffer is written by one kernel; a state is written once.
 */
import type { Caps } from '../codegen/caps.ts';
import { idxAxes, newAxis } from '../ir/dim.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { load, newBuffer } from '../ir/loop/expr.ts';
import type { Expr, LoopBuffer, LoopKernel, Nest, Store } from '../ir/loop/loop.ts';
import { visitExpr } from '../ir/loop/visit.ts';
import { type Fused, fuse } from './fuse.ts';
import { unreshaped } from './fusion-model.ts';
import { canonicalIndex, Lowering, type Stored } from './lower.ts';
import type { PassContext } from './pass.ts';
import type { Unit } from './units.ts';

/** Where a result of the graph comes from. */
export type ResultSource =
  | { readonly kind: 'buffer'; readonly buffer: LoopBuffer }
  /** The bytes of input number `input`, unchanged. */
  | { readonly kind: 'input'; readonly input: number };

export interface Kernels {
  readonly kernels: readonly LoopKernel[];
  /** The buffer of each graph input, in order. */
  readonly inputs: readonly LoopBuffer[];
  readonly literals: readonly { readonly buffer: LoopBuffer; readonly values: readonly number[] }[];
  readonly outputs: readonly ResultSource[];
  /** States whose old value is read by nobody: they behave like results. */
  readonly overwritten: ReadonlySet<LoopBuffer>;
  readonly states: ReadonlySet<LoopBuffer>;
}

export const lowerGraph = (graph: Graph, caps: Caps, context: PassContext): Kernels => {
  const fused = fuse(graph, caps, context);
  const inputs = graph.inputs.map((node) => fused.buffers.of(node));
  const states = new Set(graph.assigns.map((a) => fused.buffers.of(a.target)));
  const overwritten = new Set<LoopBuffer>();
  const copies: { from: LoopBuffer; to: LoopBuffer }[] = [];

  const reads = new Map(fused.units.map((u) => [u, loadedBy(u, fused)]));
  const readersOf = (buffer: LoopBuffer): Unit[] =>
    fused.units.filter((u) => reads.get(u)!.has(buffer));
  const outputSources = new Set(graph.outputs.map(unreshaped));
  const placed = new Set<Node>();
  const assignedOften = (source: Node): boolean =>
    graph.assigns.filter((a) => unreshaped(a.value) === source).length > 1;
  /** States whose old value becomes that of another state, unchanged. */
  const passedOn = new Set(graph.assigns.map((a) => fused.buffers.of(unreshaped(a.value))));
  /** Units that read a state before another unit replaces it. */
  const before = new Map<Unit, readonly Unit[]>();
  for (const { target, value } of graph.assigns) {
    if (value === target) continue;
    const source = unreshaped(value);
    const state = fused.buffers.of(target);
    const unit = fused.stored(source)?.unit;
    const readers = readersOf(state);
    const direct =
      unit !== undefined &&
      !outputSources.has(source) &&
      !assignedOften(source) &&
      isRowMajor(state);
    const unread = readers.length === 0 && !graph.outputs.includes(target) && !passedOn.has(state);
    if (direct && unread) {
      fused.buffers.alias(source, state);
      overwritten.add(state);
      placed.add(source);
    } else if (
      direct &&
      !graph.outputs.includes(target) &&
      readersOf(fused.buffers.of(source)).every((u) => u === unit) &&
      readsInPlace(unit, source, state, fused) &&
      !readers.some((r) => r !== unit && dependsOn(r, unit, fused, reads, before))
    ) {
      fused.buffers.alias(source, state);
      placed.add(source);
      const others = readers.filter((r) => r !== unit);
      before.set(unit, [...(before.get(unit) ?? []), ...others]);
    } else {
      const from = fused.buffers.of(source);
      context.note(`the new value of ${state.name} is copied: an old value is still needed`);
      if (states.has(from)) {
        // By way of a temporary: states may take each other's values.
        const kept = newBuffer(`old_${from.name}`, value.type);
        copies.push({ from, to: kept }, { from: kept, to: state });
      } else copies.push({ from, to: state });
    }
  }

  const outputs = graph.outputs.map((node): ResultSource => {
    const input = graph.inputs.indexOf(reshapedInput(node));
    if (input >= 0) {
      const buffer = inputs[input]!;
      if (isRowMajor(buffer) && !states.has(buffer)) return { kind: 'input', input };
    }
    const source = unreshaped(node);
    if (fused.stored(source)?.unit !== undefined)
      return { kind: 'buffer', buffer: fused.buffers.of(source) };
    const to = newBuffer(`result_${fused.buffers.of(source).name}`, node.type);
    copies.push({ from: fused.buffers.of(source), to });
    return { kind: 'buffer', buffer: to };
  });

  const nests = fused.units.map((unit) => ({ unit, ...nestOf(unit, fused) }));
  const sinks = new Set(
    nests
      .filter(({ unit }) => isUpdate(unit, placed) && isSink(unit, fused, reads, overwritten))
      .map((n) => n.unit),
  );
  const together = independent(nests.filter((n) => sinks.has(n.unit)));
  const kernels = nests
    .filter((n) => !together.includes(n))
    .map((n) => kernelOf([n.nest], nameOf([n.unit], fused), originOf([n.unit])));
  if (together.length > 0)
    kernels.push(
      kernelOf(
        together.map((n) => n.nest),
        together.length > 1 ? 'update_parameters' : nameOf([together[0]!.unit], fused),
        originOf(together.map((n) => n.unit)),
      ),
    );
  for (const { from, to } of copies)
    kernels.push(kernelOf([copyNest(from, to)], `copy_${to.name}`, []));
  return {
    kernels: uniqueNames(kernels),
    inputs,
    literals: fused.literals.map((node) => ({
      buffer: fused.buffers.of(node),
      values: node.attrs['values'] as readonly number[],
    })),
    outputs,
    overwritten,
    states,
  };
};

/** The input that `node` is a reshape of (or itself). */
const reshapedInput = (node: Node): Node => {
  let source = node;
  while (source.op.name === 'reshape') source = source.inputs[0]!;
  return source;
};

const isRowMajor = (buffer: LoopBuffer): boolean => {
  let step = 1;
  for (let i = buffer.shape.length - 1; i >= 0; i--) {
    if (buffer.shape[i] !== 1 && buffer.strides[i] !== step) return false;
    step *= buffer.shape[i]!;
  }
  return true;
};

const nestOf = (unit: Unit, fused: Fused): { nest: Nest; values: readonly Expr[] } => {
  const lookup = (node: Node): Stored | undefined =>
    unit.members.some((m) => m.node === node) ? undefined : fused.stored(node);
  if (unit.scatter !== undefined) {
    const node = unit.members[0]!.node;
    const scattering = node.op.scatter!(node, new Lowering(undefined, lookup));
    const store: Store = {
      buffer: fused.buffers.of(node),
      index: scattering.index,
      value: scattering.value,
      axes: scattering.axes,
      mode: 'add',
      over: scattering.over,
    };
    return {
      nest: { axes: scattering.axes, stores: [store], contract: undefined },
      // Positions are read from memory too.
      values: [scattering.value, ...scattering.index.flatMap(opaqueValues)],
    };
  }
  // Operands may have moved since the unit was formed: lower the contraction again.
  const node = unit.contract?.node;
  const contract = node?.op.contract?.(node, new Lowering(undefined, lookup));
  const axes = contract ? [...contract.batch, ...contract.m, ...contract.n] : unit.axes;
  const members = contract
    ? unit.members.map((m) => ({ node: m.node, index: contract.index }))
    : unit.members;
  const placed: Unit =
    node === undefined || contract === undefined
      ? unit
      : { ...unit, axes, members, contract: { node, contraction: contract } };
  const lowering = new Lowering(placed, lookup);
  const values = members.map((m) => lowering.inline(m.node, m.index));
  const stores = members.map((m, i): Store => {
    const used = new Set<number>();
    for (const idx of m.index) idxAxes(idx, (a) => used.add(a.id));
    return {
      buffer: fused.buffers.of(m.node),
      index: m.index,
      value: values[i]!,
      axes: axes.slice(0, axes.findLastIndex((a) => used.has(a.id)) + 1),
      mode: 'set',
      over: [],
    };
  });
  return {
    nest: { axes, stores, contract },
    values: contract === undefined ? values : [...values, contract.a, contract.b],
  };
};

const loadedBy = (unit: Unit, fused: Fused): ReadonlySet<LoopBuffer> => {
  const loads = new Set<LoopBuffer>();
  const seen = new Set<Expr>();
  for (const value of nestOf(unit, fused).values)
    visitExpr(value, { expr: (e) => e.kind === 'load' && loads.add(e.buffer) }, seen);
  return loads;
};

/** Whether `unit` reads `state` only at the element it replaces. */
const readsInPlace = (unit: Unit, source: Node, state: LoopBuffer, fused: Fused): boolean => {
  const member = unit.members.find((m) => m.node === source)!;
  const at = member.index.map((i) => i.key).join();
  let inPlace = source.type.shape.join() === state.shape.join();
  visitLoads(unit, fused, (buffer, key) => {
    if (buffer === state && key !== at) inPlace = false;
  });
  return inPlace;
};

const visitLoads = (
  unit: Unit,
  fused: Fused,
  visit: (buffer: LoopBuffer, key: string) => void,
): void => {
  const seen = new Set<Expr>();
  for (const value of nestOf(unit, fused).values)
    visitExpr(
      value,
      { expr: (e) => e.kind === 'load' && visit(e.buffer, e.index.map((i) => i.key).join()) },
      seen,
    );
};

/** Whether `unit` can only run after `on`: it needs its results, or replaces a state that `on` reads. */
const dependsOn = (
  unit: Unit,
  on: Unit,
  fused: Fused,
  reads: ReadonlyMap<Unit, ReadonlySet<LoopBuffer>>,
  before: ReadonlyMap<Unit, readonly Unit[]>,
): boolean => {
  const writers = new Map<LoopBuffer, Unit>();
  for (const u of fused.units) for (const m of u.members) writers.set(fused.buffers.of(m.node), u);
  const seen = new Set<Unit>();
  const visit = (u: Unit): boolean => {
    if (u === on) return true;
    if (seen.has(u)) return false;
    seen.add(u);
    for (const buffer of reads.get(u)!) {
      const writer = writers.get(buffer);
      if (writer !== undefined && writer !== u && visit(writer)) return true;
    }
    return (before.get(u) ?? []).some(visit);
  };
  return visit(unit);
};

const isUpdate = (unit: Unit, placed: ReadonlySet<Node>): boolean =>
  unit.contract === undefined &&
  unit.scatter === undefined &&
  unit.members.every((m) => placed.has(m.node) && m.node.op.kind === 'map');

/** Nobody waits for its results: states that others read are read before they change, unless overwritten unseen. */
const isSink = (
  unit: Unit,
  fused: Fused,
  reads: ReadonlyMap<Unit, ReadonlySet<LoopBuffer>>,
  overwritten: ReadonlySet<LoopBuffer>,
): boolean => {
  const waited = unit.members
    .map((m) => fused.buffers.of(m.node))
    .filter((b) => overwritten.has(b));
  return fused.units.every((u) => u === unit || !waited.some((b) => reads.get(u)!.has(b)));
};

type Placed = { readonly unit: Unit; readonly nest: Nest; readonly values: readonly Expr[] };

/** Those that neither read nor write what another of them writes. */
const independent = (nests: readonly Placed[]): Placed[] => {
  const chosen: Placed[] = [];
  const touched = new Map<number, 'read' | 'written'>();
  for (const n of nests) {
    const writes = n.nest.stores.map((s) => s.buffer.id);
    const loads = loadsOf(n.values).map((b) => b.id);
    if (writes.some((id) => touched.has(id)) || loads.some((id) => touched.get(id) === 'written'))
      continue;
    for (const id of loads) touched.set(id, touched.get(id) ?? 'read');
    for (const id of writes) touched.set(id, 'written');
    chosen.push(n);
  }
  return chosen;
};

const loadsOf = (values: readonly Expr[]): LoopBuffer[] => {
  const loads = new Map<number, LoopBuffer>();
  const seen = new Set<Expr>();
  for (const value of values)
    visitExpr(value, { expr: (e) => e.kind === 'load' && loads.set(e.buffer.id, e.buffer) }, seen);
  return [...loads.values()];
};

/** The buffers a nest reads. */
export const readsOf = (nest: Nest): LoopBuffer[] => {
  const values = nest.stores.map((s) => s.value);
  const extra = nest.contract === undefined ? [] : [nest.contract.a, nest.contract.b];
  const indices = nest.stores.flatMap((s) => s.index);
  return loadsOf([...values, ...extra, ...indices.flatMap(opaqueValues)]);
};

const opaqueValues = (idx: Store['index'][number]): Expr[] =>
  idx.terms.flatMap(({ atom }) => {
    if (atom.kind === 'opaque') return [atom.ref as Expr];
    return atom.kind === 'axis' ? [] : opaqueValues(atom.arg);
  });

const kernelOf = (nests: readonly Nest[], name: string, origin: readonly string[]): LoopKernel => {
  const written = new Map<number, LoopBuffer>();
  for (const nest of nests) for (const s of nest.stores) written.set(s.buffer.id, s.buffer);
  const read = new Map<number, LoopBuffer>();
  for (const nest of nests)
    for (const b of readsOf(nest)) if (!written.has(b.id)) read.set(b.id, b);
  return { name, buffers: [...read.values(), ...written.values()], nests, origin };
};

const copyNest = (from: LoopBuffer, to: LoopBuffer): Nest => {
  const axes = to.shape.map((extent, i) => newAxis(`i${i}`, extent, 'par'));
  const index = canonicalIndex(axes);
  const source: LoopBuffer = {
    ...from,
    shape: to.shape,
    strides: isRowMajor(from) ? to.strides : from.strides,
  };
  const live = axes.filter((a) => a.extent !== 1);
  const value = load(source, index);
  return {
    axes: live,
    stores: [{ buffer: to, index, value, axes: live, mode: 'set', over: [] }],
    contract: undefined,
  };
};

/** The scalar and tensor ops a unit computes, most telling first: what its kernel is called by. */
const nameOf = (units: readonly Unit[], fused: Fused): string => {
  const names: string[] = [];
  const seen = new Set<Node>();
  const visit = (node: Node): void => {
    if (seen.has(node)) return;
    seen.add(node);
    for (const x of node.inputs) if (fused.stored(x) === undefined || isMember(x)) visit(x);
    if (node.op.kind !== 'view' && node.op.kind !== 'leaf') names.push(node.op.name);
  };
  const isMember = (node: Node): boolean =>
    units.some((u) => u.members.some((m) => m.node === node));
  for (const unit of units) for (const m of unit.members) visit(m.node);
  if (names.length === 0) return units[0]!.members[0]!.node.op.name;
  const distinct = [...new Set(names)];
  return distinct.length <= 4
    ? distinct.join('_')
    : [...distinct.slice(0, 3), distinct.at(-1)].join('_');
};

const originOf = (units: readonly Unit[]): string[] => [
  ...new Set(
    units.flatMap((u) =>
      u.members.flatMap((m) => (m.node.origin === undefined ? [] : [m.node.origin])),
    ),
  ),
];

const uniqueNames = (kernels: readonly LoopKernel[]): LoopKernel[] => {
  const counts = new Map<string, number>();
  return kernels.map((k) => {
    const n = (counts.get(k.name) ?? 0) + 1;
    counts.set(k.name, n);
    return n === 1 ? k : { ...k, name: `${k.name}_${n}` };
  });
};
