/**
 * The one WebAssembly memory of a CPU device, and typed views of it.
 *
 * Invariant: views cover the whole memory after every growth; what holds a view across an allocation must fetch it
 * again (an unshared memory detaches old ones). Addresses below `LOW_BYTES` belong to the device itself.
 */
import { LOW_BYTES } from '../../codegen/wasm/layout.ts';

const PAGE = 65536;
/** Bytes committed at first: address space, not memory, until it is touched. */
const INITIAL_PAGES = 1024;

/** Added at a time: 16 MB. */
const GROWTH_PAGES = 256;

/** The largest memory that the engine lets us reserve, up to `most` pages: small devices refuse 4 GB. */
const makeMemory = (
  most: number,
  shared: boolean,
): { memory: WebAssembly.Memory; maximumPages: number } => {
  for (let maximum = most; ; maximum >>= 1) {
    const initial = Math.min(INITIAL_PAGES, maximum);
    try {
      return {
        memory: new WebAssembly.Memory({ initial, maximum, shared }),
        maximumPages: maximum,
      };
    } catch (error) {
      if (maximum <= INITIAL_PAGES) throw error;
    }
  }
};

export class Heap {
  readonly memory: WebAssembly.Memory;
  readonly shared: boolean;
  readonly maximumPages: number;
  bytes: Uint8Array;
  i32: Int32Array;
  f32: Float32Array;

  constructor(maximumPages: number, shared: boolean) {
    this.shared = shared;
    const made = makeMemory(maximumPages, this.shared);
    this.memory = made.memory;
    this.maximumPages = made.maximumPages;
    const { buffer } = this.memory;
    this.bytes = new Uint8Array(buffer);
    this.i32 = new Int32Array(buffer);
    this.f32 = new Float32Array(buffer);
  }

  /** First address that arrays may use, and the end of what there is now. */
  get begin(): number {
    return LOW_BYTES;
  }
  get end(): number {
    return this.bytes.length;
  }

  /**
   * Grows by at least `needed` bytes, by a few more so that growths are few; false when it cannot. Not by much more: what
   * is there gets used in turn, and so becomes resident.
   */
  grow(needed: number): boolean {
    const now = this.end / PAGE;
    const least = Math.ceil(needed / PAGE);
    const wish = Math.min(Math.max(least, GROWTH_PAGES), this.maximumPages - now);
    for (const pages of wish >= least ? [wish, least] : []) {
      try {
        this.memory.grow(pages);
      } catch {
        continue;
      }
      const { buffer } = this.memory;
      this.bytes = new Uint8Array(buffer);
      this.i32 = new Int32Array(buffer);
      this.f32 = new Float32Array(buffer);
      return true;
    }
    return false;
  }
}
