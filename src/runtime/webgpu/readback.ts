/**
 * From device memory to the host: mappable buffers that copies go to and that are mapped once their batch is submitted.
 *
 * Invariants: small reads of one batch share a buffer and are mapped together; bytes are copied out before a buffer is
 * unmapped and used again.
 */
import { copySize, IdleBuffers } from '../idle.ts';
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuBuffer, type GpuDevice, MAP_READ } from './gpu-types.ts';

/** A mappable buffer and who waits for which part of it. */
interface Landing {
  readonly buffer: GpuBuffer;
  used: number;
  readonly takers: Taker[];
}

interface Taker {
  readonly offset: number;
  readonly bytes: number;
  readonly resolve: (bytes: Uint8Array<ArrayBuffer>) => void;
  readonly reject: (reason: unknown) => void;
}

/** A place to copy to, and its bytes once the copy is done. */
export interface Place {
  readonly buffer: GpuBuffer;
  readonly offset: number;
  readonly bytes: Promise<Uint8Array<ArrayBuffer>>;
}

const SHARED_BYTES = 1 << 16;
/** Larger reads have a buffer of their own. */
const SMALL_BYTES = 1 << 13;
/** Idle buffers above this are destroyed. */
const IDLE_BYTES = 64 << 20;

export class Readback {
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  readonly #idle = new IdleBuffers<GpuBuffer>(IDLE_BYTES);
  /** Of the batch being recorded. */
  #landings: Landing[] = [];
  #shared: Landing | undefined;

  constructor(gpu: GpuDevice, counters: Counters) {
    this.#gpu = gpu;
    this.#counters = counters;
  }

  /** Room for a copy of `bytes` (a multiple of 4) in the batch being recorded. */
  take(bytes: number): Place {
    const landing = bytes <= SMALL_BYTES ? this.#sharedFor(bytes) : this.#open(bytes);
    const offset = landing.used;
    landing.used += bytes;
    this.#counters.readBytes += bytes;
    const promise = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      landing.takers.push({ offset, bytes, resolve, reject });
    });
    return { buffer: landing.buffer, offset, bytes: promise };
  }

  /** The batch is submitted: maps what it copies to. */
  submitted(): void {
    const landings = this.#landings;
    if (landings.length === 0) return;
    this.#landings = [];
    this.#shared = undefined;
    for (const landing of landings) void this.#collect(landing);
  }

  async #collect({ buffer, used, takers }: Landing): Promise<void> {
    try {
      await buffer.mapAsync(MAP_READ, 0, used);
      const range = buffer.getMappedRange(0, used);
      for (const { offset, bytes, resolve } of takers)
        resolve(new Uint8Array(range.slice(offset, offset + bytes)));
      buffer.unmap();
      if (!this.#idle.keep(buffer, buffer.size)) buffer.destroy();
    } catch (error) {
      for (const { reject } of takers) reject(error);
      buffer.destroy();
    }
  }

  #sharedFor(bytes: number): Landing {
    if (this.#shared === undefined || this.#shared.used + bytes > SHARED_BYTES)
      this.#shared = this.#open(SHARED_BYTES);
    return this.#shared;
  }

  #open(bytes: number): Landing {
    const landing = { buffer: this.#buffer(copySize(bytes, SHARED_BYTES)), used: 0, takers: [] };
    this.#landings.push(landing);
    return landing;
  }

  #buffer(size: number): GpuBuffer {
    const idle = this.#idle.take(size);
    if (idle !== undefined) return idle;
    this.#counters.buffers++;
    return this.#gpu.createBuffer({
      size,
      usage: BufferUsage.mapRead | BufferUsage.copyTarget,
      label: 'read back',
    });
  }
}
