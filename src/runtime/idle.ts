/**
 * Buffers that wait for the next copy between host and device, by size.
 *
 * Invariants: they have few sizes and little waste; what they hold together is bounded.
 */

/** Sizes are powers of two up to this. */
const COARSE_BYTES = 1 << 24;

/** The size of the buffer that so many bytes go through. */
export const copySize = (bytes: number, least: number): number => {
  if (bytes > COARSE_BYTES) return bytes;
  let size = least;
  while (size < bytes) size *= 2;
  return size;
};

export class IdleBuffers<B> {
  readonly #mostBytes: number;
  readonly #bySize = new Map<number, B[]>();
  #bytes = 0;

  constructor(mostBytes: number) {
    this.#mostBytes = mostBytes;
  }

  take(size: number): B | undefined {
    const buffer = this.#bySize.get(size)?.pop();
    if (buffer !== undefined) this.#bytes -= size;
    return buffer;
  }

  /** False when there is no room for it. */
  keep(buffer: B, size: number): boolean {
    if (this.#bytes + size > this.#mostBytes) return false;
    this.#bytes += size;
    const list = this.#bySize.get(size);
    if (list === undefined) this.#bySize.set(size, [buffer]);
    else list.push(buffer);
    return true;
  }

  /** Takes all of them. */
  empty(): B[] {
    const all = [...this.#bySize.values()].flat();
    this.#bySize.clear();
    this.#bytes = 0;
    return all;
  }
}
