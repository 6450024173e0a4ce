/**
 * From fused units to L2 kernels: where results and updated states live, and which nests share a launch.
 *
 * All updates of states that nothing else waits for share one launch (the optimizer is one kernel for the whole net),
 * or as few as the device can bind.
 * Invariant: every element is written by one kernel; no kernel binds more buffers than the device allows.
 */

import { reductionsIn } from '../codegen/analysis.ts';
import { type Bindings, countBindings, shareOut } from '../codegen/bindings.ts';
import type { Caps } from '../codegen/caps.ts';
import { launchesOf } from '../codegen/choices.ts';
import { invariant } from '../ir/errors.ts';
import type { Graph, Node } from '../ir/graph/graph.ts';
import { buffersOf } from '../ir/loop/access.ts';
import { newBuffer } from '../ir/loop/expr.ts';
import type { LoopBuffer, LoopKernel, Nest } from '../ir/loop/loop.ts';
import { type Fused, fuse } from './fuse.ts';
import { unreshaped } from './fusion-model.ts';
import { loopFamily } from './loop-family.ts';
import type { LoopPiece } from './loops.ts';
import { copyNest, isRowMajor, nestOf } from './nests.ts';
import type { PassContext } from './pass.ts';
import { type Accesses, launchedInGroups, launchedTogether, type Placed } from './together.ts';
import type { Unit } from './units.ts';
import { placeUpdates, type Updates } from './updates.ts';

/** Where a result of the graph comes from. */
export type ResultSource =
  | { readonly kind: 'buffer'; readonly buffer: LoopBuffer }
  /** The bytes of input number `input`, unchanged. */
  | { readonly kind: 'input'; readonly input: number };

export interface Kernels {
  readonly kernels: readonly LoopKernel[];
  readonly loops: readonly LoopPiece[];
  /** The buffer of each graph input, in order. */
  readonly inputs: readonly LoopBuffer[];
  readonly literals: readonly { readonly buffer: LoopBuffer; readonly values: readonly number[] }[];
  readonly outputs: readonly ResultSource[];
  /** States whose old value is read by nobody: they behave like results. */
  readonly overwritten: ReadonlySet<LoopBuffer>;
  readonly states: ReadonlySet<LoopBuffer>;
  readonly bindings: Bindings;
}

