/**
 * The cheapest few of many cuts: one for who schedules, some for who measures.
 *
 * Invariant: ordered by estimate, the first found first among equals; what is not `taken` need never be made.
 */

export interface Costed {
  /** Estimated cycles. */
  readonly cycles: number;
}

export class Shortlist<T extends Costed> {
  readonly items: T[] = [];
  readonly #most: number;
  #below: number;

  /** Of at most so many cuts, all of less than `below` cycles. */
  constructor(most: number, below: number = Number.POSITIVE_INFINITY) {
    this.#most = most;
    this.#below = below;
  }

  /** Whether a cut of these cycles is among the cheapest so far. */
  takes(cycles: number): boolean {
    return cycles < this.#below;
  }

  /** Takes a cut that is among the cheapest so far. */
  add(cut: T): void {
    const { items } = this;
    let at = items.length;
    while (at > 0 && items[at - 1]!.cycles > cut.cycles) at--;
    items.splice(at, 0, cut);
    if (items.length > this.#most) items.pop();
    if (items.length === this.#most) this.#below = items[this.#most - 1]!.cycles;
  }
}

/** Cuts of one schedule that are worth a measurement. */
export const MEASURED = 6;
