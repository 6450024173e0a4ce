/**
 * Orders in which an interpreter runs what a device runs at the same time.
 *
 * Invariant: every order has each number below `count` once; random ones follow from the seed alone.
 */

/** The numbers from 0 to `count - 1`, in one order after the other. */
export class Sequence {
  readonly #numbers: number[];
  readonly #random: boolean;
  #state: number;

  constructor(count: number, order: 'forward' | 'reverse' | 'random', seed: number) {
    this.#numbers = Array.from({ length: count }, (_, i) => i);
    if (order === 'reverse') this.#numbers.reverse();
    this.#random = order === 'random';
    this.#state = seed | 0;
  }

  /** The next order; a random one is another each time. It holds until the next call. */
  next(): readonly number[] {
    const numbers = this.#numbers;
    if (!this.#random) return numbers;
    for (let i = numbers.length - 1; i > 0; i--) {
      this.#state = (Math.imul(this.#state, 1664525) + 1013904223) | 0;
      const j = (this.#state >>> 8) % (i + 1);
      [numbers[i], numbers[j]] = [numbers[j]!, numbers[i]!];
    }
    return numbers;
  }
}
