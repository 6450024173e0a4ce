/**
 * The WebGPU device as the rest of Tigon sees it.
 *
 * Invariants: calls take effect in their order; nothing waits for the device but `read`, `synchronize`, `relieve` and
 * `profile`, and errors of earlier work surface there. A lost device fails every later call with the same error.
 */
import type { Caps } from '../../codegen/caps.ts';
import type { WgslFeatures } from '../../codegen/wgsl/shader.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Program } from '../../ir/program.ts';
import type { Device, Executable, MemoryReport, Storage } from '../device.ts';
import type { MemoryOptions } from '../memory.ts';
import type { Profile } from '../profile.ts';
import { checkRange } from '../range.ts';
import { reliefOf } from '../relief.ts';
import type { AdapterDescription } from './adapters.ts';
import type { Counters } from './counters.ts';
import { Engine } from './engine.ts';
import { GpuExecutable } from './executable.ts';
import { BufferUsage, type GpuDevice } from './gpu-types.ts';
import type { GpuStorage } from './storage.ts';

/** What opening a device found out. */
export interface Opened {
  readonly name: string;
  readonly adapter: AdapterDescription;
  readonly gpu: GpuDevice;
  readonly caps: Caps;
  readonly features: WgslFeatures;
  readonly counters: Counters;
  readonly memory: MemoryOptions;
}

export class WebGpuDevice implements Device {
  readonly kind = 'webgpu';
  readonly name: string;
  /** Whose device it is. */
  readonly adapter: AdapterDescription;
  readonly caps: Caps;
  /** @internal */
  readonly engine: Engine;
  readonly #relieve: () => Promise<void>;

  /** @internal */
  constructor(opened: Opened) {
    this.name = opened.name;
    this.adapter = opened.adapter;
    this.caps = opened.caps;
    this.engine = new Engine(this, opened.gpu, opened.features, opened.counters, opened.memory);
    const { engine } = this;
    this.#relieve = reliefOf(engine.storages, () => (engine.ahead ? engine.catchUp() : undefined));
  }

  /** What it has done so far. */
  get counters(): Readonly<Counters> {
    return this.engine.counters;
  }

  /** True when the driver gave up on it or it was disposed of: `await device.webgpu()` opens it again. */
  get lost(): boolean {
    return this.engine.faults.lost !== undefined;
  }

  allocate(bytes: number, label: string): Storage {
    this.engine.faults.check();
    return this.engine.storages.allocate(this, bytes, label);
  }

  release(storage: Storage): void {
    this.engine.storages.release(storage);
  }

  load(program: Program): Executable {
    this.engine.faults.check();
    return new GpuExecutable(program, this.engine);
  }

  write(storage: Storage, offset: number, bytes: Uint8Array): void {
    this.engine.write(this.#range('write', storage, offset, bytes.length), offset, bytes);
  }

  async read(storage: Storage, offset: number, bytes: number): Promise<Uint8Array> {
    const { block } = this.#range('read', storage, offset, bytes);
    if (bytes === 0) return new Uint8Array(0);
    const skip = offset % 4;
    const size = Math.ceil((skip + bytes) / 4) * 4;
    const words = await this.engine.read(block, offset - skip, size);
    await this.relieve();
    return size === bytes ? words : words.slice(skip, skip + bytes);
  }

  readSync(): undefined {
    return undefined;
  }

  #range(action: 'read' | 'write', storage: Storage, offset: number, bytes: number): GpuStorage {
    this.engine.faults.check();
    checkRange(this, action, storage, offset, bytes);
    return storage as GpuStorage;
  }

  async synchronize(): Promise<void> {
    this.engine.faults.check();
    await this.engine.finish();
  }

  memory(): MemoryReport {
    return this.engine.storages.report();
  }

  get pressure(): boolean {
    return this.engine.storages.pressure || this.engine.ahead;
  }

  relieve(): Promise<void> | undefined {
    return this.pressure ? this.#relieve() : undefined;
  }

  /**
   * Runs `body` and measures each kernel that it has run on this device.
   *
   * @throws {DeviceError} while it is being profiled already
   *
   * @example
   * const { rows } = await gpu.profile(() => step(x, y));
   * for (const { kernel, nanoseconds } of rows) console.log(kernel, nanoseconds);
   */
  async profile(body: () => unknown): Promise<Profile> {
    const { recorder, gpu, counters } = this.engine;
    const { Profiler } = await import('./profiler.ts');
    await this.synchronize();
    if (recorder.profiler !== undefined)
      throw new TigonError('device', `${this.name}: it is being profiled already`);
    const usage = BufferUsage.queryResolve | BufferUsage.copySource;
    const profiler = new Profiler(gpu, counters, recorder.readback, usage);
    recorder.profiler = profiler;
    try {
      await body();
      await this.synchronize();
      return { clock: profiler.clock, rows: await profiler.rows() };
    } finally {
      recorder.profiler = undefined;
      profiler.dispose();
    }
  }

  /** Gives all of the device's memory back. Its arrays are gone; later calls fail. */
  dispose(): void {
    this.engine.end('was disposed of', '`await device.webgpu()` opens it again');
    this.engine.gpu.destroy();
  }
}
