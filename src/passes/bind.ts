/**
 * From L2 kernels to an L4 program: order of launches, places in the arena, bindings and barriers.
 *
 * Invariant: a temporary takes over another's bytes only in a launch that reads the other, element for element, where it
 * writes; a launch that must see an earlier one's effects has a barrier between them.
 */
import type { Caps } from '../codegen/caps.ts';
import { type Around, Copies } from '../codegen/copies.ts';
import { bytesOf } from '../ir/dtype.ts';
import { readsOf, writesOf } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import { loopsAround } from '../ir/program/sequence.ts';
import type { BufferRole, Dispatch, Loop, Program, ProgramBuffer, Window } from '../ir/program.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { spanOf } from '../ir/type.ts';
import { replaceable } from './in-place.ts';
import type { Kernels, ResultSource } from './kernels.ts';
import type { LoopPiece, View } from './loops.ts';
import { orderUnits } from './order.ts';
import { type Interval, planMemory } from './plan.ts';

/** One launch on its way into the program. */
export interface Launch {
  readonly loop: LoopKernel;
  readonly kernel: ThreadKernel;
}

/** Kernels and loops in the order in which they run, loops with their steps between them. */
export interface Arrangement {
  readonly kernels: readonly LoopKernel[];
  readonly loops: readonly Loop[];
}

/** Buffers of a program, found by the id of the loop buffer (which reshapes of it share, and views of it). */
class BufferIndex {
  readonly list: {
    readonly buffer: LoopBuffer;
    readonly role: BufferRole;
    readonly values?: readonly number[];
  }[] = [];
  readonly #byId = new Map<number, number>();
  readonly #windows = new Map<number, Window>();

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

  /** Makes `buffer` stand for a part of another, as `depth` loops see it; the innermost moves it by `step`. */
  view({ buffer, of, offset, step }: View, depth: number): void {
    const around = this.windowOf(of, depth);
    this.#byId.set(buffer.id, this.of(of));
    const strides = around?.strides.slice() ?? new Array<number>(depth).fill(0);
    if (depth > 0) strides[depth - 1] = strides[depth - 1]! + step;
    const window: Window = { offset: (around?.offset ?? 0) + offset, strides };
    if (window.offset !== 0 || strides.some((s) => s !== 0)) this.#windows.set(buffer.id, window);
  }

