/**
 * Numbers of programs: slots of one uniform buffer, filled on this side and uploaded once before each submit.
 *
 * Invariants: a slot belongs to the commands that are being recorded and is free again when they are submitted (the queue
 * keeps writes and submits in order); bytes that are already there are not sent again.
 */
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuBuffer, type GpuDevice } from './gpu-types.ts';

/** Slots start at multiples of this, which every device allows as a dynamic offset. */
export const SLOT_BYTES = 256;
const FIRST_BYTES = 1 << 16;

export class Uniforms {
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  /** Grows by one with each new buffer. */
  generation = 0;
  buffer: GpuBuffer;
  view: DataView;
  #staged: Uint8Array<ArrayBuffer>;
  /** What the buffer holds. */
  #sent: Uint8Array;
  #used = 0;

  constructor(gpu: GpuDevice, counters: Counters) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.#staged = new Uint8Array(FIRST_BYTES);
    this.#sent = new Uint8Array(FIRST_BYTES);
    this.view = new DataView(this.#staged.buffer);
    this.buffer = this.#make(FIRST_BYTES);
  }

  #make(bytes: number): GpuBuffer {
    this.#counters.buffers++;
    return this.#gpu.createBuffer({
      size: bytes,
      usage: BufferUsage.uniform | BufferUsage.copyTarget,
      label: 'numbers of programs',
    });
  }

  fits(bytes: number): boolean {
    return this.#used + bytes <= this.#staged.length;
  }

  /** Makes the buffer large enough for `bytes` in one batch. Nothing may be recorded. */
  grow(bytes: number): void {
    if (bytes <= this.#staged.length) return;
    let size = this.#staged.length;
    while (size < bytes) size *= 2;
    this.buffer.destroy();
    this.#staged = new Uint8Array(size);
    this.#sent = new Uint8Array(size);
    this.view = new DataView(this.#staged.buffer);
    this.buffer = this.#make(size);
    this.generation++;
  }

  /** Room for `bytes`: where it starts in `view` and in the buffer. */
  take(bytes: number): number {
    const at = this.#used;
    this.#used += Math.ceil(bytes / SLOT_BYTES) * SLOT_BYTES;
    return at;
  }

  /** Sends what was filled in since the last time. */
  upload(): void {
    let begin = 0;
    while (begin < this.#used && this.#staged[begin] === this.#sent[begin]) begin++;
    let end = this.#used;
    while (end > begin && this.#staged[end - 1] === this.#sent[end - 1]) end--;
    this.#used = 0;
    if (begin === end) return;
    const from = begin & ~3;
    const size = ((end + 3) & ~3) - from;
    this.#gpu.queue.writeBuffer(this.buffer, from, this.#staged, from, size);
    this.#sent.set(this.#staged.subarray(from, from + size), from);
    this.#counters.uploadedBytes += size;
  }
}
