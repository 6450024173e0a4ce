/**
 * From L2 kernels and loops to launches in order: which buffers of the program they are on, and what of a loop's body runs
 * before the loop, or once for many calls.
 *
 * Invariant: a launch runs behind those whose results it reads; a launch that a schedule split off runs before a loop only
 * if all it reads is the same in all rounds.
 */
import { type Around, Copies } from '../codegen/copies.ts';
import { readsOf, writesOf } from '../ir/loop/access.ts';
import type { LoopKernel } from '../ir/loop/loop.ts';
import type { Loop } from '../ir/program.ts';
import { type BufferIndex, byteLength, indexBuffers } from './buffer-index.ts';
import type { Keeper } from './keep-family.ts';
import type { Kernels } from './kernels.ts';
import type { LoopPiece } from './loops.ts';
import { firstOrder, orderUnits } from './order.ts';
import type { Without } from './switches.ts';

/** Kernels and loops in the order in which they run, loops with their steps between them. */
export interface Arrangement {
  readonly kernels: readonly LoopKernel[];
  readonly loops: readonly Loop[];
}

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

/**
 * All kernels of a graph and of the loops in it, in order, those that are kept first; every buffer of theirs gets its
 * place in `index`.
 */
export const arrange = (
  lowered: Kernels,
  index: BufferIndex,
  keeping: Keeper,
  split: (kernel: LoopKernel, lowered: Kernels, copies: Copies) => readonly LoopKernel[],
  without: Without,
): Arrangement => {
  const kernels: LoopKernel[] = [];
  const loops: Loop[] = [];
  const partsOf = (from: Kernels, around?: Around): Parts => {
    const copies = copiesFor(from, keeping, around);
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
      for (const k of piece.prologue) kernels.push(...split(k, from, copiesFor(from, keeping)));
      for (const view of piece.views) {
        index.view(view, depth + 1);
        keeping.see(view);
      }
      const own = partsOf(body, aroundBody(piece));
      kernels.push(...keeping.take(own.before));
      const at = loops.push({ first: kernels.length, end: kernels.length, trips }) - 1;
      place(body, own, indexBuffers(body, []), depth + 1);
      loops[at] = { ...loops[at]!, end: kernels.length };
    }
  };
  const all = partsOf(lowered);
  place(lowered, { ...all, inside: keeping.take(all.inside) }, index, 0);
  const first = keeping.kernels.length;
  return {
    kernels: [...keeping.kernels, ...kernels],
    loops: loops.map((l) => ({ ...l, first: l.first + first, end: l.end + first })),
  };
};

const copiesFor = ({ states }: Kernels, keeping: Keeper, around?: Around): Copies => {
  const overwritten = new Set([...states].map((b) => b.id));
  return new Copies((buffer) => overwritten.has(buffer.id), around, keeping);
};

/** What the kernels of a loop's body find the same in all rounds: what they see of arrays around it that nobody writes. */
const aroundBody = ({ trips, views, writes }: LoopPiece): Around => {
  const written = new Set(writes.map((b) => b.id));
  const still = new Set(
    views.filter((v) => v.step === 0 && !written.has(v.of.id)).map((v) => v.buffer.id),
  );
  return { trips, still: (buffer) => still.has(buffer.id) };
};
