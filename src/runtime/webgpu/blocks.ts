/**
 * Blocks: buffers of the device that storages live in, one each, kept in a pool by size.
 *
 * Invariants: a block is in use or idle, never both; an idle block may still be read by work that was accepted before,
 * so it is handed out only to later work, and destroyed only in its turn. Sizes are multiples of 16.
 */
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuBuffer, type GpuDevice } from './gpu-types.ts';

export class Block {
  /** Never used again for another block: what caches of bind groups key on. */
  readonly id: number;
  readonly buffer: GpuBuffer;
  readonly size: number;
  label: string;
  /** The last batch of commands that names it. */
  batch = 0;
  /** The last run of a program that writes it. */
  written = 0;
  /** True when the device had no memory for it. */
  failed = false;
  constructor(id: number, buffer: GpuBuffer, label: string) {
    this.id = id;
    this.buffer = buffer;
    this.size = buffer.size;
    this.label = label;
  }
}

const GRAIN = 256;
/** Each power of two is cut into this many sizes. */
const CUTS = 8;

/** The size of block that an array of so many bytes gets: at most an eighth more. */
export const blockSize = (bytes: number): number => {
  const grain = bytes <= GRAIN ? GRAIN : Math.max(GRAIN, 2 ** Math.floor(Math.log2(bytes)) / CUTS);
  return Math.max(GRAIN, Math.ceil(bytes / grain) * grain);
};

const USAGE = BufferUsage.storage | BufferUsage.copySource | BufferUsage.copyTarget;

export class Blocks {
  readonly #gpu: GpuDevice;
  readonly #counters: Counters;
  /** Idle blocks by size, the one used last at the end. */
  readonly #bySize = new Map<number, Block[]>();
  /** All idle blocks, the one idle for longest first. */
  readonly #idle = new Set<Block>();
  readonly inUse: Set<Block> = new Set();
  usedBytes = 0;
  idleBytes = 0;
  #nextId = 1;

  constructor(gpu: GpuDevice, counters: Counters) {
    this.#gpu = gpu;
    this.#counters = counters;
  }

  /** An idle block of this size. */
  reuse(size: number, label: string): Block | undefined {
    const block = this.#bySize.get(size)?.pop();
    if (block === undefined) return undefined;
    this.#idle.delete(block);
    this.idleBytes -= size;
    block.label = label;
    return this.#use(block);
  }

  make(size: number, label: string): Block {
    this.#counters.buffers++;
    const buffer = this.#gpu.createBuffer({ size, usage: USAGE, label });
    return this.#use(new Block(this.#nextId++, buffer, label));
  }

  #use(block: Block): Block {
    this.inUse.add(block);
    this.usedBytes += block.size;
    return block;
  }

  giveBack(block: Block): void {
    if (!this.inUse.delete(block)) return;
    this.usedBytes -= block.size;
    if (block.failed) return;
    this.idleBytes += block.size;
    this.#idle.add(block);
    const list = this.#bySize.get(block.size);
    if (list === undefined) this.#bySize.set(block.size, [block]);
    else list.push(block);
  }

  /** Takes out of the pool what has been idle for longest, until at most `bytes` are idle. */
  *surplus(bytes: number): Generator<Block> {
    for (const block of this.#idle) {
      if (this.idleBytes <= bytes) return;
      this.#idle.delete(block);
      this.idleBytes -= block.size;
      // the list is in the order of the set
      this.#bySize.get(block.size)!.shift();
      yield block;
    }
  }
}
