/**
 * What of a program need not run at each call: launches that read nothing but arrays which the caller holds (weights, as
 * a rule), constants, and each other's results. They come first, and what they write is kept: a runtime leaves them out
 * as long as the arrays are what they were.
 *
 * Invariant: a kept buffer has one writer, which is kept; results, states and what loops write are never kept.
 */
import { readsOf, writesOf } from '../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';
import { type BufferIndex, byteLength } from './buffer-index.ts';
import type { Keeper } from './keep-family.ts';
import type { Kernels } from './kernels.ts';
import type { View } from './loops.ts';

/** What a launch writes may be so many times what it reads: weights transformed, not weights spread over a batch. */
const MOST_GROWTH = 5;
/** Bytes that a program keeps at most. */
const MOST_BYTES = 2 ** 28;

/** Finds what is kept of one program, launches at the top first, then those of loops, outermost first. */
class Keeping implements Keeper {
  /** Launches that are kept, in an order that is right. */
  readonly kernels: LoopKernel[] = [];
  readonly #index: BufferIndex;
  /** Buffers that hold the same at each call, as far as is decided. */
  readonly #held: Set<number>;
  readonly #constant: ReadonlySet<number>;
  #bytes = 0;
  /** What launches will keep that are not split yet. */
  readonly #foreseen = new Set<number>();
  #foreseenBytes = 0;

  /** `held`: the numbers of inputs that the caller holds. */
  constructor(lowered: Kernels, index: BufferIndex, held: readonly number[]) {
    this.#index = index;
    const inputs = held.map((i) => lowered.inputs[i]!).filter((b) => !lowered.states.has(b));
    this.#held = new Set(inputs.map((b) => b.id));
    this.#constant = new Set(lowered.literals.map(({ buffer }) => buffer.id));
    if (inputs.length === 0) return;
    const { kernels } = this.#closure(lowered.kernels, this.#held, 0);
    for (const b of kernels.flatMap(writesIn)) this.#foreseen.add(b.id);
  }

  /** Whether a launch that reads `buffers` alone, and writes so much, is going to be kept. */
  keeps(buffers: readonly LoopBuffer[], bytes: number): boolean {
    const known = (b: LoopBuffer): boolean => this.#held.has(b.id) || this.#foreseen.has(b.id);
    return (
      buffers.some(known) &&
      buffers.every((b) => known(b) || this.#constant.has(b.id)) &&
      this.#foreseenBytes + bytes <= MOST_BYTES
    );
  }

  /** Counts on a launch that `keeps` agreed to. */
  expect(bytes: number): void {
    this.#foreseenBytes += bytes;
  }

  /** A part of a held array, seen the same in all rounds of a loop, is held. */
  see({ buffer, of, step }: View): void {
    if (step === 0 && this.#held.has(of.id)) this.#held.add(buffer.id);
  }

  /** Takes those of `kernels` that are kept; gives the others. */
  take(kernels: readonly LoopKernel[]): readonly LoopKernel[] {
    if (this.#held.size === 0) return kernels;
    const kept = this.#closure(kernels, this.#held, this.#bytes);
    this.#bytes = kept.bytes;
    for (const kernel of kept.kernels) {
      this.kernels.push(kernel);
      for (const b of writesIn(kernel)) {
        this.#held.add(b.id);
        this.#index.add(b, 'kept');
      }
    }
    const taken = new Set(kept.kernels);
    return kernels.filter((k) => !taken.has(k));
  }

  /** Those of `kernels` that read what is held, or what one of them writes, as far as there is room. */
  #closure(
    kernels: readonly LoopKernel[],
    given: ReadonlySet<number>,
    from: number,
  ): { readonly kernels: LoopKernel[]; readonly bytes: number } {
    const held = new Set(given);
    const writers = new Map<number, number>();
    for (const b of kernels.flatMap(writesIn)) writers.set(b.id, (writers.get(b.id) ?? 0) + 1);
    const kept = new Set<LoopKernel>();
    let bytes = from;
    const fits = (kernel: LoopKernel): boolean => {
      const reads = kernel.nests.flatMap(readsOf);
      if (!reads.some((b) => held.has(b.id))) return false;
      if (!reads.every((b) => held.has(b.id) || this.#constant.has(b.id))) return false;
      const writes = writesIn(kernel);
      if (!writes.every((b) => writers.get(b.id) === 1 && !this.#index.has(b))) return false;
      const made = sizeOf(writes);
      return made <= MOST_GROWTH * sizeOf(reads) && bytes + made <= MOST_BYTES;
    };
    for (let more = true; more; ) {
      more = false;
      for (const kernel of kernels) {
        if (kept.has(kernel) || !fits(kernel)) continue;
        kept.add(kernel);
        const writes = writesIn(kernel);
        bytes += sizeOf(writes);
        for (const b of writes) held.add(b.id);
        more = true;
      }
    }
    return { kernels: [...kept], bytes };
  }
}

export const keeping = (lowered: Kernels, index: BufferIndex, held: readonly number[]): Keeper =>
  new Keeping(lowered, index, held);

/** The buffers that a launch writes; several of its nests may write parts of one. */
const writesIn = ({ nests }: LoopKernel): LoopBuffer[] => [
  ...new Map(nests.flatMap(writesOf).map((b) => [b.id, b])).values(),
];

const sizeOf = (buffers: readonly LoopBuffer[]): number => {
  const each = new Map(buffers.map((b) => [b.id, byteLength(b)]));
  return [...each.values()].reduce((sum, n) => sum + n, 0);
};
