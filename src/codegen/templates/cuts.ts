/**
 * How schedules cut work: the numbers of parts that are tried, and lengths of parts that suit a cache.
 *
 * Invariant: depends on sizes alone.
 */

/** 1, 2, 4, ... and `most`. */
export const doublings = (most: number): number[] => {
  const counts = [most];
  for (let n = 1; n < most; n *= 2) counts.push(n);
  return counts;
};

/** So many elements of float32, in an odd number of cache lines: parts at a power of two would share one set. */
export const apart = (elements: number): number => 16 * (Math.ceil(elements / 16) | 1);
