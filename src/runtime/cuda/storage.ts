/**
 * Array memory of a CUDA device: storages over blocks of the driver's stream-ordered pool, given back by `release` or by
 * garbage collection.
 *
 * Invariants: a storage has a block of its own, whose address is a multiple of 256; all work that touches it is on one
 * stream, so a block that was given back may be handed out while work on it is still under way. When memory runs out,
 * what is idle goes first, then arrays that nobody can reach; only then is it an error.
 */
import { Blocks, blockSize, type PooledBlock } from '../blocks.ts';
import type { Device, MemoryReport, Storage } from '../device.ts';
import { type Lease, Leases, leaseOf } from '../leases.ts';
import { exhausted, type MemoryOptions, reportOf, weight } from '../memory.ts';
import type { Address } from '../native/api.ts';
import { NativeError } from '../native/api.ts';

export interface Block extends PooledBlock {
  readonly address: Address;
}

export class CudaStorage implements Storage {
  readonly device: Device;
  readonly bytes: number;
  pointer: number;
  holders = 0;
  readonly block: Block;
  readonly lease: Lease<Block>;
  constructor(device: Device, bytes: number, block: Block) {
    this.device = device;
    this.bytes = bytes;
    this.pointer = block.address;
    this.block = block;
    this.lease = leaseOf(block);
  }
}

export interface MemoryHost {
  readonly name: string;
  /** Memory of the driver; throws when there is none. */
  allocate(bytes: number): Address;
  /** Gives a block back once all work that was accepted before is launched. */
  free(block: Block): void;
  /** Has everything done and gives to the driver what its pool holds. */
  drain(): void;
}

export class StoragePool {
  readonly #host: MemoryHost;
  readonly #blocks: Blocks<Block>;
  readonly #limits: MemoryOptions;
  readonly #leases: Leases<Block>;

  constructor(host: MemoryHost, limits: MemoryOptions) {
    this.#host = host;
    this.#limits = limits;
    this.#blocks = new Blocks((size, label) => ({ address: host.allocate(size), size, label }));
    this.#leases = new Leases(limits.pressureBytes, (block) => {
      this.giveBack(block);
      return weight(block.size);
    });
  }

  get pressure(): boolean {
    return this.#leases.pressure;
  }
  /** Called when a collection has run. */
  settle(): void {
    this.#leases.settle();
  }

  /** `fresh`: in a block that no accepted work names. */
  allocate(device: Device, bytes: number, label: string, fresh = false): CudaStorage {
    if (this.#leases.overdue) this.#leases.reclaim();
    const block = this.borrow(bytes, label, fresh);
    this.#leases.owe(weight(block.size));
    const storage = new CudaStorage(device, bytes, block);
    this.#leases.watch(storage, storage.lease, true);
    return storage;
  }

  release(storage: Storage): void {
    if (!(storage instanceof CudaStorage) || storage.pointer === 0) return;
    storage.pointer = 0;
    this.#leases.end(storage.lease);
  }

  /** A block for the time of one program. The caller gives it back. `fresh`: one that no accepted work names. */
  borrow(bytes: number, label: string, fresh: boolean): Block {
    const size = blockSize(bytes);
    return (fresh ? undefined : this.#blocks.reuse(size, label)) ?? this.#make(size, bytes, label);
  }

  giveBack(block: Block): void {
    this.#blocks.giveBack(block);
    this.trim(this.#limits.idleBytes);
  }

  report(): MemoryReport {
    return reportOf(this.#blocks);
  }

  #make(size: number, bytes: number, label: string): Block {
    const attempt = (): Block | undefined => this.#tryToMake(size, label);
    const block = attempt();
    if (block !== undefined) return block;
    this.trim(0);
    this.#host.drain();
    const afterTrim = attempt();
    if (afterTrim !== undefined) return afterTrim;
    this.#leases.reclaim();
    this.trim(0);
    this.#host.drain();
    const last = attempt();
    if (last === undefined)
      throw exhausted(this.#blocks, this.#host.name, bytes, label, this.#limits.limitBytes);
    return last;
  }

  /** Undefined when there is no room. */
  #tryToMake(size: number, label: string): Block | undefined {
    const { limitBytes } = this.#limits;
    const blocks = this.#blocks;
    if (blocks.usedBytes + blocks.idleBytes + size > limitBytes) {
      this.trim(Math.max(0, limitBytes - blocks.usedBytes - size));
      if (blocks.usedBytes + size > limitBytes) return undefined;
    }
    try {
      return blocks.make(size, label);
    } catch (error) {
      if (error instanceof NativeError && error.code === 'CUDA_ERROR_OUT_OF_MEMORY')
        return undefined;
      throw error;
    }
  }

  /** Gives to the driver what is idle beyond so many bytes. */
  trim(idleBytes: number): void {
    for (const block of this.#blocks.surplus(idleBytes)) this.#host.free(block);
  }
}
