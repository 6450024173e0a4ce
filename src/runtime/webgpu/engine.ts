/**
 * What is behind the face of a device: memory, the order of work, pipelines, the arena, and how far ahead we are.
 *
 * Invariants: everything that touches the device goes through `stream`; programs reach the device through this alone.
 */
import type { WgslFeatures } from '../../codegen/wgsl/shader.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Blocks } from '../blocks.ts';
import type { Device } from '../device.ts';
import type { MemoryOptions } from '../memory.ts';
import { Stream, turn } from '../stream.ts';
import { type Block, blocksOf } from './block.ts';
import { COPY_UNIFORM_BYTES, Copier } from './copier.ts';
import type { Counters } from './counters.ts';
import { Faults } from './faults.ts';
import type { GpuDevice } from './gpu-types.ts';
import { type Limits, limitsOf } from './limits.ts';
import { Pipelines } from './pipelines.ts';
import { Readback } from './readback.ts';
import { Recorder } from './recorder.ts';
import { type GpuStorage, StoragePool } from './storage.ts';
import { Uniforms } from './uniforms.ts';
import { Uploads } from './uploads.ts';

/** Work that the device may be behind before somebody should wait: what it needs is held until it is done. */
const MOST_AHEAD_SUBMITS = 256;
const MOST_AHEAD_BYTES = 256 * 2 ** 20;
/** How long a failure waits for the news that the device is lost, which explains it; more in hidden pages. */
const NEWS_MILLISECONDS = 200;

export class Engine {
  readonly name: string;
  readonly device: Device;
  readonly gpu: GpuDevice;
  readonly features: WgslFeatures;
  readonly limits: Limits;
  /** Offsets of bindings are multiples of this. */
  readonly alignment: number;
  readonly counters: Counters;
  readonly faults: Faults;
  readonly stream: Stream;
  readonly recorder: Recorder;
  readonly pipelines: Pipelines;
  readonly copier: Copier;
  readonly storages: StoragePool;
  readonly #blocks: Blocks<Block>;
  #arena: GpuStorage | undefined;
  #arenas = 0;

