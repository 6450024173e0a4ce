/**
 * The order of work: everything that touches the device, one after the other.
 *
 * Invariants: work is performed in the order it was added; work that is not ready (its pipelines are being compiled)
 * holds back all that comes after it; what waits is bounded, because past the bound waiting ends by force.
 */
export interface Work {
  /** True when it can be performed without waiting. */
  readonly ready: boolean;
  /** Host memory it holds while it waits. */
  readonly bytes: number;
  /** Makes it ready now, whatever that costs, unless a part of the program is still on its way. */
  settle(): void;
  perform(): void;
}

export const MOST_WAITING = 256;
export const MOST_WAITING_BYTES: number = 64 * 2 ** 20;

export class Stream {
  #waiting: Work[] = [];
  #bytes = 0;
  #draining = false;
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of errors of work that had to wait: nobody else is there to catch them. */
  constructor(failed: (error: unknown) => void) {
    this.#failed = failed;
  }

  /** True when nothing waits: ready work may be performed without a detour through `add`. */
  get clear(): boolean {
    return this.#waiting.length === 0;
  }

  get length(): number {
    return this.#waiting.length;
  }

  add(work: Work): void {
    if (this.clear && work.ready) {
      work.perform();
      return;
    }
    this.#waiting.push(work);
    this.#bytes += work.bytes;
    if (this.#waiting.length > MOST_WAITING || this.#bytes > MOST_WAITING_BYTES) this.force();
  }

  /** Performs what can be performed now. */
  pump(): void {
    this.#drain(false);
  }

  /** Performs everything now. */
  force(): void {
    this.#drain(true);
  }

  #drain(force: boolean): void {
    // Work that adds more work has it done in the loop below.
    if (this.#draining) return;
    this.#draining = true;
    const waiting = this.#waiting;
    let done = 0;
    for (; done < waiting.length; done++) {
      const work = waiting[done]!;
      if (!work.ready) {
        if (!force) break;
        work.settle();
        // what has yet to be fetched cannot be forced
        if (!work.ready) break;
      }
      this.#bytes -= work.bytes;
      try {
        work.perform();
      } catch (error) {
        this.#failed(error);
      }
    }
    if (done > 0) this.#waiting = waiting.slice(done);
    this.#draining = false;
  }
}

/** Work that never has to wait for anything but its turn. */
export const turn = (perform: () => void, bytes = 0): Work => ({
  ready: true,
  bytes,
  settle: () => {},
  perform,
});