  /** The part of its program buffer that a buffer stands for, as `depth` loops see it; undefined: all of it. */
  windowOf({ id }: LoopBuffer, depth: number): Window | undefined {
    const window = this.#windows.get(id);
    if (window === undefined || window.strides.length === depth) return window;
    if (window.strides.length > depth)
      return window.offset === 0 && window.strides.every((s) => s === 0)
        ? undefined
        : { offset: window.offset, strides: window.strides.slice(0, depth) };
    const still = new Array<number>(depth - window.strides.length).fill(0);
    return { offset: window.offset, strides: [...window.strides, ...still] };
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

/** Kernels and loops in the order that needs the least memory. */
export const orderPieces = (
  kernels: readonly LoopKernel[],
  lowered: Kernels,
  index: BufferIndex,
): (LoopKernel | LoopPiece)[] => {
  const pieces = [...kernels, ...lowered.loops];
  const units = pieces.map(
    (p): Access =>
      'trips' in p
        ? { reads: p.reads.map((b) => index.of(b)), writes: p.writes.map((b) => index.of(b)) }
        : accessOf(p, index),
  );
  const overwritten = new Set([...lowered.overwritten].map((b) => index.of(b)));
  const bytes = index.list.map(({ buffer, role }) => (role === 'temp' ? byteLength(buffer) : 0));
  const existing = index.list.map(
    ({ role }, i) => role !== 'temp' && role !== 'output' && !overwritten.has(i),
  );
  return orderUnits(units, bytes, existing).map((i) => pieces[i]!);
};

/** Kernels as they are launched: those of a graph, and those that need not wait for the loop it is the body of. */
interface Parts {
  readonly before: readonly LoopKernel[];
  readonly inside: readonly LoopKernel[];
}

/** All kernels of a graph and of the loops in it, in order; every buffer of theirs gets its place in `index`. */
export const arrange = (
  lowered: Kernels,
  index: BufferIndex,
  split: (kernel: LoopKernel, lowered: Kernels, copies: Copies) => readonly LoopKernel[],
): Arrangement => {
  const kernels: LoopKernel[] = [];
  const loops: Loop[] = [];
  const partsOf = (from: Kernels, around?: Around): Parts => {
    const copies = copiesFor(from, around);
    const before: LoopKernel[] = [];
    const inside = from.kernels.flatMap((k) => {
      copies.advance();
      const parts = split(k, from, copies);
      const early = parts.filter(
        (part) =>
          around !== undefined && part !== k && part.nests.flatMap(readsOf).every(around.still),
      );
      before.push(...early);
      return parts.filter((part) => !early.includes(part));
    });
    return { before, inside };
  };
  const place = (from: Kernels, parts: Parts, order: BufferIndex, depth: number): void => {
    for (const known of new Set([order, index])) {
      if (known === index && depth > 0)
        for (const { buffer, values } of from.literals) known.add(buffer, 'constant', values);
      for (const kernel of parts.before)
        for (const b of kernel.nests.flatMap(writesOf))
          known.add(b, known === index ? 'temp' : 'input');
      for (const kernel of parts.inside) for (const b of kernel.buffers) known.of(b);
    }
    for (const piece of orderPieces(parts.inside, from, order)) {
      if (!('trips' in piece)) {
        kernels.push(piece);
        continue;
      }
      const { body, trips } = piece;
      for (const view of piece.prologueViews) index.view(view, depth);
      for (const k of piece.prologue) kernels.push(...split(k, from, copiesFor(from)));
      for (const view of piece.views) index.view(view, depth + 1);
      const own = partsOf(body, aroundBody(piece));
      kernels.push(...own.before);
      const at = loops.push({ first: kernels.length, end: kernels.length, trips }) - 1;
      place(body, own, indexBuffers(body, []), depth + 1);
      loops[at] = { ...loops[at]!, end: kernels.length };
    }
  };
  place(lowered, partsOf(lowered), index, 0);
  return { kernels, loops };
};

const copiesFor = ({ states }: Kernels, around?: Around): Copies => {
  const overwritten = new Set([...states].map((b) => b.id));
  return new Copies((buffer) => overwritten.has(buffer.id), around);
};

/** What the kernels of a loop's body find the same in all rounds: what they see of arrays around it that nobody writes. */
const aroundBody = ({ trips, views, writes }: LoopPiece): Around => {
  const written = new Set(writes.map((b) => b.id));
  const still = new Set(
    views.filter((v) => v.step === 0 && !written.has(v.of.id)).map((v) => v.buffer.id),
  );
  return { trips, still: (buffer) => still.has(buffer.id) };
};

/** Binds scheduled launches, already in order, to planned memory. */
export const bindKernels = (
  name: string,
  launches: readonly Launch[],
  loops: readonly Loop[],
  index: BufferIndex,
  caps: Caps,
): Program => {
  const access = launches.map((l) => accessOf(l.loop, index));
  const around = launches.map((_, step) => loopsAround({ loops }, step));
  const plan = planTemps(launches, access, around, index, caps);
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
  const kernels = [...new Set(launches.map((l) => l.kernel))];
  const numbers = new Map(kernels.map((kernel, i) => [kernel, i]));
  const steps = launches.map(({ loop, kernel }, i): Dispatch => {
    const windows = loop.buffers.map((b) => index.windowOf(b, around[i]!.length));
    return {
      kernel: numbers.get(kernel)!,
      bindings: loop.buffers.map((b) => index.of(b)),
      ...(windows.some((w) => w !== undefined) ? { windows } : {}),
      barrier: false,
    };
  });
  return {
    name,
    buffers,
    kernels,
    ...withBarriers({ steps, loops, kernels, buffers }),
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
  around: readonly (readonly Loop[])[],
  index: BufferIndex,
  caps: Caps,
): TempPlan => {
  const first = new Map<number, number>();
  const last = new Map<number, number>();
  /** How many loops around all its uses a temp has: it lives in one round of these. */
  const homes = new Map<number, number>();
  const temps = new Map<number, number[]>();
  access.forEach(({ reads, writes }, step) => {
    for (const b of new Set([...reads, ...writes]))
      if (index.list[b]!.role === 'temp') temps.set(b, [...(temps.get(b) ?? []), step]);
  });
  for (const [b, steps] of temps) {
    const paths = steps.map((step) => around[step]!);
    let home = paths[0]!.length;
    for (const path of paths) while (home > 0 && path[home - 1] !== paths[0]![home - 1]) home--;
    homes.set(b, home);
    // What a loop finds there in one round it finds there in all.
    first.set(b, Math.min(...steps.map((s, i) => paths[i]![home]?.first ?? s)));
    last.set(b, Math.max(...steps.map((s, i) => (paths[i]![home]?.end ?? s + 1) - 1)));
  }
  const position = new Map([...temps.keys()].map((b, i) => [b, i]));
  const inPlaceOf = new Map<number, number>();
  const taken = new Set<number>();
  launches.forEach((launch, step) => {
    const [nest, another] = launch.loop.nests;
    if (nest === undefined || another !== undefined) return;
    for (const [store, buffer] of replaceable(nest, caps)) {
      const [written, read] = [index.of(store.buffer), index.of(buffer)];
      const depth = around[step]!.length;
      if ([store.buffer, buffer].some((b) => index.windowOf(b, depth) !== undefined)) continue;
      if (homes.get(written) !== depth || homes.get(read) !== depth) continue;
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
  const intervals = [...temps.keys()].map((b): Interval => {
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
    offsets: new Map([...temps.keys()].map((b, i) => [b, plan.offsets[i]!])),
    inPlaceOf,
    bytes: plan.bytes,
    lowerBound: plan.lowerBound,
  };
};

/**
 * Marks launches that touch what a launch since the last barrier wrote, or write what one read. There is one where a
 * loop begins and ends, so that rounds wait for each other.
 */
const withBarriers = ({
  steps,
  loops,
  kernels,
  buffers,
}: Pick<Program, 'steps' | 'loops' | 'kernels' | 'buffers'>): Pick<Program, 'steps' | 'loops'> => {
  interface Touch {
    readonly buffer: number;
    readonly writes: boolean;
    readonly window: Window | undefined;
    readonly bytes: number;
  }
  const touched = (step: number): Touch[] => {
    const { kernel, bindings, windows } = steps[step]!;
    return kernels[kernel]!.buffers.filter((b) => b.space === 'global').map((b, i) => ({
      buffer: bindings[i]!,
      writes: b.access !== 'read',
      window: windows?.[i],
      bytes: b.elements * bytesOf(b.dtype),
    }));
  };
  const meet = (a: Touch, b: Touch): boolean => {
    if (!a.writes && !b.writes) return false;
    if (a.buffer === b.buffer) {
      // Windows that move together meet in every round or in none.
      if (a.window?.strides.join() !== b.window?.strides.join()) return true;
      const [x, y] = [a.window?.offset ?? 0, b.window?.offset ?? 0];
      return a.window === undefined || (x < y + b.bytes && y < x + a.bytes);
    }
    const x = buffers[a.buffer]!;
    const y = buffers[b.buffer]!;
    if (x.offset === undefined || y.offset === undefined) return false;
    return x.offset < y.offset + y.bytes && y.offset < x.offset + x.bytes;
  };
  let since: Touch[] = [];
  const marked = steps.map((step, i): Dispatch => {
    const now = touched(i);
    const turns = loops.some((l) => l.first === i || l.end === i);
    const barrier = turns || since.some((before) => now.some((t) => meet(before, t)));
    if (barrier) since = [];
    since.push(...now);
    return { ...step, barrier };
  });
  return { steps: marked, loops };
};

const byteLength = (buffer: LoopBuffer): number =>
  spanOf(buffer.shape, buffer.strides) * bytesOf(buffer.dtype);
