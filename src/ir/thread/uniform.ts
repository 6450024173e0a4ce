/**
 * Which expressions have one value in all threads of a workgroup, so that barriers may depend on them.
 *
 * Invariant: uniform are constants, the workgroup id, counters of loops with uniform bounds, and what is computed from
 * these alone, by way of `let`s; whatever a device could not prove from its own text is not.
 */
import type { Register, TExpr } from './thread.ts';
import { operandsOf } from './visit.ts';

/** The uniform registers of a kernel, as they are declared. */
export class Uniformity {
  /** What each register is computed from; registers that are never uniform are missing. */
  readonly #sources = new Map<Register, readonly TExpr[]>();
  readonly #known = new Map<TExpr, boolean>();

  /** `register` is uniform where all of `sources` are. */
  define(register: Register, ...sources: readonly TExpr[]): void {
    this.#sources.set(register, sources);
  }

  holds(e: TExpr): boolean {
    let known = this.#known.get(e);
    if (known === undefined) {
      known = this.#find(e);
      this.#known.set(e, known);
    }
    return known;
  }

  #find(e: TExpr): boolean {
    if (e.kind === 'load') return false;
    const from = e.kind === 'get' ? this.#sources.get(e.register) : operandsOf(e);
    return from?.every((x) => this.holds(x)) ?? false;
  }
}
