/**
 * Which expressions have one value in all threads that must meet, so that barriers and products may depend on them.
 *
 * Invariant: uniform are constants, the workgroup id, counters of loops with uniform bounds, and what is computed from
 * these alone, by way of `let`s; in a warp also the number of the warp: a thread's place divided by a multiple of 32;
 * whatever a device could not prove from its own text is not.
 */
import { WARP } from './tensor.ts';
import type { Register, TExpr } from './thread.ts';
import { operandsOf } from './visit.ts';

/** The uniform registers of a kernel, as they are declared. */
export class Uniformity {
  /** What each register is computed from; registers that are never uniform are missing. */
  readonly #sources = new Map<Register, readonly TExpr[]>();
  readonly #known = {
    workgroup: new Map<TExpr, boolean>(),
    warp: new Map<TExpr, boolean>(),
  };
  readonly #local: Register;

  /** `local`: the thread's place in its workgroup. */
  constructor(local: Register) {
    this.#local = local;
  }

  /** `register` is uniform where all of `sources` are. */
  define(register: Register, ...sources: readonly TExpr[]): void {
    this.#sources.set(register, sources);
  }

  /** Whether all threads of the workgroup, or of each warp, have the same value of `e`. */
  holds(e: TExpr, within: 'workgroup' | 'warp' = 'workgroup'): boolean {
    let known = this.#known[within].get(e);
    if (known === undefined) {
      known = this.#find(e, within);
      this.#known[within].set(e, known);
    }
    return known;
  }

  #find(e: TExpr, within: 'workgroup' | 'warp'): boolean {
    if (e.kind === 'load') return false;
    if (within === 'warp' && this.#isWarp(e)) return true;
    const from = e.kind === 'get' ? this.#sources.get(e.register) : operandsOf(e);
    return from?.every((x) => this.holds(x, within)) ?? false;
  }

  /** `local / 32`, or by a multiple of it. */
  #isWarp(e: TExpr): boolean {
    if (e.kind !== 'op' || (e.op !== 'floordiv' && e.op !== 'shr')) return false;
    const [of, by] = e.args as readonly [TExpr, TExpr];
    if (of.kind !== 'get' || of.register !== this.#local || by.kind !== 'const') return false;
    return e.op === 'shr' ? by.value >= Math.log2(WARP) : by.value % WARP === 0;
  }
}
