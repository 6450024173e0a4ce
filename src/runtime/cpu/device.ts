/**
 * The CPU as a device: one WebAssembly memory, generated modules, worker threads.
 *
 * Invariant: nothing happens at import; memory is made by the first call of `cpu()`, threads by the first program that
 * is worth them. Results do not depend on the number of threads.
 */
import * as platform from '#platform';
import type { Caps } from '../../codegen/caps.ts';
import { wasmCaps } from '../../codegen/wasm/caps.ts';
import { TigonError } from '../../ir/errors.ts';
import type { Program } from '../../ir/program.ts';
import type { CodeKeeper, Device, Executable, MemoryReport, Storage } from '../device.ts';
import type { Profile } from '../profile.ts';
import { checkRange } from '../range.ts';
import { reliefOf } from '../relief.ts';
import { CpuExecutable, type Host } from './executable.ts';
import { hasRelaxedSimd, hasSimd } from './features.ts';
import { Heap } from './heap.ts';
import { KeptMemory } from './kept.ts';
import { WorkerPool } from './pool.ts';
import type { Profiler } from './profiler.ts';
import { type CpuStorage, StoragePool } from './storage.ts';

export interface CpuOptions {
  /** Threads that take part, this one included. Default: `TIGON_THREADS`, else one a core, at most 16. */
  readonly threads?: number;
  /**
   * No fused multiply-add, so that results are the same on every engine, and nothing made of weights is kept from call to
   * call, so that they do not depend on the calls before. Default: `TIGON_DETERMINISTIC`.
   */
  readonly deterministic?: boolean;
  /** Convolutions from transformed tiles (Winograd) where that is faster. Default: yes, unless `TIGON_WINOGRAD` is 0. */
  readonly winograd?: boolean;
  /** Limit of the memory, in pages of 64 kB. Default: 65536, i.e. 4 GB. */
  readonly maximumPages?: number;
  /** Bytes of new arrays after which `pressure` asks for a collection. */
  readonly pressureBytes?: number;
}

const MOST_THREADS = 16;
const MAXIMUM_PAGES = 65536;
const PRESSURE_BYTES = 128 * 1024 * 1024;
const STRIDE = 128;

export class CpuDevice implements Device, Host {
  readonly kind = 'cpu';
  readonly name = 'cpu()';
  readonly caps: Caps;
  readonly codeKey: string;
  readonly heap: Heap;
  readonly threads: number;
  readonly pool: WorkerPool | undefined;
  readonly kept: KeptMemory = new KeptMemory();
  profiler: Profiler | undefined;
  arenaAddress = 0;
  scratchAddress = 0;
  scratchStride = 0;
  readonly #storages: StoragePool;
  #arena: Storage | undefined;
  #scratch: Storage | undefined;
  readonly #relieve: () => Promise<void>;

  constructor(options: CpuOptions = {}) {
    if (!hasSimd())
      throw new TigonError(
        'device',
        'cpu(): this WebAssembly engine has no 128-bit SIMD',
        'use Node 20.19 or later, or a browser of 2023 or later',
      );
    const deterministic = options.deterministic ?? isSet('TIGON_DETERMINISTIC');
    const winograd = options.winograd ?? platform.environment('TIGON_WINOGRAD') !== '0';
    this.caps = wasmCaps(!deterministic && hasRelaxedSimd(), winograd, !deterministic);
    const maximumPages = options.maximumPages ?? MAXIMUM_PAGES;
    const threads = threadCount(options.threads);
    const unshared = threads > 1 ? platform.unshared() : undefined;
    if (unshared !== undefined) platform.warn(`tigon: cpu() runs on one thread: ${unshared}`);
    this.threads = unshared === undefined ? threads : 1;
    this.heap = new Heap(maximumPages, this.threads > 1);
    const fused = this.caps.fusedMultiplyAdd ? 'fused' : 'unfused';
    const kinds = winograd ? fused : `${fused}, no winograd`;
    this.codeKey = `wasm ${kinds}, threads ${this.threads}, pages ${maximumPages}`;
    this.pool = this.threads > 1 ? new WorkerPool(this.heap, this.threads) : undefined;
    this.#storages = new StoragePool(this.heap, options.pressureBytes ?? PRESSURE_BYTES);
    this.#relieve = reliefOf(this.#storages);
  }

