/**
 * Host-side random numbers for orders and drawn data: small, seeded, the same on every machine.
 *
 * Invariant: the sequence depends on the seed words alone; nothing here touches the device generator's counter.
 */

/** Uniform 32-bit integers from the sfc32 generator (Chris Doty-Humphrey), seeded by any number of words. */
export const prng = (...seed: readonly number[]): (() => number) => {
  let a = 0x9e3779b9;
  let b = 0x243f6a88;
  let c = 0xb7e15162;
  let counter = 1;
  const next = (): number => {
    const t = (a + b + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + t;
    c |= 0;
    return t >>> 0;
  };
  for (const word of seed) {
    a ^= word | 0;
    b ^= Math.floor(word / 2 ** 32) | 0;
    for (let i = 0; i < 12; i++) next();
  }
  return next;
};

/** A uniform number in [0, 1) from a generator of words. */
export const unit = (next: () => number): number => next() / 2 ** 32;

/** A uniform permutation of `order` in place (Fisher-Yates). */
export const shuffle = (order: Int32Array, next: () => number): void => {
  for (let i = order.length - 1; i > 0; i--) {
    const j = Math.floor(unit(next) * (i + 1));
    const kept = order[i]!;
    order[i] = order[j]!;
    order[j] = kept;
  }
};
