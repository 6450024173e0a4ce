/**
 * What programs keep from call to call: arrangements of weights, which are made again only when the weights have changed.
 *
 * Invariant: what a block holds was made from storages with the stamps it knows, and from no others. All blocks of a
 * device together stay under a limit (the one unused for longest goes first), and give way to whoever needs memory.
 */
import type { Program } from '../../ir/program.ts';
import { keptSteps } from '../../ir/program.ts';
import type { Storage } from '../device.ts';
import type { CpuStorage } from './storage.ts';

/** Bytes that programs of a device keep at most. */
const LIMIT_BYTES = 2 ** 29;
/** A cache line. */
const ALIGNMENT = 64;

/** Who has the memory. */
interface Owner {
  readonly kept: KeptMemory;
  allocate(bytes: number, label: string): Storage;
  release(storage: Storage): void;
}

/** The kept buffers of one program. */
export class KeptBlock {
  readonly bytes: number;
  readonly #owner: Owner;
  readonly #label: string;
  /** Each kept buffer, and where it is in the block. */
  readonly #places: readonly { readonly buffer: number; readonly offset: number }[];
  /** Positions among the arrays of a call of those that the first steps read; what these were when it was filled. */
  readonly #sources: readonly number[];
  readonly #stamps: Float64Array;
  readonly #offsets: Float64Array;
  #storage: Storage | undefined;
  #filled = false;
  /** When it was last asked for. */
  used = 0;

  /** `bound`: the buffers that are arrays of a call, in order. */
  constructor(program: Program, bound: readonly number[], owner: Owner) {
    this.#owner = owner;
    this.#label = `${program.name}: kept from call to call`;
    let bytes = 0;
    this.#places = program.buffers.flatMap((b, buffer) => {
      if (b.role !== 'kept') return [];
      const offset = bytes;
      bytes += Math.ceil(b.bytes / ALIGNMENT) * ALIGNMENT;
      return [{ buffer, offset }];
    });
    this.bytes = bytes;
    const read = new Set(
      program.steps.slice(0, keptSteps(program)).flatMap(({ bindings }) => bindings),
    );
    this.#sources = bound.flatMap((b, i) => (read.has(b) ? [i] : []));
    this.#stamps = new Float64Array(this.#sources.length);
    this.#offsets = new Float64Array(this.#sources.length);
  }

  /**
   * Whether it holds what is made of these arrays; if not, it has to be filled now, and `filled` be called. `place` is
   * told where buffers are when they have moved.
   */
  holds(
    buffers: readonly Storage[],
    offsets: readonly number[],
    place: (buffer: number, at: number) => void,
  ): boolean {
    let same = this.#filled;
    for (let i = 0; i < this.#sources.length; i++) {
      const position = this.#sources[i]!;
      const { stamp } = buffers[position] as CpuStorage;
      const offset = offsets[position]!;
      if (stamp === this.#stamps[i] && offset === this.#offsets[i]) continue;
      this.#stamps[i] = stamp;
      this.#offsets[i] = offset;
      same = false;
    }
    this.used = this.#owner.kept.now();
    this.#filled = same;
    if (this.#storage === undefined) {
      this.#owner.kept.makeRoom(this);
      this.#storage = this.#owner.allocate(this.bytes, this.#label);
      const { pointer } = this.#storage;
      for (const { buffer, offset } of this.#places) place(buffer, pointer + offset);
    }
    return same;
  }

  /** It holds what is made of the arrays that `holds` was asked about last. */
  filled(): void {
    this.#filled = true;
  }

  /** Whether it has memory. */
  get present(): boolean {
    return this.#storage !== undefined;
  }

  /** Gives its memory back; it may be filled again. */
  release(): void {
    this.#filled = false;
    if (this.#storage !== undefined) this.#owner.release(this.#storage);
    this.#storage = undefined;
  }
}

/** All blocks of a device. What nobody runs any more is collected with its program. */
export class KeptMemory {
  readonly #limit: number;
  #blocks: WeakRef<KeptBlock>[] = [];
  #clock = 0;

  constructor(limit: number = LIMIT_BYTES) {
    this.#limit = limit;
  }

  now(): number {
    return ++this.#clock;
  }

  /** Called when a block is about to take memory: others give theirs back if that is too much. */
  makeRoom(block: KeptBlock): void {
    const others = this.#present().filter((other) => other !== block);
    let bytes = others.reduce((sum, other) => sum + other.bytes, block.bytes);
    for (const other of others.sort((a, b) => a.used - b.used)) {
      if (bytes <= this.#limit) break;
      bytes -= other.bytes;
      other.release();
    }
    this.#blocks = [...this.#present().filter((other) => other !== block), block].map(
      (each) => new WeakRef(each),
    );
  }

  /** Gives all memory back; false if there was none. */
  releaseAll(): boolean {
    const blocks = this.#present();
    for (const block of blocks) block.release();
    return blocks.length > 0;
  }

  #present(): KeptBlock[] {
    return this.#blocks.flatMap((ref) => {
      const block = ref.deref();
      return block?.present === true ? [block] : [];
    });
  }
}
