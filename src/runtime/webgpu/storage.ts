/**
 * Array memory of a WebGPU device: storages over blocks, given back by `release` or by garbage collection.
 *
 * Invariants: a storage has a block of its own (WebGPU forbids binding one buffer for reading and for writing in one
 * dispatch); its bytes are followed by padding that nobody reads, up to a multiple of 16.
 */
import { TigonError } from '../../ir/errors.ts';
import { type Blocks, blockSize } from '../blocks.ts';
import type { Device, MemoryReport, Storage } from '../device.ts';
import { showBytes } from '../holders.ts';
import { type Lease, Leases, leaseOf } from '../leases.ts';
import { exhausted, type MemoryOptions, reportOf, weight } from '../memory.ts';
import type { Block } from './block.ts';

export class GpuStorage implements Storage {
  readonly device: Device;
  readonly bytes: number;
  pointer: number;
  holders = 0;
  readonly block: Block;
  readonly lease: Lease<Block>;
  constructor(device: Device, bytes: number, block: Block) {
    this.device = device;
    this.bytes = bytes;
    this.pointer = block.id;
    this.block = block;
    this.lease = leaseOf(block);
  }
}

/** New buffers from this size on are checked for whether the device had room for them. */
const CHECKED_BYTES = 1 << 20;

export interface MemoryHost {
  readonly name: string;
  readonly blocks: Blocks<Block>;
  /** Destroys a block once all work that was accepted before is submitted. */
  destroy(block: Block): void;
  /** Makes a block, and has a failure to do so reported as `error()`. */
  checked(make: () => Block, error: () => TigonError): Block;
}

export class StoragePool {
  readonly #host: MemoryHost;
  readonly #limits: MemoryOptions;
  readonly #maxBufferSize: number;
  readonly #leases: Leases<Block>;

  constructor(host: MemoryHost, limits: MemoryOptions, maxBufferSize: number) {
    this.#host = host;
    this.#limits = limits;
    this.#maxBufferSize = maxBufferSize;
    this.#leases = new Leases(limits.pressureBytes, (block) => {
      host.blocks.giveBack(block, !block.failed);
      this.trim(limits.idleBytes);
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
  allocate(device: Device, bytes: number, label: string, fresh = false): GpuStorage {
    const block = fresh ? this.borrow(bytes, label, true) : this.#block(bytes, label);
    const storage = new GpuStorage(device, bytes, block);
    this.#leases.watch(storage, storage.lease, true);
    return storage;
  }

  release(storage: Storage): void {
    if (!(storage instanceof GpuStorage) || storage.pointer === 0) return;
    storage.pointer = 0;
    this.#leases.end(storage.lease);
  }

  /** A block for the time of one program. The caller gives it back. `fresh`: one that no accepted work names. */
  borrow(bytes: number, label: string, fresh: boolean): Block {
    const size = this.#sizeOf(bytes);
    return (fresh ? undefined : this.#find(size, label)) ?? this.#make(size, bytes, label);
  }

  report(): MemoryReport {
    return reportOf(this.#host.blocks);
  }

  /** Every block is within what the device has for one buffer. */
  #sizeOf(bytes: number): number {
    const most = Math.floor(this.#maxBufferSize / 16) * 16;
    if (bytes <= most) return Math.min(blockSize(bytes), most);
    throw new TigonError(
      'memory',
      `allocate: an array of ${showBytes(bytes)} is larger than a buffer of ${this.#host.name} can be (${showBytes(most)})`,
      'use a smaller batch, or split the array; `tigon devices` shows the limits',
    );
  }

  #block(bytes: number, label: string): Block {
    const size = this.#sizeOf(bytes);
    if (this.#leases.overdue) this.#leases.reclaim();
    const block = this.#find(size, label) ?? this.#make(size, bytes, label);
    this.#leases.owe(weight(size));
    return block;
  }

  #find(size: number, label: string): Block | undefined {
    return this.#host.blocks.reuse(size, label);
  }

  #make(size: number, bytes: number, label: string): Block {
    const { blocks } = this.#host;
    const { limitBytes } = this.#limits;
    if (blocks.usedBytes + blocks.idleBytes + size > limitBytes) {
      this.trim(Math.max(0, limitBytes - blocks.usedBytes - size));
      if (blocks.usedBytes + size > limitBytes) {
        this.#leases.reclaim();
        const found = this.#find(size, label);
        if (found !== undefined) return found;
        this.trim(Math.max(0, limitBytes - blocks.usedBytes - size));
      }
      if (blocks.usedBytes + size > limitBytes)
        throw exhausted(blocks, this.#host.name, bytes, label, limitBytes);
    }
    const make = (): Block => blocks.make(size, label);
    if (size < CHECKED_BYTES) return make();
    return this.#host.checked(make, () => this.exhausted(bytes, label));
  }

  /** Destroys what is idle beyond so many bytes. */
  trim(idleBytes: number): void {
    for (const block of this.#host.blocks.surplus(idleBytes)) this.#host.destroy(block);
  }

  /** Why there is no room. */
  exhausted(bytes: number, label: string): TigonError {
    return exhausted(this.#host.blocks, this.#host.name, bytes, label);
  }
}
