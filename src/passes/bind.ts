/**
 * From L2 kernels to an L4 program: order of launches, places in the arena, bindings and barriers.
 *
 * Invariant: a temporary takes over another's bytes only in a launch that reads the other, element for element, where it
 * writes; a launch that must see an earlier one's effects has a barrier between them.
 */
import type { Caps } from '../codegen/caps.ts';
import { bytesOf } from '../ir/dtype.ts';
import { readsOf } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import type { BufferRole, Dispatch, Program, ProgramBuffer } from '../ir/program.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { spanOf } from '../ir/type.ts';
import { replaceable } from './in-place.ts';
import type { Kernels, ResultSource } from './kernels.ts';
import { orderUnits } from './order.ts';
import { type Interval, planMemory } from './plan.ts';

/** One launch on its way into the program. */
export interface Launch {
  readonly loop: LoopKernel;
  readonly kernel: ThreadKernel;
}

/** Buffers of a program, found by the id of the loop buffer (which reshapes of it share). */
class BufferIndex {
  readonly list: {
    readonly buffer: LoopBuffer;
    readonly role: BufferRole;
    readonly values?: readonly number[];
  }[] = [];
  readonly #byId = new Map<number, number>();

  add(buffer: LoopBuffer, role: BufferRole, values?: readonly number[]): number {
    const known = this.#byId.get(buffer.id);
    if (known !== undefined) return known;
    this.list.push(values === undefined ? { buffer, role } : { buffer, role, values });
    this.#byId.set(buffer.id, this.list.length - 1);
    return this.list.length - 1;
  }

  of(buffer: LoopBuffer): number {
    return this.#byId.get(buffer.id) ?? this.add(buffer, 'temp');
  }
}

/** Buffers in program order: inputs and states, scalars, results, constants; temporaries join as launches name them. */
export const indexBuffers = (lowered: Kernels, isScalar: readonly boolean[]): BufferIndex => {
  const index = new BufferIndex();
  lowered.inputs.forEach((b, i) => {
    if (!isScalar[i]) index.add(b, lowered.states.has(b) ? 'state' : 'input');
  });
  lowered.inputs.forEach((b, i) => {
    if (isScalar[i]) index.add(b, 'scalar');
  });
  for (const out of lowered.outputs) if (out.kind === 'buffer') index.add(out.buffer, 'output');
  for (const { buffer, values } of lowered.literals) index.add(buffer, 'constant', values);
  return index;
};

/** Which output buffer of the program each result is (equal results share one). */
export const outputPositions = (outputs: readonly ResultSource[]): number[] => {
  const positions = new Map<number, number>();
  return outputs.map((out) => {
    if (out.kind === 'input') return -1;
    const known = positions.get(out.buffer.id) ?? positions.size;
    positions.set(out.buffer.id, known);
    return known;
  });
};

