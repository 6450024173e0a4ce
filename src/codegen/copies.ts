/**
 * Copies of arrays in another layout, which launches near each other share.
 *
 * Invariant: a copy is made once for all that want it within a few launches; who comes later makes it anew, since keeping
 * it would take as much memory as the array again. What a program overwrites is never shared: old and new values live in
 * one buffer.
 */
import type { LoopBuffer, LoopKernel } from '../ir/loop/loop.ts';

/** The copy of an array, and the launch that makes it. */
export interface Copy {
  readonly to: LoopBuffer;
  readonly kernel: LoopKernel;
}

/** The loop that launches are in. */
export interface Around {
  readonly trips: number;
  /** Whether an array is the same in all rounds. */
  still(buffer: LoopBuffer): boolean;
}

/** Which launches a program runs once for many calls; see `passes/keep.ts`. */
export interface Kept {
  /** Whether a launch that reads `buffers` alone, and writes so much, is one. */
  keeps(buffers: readonly LoopBuffer[], bytes: number): boolean;
  /** Counts on that. */
  expect(bytes: number): void;
}

/** Calls that are expected to find what an earlier one has kept: it must not cost more than they gain. */
const CALLS = 16;

/** Launches that a copy is kept for. */
const NEAR = 8;

/** The copies of one list of launches. */
export class Copies {
  readonly #overwritten: (buffer: LoopBuffer) => boolean;
  readonly #kept: Kept | undefined;
  readonly #around: Around | undefined;
  readonly #made = new Map<string, { readonly copy: Copy; readonly launch: number }>();
  #launch = 0;

  constructor(overwritten: (buffer: LoopBuffer) => boolean, around?: Around, kept?: Kept) {
    this.#overwritten = overwritten;
    this.#kept = kept;
    this.#around = around;
  }

  /**
   * How often launches find what a launch that reads nothing but `buffers` has made: it runs before the loop if it can,
   * and once for many calls where it is kept.
   */
  rounds(buffers: readonly LoopBuffer[], bytes: number): number {
    const around = this.#around;
    if (this.keeps(buffers, bytes)) return CALLS * (around?.trips ?? 1);
    return around !== undefined && buffers.every((b) => around.still(b)) ? around.trips : 1;
  }

  /** Whether a launch that reads nothing but `buffers`, and writes so much, runs once for many calls. */
  keeps(buffers: readonly LoopBuffer[], bytes: number): boolean {
    return this.#kept?.keeps(buffers, bytes) === true;
  }

  /** There will be such a launch. */
  expect(buffers: readonly LoopBuffer[], bytes: number): void {
    if (this.keeps(buffers, bytes)) this.#kept!.expect(bytes);
  }

  /** The next launch is asked about. */
  advance(): void {
    this.#launch++;
  }

  /** The copy of `of` called `key`, if there is one near. */
  near(of: LoopBuffer, key: string): Copy | undefined {
    const known = this.#made.get(`${of.id} ${key}`);
    return known !== undefined && this.#launch - known.launch <= NEAR ? known.copy : undefined;
  }

  keep(of: LoopBuffer, key: string, copy: Copy): void {
    if (!this.#overwritten(of)) this.#made.set(`${of.id} ${key}`, { copy, launch: this.#launch });
  }
}
