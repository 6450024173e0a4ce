/**
 * Pinned memory of the host, which copies run from and to by themselves, and events that tell when they did: both kept
 * for the next copy.
 *
 * Invariant: a buffer is handed out again only after whoever had it gave it back, i.e. when no copy touches it.
 */
import { copySize, IdleBuffers } from '../idle.ts';
import type { Address, CudaContext, Handle } from '../native/api.ts';
import type { Counters } from './counters.ts';

export interface Pinned {
  readonly pointer: Address;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

/** The smallest buffer: small copies share one. */
export const LEAST_PINNED: number = 1 << 16;
/** Idle buffers above this are given back to the system. */
const IDLE_BYTES = 128 << 20;

export class PinnedPool {
  readonly #context: CudaContext;
  readonly #counters: Counters;
  readonly #idle = new IdleBuffers<Pinned>(IDLE_BYTES);
  readonly #events: Handle[] = [];

  constructor(context: CudaContext, counters: Counters) {
    this.#context = context;
    this.#counters = counters;
  }

  take(bytes: number): Pinned {
    const size = copySize(bytes, LEAST_PINNED);
    const idle = this.#idle.take(size);
    if (idle !== undefined) return idle;
    this.#counters.pinned++;
    const made = this.#context.pin(size);
    return { pointer: made.pointer, bytes: new Uint8Array(made.bytes) };
  }

  giveBack(buffer: Pinned): void {
    if (!this.#idle.keep(buffer, buffer.bytes.length)) this.#context.unpin(buffer.pointer);
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