interface Access {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

const accessOf = (loop: LoopKernel, index: BufferIndex): Access => {
  const reads = new Set<number>();
  const writes = new Set<number>();
  for (const nest of loop.nests) {
    for (const b of readsOf(nest)) reads.add(index.of(b));
    for (const s of nest.stores) writes.add(index.of(s.buffer));
  }
  return { reads: [...reads], writes: [...writes] };
};

/** The least-memory order of the kernels. */
export const orderKernels = (
  kernels: readonly LoopKernel[],
  lowered: Kernels,
  index: BufferIndex,
): LoopKernel[] => {
  const units = kernels.map((k) => accessOf(k, index));
  const overwritten = new Set([...lowered.overwritten].map((b) => index.of(b)));
  const bytes = index.list.map(({ buffer, role }) => (role === 'temp' ? byteLength(buffer) : 0));
  const existing = index.list.map(
    ({ role }, i) => role !== 'temp' && role !== 'output' && !overwritten.has(i),
  );
  return orderUnits(units, bytes, existing).map((i) => kernels[i]!);
};

/** Binds scheduled launches, already in order, to planned memory. */
export const bindKernels = (
  name: string,
  launches: readonly Launch[],
  index: BufferIndex,
  caps: Caps,
): Program => {
  const access = launches.map((l) => accessOf(l.loop, index));
  const plan = planTemps(launches, access, index, caps);
  const buffers = index.list.map(
    ({ buffer, role, values }, i): ProgramBuffer => ({
      name: buffer.name,
      dtype: buffer.dtype,
      shape: buffer.shape,
      strides: buffer.strides,
      role,
      bytes: byteLength(buffer),
      offset: plan.offsets.get(i),
      inPlaceOf: plan.inPlaceOf.get(i),
      values,
    }),
  );
  const steps = launches.map(
    (launch, i): Dispatch => ({
      kernel: i,
      bindings: launch.loop.buffers.map((b) => index.of(b)),
      barrier: false,
    }),
  );
  return {
    name,
    buffers,
    kernels: launches.map((l) => l.kernel),
    steps: withBarriers(steps, access, buffers),
    arenaBytes: plan.bytes,
    lowerBoundBytes: plan.lowerBound,
  };
};

interface TempPlan {
  readonly offsets: ReadonlyMap<number, number>;
  readonly inPlaceOf: ReadonlyMap<number, number>;
  readonly bytes: number;
  readonly lowerBound: number;
}

const planTemps = (
  launches: readonly Launch[],
  access: readonly Access[],
  index: BufferIndex,
  caps: Caps,
): TempPlan => {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  access.forEach(({ reads, writes }, step) => {
    for (const b of [...reads, ...writes]) {
      if (index.list[b]!.role !== 'temp') continue;
      if (!first.has(b)) first.set(b, step);
      last.set(b, step);
    }
  });
  const temps = [...first.keys()];
  const position = new Map(temps.map((b, i) => [b, i]));
  const inPlaceOf = new Map<number, number>();
  const taken = new Set<number>();
  launches.forEach((launch, step) => {
    const [nest, another] = launch.loop.nests;
    if (nest === undefined || another !== undefined) return;
    for (const [store, buffer] of replaceable(nest, caps)) {
      const [written, read] = [index.of(store.buffer), index.of(buffer)];
      if (index.list[read]!.role !== 'temp') continue;
      if (first.get(written) !== step || last.get(read) !== step || first.get(read) === step)
        continue;
      if (taken.has(read) || inPlaceOf.has(written)) continue;
      if (byteLength(index.list[written]!.buffer) !== byteLength(index.list[read]!.buffer))
        continue;
      inPlaceOf.set(written, read);
      taken.add(read);
    }
  });
  const intervals = temps.map((b): Interval => {
    const from = inPlaceOf.get(b);
    return {
      // Ranges of an arena that are bound apart hold a word each, and may not overlap even where nothing is in them.
      bytes: Math.max(byteLength(index.list[b]!.buffer), caps.target === 'wgsl' ? 4 : 0),
      first: first.get(b)!,
      last: last.get(b)!,
      inPlaceOf: from === undefined ? undefined : position.get(from),
    };
  });
  const plan = planMemory(intervals, caps.alignment);
  return {
    offsets: new Map(temps.map((b, i) => [b, plan.offsets[i]!])),
    inPlaceOf,
    bytes: plan.bytes,
    lowerBound: plan.lowerBound,
  };
};

/** Marks launches that touch what a launch since the last barrier wrote, or write what one read. */
const withBarriers = (
  steps: readonly Dispatch[],
  access: readonly Access[],
  buffers: readonly ProgramBuffer[],
): Dispatch[] => {
  const overlap = (a: number, b: number): boolean => {
    if (a === b) return true;
    const x = buffers[a]!;
    const y = buffers[b]!;
    if (x.offset === undefined || y.offset === undefined) return false;
    return x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
  };
  let reads: number[] = [];
  let writes: number[] = [];
  return steps.map((step, i) => {
    const now = access[i]!;
    const barrier =
      writes.some((w) => [...now.reads, ...now.writes].some((b) => overlap(w, b))) ||
      reads.some((r) => now.writes.some((b) => overlap(r, b)));
    if (barrier) {
      reads = [];
      writes = [];
    }
    reads.push(...now.reads);
    writes.push(...now.writes);
    return { ...step, barrier };
  });
};

const byteLength = (buffer: LoopBuffer): number =>
  spanOf(buffer.shape, buffer.strides) * bytesOf(buffer.dtype);
