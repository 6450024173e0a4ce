/**
 * Pinned memory of the host, which copies run from and to by themselves, and events that tell when they did: both kept
 * for the next copy.
 *
 * Invariant: a buffer is handed out again only after whoever had it gave it back, i.e. when no copy touches it.
 */
import type { Address, CudaContext, Handle } from '../native/api.ts';
import type { Counters } from './counters.ts';

export interface Pinned {
  readonly pointer: Address;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The smallest buffer: small copies share one. */
export const LEAST_PINNED: number = 1 << 16;
/** Sizes are powers of two up to this. */
const COARSE_BYTES = 1 << 24;
/** Idle buffers above this are given back to the system. */
const IDLE_BYTES = 128 << 20;

/** Few sizes for small ones, little waste for large ones. */
const sizeFor = (bytes: number): number => {
  if (bytes > COARSE_BYTES) return bytes;
  let size = LEAST_PINNED;
  while (size < bytes) size *= 2;
  return size;
};

export class PinnedPool {
  readonly #context: CudaContext;
  readonly #counters: Counters;
  /** Idle buffers by size. */
  readonly #idle = new Map<number, Pinned[]>();
  #idleBytes = 0;
  readonly #events: Handle[] = [];

  constructor(context: CudaContext, counters: Counters) {
    this.#context = context;
    this.#counters = counters;
  }

  take(bytes: number): Pinned {
    const size = sizeFor(bytes);
    const idle = this.#idle.get(size)?.pop();
    if (idle !== undefined) {
      this.#idleBytes -= size;
      return idle;
    }
    this.#counters.pinned++;
    const made = this.#context.pin(size);
    return { pointer: made.pointer, bytes: new Uint8Array(made.bytes) };
  }

  giveBack(buffer: Pinned): void {
    const size = buffer.bytes.length;
    if (this.#idleBytes + size > IDLE_BYTES) {
      this.#context.unpin(buffer.pointer);
      return;
    }
    this.#idleBytes += size;
    const list = this.#idle.get(size);
    if (list === undefined) this.#idle.set(size, [buffer]);
    else list.push(buffer);
  }

  /** An event behind all work of the stream so far. */
  mark(stream: Handle): Handle {
    const event = this.#events.pop() ?? this.#context.event(false);
    this.#context.record(event, stream);
    return event;
  }

  giveBackEvent(event: Handle): void {
    this.#events.push(event);
  }
}