  /** Makes the arena and each thread's workgroup memory at least so large. */
  reserve(arenaBytes: number, scratchBytes: number): void {
    if (arenaBytes > (this.#arena?.bytes ?? 0)) {
      if (this.#arena !== undefined) this.release(this.#arena);
      this.#arena = this.allocate(arenaBytes, 'arena of compiled programs');
      this.arenaAddress = this.#arena.pointer;
    }
    if (scratchBytes > this.scratchStride) {
      if (this.#scratch !== undefined) this.release(this.#scratch);
      this.scratchStride = Math.ceil(scratchBytes / STRIDE) * STRIDE;
      this.#scratch = this.allocate(this.scratchStride * this.threads, 'scratch of threads');
      this.scratchAddress = this.#scratch.pointer;
    }
  }

  allocate(bytes: number, label: string): Storage {
    try {
      return this.#storages.allocate(this, bytes, label);
    } catch (error) {
      // what can be made again gives way
      if (!this.kept.releaseAll()) throw error;
      return this.#storages.allocate(this, bytes, label);
    }
  }

  release(storage: Storage): void {
    this.#storages.release(storage);
  }

  load(program: Program, keeper?: CodeKeeper): Executable {
    return new CpuExecutable(program, this, keeper);
  }

  write(storage: Storage, offset: number, bytes: Uint8Array): void {
    const at = this.#range('write', storage, offset, bytes.length);
    (storage as CpuStorage).touch();
    this.heap.bytes.set(bytes, at);
  }

  async read(storage: Storage, offset: number, bytes: number): Promise<Uint8Array> {
    const values = this.readSync(storage, offset, bytes);
    await this.relieve();
    return values;
  }

  readSync(storage: Storage, offset: number, bytes: number): Uint8Array {
    const at = this.#range('read', storage, offset, bytes);
    return this.heap.bytes.slice(at, at + bytes);
  }

  #range(action: 'read' | 'write', storage: Storage, offset: number, bytes: number): number {
    checkRange(this, action, storage, offset, bytes);
    return storage.pointer + offset;
  }

  async synchronize(): Promise<void> {
    this.pool?.check();
  }

  memory(): MemoryReport {
    return this.#storages.report();
  }

  get pressure(): boolean {
    return this.#storages.pressure;
  }

  relieve(): Promise<void> | undefined {
    return this.pressure ? this.#relieve() : undefined;
  }

  /**
   * Runs `body` and measures each kernel that it has run on this device. Meanwhile kernels run one at a time.
   *
   * @throws {DeviceError} while it is being profiled already
   *
   * @example
   * const { rows } = await device.cpu().profile(() => step(x, y));
   * for (const { kernel, nanoseconds } of rows) console.log(kernel, nanoseconds);
   */
  async profile(body: () => unknown): Promise<Profile> {
    // fetched when it is asked for: pages that never profile do not carry it
    const { Profiler } = await import('./profiler.ts');
    if (this.profiler !== undefined)
      throw new TigonError('device', `${this.name}: it is being profiled already`);
    const profiler = new Profiler();
    this.profiler = profiler;
    try {
      await body();
      return { clock: 'wall', rows: profiler.rows() };
    } finally {
      this.profiler = undefined;
    }
  }

  /** Ends the worker threads. Storages stay readable; running programs is over. */
  dispose(): void {
    this.pool?.dispose();
  }
}

const isSet = (name: string): boolean => {
  const value = platform.environment(name);
  return value !== undefined && value !== '' && value !== '0';
};

const threadCount = (option: number | undefined): number => {
  const text = platform.environment('TIGON_THREADS');
  const wanted = option ?? (text === undefined || text === '' ? undefined : Number(text));
  if (wanted === undefined) return Math.max(1, Math.min(MOST_THREADS, platform.cores()));
  if (!Number.isInteger(wanted) || wanted < 1)
    throw new TigonError(
      'option',
      `cpu(): ${option === undefined ? 'TIGON_THREADS' : 'threads'} is ${text ?? wanted}, not a whole number from 1 to ${MOST_THREADS}`,
      'TIGON_THREADS=1 runs without worker threads',
    );
  return Math.min(MOST_THREADS, wanted);
};

let shared: CpuDevice | undefined;

/** The CPU of this process, made on first use. */
export const cpu = (): CpuDevice => {
  shared ??= new CpuDevice();
  return shared;
};
