/**
 * The open command buffer: kernels and copies of several programs, recorded into one pass and submitted together.
 *
 * Invariants: what is recorded runs in that order, long uploads among it; a short upload to a block that the batch names
 * submits the batch first, and destroying one does so too; a batch never outlives the job that began it (a microtask
 * submits it).
 */
import type { Block } from './block.ts';
import type { Counters } from './counters.ts';
import type {
  GpuBindGroup,
  GpuCommandEncoder,
  GpuComputePass,
  GpuComputePipeline,
  GpuDevice,
} from './gpu-types.ts';
import type { Profiler } from './profiler.ts';
import type { Readback } from './readback.ts';
import type { Uniforms } from './uniforms.ts';
import { LEAST_STAGED_BYTES, PIECE_BYTES, type Uploads } from './uploads.ts';

/** A batch this long is submitted between programs. */
const MOST_DISPATCHES = 64;
/** So is one with this much to do (multiply-adds and bytes): the device should not wait for more. */
const MOST_WORK = 64e6;

/** Who a dispatch belongs to, for the profiler. */
export interface Launch {
  readonly program: string;
  readonly kernel: string;
}

export class Recorder {
  readonly uniforms: Uniforms;
  readonly readback: Readback;
  readonly uploads: Uploads;
  profiler: Profiler | undefined;
  /** Submitted since the device was last seen to be done: commands, and bytes that wait beside them. */
  aheadSubmits = 0;
  aheadBytes = 0;
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  #encoder: GpuCommandEncoder | undefined;
  #pass: GpuComputePass | undefined;
  #pipeline: GpuComputePipeline | undefined;
  #batch = 1;
  #dispatches = 0;
  #work = 0;
  #scheduled = false;

  constructor(
    gpu: GpuDevice,
    counters: Counters,
    uniforms: Uniforms,
    readback: Readback,
    uploads: Uploads,
  ) {
    this.#gpu = gpu;
    this.#counters = counters;
    this.uniforms = uniforms;
    this.readback = readback;
    this.uploads = uploads;
  }

  /** Makes sure that one more program finds `uniformBytes` of slots in this batch. */
  reserve(uniformBytes: number): void {
    if (this.uniforms.fits(uniformBytes)) return;
    this.flush();
    this.uniforms.grow(uniformBytes);
  }

  /** Says that the batch names a block. */
  touch(block: Block): void {
    block.batch = this.#batch;
  }

  dispatch(
    launch: Launch,
    pipeline: GpuComputePipeline,
    group: GpuBindGroup,
    uniform: number | undefined,
    size: readonly [number, number, number],
  ): void {
    const timing = this.profiler?.timing(launch);
    if (timing !== undefined) this.#endPass();
    if (this.#pass === undefined) {
      this.#pass = this.#open().beginComputePass(timing);
      this.#pipeline = undefined;
    }
    const pass = this.#pass;
    if (pipeline !== this.#pipeline) {
      pass.setPipeline(pipeline);
      this.#pipeline = pipeline;
    }
    if (uniform === undefined) pass.setBindGroup(0, group);
    else pass.setBindGroup(0, group, [uniform]);
    pass.dispatchWorkgroups(size[0], size[1], size[2]);
    this.#dispatches++;
    this.#counters.dispatches++;
    if (timing !== undefined) this.#endPass();
  }

  /** Says that a program is recorded, and how much work it is. */
  programEnds(work: number): void {
    this.#work += work;
    if (
      this.#dispatches >= MOST_DISPATCHES ||
      this.#work >= MOST_WORK ||
      this.profiler?.eachProgram
    )
      this.flush();
  }

  /** Copies to a block from the host: `bytes` and `offset` are multiples of 4. */
  write(block: Block, offset: number, bytes: Uint8Array<ArrayBuffer>): void {
    this.#counters.uploadedBytes += bytes.length;
    this.aheadBytes += bytes.length;
    const staged = bytes.length < LEAST_STAGED_BYTES ? 0 : this.#stage(block, offset, bytes);
    if (staged === bytes.length) return;
    if (block.batch === this.#batch) this.flush();
    this.#gpu.queue.writeBuffer(block.buffer, offset + staged, bytes.subarray(staged));
  }

  /** Records copies from staging buffers, as long as there are any: how many bytes they take. */
  #stage(block: Block, offset: number, bytes: Uint8Array): number {
    for (let at = 0; at < bytes.length; at += PIECE_BYTES) {
      const piece = bytes.subarray(at, at + PIECE_BYTES);
      const buffer = this.uploads.stage(piece);
      if (buffer === undefined) return at;
      this.#endPass();
      this.#open().copyBufferToBuffer(buffer, 0, block.buffer, offset + at, piece.length);
      this.touch(block);
    }
    return bytes.length;
  }

  /** Copies to the host: `bytes` and `offset` are multiples of 4. */
  read(block: Block, offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const place = this.readback.take(bytes);
    this.#endPass();
    this.#open().copyBufferToBuffer(block.buffer, offset, place.buffer, place.offset, bytes);
    this.touch(block);
    return place.bytes;
  }

  destroy(block: Block): void {
    if (block.batch === this.#batch) this.flush();
    block.buffer.destroy();
  }

  /** Submits what is recorded. */
  flush(): void {
    const encoder = this.#encoder;
    if (encoder === undefined) return;
    this.#endPass();
    this.profiler?.resolve(encoder);
    this.uniforms.upload();
    this.#gpu.queue.submit([encoder.finish()]);
    this.#counters.submits++;
    this.aheadSubmits++;
    this.#encoder = undefined;
    this.#batch++;
    this.#dispatches = 0;
    this.#work = 0;
    this.readback.submitted();
    this.uploads.submitted();
    this.profiler?.submitted(this.#gpu.queue);
  }

  #open(): GpuCommandEncoder {
    if (this.#encoder !== undefined) return this.#encoder;
    this.#encoder = this.#gpu.createCommandEncoder({ label: 'tigon' });
    if (!this.#scheduled) {
      this.#scheduled = true;
      queueMicrotask(() => {
        this.#scheduled = false;
        this.flush();
      });
    }
    return this.#encoder;
  }

  #endPass(): void {
    this.#pass?.end();
    this.#pass = undefined;
  }
}
