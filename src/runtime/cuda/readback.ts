/**
 * From device memory to the host: copies to pinned memory, and news of when they are done.
 *
 * Invariants: nothing else waits for a read; small reads of one moment share a buffer and an event; bytes are copied out
 * before a buffer is used again.
 */
import type { Address, CudaContext, Handle } from '../native/api.ts';
import type { Counters } from './counters.ts';
import { LEAST_PINNED, type Pinned, type PinnedPool } from './pinned.ts';

/** Larger reads have a buffer of their own. */
const SMALL_BYTES = LEAST_PINNED / 4;
const ALIGNMENT = 16;

/** A buffer and who waits for which part of it. */
interface Landing {
  readonly buffer: Pinned;
  used: number;
  readonly takers: Taker[];
}

interface Taker {
  readonly offset: number;
  readonly bytes: number;
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (reason: unknown) => void;
}

export class Readback {
  readonly #context: CudaContext;
  readonly #stream: Handle;
  readonly #pool: PinnedPool;
  readonly #counters: Counters;
  #shared: Landing | undefined;

  constructor(context: CudaContext, stream: Handle, pool: PinnedPool, counters: Counters) {
    this.#context = context;
    this.#stream = stream;
    this.#pool = pool;
    this.#counters = counters;
  }

  /** The bytes as they are after all work so far. */
  read(from: Address, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const small = bytes <= SMALL_BYTES;
    const landing = small ? this.#sharedFor(bytes) : this.#open(bytes);
    const offset = landing.used;
    landing.used += Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;
    this.#counters.readBytes += bytes;
    const result = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      landing.takers.push({ offset, bytes, resolve, reject });
    });
    try {
      this.#context.download(this.#stream, landing.buffer.pointer + offset, from, bytes);
    } catch (error) {
      landing.takers.pop()!.reject(error);
    }
    if (!small) void this.#collect(landing);
    return result;
  }

  #sharedFor(bytes: number): Landing {
    const shared = this.#shared;
    if (shared !== undefined && shared.used + bytes <= LEAST_PINNED) return shared;
    const fresh = this.#open(LEAST_PINNED);
    this.#shared = fresh;
    // whatever else is read in this job comes with it
    queueMicrotask(() => {
      if (this.#shared === fresh) this.#shared = undefined;
      void this.#collect(fresh);
    });
    return fresh;
  }

  #open(bytes: number): Landing {
    return { buffer: this.#pool.take(bytes), used: 0, takers: [] };
  }

  async #collect({ buffer, takers }: Landing): Promise<void> {
    try {
      const copied = this.#pool.mark(this.#stream);
      if (!this.#context.eventReady(copied)) await this.#context.eventAsync(copied);
      for (const { offset, bytes, resolve } of takers)
        resolve(buffer.bytes.slice(offset, offset + bytes));
      this.#pool.giveBackEvent(copied);
      this.#pool.giveBack(buffer);
    } catch (error) {
      for (const { reject } of takers) reject(error);
    }
  }
}
