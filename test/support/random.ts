/**
 * Random numbers for tests: seeded, so that a failure is repeated by its seed.
 *
 * Invariant: the same seed gives the same sequence on every machine.
 */

export interface Random {
  /** In [0, 1). */
  next(): number;
  /** An integer in [from, to). */
  int(from: number, to: number): number;
  /** True with the given probability. */
  chance(probability: number): boolean;
  pick<T>(items: readonly T[]): T;
  shuffled<T>(items: readonly T[]): T[];
  /** `size` numbers in [from, to). */
  floats(size: number, from?: number, to?: number): Float64Array;
}

/** A generator of its own for each seed (mulberry32). */
export const random = (seed: number): Random => {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  // The first numbers of neighbouring seeds are alike.
  for (let i = 0; i < 4; i++) next();
  const int = (from: number, to: number): number => from + Math.floor(next() * (to - from));
  return {
    next,
    int,
    chance: (probability) => next() < probability,
    pick: (items) => items[int(0, items.length)]!,
    shuffled: (items) => {
      const list = items.slice();
      for (let i = list.length - 1; i > 0; i--) {
        const j = int(0, i + 1);
        [list[i], list[j]] = [list[j]!, list[i]!];
      }
      return list;
    },
    floats: (size, from = -1, to = 1) =>
      Float64Array.from({ length: size }, () => from + next() * (to - from)),
  };
};
