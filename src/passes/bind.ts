/**
 * From launches in order to an L4 program: places in the arena, bindings and barriers.
 *
 * Invariant: a temporary takes over another's bytes only in a launch that reads the other, element for element, where it
 * writes; a launch that must see an earlier one's effects has a barrier between them.
 */
import type { Caps } from '../codegen/caps.ts';
import { bytesOf } from '../ir/dtype.ts';
import { readsOf } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import { loopsAround } from '../ir/program/sequence.ts';
import type { Dispatch, Loop, Program, ProgramBuffer, Window } from '../ir/program.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { type Access, accessOf } from './arrange.ts';
import { type BufferIndex, byteLength } from './buffer-index.ts';
import { replaceable } from './in-place.ts';
import type { ResultSource } from './kernels.ts';
import { type Interval, planMemory } from './plan.ts';
import type { Without } from './switches.ts';

/** One launch on its way into the program. */
export interface Launch {
  readonly loop: LoopKernel;
  readonly kernel: ThreadKernel;
}

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

/** Binds scheduled launches, already in order, to planned memory. */
export const bindKernels = (
  name: string,
  launches: readonly Launch[],
  loops: readonly Loop[],
  index: BufferIndex,
  caps: Caps,
  without: Without,
): Program => {
  const access = launches.map((l) => accessOf(l.loop, index));
  const around = launches.map((_, step) => loopsAround({ loops }, step));
  const plan = planTemps(launches, access, around, index, caps, without);
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
  without: Without,
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
  const inPlace = !without.has('inPlace') && !without.has('reuse');
  launches.forEach((launch, step) => {
    if (!inPlace) return;
    const [nest, another] = launch.loop.nests;
    if (nest === undefined || another !== undefined) return;
    const endsHere = (buffer: LoopBuffer): boolean => {
      const read = index.of(buffer);
      const isTemp = index.list[read]!.role === 'temp';
      return isTemp && last.get(read) === step && first.get(read) !== step;
    };
    if (!readsOf(nest).some(endsHere)) return;
    for (const [store, buffer] of replaceable(nest, caps)) {
      const [written, read] = [index.of(store.buffer), index.of(buffer)];
      const depth = around[step]!.length;
      if ([store.buffer, buffer].some((b) => index.windowOf(b, depth) !== undefined)) continue;
      if (homes.get(written) !== depth || homes.get(read) !== depth) continue;
      if (first.get(written) !== step || !endsHere(buffer)) continue;
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
      first: without.has('reuse') ? 0 : first.get(b)!,
      last: without.has('reuse') ? launches.length - 1 : last.get(b)!,
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
