/**
 * The cheapest few of many cuts: one for who schedules, some for who measures.
 *
 * Invariant: ordered by estimate, the first found first among equals; what does not make it is never made.
 */

export interface Costed {
  /** Estimated cycles. */
  readonly cycles: number;
}

export class Shortlist<T extends Costed> {
  readonly items: T[] = [];
  readonly #most: number;

  constructor(most: number) {
    this.#most = most;
  }

  /** Whether a cut of these cycles is among the cheapest so far. */
  takes(cycles: number): boolean {
    const { items } = this;
    return items.length < this.#most || items[items.length - 1]!.cycles > cycles;
  }

  /** Takes the cut of these cycles if it is among the cheapest so far. */
  add(cycles: number, make: () => T): void {
    const { items } = this;
    if (!this.takes(cycles)) return;
    let at = items.length;
    while (at > 0 && items[at - 1]!.cycles > cycles) at--;
    items.splice(at, 0, make());
    if (items.length > this.#most) items.pop();
  }
}

/** Cuts of one schedule that are worth a measurement. */
export const MEASURED = 6;
