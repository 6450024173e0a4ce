/**
 * The CUDA device as the rest of Tigon sees it.
 *
 * Invariants: calls take effect in their order; nothing waits for the device but `read`, `synchronize`, `relieve` and
 * `profile`, and errors of earlier work surface there. A lost device fails every later call with the same error.
 */
import type { Caps } from '../../codegen/caps.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Program } from '../../ir/program.ts';
import type { Collective } from '../collective.ts';
import type { Device, Executable, MemoryReport, Storage } from '../device.ts';
import type { MemoryOptions } from '../memory.ts';
import type { CudaContext, CudaProperties } from '../native/api.ts';
import type { Profile } from '../profile.ts';
import { checkRange } from '../range.ts';
import { reliefOf } from '../relief.ts';
import { ncclOver } from './collective.ts';
import type { Counters } from './counters.ts';
import { Engine } from './engine.ts';
import { CudaExecutable } from './executable.ts';
import { Profiler } from './profiler.ts';
import type { CudaStorage } from './storage.ts';
import type { Compiler } from './units.ts';

/** What opening a device found out. */
export interface Opened {
  readonly name: string;
  readonly properties: CudaProperties;
  readonly context: CudaContext;
  readonly compiler: Compiler;
  readonly caps: Caps;
  readonly counters: Counters;
  readonly memory: MemoryOptions;
  readonly blocking: boolean;
}

export class CudaDevice implements Device {
  readonly kind = 'cuda';
  readonly name: string;
  /** What the card is. */
  readonly properties: CudaProperties;
  readonly caps: Caps;
  /** @internal */
  readonly engine: Engine;
  readonly #relieve: () => Promise<void>;

  /** @internal */
  constructor(opened: Opened) {
    const { name, properties, caps, context, compiler, counters, memory, blocking } = opened;
    this.name = name;
    this.properties = properties;
    this.caps = caps;
    this.engine = new Engine(this, context, compiler, counters, memory, blocking);
    const { engine } = this;
    this.#relieve = reliefOf(engine.storages, () => (engine.ahead ? engine.catchUp() : undefined));
  }

  /** What it has done so far. */
  get counters(): Readonly<Counters> {
    return this.engine.counters;
  }

  /** True when a kernel failed on it or it was disposed of: `await device.cuda()` opens it again. */
  get lost(): boolean {
    return this.engine.faults.lost !== undefined;
  }

  allocate(bytes: number, label: string): Storage {
    this.engine.faults.check();
    return this.engine.allocate(bytes, label);
  }

  release(storage: Storage): void {
    this.engine.storages.release(storage);
  }

  load(program: Program): Executable {
    this.engine.faults.check();
    return new CudaExecutable(program, this.engine);
  }

  write(storage: Storage, offset: number, bytes: Uint8Array): void {
    this.engine.write(this.#range('write', storage, offset, bytes.length), offset, bytes);
  }

  async read(storage: Storage, offset: number, bytes: number): Promise<Uint8Array> {
    const own = this.#range('read', storage, offset, bytes);
    if (bytes === 0) return new Uint8Array(0);
    const values = await this.engine.read(own, offset, bytes);
    await this.relieve();
    return values;
  }

  /** Never: whoever looks at values before a call would have the host wait for the device each time. */
  readSync(): undefined {
    return undefined;
  }

  #range(action: 'read' | 'write', storage: Storage, offset: number, bytes: number): CudaStorage {
    this.engine.faults.check();
    checkRange(this, action, storage, offset, bytes);
    return storage as CudaStorage;
  }

  async synchronize(): Promise<void> {
    this.engine.faults.check();
    await this.engine.finish();
  }

  collective(devices: readonly Device[]): Collective | undefined {
    return devices.every((d) => d instanceof CudaDevice) ? ncclOver(devices) : undefined;
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
    const { engine } = this;
    await this.synchronize();
    if (engine.profiler !== undefined)
      throw new TigonError('device', `${this.name}: it is being profiled already`);
    const profiler = new Profiler(engine.context, engine.stream);
    engine.profiler = profiler;
    try {
      await body();
      await this.synchronize();
      return { clock: 'gpu', rows: profiler.rows() };
    } finally {
      engine.profiler = undefined;
      if (!this.lost) profiler.dispose();
    }
  }

  /** Gives all of the device's memory back. Its arrays are gone; later calls fail. */
  dispose(): void {
    this.engine.end('was disposed of', '`await device.cuda()` opens it again');
  }
}
