/**
 * Long uploads: a ring of staging buffers that the host writes to while they are mapped and that the device copies from
 * in the order of work, where `writeBuffer`, which gets memory anew each time, is slower.
 *
 * Invariants: a buffer is mapped, or named by the open batch, or on its way back from the device, and only mapped ones
 * are written; all together are bounded. What finds no buffer goes by `writeBuffer`.
 */
import { copySize, IdleBuffers } from '../idle.ts';
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuBuffer, type GpuDevice, MAP_WRITE } from './gpu-types.ts';

/** Hands on what `make` makes, and reports that the device had no memory for it. */
type Checked = (bytes: number, make: () => GpuBuffer | undefined) => GpuBuffer | undefined;

/** Shorter uploads go by `writeBuffer`: mapping costs more than it saves them. */
export const LEAST_STAGED_BYTES: number = 1 << 20;
/** Longer ones go in pieces. */
export const PIECE_BYTES: number = 1 << 22;
const MOST_BYTES = 64 << 20;

export class Uploads {
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  readonly #checked: Checked;
  /** Mapped. */
  readonly #idle = new IdleBuffers<GpuBuffer>(MOST_BYTES);
  /** Of the batch being recorded. */
  #used: GpuBuffer[] = [];
  #bytes = 0;

  constructor(gpu: GpuDevice, counters: Counters, checked: Checked) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.#checked = checked;
  }

  /** A buffer that begins with these bytes, at most a piece, to be copied from in the open batch. */
  stage(bytes: Uint8Array): GpuBuffer | undefined {
    const size = copySize(bytes.length, LEAST_STAGED_BYTES);
    const buffer = this.#idle.take(size) ?? this.#make(size);
    if (buffer === undefined) return undefined;
    try {
      new Uint8Array(buffer.getMappedRange(0, bytes.length)).set(bytes);
    } catch {
      // the device was lost, which nobody has told us yet
      this.#destroy(buffer);
      return undefined;
    }
    buffer.unmap();
    this.#used.push(buffer);
    return buffer;
  }

  /** The batch is submitted: its buffers come back when the device is done with it. */
  submitted(): void {
    for (const buffer of this.#used)
      buffer.mapAsync(MAP_WRITE).then(
        () => this.#idle.keep(buffer, buffer.size),
        // lost, or without memory: who waits for the work is told
        () => this.#destroy(buffer),
      );
    this.#used = [];
  }

  /** Gives back what is not in use. */
  trim(): void {
    for (const buffer of this.#idle.empty()) this.#destroy(buffer);
  }

  #make(size: number): GpuBuffer | undefined {
    if (this.#bytes + size > MOST_BYTES) this.trim();
    if (this.#bytes + size > MOST_BYTES) return undefined;
    const usage = BufferUsage.mapWrite | BufferUsage.copySource;
    return this.#checked(size, () => {
      try {
        const mapped = { size, usage, mappedAtCreation: true, label: 'upload' };
        const buffer = this.#gpu.createBuffer(mapped);
        this.#bytes += size;
        this.#counters.buffers++;
        return buffer;
      } catch {
        // the host has no room to map it
        return undefined;
      }
    });
  }

  #destroy(buffer: GpuBuffer): void {
    this.#bytes -= buffer.size;
    buffer.destroy();
  }
}
