/**
 * From the host to device memory, in the order of work: bytes go to pinned memory, from where the copy runs by itself.
 *
 * Invariants: pinned bytes keep their values until the device has read them, so numbers of a call that is under way are
 * never overwritten; small copies share a buffer; how much waits is bounded.
 */
import type { Address, CudaContext, Handle } from '../native/api.ts';
import type { Counters } from './counters.ts';
import { LEAST_PINNED, type Pinned, type PinnedPool } from './pinned.ts';

/** Larger copies have a buffer of their own. */
const SMALL_BYTES = LEAST_PINNED / 4;
/** Longer ones go in pieces. */
const PIECE_BYTES = 1 << 24;
/** When more than this waits to be read, the host waits for the device. */
const MOST_WAITING_BYTES = 128 << 20;
const ALIGNMENT = 16;

interface Waiting {
  readonly buffer: Pinned;
  readonly read: Handle;
}

export class Staging {
  readonly #context: CudaContext;
  readonly #stream: Handle;
  readonly #pool: PinnedPool;
  readonly #counters: Counters;
  /** What small copies go to, from `#used` on. */
  #shared: Pinned | undefined;
  #used = 0;
  /** In the order in which the device gets to them. */
  #waiting: Waiting[] = [];
  #waitingBytes = 0;

  constructor(context: CudaContext, stream: Handle, pool: PinnedPool, counters: Counters) {
    this.#context = context;
    this.#stream = stream;
    this.#pool = pool;
    this.#counters = counters;
  }

  /** Bytes that the device may not have read yet. */
  get waitingBytes(): number {
    return this.#waitingBytes;
  }

  write(to: Address, bytes: Uint8Array): void {
    this.#counters.uploadedBytes += bytes.length;
    if (bytes.length <= SMALL_BYTES) {
      this.#share(to, bytes);
      return;
    }
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, Math.min(bytes.length, at + PIECE_BYTES));
      this.#makeRoom();
      const buffer = this.#pool.take(piece.length);
      buffer.bytes.set(piece);
      this.#context.upload(this.#stream, to + at, buffer.bytes, piece.length);
      this.#leave(buffer);
    }
  }

  #share(to: Address, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    if (this.#shared !== undefined && this.#used + bytes.length > LEAST_PINNED) {
      this.#leave(this.#shared);
      this.#shared = undefined;
      this.#makeRoom();
    }
    if (this.#shared === undefined) {
      this.#shared = this.#pool.take(LEAST_PINNED);
      this.#used = 0;
    }
    const place = this.#shared.bytes.subarray(this.#used, this.#used + bytes.length);
    place.set(bytes);
    this.#context.upload(this.#stream, to, place, bytes.length);
    this.#used += Math.ceil(bytes.length / ALIGNMENT) * ALIGNMENT;
  }

  /** The copies from a buffer are all under way. */
  #leave(buffer: Pinned): void {
    this.#waiting.push({ buffer, read: this.#pool.mark(this.#stream) });
    this.#waitingBytes += buffer.bytes.length;
  }

  #makeRoom(): void {
    if (this.#waitingBytes > MOST_WAITING_BYTES) this.#context.synchronize(this.#stream);
    this.collect();
  }

  /** Takes back what the device has read. */
  collect(): void {
    let done = 0;
    for (const { buffer, read } of this.#waiting) {
      if (!this.#context.eventReady(read)) break;
      done++;
      this.#waitingBytes -= buffer.bytes.length;
      this.#pool.giveBack(buffer);
      this.#pool.giveBackEvent(read);
    }
    if (done > 0) this.#waiting = this.#waiting.slice(done);
  }
}
