/**
 * Which thread touched which element: what finds races under interpretation, whatever order threads are run in.
 *
 * Invariant: of two threads that touch an element, one of them writing, the later one is refused; threads that met in
 * between (a new phase) are no race.
 */

/** Refuses what the thread that runs does to an element, because of what thread `other` did. */
export type Conflict = (
  element: number,
  now: 'reads' | 'writes',
  before: 'read' | 'wrote',
  other: number,
) => never;

const HIGHEST = 0x7fffffff;

/** Who wrote and who read each element of an array, in this phase. */
export class Claims {
  /** Stamps: `#since` + number of the thread; lower ones are of earlier phases. */
  readonly #writer: Int32Array;
  readonly #reader: Int32Array;
  /** A reader other than `#reader`: a writer races with at least one of two. */
  readonly #secondReader: Int32Array;
  readonly #threads: number;
  readonly #conflict: Conflict;
  #since = 1;

  /** `threads` are all that can touch the array. */
  constructor(length: number, threads: number, conflict: Conflict) {
    this.#writer = new Int32Array(length);
    this.#reader = new Int32Array(length);
    this.#secondReader = new Int32Array(length);
    this.#threads = threads;
    this.#conflict = conflict;
  }

  /** Forgets what was touched. */
  nextPhase(): void {
    this.#since += this.#threads;
    if (this.#since + this.#threads <= HIGHEST) return;
    this.#since = 1;
    for (const stamps of [this.#writer, this.#reader, this.#secondReader]) stamps.fill(0);
  }

  /** Thread `me` reads element `i`. */
  read(i: number, me: number): void {
    const stamp = this.#since + me;
    this.#refuse(this.#writer[i]!, stamp, i, 'reads', 'wrote');
    const reader = this.#reader[i]!;
    if (reader < this.#since) this.#reader[i] = stamp;
    else if (reader !== stamp) this.#secondReader[i] = stamp;
  }

  /** Thread `me` writes element `i`. */
  write(i: number, me: number): void {
    const stamp = this.#since + me;
    this.#refuse(this.#writer[i]!, stamp, i, 'writes', 'wrote');
    this.#refuse(this.#reader[i]!, stamp, i, 'writes', 'read');
    this.#refuse(this.#secondReader[i]!, stamp, i, 'writes', 'read');
    this.#writer[i] = stamp;
  }

  #refuse(
    earlier: number,
    stamp: number,
    i: number,
    now: 'reads' | 'writes',
    before: 'read' | 'wrote',
  ): void {
    if (earlier >= this.#since && earlier !== stamp)
      this.#conflict(i, now, before, earlier - this.#since);
  }
}
