/**
 * Blocks of an address range: two-level segregated fit, freed neighbours merge at once.
 *
 * Invariants: blocks tile the range without gap or overlap and never touch two free neighbours; every address and size
 * is a multiple of 64 bytes; allocation and release take constant time
 * (but for a last look through one class before memory grows).
 */

const UNIT = 64;
/** Each power of two is cut into 8 classes, so a block is at most an eighth larger than asked for before splitting. */
const CUTS = 8;

export interface Block {
  address: number;
  size: number;
  free: boolean;
  label: string;
  /** Neighbours by address. */
  before: Block | undefined;
  after: Block | undefined;
  /** Neighbours in the list of its class, while free. */
  left: Block | undefined;
  right: Block | undefined;
}

/** Class of a free block of so many units: the largest whose blocks are all at most as large. */
const classOf = (units: number): number => {
  if (units < CUTS) return units;
  const top = Math.floor(Math.log2(units));
  return (top - 2) * CUTS + (Math.floor(units / 2 ** (top - 3)) & (CUTS - 1));
};
/** Rounds up so that every block of the class fits. */
const searchClass = (units: number): number => {
  if (units < CUTS) return units;
  const top = Math.floor(Math.log2(units));
  return classOf(units + 2 ** (top - 3) - 1);
};

const CLASSES = 32 * CUTS;
/** Blocks of the exact class to look at before a larger class is tried. */
const FEW = 8;

export class Allocator {
  readonly #lists: (Block | undefined)[] = new Array<Block | undefined>(CLASSES).fill(undefined);
  readonly #occupied = new Uint32Array(CLASSES / 32);
  #last: Block | undefined;
  #first: Block | undefined;
  #used = 0;

  /** Bytes in blocks that are handed out. */
  get used(): number {
    return this.#used;
  }

  /** Adds a range right behind what it has (or the first one). */
  extend(address: number, size: number): void {
    const whole = Math.floor(size / UNIT) * UNIT;
    const block = newBlock(address, whole);
    if (this.#last === undefined) this.#first = block;
    else {
      this.#last.after = block;
      block.before = this.#last;
    }
    this.#last = block;
    this.#giveBack(block);
  }

  /** Free bytes at the end of the range: what growing need not add. */
  get tail(): number {
    return this.#last?.free ? this.#last.size : 0;
  }

  allocate(bytes: number, label: string): Block | undefined {
    const units = Math.max(1, Math.ceil(bytes / UNIT));
    const block = this.#find(units);
    if (block === undefined) return undefined;
    this.#unlist(block);
    const size = units * UNIT;
    if (block.size > size) this.#split(block, size);
    block.free = false;
    block.label = label;
    this.#used += block.size;
    return block;
  }

  release(block: Block): void {
    this.#used -= block.size;
    block.label = '';
    this.#giveBack(block);
  }

  /** Blocks in use, in address order. */
  *blocks(): Generator<Block> {
    for (let b = this.#first; b !== undefined; b = b.after) if (!b.free) yield b;
  }

  /** A block of the very class, if one of the first few fits: what was freed serves its like again. */
  #find(units: number): Block | undefined {
    const own = classOf(units);
    const near = this.#scan(own, units * UNIT, FEW);
    if (near !== undefined) return near;
    const wanted = searchClass(units);
    for (let word = wanted >> 5; word < this.#occupied.length; word++) {
      const mask = word === wanted >> 5 ? -1 << (wanted & 31) : -1;
      const bits = this.#occupied[word]! & mask;
      if (bits !== 0) return this.#lists[(word << 5) + 31 - Math.clz32(bits & -bits)];
    }
    return this.#scan(own, units * UNIT, Number.POSITIVE_INFINITY);
  }

  #scan(list: number, size: number, tries: number): Block | undefined {
    let block = this.#lists[list];
    for (let n = 0; block !== undefined && n < tries; n++) {
      if (block.size >= size) return block;
      block = block.right;
    }
    return undefined;
  }

  #split(block: Block, size: number): void {
    const rest = newBlock(block.address + size, block.size - size);
    rest.before = block;
    rest.after = block.after;
    if (block.after === undefined) this.#last = rest;
    else block.after.before = rest;
    block.after = rest;
    block.size = size;
    this.#list(rest);
  }

  /** Frees a block, merged with free neighbours. */
  #giveBack(block: Block): void {
    let whole = block;
    const { after } = block;
    if (after?.free) {
      this.#unlist(after);
      this.#join(block, after);
    }
    const { before } = block;
    if (before?.free) {
      this.#unlist(before);
      this.#join(before, block);
      whole = before;
    }
    this.#list(whole);
  }

  #join(left: Block, right: Block): void {
    left.size += right.size;
    left.after = right.after;
    if (right.after === undefined) this.#last = left;
    else right.after.before = left;
  }

  #list(block: Block): void {
    const c = classOf(block.size / UNIT);
    const head = this.#lists[c];
    block.free = true;
    block.left = undefined;
    block.right = head;
    if (head !== undefined) head.left = block;
    this.#lists[c] = block;
    this.#occupied[c >> 5]! |= 1 << (c & 31);
  }

  #unlist(block: Block): void {
    const c = classOf(block.size / UNIT);
    if (block.right !== undefined) block.right.left = block.left;
    if (block.left !== undefined) block.left.right = block.right;
    else {
      this.#lists[c] = block.right;
      if (block.right === undefined) this.#occupied[c >> 5]! &= ~(1 << (c & 31));
    }
    block.left = undefined;
    block.right = undefined;
  }
}

const newBlock = (address: number, size: number): Block => ({
  address,
  size,
  free: false,
  label: '',
  before: undefined,
  after: undefined,
  left: undefined,
  right: undefined,
});
