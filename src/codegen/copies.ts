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

/** Launches that a copy is kept for. */
const NEAR = 8;

/** The copies of one list of launches. */
export class Copies {
  readonly #overwritten: (buffer: LoopBuffer) => boolean;
  readonly #around: Around | undefined;
  readonly #made = new Map<string, { readonly copy: Copy; readonly launch: number }>();
  #launch = 0;

  constructor(overwritten: (buffer: LoopBuffer) => boolean, around?: Around) {
    this.#overwritten = overwritten;
    this.#around = around;
  }

  /** How often launches find what a launch that reads nothing but `buffers` has made: it runs before the loop if it can. */
  rounds(buffers: readonly LoopBuffer[]): number {
    const around = this.#around;
    return around !== undefined && buffers.every((b) => around.still(b)) ? around.trips : 1;
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
