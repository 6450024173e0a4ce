/**
 * What is behind the face of a CUDA device: its context, one stream, memory, compiled kernels, the arena, and the order
 * of work.
 *
 * Invariants: all work of a device is on one stream, in the order of `order`; programs reach the device through this
 * alone. What the driver says is turned into an error for people here.
 */
import type { Caps } from '../../codegen/caps.ts';
import type { Device } from '../device.ts';
import type { MemoryOptions } from '../memory.ts';
import type { Address, CudaContext, Handle } from '../native/api.ts';
import { Stream, turn } from '../stream.ts';
import type { Counters } from './counters.ts';
import { Faults } from './faults.ts';
import { PinnedPool } from './pinned.ts';
import type { Profiler } from './profiler.ts';
import { Readback } from './readback.ts';
import { Staging } from './staging.ts';
import { type Block, type CudaStorage, StoragePool } from './storage.ts';
import { type Compiler, Units } from './units.ts';

/** Programs that the device may be behind before somebody should wait: the driver's own queue is not much longer. */
const MOST_AHEAD_RUNS = 512;
/** Bytes on their way to the device before somebody should wait. */
const MOST_AHEAD_BYTES = 64 * 2 ** 20;

/** Things of the driver that an object holds and nobody frees when it is collected. */
export interface Held {
  release: (() => void) | undefined;
}

export class Engine {
  readonly name: string;
  readonly device: Device;
  readonly caps: Caps;
  readonly context: CudaContext;
  readonly stream: Handle;
  readonly counters: Counters;
  readonly faults: Faults;
  readonly order: Stream;
  readonly pinned: PinnedPool;
  readonly staging: Staging;
  readonly readback: Readback;
  readonly units: Units;
  readonly storages: StoragePool;
  /** Kernels are launched and waited for one by one, so that one that fails is known by name. */
  readonly blocking: boolean;
  profiler: Profiler | undefined;
  #arena: CudaStorage | undefined;
  /** Changes when the arena was replaced. */
  generation = 0;
  /** Runs since the device was last seen to be done. */
  #aheadRuns = 0;
  readonly #held = new FinalizationRegistry<Held>((held) => this.letGo(held));

  constructor(
    device: Device,
    context: CudaContext,
    compiler: Compiler,
    counters: Counters,
    memory: MemoryOptions,
    blocking: boolean,
  ) {
    this.name = device.name;
    this.device = device;
    this.caps = device.caps;
    this.context = context;
    this.counters = counters;
    this.blocking = blocking;
    const faults = new Faults(device.name);
    this.faults = faults;
    this.stream = context.stream();
    this.order = new Stream((error) => faults.note(faults.explain(error, 'accepted work')));
    this.pinned = new PinnedPool(context, counters);
    this.staging = new Staging(context, this.stream, this.pinned, counters);
    this.readback = new Readback(context, this.stream, this.pinned, counters);
    this.units = new Units(context, compiler, counters, () => this.order.pump());
    const host = {
      name: device.name,
      allocate: (bytes: number) => {
        counters.buffers++;
        return context.allocate(bytes, this.stream);
      },
      free: (block: Block) => this.#free(block),
      drain: () => this.#drain(),
    };
    this.storages = new StoragePool(host, memory);
  }

  /** Does something with the driver; what it says against it is thrown as an error for people. */
  attempt<T>(doing: string, action: () => T): T {
    try {
      return action();
    } catch (error) {
      throw this.faults.explain(error, doing);
    }
  }

  async #awaited<T>(doing: string, result: Promise<T>): Promise<T> {
    return result.catch((error: unknown) => {
      throw this.faults.explain(error, doing);
    });
  }

  /** The device is gone: what waits for it is told so. */
  end(reason: string, help: string): void {
    this.faults.lose(reason, help);
    this.order.force();
    this.context.close();
  }

  get arena(): Address {
    return this.#arena?.pointer ?? 0;
  }

  /** Makes the arena at least so large. */
  reserveArena(bytes: number): void {
    if (bytes <= (this.#arena?.bytes ?? 0)) return;
    if (this.#arena !== undefined) this.storages.release(this.#arena);
    // programs that wait take the arena they find: it may not be a block that they write to
    this.#arena = this.allocate(bytes, 'arena of compiled programs', !this.order.clear);
    this.generation++;
  }

  allocate(bytes: number, label: string, fresh = false): CudaStorage {
    return this.attempt(`allocating ${label}`, () =>
      this.storages.allocate(this.device, bytes, label, fresh),
    );
  }

  /** A block for the time of one run. */
  borrow(bytes: number, label: string): Block {
    // a block may be idle although work that waits will read it
    return this.storages.borrow(bytes, label, !this.order.clear);
  }

  #free({ address }: Block): void {
    this.order.add(
      turn(() => {
        if (this.faults.lost === undefined) this.context.free(address, this.stream);
      }),
    );
  }

  #drain(): void {
    this.order.force();
    this.context.synchronize(this.stream);
    this.context.trim(0);
  }

  /** Has what `owner` holds released when it is collected. */
  hold(owner: object, held: Held): void {
    this.#held.register(owner, held);
  }

  letGo(held: Held): void {
    const { release } = held;
    held.release = undefined;
    if (release !== undefined && this.faults.lost === undefined) this.order.add(turn(release));
  }

  /** Says that a program is launched. */
  launched(program: string): void {
    this.#aheadRuns++;
    this.faults.launched(program);
  }

  /** Uploads in turn; the caller may change `bytes` afterwards. */
  write({ block }: CudaStorage, offset: number, bytes: Uint8Array): void {
    if (bytes.length === 0) return;
    const own = this.order.clear ? bytes : bytes.slice();
    const send = (): void => {
      if (this.faults.lost !== undefined) return;
      this.attempt('copying to the device', () => this.staging.write(block.address + offset, own));
    };
    this.order.add(turn(send, own.length));
  }

  /** Bytes at a time in the order of work. */
  async read({ block }: CudaStorage, offset: number, bytes: number): Promise<Uint8Array> {
    const result = new Promise<Uint8Array>((resolve, reject) => {
      const start = (): void => {
        const { serial } = this.faults;
        if (this.faults.lost !== undefined) reject(this.faults.lost);
        else
          this.readback.read(block.address + offset, bytes).then((values) => {
            this.faults.done(serial);
            resolve(values);
          }, reject);
      };
      this.order.add(turn(start));
    });
    const values = await this.#awaited('reading', result);
    this.faults.raise();
    return values;
  }

  /** Resolves when all work so far is done; rejects with the first error of it. */
  async finish(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.order.add(turn(resolve));
    });
    await this.catchUp();
    this.faults.raise();
    if (this.context.ready(this.stream)) this.units.sweep();
  }

  /** True when so much is launched and not known to be done that somebody should wait. */
  get ahead(): boolean {
    if (this.staging.waitingBytes > MOST_AHEAD_BYTES) this.staging.collect();
    return this.#aheadRuns > MOST_AHEAD_RUNS || this.staging.waitingBytes > MOST_AHEAD_BYTES;
  }

  /** Waits for what is launched. */
  async catchUp(): Promise<void> {
    this.faults.check();
    const { serial } = this.faults;
    const runs = this.#aheadRuns;
    await this.#awaited('waiting for the device', this.context.synchronizeAsync(this.stream));
    this.#caughtUp(serial, runs);
  }

  #caughtUp(serial: number, runs: number): void {
    this.faults.done(serial);
    this.#aheadRuns = Math.max(0, this.#aheadRuns - runs);
    this.staging.collect();
  }
}