  constructor(
    device: Device,
    gpu: GpuDevice,
    features: WgslFeatures,
    counters: Counters,
    memory: MemoryOptions,
  ) {
    this.name = device.name;
    this.device = device;
    this.gpu = gpu;
    this.features = features;
    this.limits = limitsOf(gpu);
    this.alignment = this.limits.minStorageBufferOffsetAlignment;
    this.counters = counters;
    const faults = new Faults(device.name);
    this.faults = faults;
    this.stream = new Stream((error) => faults.note(asTigonError(error)));
    const uniforms = new Uniforms(gpu, counters);
    const readback = new Readback(gpu, counters);
    const uploads = new Uploads(gpu, counters, (bytes, make) =>
      this.#checked(make, () => this.storages.exhausted(bytes, 'staging of an upload')),
    );
    this.recorder = new Recorder(gpu, counters, uniforms, readback, uploads);
    this.pipelines = new Pipelines(gpu, counters, faults, () => this.stream.pump());
    this.copier = new Copier(gpu, counters, this.recorder, this.pipelines, this.alignment);
    this.#blocks = blocksOf(gpu, counters);
    const memoryHost = {
      name: device.name,
      blocks: this.#blocks,
      destroy: (block: Block) => this.stream.add(turn(() => this.recorder.destroy(block))),
      checked: (make: () => Block, error: () => TigonError) =>
        this.#checked(make, (block) => {
          block.failed = true;
          return error();
        }),
    };
    this.storages = new StoragePool(memoryHost, memory, this.limits.maxBufferSize);
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault?.();
      faults.noteUncaptured(event.error.message);
    });
    void gpu.lost.then(({ reason, message }) => {
      const why = message.trim() === '' ? reason : message.trim();
      this.end(
        `was lost: ${why}`,
        'its arrays are gone: `await device.webgpu()` opens it again, then make them anew, or load what was saved',
      );
    });
  }

  /** The device is gone: what waits for it is told so. */
  end(reason: string, help: string): void {
    this.faults.lose(reason, help);
    this.stream.force();
  }

  get arena(): Block | undefined {
    return this.#arena?.block;
  }

  /** Changes when a buffer that bind groups name beside arrays (arena, numbers) was replaced. */
  get generation(): number {
    return this.#arenas + this.recorder.uniforms.generation;
  }

  /** Makes the arena at least so large. */
  reserveArena(bytes: number): void {
    if (bytes <= (this.#arena?.bytes ?? 0)) return;
    if (this.#arena !== undefined) this.storages.release(this.#arena);
    const label = 'arena of compiled programs';
    // programs that wait take the arena they find: it may not be a block that they write to
    this.#arena = this.storages.allocate(this.device, bytes, label, !this.stream.clear);
    this.#arenas++;
  }

  /** A block for the time of one run. */
  borrow(bytes: number, label: string): Block {
    // a block may be idle although work that waits will write to it
    return this.storages.borrow(bytes, label, !this.stream.clear);
  }
  giveBack(block: Block): void {
    this.#blocks.giveBack(block);
  }

  /** What `make` makes. Where the device has no memory for it, the next wait fails with what `failed` says. */
  #checked<T>(make: () => T, failed: (made: T) => TigonError): T {
    this.gpu.pushErrorScope('out-of-memory');
    const made = make();
    const check = this.gpu.popErrorScope().then((failure) => {
      if (failure === null) return;
      this.faults.note(failed(made));
      this.storages.trim(0);
      this.recorder.uploads.trim();
    });
    this.faults.watch(check.catch(() => undefined));
    return made;
  }

  /** Uploads in turn; the caller may change `bytes` afterwards. */
  write({ block, bytes: end }: GpuStorage, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    // Dawn for Node crashes on shared memory; and what waits must not change.
    const plain = bytes.buffer instanceof ArrayBuffer && this.stream.clear;
    const own = (plain ? bytes : bytes.slice()) as Uint8Array<ArrayBuffer>;
    this.stream.add(turn(() => this.#send(block, offset, own, end), own.length));
  }

  /** Uploads go in words: a tail is padded where nothing follows it, and goes through a kernel elsewhere. */
  #send(block: Block, offset: number, bytes: Uint8Array<ArrayBuffer>, end: number): void {
    const tail = bytes.length % 4;
    if (offset % 4 === 0 && (tail === 0 || offset + bytes.length === end)) {
      const whole = bytes.length - tail;
      if (whole > 0) this.recorder.write(block, offset, bytes.subarray(0, whole));
      if (tail > 0) this.recorder.write(block, offset + whole, padded(bytes.subarray(whole)));
      return;
    }
    const label = 'unaligned upload';
    const beside = this.borrow(bytes.length, label);
    this.recorder.write(beside, 0, padded(bytes));
    this.recorder.reserve(COPY_UNIFORM_BYTES);
    this.copier.copy({ block: beside, offset: 0 }, { block, offset }, bytes.length, label);
    this.giveBack(beside);
  }

  /** Bytes at a time in the order of work; offset and size are multiples of 4. */
  async read(block: Block, offset: number, bytes: number): Promise<Uint8Array<ArrayBuffer>> {
    const result = new Promise<Uint8Array<ArrayBuffer>>((resolve, reject) => {
      this.stream.add(
        turn(() => {
          if (this.faults.lost !== undefined) reject(this.faults.lost);
          else this.recorder.read(block, offset, bytes).then(resolve, reject);
        }),
      );
    });
    const words = await result.catch((reason: unknown) => this.#explain(reason));
    await this.faults.settled();
    this.faults.raise();
    return words;
  }

  /** Resolves when all work so far is done; rejects with the first error of it. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.stream.add(
        turn(() => {
          this.recorder.flush();
          resolve();
        }),
      );
    });
    await this.catchUp();
    await this.faults.settled();
    this.faults.raise();
  }

  /** True when so much is submitted and not known to be done that somebody should wait. */
  get ahead(): boolean {
    const { aheadSubmits, aheadBytes } = this.recorder;
    return aheadSubmits > MOST_AHEAD_SUBMITS || aheadBytes > MOST_AHEAD_BYTES;
  }

  /** Waits for what is submitted. */
  async catchUp(): Promise<void> {
    const { recorder } = this;
    const { aheadSubmits, aheadBytes } = recorder;
    const done = this.gpu.queue.onSubmittedWorkDone();
    await done.catch((reason: unknown) => this.#explain(reason));
    recorder.aheadSubmits = Math.max(0, recorder.aheadSubmits - aheadSubmits);
    recorder.aheadBytes = Math.max(0, recorder.aheadBytes - aheadBytes);
  }

  /** Throws why a wait failed: a lost device rejects what waits before it says that it is lost. */
  async #explain(reason: unknown): Promise<never> {
    const news = new Promise((resolve) => setTimeout(resolve, NEWS_MILLISECONDS));
    await Promise.race([this.gpu.lost, news]);
    this.faults.raise();
    throw asTigonError(reason);
  }
}

const padded = (bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> => {
  if (bytes.length % 4 === 0) return bytes;
  const whole = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
  whole.set(bytes);
  return whole;
};

const asTigonError = (error: unknown): TigonError =>
  error instanceof TigonError
    ? error
    : new TigonError('device', error instanceof Error ? error.message : String(error));
