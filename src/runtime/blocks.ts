/**
 * Blocks of device memory, kept in a pool by size: those in use, and those that wait for the next array.
 *
 * Invariants: a block is in use or idle, never both; an idle block may still be named by work that was accepted before,
 * so it is handed out only to later work, and freed only in its turn. Sizes are multiples of 256.
 */

/** What a device makes of it is its own. */
export interface PooledBlock {
  readonly size: number;
  label: string;
}

const GRAIN = 256;
/** Each power of two is cut into this many sizes. */
const CUTS = 8;

/** The size of block that an array of so many bytes gets: at most an eighth more. */
export const blockSize = (bytes: number): number => {
  const grain = bytes <= GRAIN ? GRAIN : Math.max(GRAIN, 2 ** Math.floor(Math.log2(bytes)) / CUTS);
  return Math.max(GRAIN, Math.ceil(bytes / grain) * grain);
};

export class Blocks<B extends PooledBlock> {
  readonly #make: (size: number, label: string) => B;
  /** Idle blocks by size, the one used last at the end. */
  readonly #bySize = new Map<number, B[]>();
  /** All idle blocks, the one idle for longest first. */
  readonly #idle = new Set<B>();
  readonly inUse: Set<B> = new Set();
  usedBytes = 0;
  idleBytes = 0;
  /** The most that was ever in use. */
  peakBytes = 0;

  /** `make` gets memory of the device. */
  constructor(make: (size: number, label: string) => B) {
    this.#make = make;
  }

  /** An idle block of this size. */
  reuse(size: number, label: string): B | undefined {
    const block = this.#bySize.get(size)?.pop();
    if (block === undefined) return undefined;
    this.#idle.delete(block);
    this.idleBytes -= size;
    block.label = label;
    return this.#use(block);
  }

  make(size: number, label: string): B {
    return this.#use(this.#make(size, label));
  }

  #use(block: B): B {
    this.inUse.add(block);
    this.usedBytes += block.size;
    this.peakBytes = Math.max(this.peakBytes, this.usedBytes);
    return block;
  }

  /** `again`: whether another array may have it. */
  giveBack(block: B, again = true): void {
    if (!this.inUse.delete(block)) return;
    this.usedBytes -= block.size;
    if (!again) return;
    this.idleBytes += block.size;
    this.#idle.add(block);
    const list = this.#bySize.get(block.size);
    if (list === undefined) this.#bySize.set(block.size, [block]);
    else list.push(block);
  }

  /** Takes out of the pool what has been idle for longest, until at most `bytes` are idle. */
  *surplus(bytes: number): Generator<B> {
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
