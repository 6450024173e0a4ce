/**
 * From L2 kernels and loops to launches in order: which buffers of the program they are on, and what of a loop's body runs
 * before the loop.
 *
 * Invariant: a launch runs behind those whose results it reads; a launch that a schedule split off runs before a loop only
 * if all it reads is the same in all rounds.
 */
import { type Around, Copies } from '../codegen/copies.ts';
import { bytesOf } from '../ir/dtype.ts';
import { readsOf, writesOf } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import type { BufferRole, Loop, Window } from '../ir/program.ts';
import { spanOf } from '../ir/type.ts';
import type { Kernels } from './kernels.ts';
import type { LoopPiece, View } from './loops.ts';
import { firstOrder, orderUnits } from './order.ts';
import type { Without } from './switches.ts';

/** Kernels and loops in the order in which they run, loops with their steps between them. */
export interface Arrangement {
  readonly kernels: readonly LoopKernel[];
  readonly loops: readonly Loop[];
}

/** Buffers of a program, found by the id of the loop buffer (which reshapes of it share, and views of it). */
export class BufferIndex {
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

/** What a launch touches, by number of buffer. */
export interface Access {
  readonly reads: readonly number[];
  readonly writes: readonly number[];
}

export const accessOf = (loop: LoopKernel, index: BufferIndex): Access => {
  const reads = new Set<number>();
  const writes = new Set<number>();
  for (const nest of loop.nests) {
    for (const b of readsOf(nest)) reads.add(index.of(b));
    for (const s of nest.stores) writes.add(index.of(s.buffer));
  }
  return { reads: [...reads], writes: [...writes] };
};

/** Kernels and loops in the order that needs the least memory, or in any that is right. */
const orderPieces = (
  kernels: readonly LoopKernel[],
  lowered: Kernels,
  index: BufferIndex,
  without: Without,
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
  const order = without.has('order')
    ? firstOrder(units, existing)
    : orderUnits(units, bytes, existing);
  return order.map((i) => pieces[i]!);
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
  without: Without,
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
    for (const piece of orderPieces(parts.inside, from, order, without)) {
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

/** The bytes that a buffer takes. */
export const byteLength = (buffer: LoopBuffer): number =>
  spanOf(buffer.shape, buffer.strides) * bytesOf(buffer.dtype);
