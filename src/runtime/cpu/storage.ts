/**
 * Array memory: storages over blocks, given back by `release` or by garbage collection, whichever comes first.
 *
 * Invariants: what a finalizer holds is a lease, never the storage; a lease gives its block back once. Small storages
 * share a slab and keep it alive, so that registering with the collector (over 1 µs) is paid once a slab.
 */
import { platform } from '#platform';
import { TigonError } from '../../ir/errors.ts';
import type { Device, MemoryReport, Storage } from '../device.ts';
import { Allocator, type Block } from './allocator.ts';
import type { Heap } from './heap.ts';

const SLAB_BYTES = 65536;
/** Largest storage that goes into a slab. */
const SMALL_BYTES = 2048;
const ALIGNMENT = 64;
const REPORTED = 8;

/** Storages from this size on are watched, so that dead ones can be found without waiting for finalizers. */
const WATCHED_BYTES = 32768;
/** New arrays in one job, as multiples of the pressure signal, after which dead ones are looked for at once. */
const PATIENCE = 1.5;

/** The right to a block, until it is given back. */
interface Lease {
  block: Block | undefined;
  /** Tells whether the owner is still reachable; large blocks only. */
  owner: WeakRef<object> | undefined;
}

/** A block cut into storages from the front, or one storage's own. */
class Home {
  readonly lease: Lease;
  /** Address behind the last storage, and the end. */
  cursor: number;
  readonly limit: number;
  live = 0;
  constructor(block: Block) {
    this.lease = { block, owner: undefined };
    this.cursor = block.address;
    this.limit = block.address + block.size;
  }
}

class CpuStorage implements Storage {
  readonly device: Device;
  readonly bytes: number;
  pointer: number;
  holders = 0;
  readonly home: Home;
  constructor(device: Device, bytes: number, pointer: number, home: Home) {
    this.device = device;
    this.bytes = bytes;
    this.pointer = pointer;
    this.home = home;
  }
}

export class StoragePool {
  readonly #heap: Heap;
  readonly #allocator = new Allocator();
  readonly #registry: FinalizationRegistry<Lease>;
  readonly #pressureBytes: number;
  readonly #watched = new Set<Lease>();
  #slab: Home | undefined;
  #peak = 0;
  /** Bytes handed out and not yet seen to come back since the last collection. */
  #debt = 0;

  constructor(heap: Heap, pressureBytes: number) {
    this.#heap = heap;
    this.#pressureBytes = pressureBytes;
    this.#allocator.extend(heap.begin, heap.end - heap.begin);
    this.#registry = new FinalizationRegistry((lease) => this.#giveBack(lease));
  }

  get pressure(): boolean {
    return this.#debt > this.#pressureBytes;
  }
  /** Called when a collection has run. */
  settle(): void {
    this.#debt = 0;
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
    this.#watch(storage, home.lease, bytes);
    return storage;
  }

  release(storage: Storage): void {
    if (!(storage instanceof CpuStorage) || storage.pointer === 0) return;
    storage.pointer = 0;
    const { home } = storage;
    if (--home.live > 0) return;
    if (home === this.#slab) home.cursor = home.limit - SLAB_BYTES;
    else this.#giveBack(home.lease);
  }

  report(): MemoryReport {
    const used = this.#allocator.used;
    return {
      inUse: used,
      pooled: this.#heap.end - this.#heap.begin - used,
      peak: this.#peak,
      largest: this.#largest().map(({ bytes, label }) => ({ bytes, label })),
    };
  }

  #newSlab(): Home {
    const slab = new Home(this.#block(SLAB_BYTES, 'small arrays'));
    this.#watch(slab, slab.lease, SLAB_BYTES);
    const full = this.#slab;
    this.#slab = slab;
    // emptied by releases while it was current
    if (full?.live === 0) this.#giveBack(full.lease);
    return slab;
  }

  #watch(owner: object, lease: Lease, bytes: number): void {
    this.#registry.register(owner, lease);
    if (bytes < WATCHED_BYTES) return;
    lease.owner = new WeakRef(owner);
    this.#watched.add(lease);
  }

  /**
   * Frees the blocks of unreachable arrays without leaving the running job, where the platform can: a loop that never
   * awaits anything gives finalizers no turn.
   */
  #reclaim(): void {
    if (!platform.collectNow()) return;
    this.#debt = 0;
    for (const lease of this.#watched)
      if (lease.owner?.deref() === undefined) this.#giveBack(lease);
  }

  #giveBack(lease: Lease): void {
    const { block } = lease;
    if (block === undefined) return;
    lease.block = undefined;
    this.#watched.delete(lease);
    this.#debt = Math.max(0, this.#debt - block.size);
    this.#allocator.release(block);
  }

  #block(bytes: number, label: string): Block {
    if (this.#debt > PATIENCE * this.#pressureBytes) this.#reclaim();
    let block = this.#allocator.allocate(bytes, label) ?? this.#grown(bytes, label);
    if (block === undefined) {
      this.#reclaim();
      block = this.#allocator.allocate(bytes, label);
    }
    if (block === undefined) throw this.#exhausted(bytes, label);
    this.#debt += block.size;
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

  #largest(): { bytes: number; label: string; count: number }[] {
    const byLabel = new Map<string, { bytes: number; label: string; count: number }>();
    for (const { size, label } of this.#allocator.blocks()) {
      const entry = byLabel.get(label) ?? { bytes: 0, label, count: 0 };
      entry.bytes += size;
      entry.count++;
      byLabel.set(label, entry);
    }
    return [...byLabel.values()].sort((a, b) => b.bytes - a.bytes).slice(0, REPORTED);
  }

  #exhausted(bytes: number, label: string): TigonError {
    const limit = this.#heap.maximumPages * 65536 - this.#heap.begin;
    const used = this.#allocator.used;
    const holders = this.#largest().map(
      (h) => `\n    ${showBytes(h.bytes)} in ${h.count} × ${h.label}`,
    );
    return new TigonError(
      'memory',
      `allocate: no room for ${showBytes(bytes)} (${label}): ${showBytes(used)} of ${showBytes(limit)} in use on the CPU; largest holders:${holders.join('')}`,
      'keep fewer arrays (drop references, dispose() or `using`), use a smaller batch, or await something between steps so that unreachable arrays can be collected',
    );
  }
}

const showBytes = (bytes: number): string => {
  const units = ['B', 'kB', 'MB', 'GB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < 3) {
    value /= 1024;
    unit++;
  }
  return `${unit === 0 ? value : value.toFixed(1)} ${units[unit]}`;
};
