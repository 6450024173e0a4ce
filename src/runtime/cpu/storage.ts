/**
 * Array memory: storages over blocks, given back by `release` or by garbage collection, whichever comes first.
 *
 * Invariants: what a finalizer holds is a lease, never the storage; a lease gives its block back once. Small storages
 * share a slab and keep it alive, so that registering with the collector (over 1 µs) is paid once a slab. Whoever writes
 * a storage gives it a new stamp: no other storage, and no other contents of this one, ever have the same.
 */
import type { TigonError } from '../../ir/errors.ts';
import type { Device, MemoryReport, Storage } from '../device.ts';
import { largestHolders, outOfMemory, showBytes } from '../holders.ts';
import { type Lease, Leases, leaseOf } from '../leases.ts';
import { Allocator, type Block } from './allocator.ts';
import type { Heap } from './heap.ts';

const SLAB_BYTES = 65536;
/** Largest storage that goes into a slab. */
const SMALL_BYTES = 2048;
const ALIGNMENT = 64;

/** Storages from this size on are watched, so that dead ones can be found without waiting for finalizers. */
const WATCHED_BYTES = 32768;

/** A block cut into storages from the front, or one storage's own. */
class Home {
  readonly lease: Lease<Block>;
  /** Address behind the last storage, and the end. */
  cursor: number;
  readonly limit: number;
  live = 0;
  constructor(block: Block) {
    this.lease = leaseOf(block);
    this.cursor = block.address;
    this.limit = block.address + block.size;
  }
}

let stamps = 0;

export class CpuStorage implements Storage {
  readonly device: Device;
  readonly bytes: number;
  pointer: number;
  holders = 0;
  /** Which contents it has: equal stamps, equal bytes. */
  stamp: number = ++stamps;
  readonly home: Home;
  constructor(device: Device, bytes: number, pointer: number, home: Home) {
    this.device = device;
    this.bytes = bytes;
    this.pointer = pointer;
    this.home = home;
  }

  /** Its bytes are about to change. */
  touch(): void {
    this.stamp = ++stamps;
  }
}

export class StoragePool {
  readonly #heap: Heap;
  readonly #allocator = new Allocator();
  readonly #leases: Leases<Block>;
  #slab: Home | undefined;
  #peak = 0;

  constructor(heap: Heap, pressureBytes: number) {
    this.#heap = heap;
    this.#allocator.extend(heap.begin, heap.end - heap.begin);
    this.#leases = new Leases(pressureBytes, (block) => {
      const { size } = block;
      this.#allocator.release(block);
      return size;
    });
  }

  get pressure(): boolean {
    return this.#leases.pressure;
  }
  /** Called when a collection has run. */
  settle(): void {
    this.#leases.settle();
  }

  allocate(device: Device, bytes: number, label: string): Storage {
    if (bytes <= SMALL_BYTES) {
      const size = bytes === 0 ? ALIGNMENT : (bytes + ALIGNMENT - 1) & -ALIGNMENT;
      let slab = this.#slab;
      if (slab === undefined || slab.cursor + size > slab.limit) slab = this.#newSlab();
      const pointer = slab.cursor;
      slab.cursor = pointer + size;
      slab.live++;
      return new CpuStorage(device, bytes, pointer, slab);
    }
    const home = new Home(this.#block(bytes, label));
    home.live = 1;
    const storage = new CpuStorage(device, bytes, home.cursor, home);
    this.#leases.watch(storage, home.lease, bytes >= WATCHED_BYTES);
    return storage;
  }

  release(storage: Storage): void {
    if (!(storage instanceof CpuStorage) || storage.pointer === 0) return;
    storage.pointer = 0;
    const { home } = storage;
    if (--home.live > 0) return;
    if (home === this.#slab) home.cursor = home.limit - SLAB_BYTES;
    else this.#leases.end(home.lease);
  }

  report(): MemoryReport {
    const used = this.#allocator.used;
    return {
      inUse: used,
      pooled: this.#heap.end - this.#heap.begin - used,
      peak: this.#peak,
      largest: largestHolders(this.#allocator.blocks()).map(({ bytes, label }) => ({
        bytes,
        label,
      })),
    };
  }

  #newSlab(): Home {
    const slab = new Home(this.#block(SLAB_BYTES, 'small arrays'));
    this.#leases.watch(slab, slab.lease, SLAB_BYTES >= WATCHED_BYTES);
    const full = this.#slab;
    this.#slab = slab;
    // emptied by releases while it was current
    if (full?.live === 0) this.#leases.end(full.lease);
    return slab;
  }

  #block(bytes: number, label: string): Block {
    if (this.#leases.overdue) this.#leases.reclaim();
    let block = this.#allocator.allocate(bytes, label) ?? this.#grown(bytes, label);
    if (block === undefined) {
      this.#leases.reclaim();
      block = this.#allocator.allocate(bytes, label);
    }
    if (block === undefined) throw this.#exhausted(bytes, label);
    this.#leases.owe(block.size);
    this.#peak = Math.max(this.#peak, this.#allocator.used);
    return block;
  }

  #grown(bytes: number, label: string): Block | undefined {
    const end = this.#heap.end;
    const missing = bytes + ALIGNMENT - this.#allocator.tail;
    if (!this.#heap.grow(missing)) return undefined;
    this.#allocator.extend(end, this.#heap.end - end);
    return this.#allocator.allocate(bytes, label);
  }

  #exhausted(bytes: number, label: string): TigonError {
    const limit = this.#heap.maximumPages * 65536 - this.#heap.begin;
    return outOfMemory(
      bytes,
      label,
      `${showBytes(this.#allocator.used)} of ${showBytes(limit)} in use on the CPU`,
      largestHolders(this.#allocator.blocks()),
    );
  }
}
