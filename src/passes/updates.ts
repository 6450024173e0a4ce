/**
 * Where new values of states are written: straight into the state, or beside it and copied when all have read the old.
 *
 * Invariant: a launch writes a state that it reads only if each point reads just the element it writes, and all who
 * read the old value elsewhere can run before.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { isScan } from '../ir/graph/ops/scan.ts';
import { readsOf } from '../ir/loop/access.ts';
import { newBuffer } from '../ir/loop/expr.ts';
import type { LoopBuffer } from '../ir/loop/loop.ts';
import { windowAlignment } from '../ir/program/windows.ts';
import type { Fused } from './fuse.ts';
import { unreshaped } from './fusion-model.ts';
import { mayUpdate } from './in-place.ts';
import { loopFamily } from './loop-family.ts';
import { isRowMajor, nestOf } from './nests.ts';
import type { PassContext } from './pass.ts';
import type { Unit } from './units.ts';

export interface Updates {
  readonly states: ReadonlySet<LoopBuffer>;
  /** States whose old value is read by nobody: they behave like results. */
  readonly overwritten: ReadonlySet<LoopBuffer>;
  /** Values that are computed straight into a state. */
  readonly placed: ReadonlySet<Node>;
  readonly copies: readonly { readonly from: LoopBuffer; readonly to: LoopBuffer }[];
  /** The buffers a unit reads, as they are when all values have their places. */
  readonly reads: ReadonlyMap<Unit, ReadonlySet<LoopBuffer>>;
}

/** Gives each assigned value its place; those in a state are the state's buffer from then on. */
export const placeUpdates = (
  graph: Graph,
  fused: Fused,
  caps: Caps,
  context: PassContext,
): Updates => {
  const states = new Set(graph.assigns.map((a) => fused.buffers.of(a.target)));
  const overwritten = new Set<LoopBuffer>();
  const placed = new Set<Node>();
  const copies: { from: LoopBuffer; to: LoopBuffer }[] = [];
  // By the buffers that values have before they get places in states.
  const reads = readsOfUnits(fused, caps);
  const writers = new Map(
    fused.units.flatMap((u) => u.members.map((m) => [fused.buffers.of(m.node), u] as const)),
  );
  const readers = new Map<LoopBuffer, Unit[]>();
  for (const [unit, buffers] of reads)
    for (const buffer of buffers) {
      const known = readers.get(buffer);
      if (known === undefined) readers.set(buffer, [unit]);
      else known.push(unit);
    }
  const readersOf = (buffer: LoopBuffer): readonly Unit[] => readers.get(buffer) ?? [];
  const outputSources = new Set(graph.outputs.map(unreshaped));
  const sources = graph.assigns.map((a) => unreshaped(a.value));
  const assignedOften = new Set(sources.filter((x, i) => sources.indexOf(x) !== i));
  /** States whose old value becomes that of another state, unchanged. */
  const passedOn = new Set(sources.map((x) => fused.buffers.of(x)));
  /** Units that read a state before another unit replaces it. */
  const before = new Map<Unit, readonly Unit[]>();
  for (const { target, value } of graph.assigns) {
    if (value === target) continue;
    const source = unreshaped(value);
    const state = fused.buffers.of(target);
    const unit = fused.stored(source)?.unit;
    const using = readersOf(state);
    const direct =
      unit !== undefined &&
      unit.loop !== true &&
      !outputSources.has(source) &&
      !assignedOften.has(source) &&
      isRowMajor(state);
    const unread = using.length === 0 && !graph.outputs.includes(target) && !passedOn.has(state);
    if (direct && unread) {
      fused.buffers.alias(source, state);
      overwritten.add(state);
      placed.add(source);
    } else if (
      direct &&
      !graph.outputs.includes(target) &&
      readersOf(fused.buffers.of(source)).every((u) => u === unit) &&
      readsInPlace(unit, source, state, fused, caps) &&
      !using.some((r) => r !== unit && dependsOn(r, unit, writers, reads, before))
    ) {
      fused.buffers.alias(source, state);
      placed.add(source);
      const others = using.filter((r) => r !== unit);
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
  return { states, overwritten, placed, copies, reads: readsOfUnits(fused, caps) };
};

const readsOfUnits = (fused: Fused, caps: Caps): ReadonlyMap<Unit, ReadonlySet<LoopBuffer>> =>
  new Map(
    fused.units.map((u) => {
      const [{ node }] = u.members as [Unit['members'][number]];
      const reads = isScan(node)
        ? loopFamily()
            .reads(node, windowAlignment(caps))
            .map((x) => fused.buffers.of(x))
        : readsOf(nestOf(u, fused));
      return [u, new Set(reads)];
    }),
  );

/** Whether `unit` may write `source` into `state`, as far as its own reading goes. */
const readsInPlace = (
  unit: Unit,
  source: Node,
  state: LoopBuffer,
  fused: Fused,
  caps: Caps,
): boolean => {
  if (source.type.shape.join() !== state.shape.join()) return false;
  const nest = nestOf(unit, fused);
  const store = nest.stores[unit.members.findIndex((m) => m.node === source)]!;
  return mayUpdate(nest, store, state, caps);
};

/** Whether `unit` can only run after `on`: it needs its results, or replaces a state that `on` reads. */
const dependsOn = (
  unit: Unit,
  on: Unit,
  writers: ReadonlyMap<LoopBuffer, Unit>,
  reads: ReadonlyMap<Unit, ReadonlySet<LoopBuffer>>,
  before: ReadonlyMap<Unit, readonly Unit[]>,
): boolean => {
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
