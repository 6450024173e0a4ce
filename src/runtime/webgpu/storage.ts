/**
 * Array memory of a WebGPU device: storages over blocks, given back by `release` or by garbage collection.
 *
 * Invariants: a storage has a block of its own (WebGPU forbids binding one buffer for reading and for writing in one
 * dispatch); its bytes are followed by padding that nobody reads, up to a multiple of 16.
 */
import { TigonError } from '../../ir/errors.ts';
import { type Blocks, blockSize } from '../blocks.ts';
import type { Device, MemoryReport, Storage } from '../device.ts';
import { largestHolders, outOfMemory, showBytes } from '../holders.ts';
import { type Lease, Leases, leaseOf } from '../leases.ts';
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

export interface MemoryOptions {
  /** All blocks together. */
  readonly limitBytes: number;
  /** Bytes of new arrays after which a collection is asked for. */
  readonly pressureBytes: number;
  /** Blocks of no use that are kept for the next arrays. */
  readonly idleBytes: number;
}

/** What a block costs besides its bytes, for deciding when to collect: small arrays have handles, too. */
const HANDLE_BYTES = 65536;
/** New buffers from this size on are checked for whether the device had room for them. */
const CHECKED_BYTES = 1 << 20;

const weight = (size: number): number => Math.max(size, HANDLE_BYTES);

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
  #peak = 0;

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
    const { blocks } = this.#host;
    return {
      inUse: blocks.usedBytes,
      pooled: blocks.idleBytes,
      peak: this.#peak,
      largest: largestHolders(blocks.inUse).map(({ bytes, label }) => ({ bytes, label })),
    };
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
    const block = this.#host.blocks.reuse(size, label);
    if (block !== undefined) this.#note();
    return block;
  }

  #note(): void {
    this.#peak = Math.max(this.#peak, this.#host.blocks.usedBytes);
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
        throw this.exhausted(bytes, label, ` of ${showBytes(limitBytes)}`);
    }
    const make = (): Block => blocks.make(size, label);
    const block =
      size < CHECKED_BYTES ? make() : this.#host.checked(make, () => this.exhausted(bytes, label));
    this.#note();
    return block;
  }

  /** Destroys what is idle beyond so many bytes. */
  trim(idleBytes: number): void {
    for (const block of this.#host.blocks.surplus(idleBytes)) this.#host.destroy(block);
  }

  /** Why there is no room. */
  exhausted(bytes: number, label: string, limit = ''): TigonError {
    const { blocks, name } = this.#host;
    return outOfMemory(
      bytes,
      label,
      `${showBytes(blocks.usedBytes)}${limit} in use on ${name}`,
      largestHolders(blocks.inUse),
    );
  }
}