export const lowerGraph = (graph: Graph, caps: Caps, context: PassContext): Kernels => {
  const fused = fuse(graph, caps, context);
  const inputs = graph.inputs.map((node) => fused.buffers.of(node));
  const updates = placeUpdates(graph, fused, caps, context);
  const { states } = updates;
  const copies = [...updates.copies];

  const outputs = graph.outputs.map((node): ResultSource => {
    const input = graph.inputs.indexOf(reshapedInput(node));
    if (input >= 0) {
      const buffer = inputs[input]!;
      if (isRowMajor(buffer) && !states.has(buffer)) return { kind: 'input', input };
    }
    const source = unreshaped(node);
    if (fused.stored(source)?.unit !== undefined && isRowMajor(fused.buffers.of(source)))
      return { kind: 'buffer', buffer: fused.buffers.of(source) };
    const to = newBuffer(`result_${fused.buffers.of(source).name}`, node.type);
    copies.push({ from: fused.buffers.of(source), to });
    return { kind: 'buffer', buffer: to };
  });

  const bindings = bindingsOf(graph, inputs, caps);
  const nests = fused.units
    .filter((unit) => unit.loop !== true)
    .map((unit) => ({ unit, nest: nestOf(unit, fused) }));
  const last = nests.filter(
    ({ unit, nest }) =>
      context.without?.has('fuse') !== true &&
      isUpdate(unit, updates) &&
      isSink(unit, fused, updates) &&
      // What takes up a fold on the way need not wait for the other updates.
      !folds(nest),
  );
  const { overwritten, reads } = updates;
  const accesses: Accesses = {
    reads,
    writes: (unit) => unit.members.map((m) => fused.buffers.of(m.node)),
    existing: new Set([...states].filter((b) => !overwritten.has(b))),
  };
  const together = launchedTogether(last, fused.units, accesses);
  const shared = shareOut(together, bindings);
  if (shared.length > 1)
    context.note(
      `${together.length} updates take ${shared.length} launches: the device binds ${caps.maxBindings} buffers`,
    );
  const joint = launchedInGroups(
    jointNests(nests, caps).filter((g) => countBindings(nestsIn(g), bindings) <= bindings.most),
    [together],
    fused.units,
    accesses,
  );
  const apart = nests.filter((n) => !together.includes(n) && !joint.some((g) => g.includes(n)));
  const kernels = apart.flatMap(({ unit, nest }) => {
    const launches = launchesOf(nest, bindings);
    if (launches.length > 1)
      context.note(
        `${nameOf([unit], fused)} takes ${launches.length} launches: the device binds ${caps.maxBindings} buffers`,
      );
    return launches.map((parts) => kernelOf(parts, nameOf([unit], fused), originOf([unit])));
  });
  for (const group of joint) {
    const units = group.map((n) => n.unit);
    kernels.push(kernelOf(nestsIn(group), nameOf(units, fused), originOf(units)));
  }
  for (const launch of shared)
    kernels.push(
      kernelOf(
        launch.map((n) => n.nest),
        together.length > 1 ? 'update_parameters' : nameOf([together[0]!.unit], fused),
        originOf(launch.map((n) => n.unit)),
      ),
    );
  for (const { from, to } of copies)
    kernels.push(kernelOf([copyNest(from, to)], `copy_${to.name}`, []));
  for (const { name, nests } of kernels) {
    const bound = countBindings(nests, bindings);
    invariant(bound <= bindings.most, `${name} binds ${bound} buffers of ${bindings.most}`);
  }
  return {
    kernels: uniqueNames(kernels),
    loops: fused.units.some((unit) => unit.loop === true)
      ? loopFamily().lower(fused, caps, context, lowerGraph)
      : [],
    inputs,
    literals: fused.literals.map((node) => ({
      buffer: fused.buffers.of(node),
      values: node.attrs['values'] as readonly number[],
    })),
    outputs,
    overwritten: updates.overwritten,
    states,
    bindings,
  };
};

const nestsIn = (group: readonly Placed[]): Nest[] => group.map((n) => n.nest);

/** Attentions that one launch is better for. */
const jointNests = (nests: readonly Placed[], caps: Caps): Placed[][] => {
  const attending = nests.filter(({ nest }) => nest.attend !== undefined);
  if (attending.length < 2) return [];
  const groups = caps.schedules.joint?.together(nestsIn(attending), caps) ?? [];
  return groups.map((group) => attending.filter(({ nest }) => group.includes(nest)));
};

const bindingsOf = (graph: Graph, inputs: readonly LoopBuffer[], caps: Caps): Bindings => {
  const scalars = new Set(
    inputs.filter((_, i) => graph.inputs[i]!.attrs['role'] === 'scalar').map((b) => b.id),
  );
  return { most: caps.maxBindings, takesOne: (b) => !scalars.has(b.id) };
};

/** The input that `node` is a reshape of (or itself). */
const reshapedInput = (node: Node): Node => {
  let source = node;
  while (source.op.name === 'reshape') source = source.inputs[0]!;
  return source;
};

const isUpdate = (unit: Unit, { placed }: Updates): boolean =>
  unit.contract === undefined &&
  unit.scatter === undefined &&
  unit.members.every((m) => placed.has(m.node) && m.node.op.kind === 'map');

const folds = (nest: Nest): boolean => nest.stores.some((s) => reductionsIn([s.value]).length > 0);

/** Nobody waits for its results: states that others read are read before they change, unless overwritten unseen. */
const isSink = (unit: Unit, fused: Fused, { overwritten, reads }: Updates): boolean => {
  const waited = unit.members
    .map((m) => fused.buffers.of(m.node))
    .filter((b) => overwritten.has(b));
  return fused.units.every((u) => u === unit || !waited.some((b) => reads.get(u)!.has(b)));
};

const kernelOf = (nests: readonly Nest[], name: string, origin: readonly string[]): LoopKernel => ({
  name,
  buffers: buffersOf(nests),
  nests,
  origin,
});

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
