/**
 * Copies under way: which groups each thread has, and which elements nobody may touch until they land.
 *
 * Invariant: a copy lands at the first `wait` of its thread that leaves fewer groups than were committed since; until
 * then its elements are refused to all.
 */

/** Puts what was copied where it belongs. */
export type Landing = () => void;

/** The groups of copies of the threads of a workgroup. */
export class Copies {
  /** Copies since the last commit. */
  readonly #open: Landing[][];
  /** Groups that have not landed, oldest first. */
  readonly #groups: Landing[][][];

  constructor(threads: number) {
    this.#open = Array.from({ length: threads }, () => []);
    this.#groups = Array.from({ length: threads }, () => []);
  }

  issue(thread: number, landing: Landing): void {
    this.#open[thread]!.push(landing);
  }

  commit(thread: number): void {
    this.#groups[thread]!.push(this.#open[thread]!);
    this.#open[thread] = [];
  }

  /** All groups of `thread` land but the latest `pending`. */
  wait(thread: number, pending: number): void {
    const groups = this.#groups[thread]!;
    while (groups.length > pending) for (const land of groups.shift()!) land();
  }

  /** Forgets everything; the number of a thread that had copies under way, or -1. */
  clear(): number {
    const found = this.#open.findIndex(
      (open, thread) => open.length > 0 || this.#groups[thread]!.some((g) => g.length > 0),
    );
    for (const list of [...this.#open, ...this.#groups]) list.length = 0;
    return found;
  }
}
