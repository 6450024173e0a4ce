/**
 * Uniform random numbers computed in JavaScript: for arrays so small that compiling a program for their shape would take
 * longer than drawing them (the parameters of a net, at start-up).
 *
 * Invariant: bit for bit the numbers that the compiled program draws; the tests hold one against the other.
 */

const rotate = (x: number, by: number): number => (x << by) | (x >>> (32 - by));

/** First word of Threefry-2x32-20 (see `threefry` in ir/scalar.ts), unrolled: this is the inner loop. */
const threefry = (k0: number, k1: number, k2: number, c0: number, c1: number): number => {
  let x = (c0 + k0) | 0;
  let y = (c1 + k1) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  x = (x + k1) | 0;
  y = (y + k2 + 1) | 0;
  x = (x + y) | 0;
  y = rotate(y, 17) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 29) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 16) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 24) ^ x;
  x = (x + k2) | 0;
  y = (y + k0 + 2) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  x = (x + k0) | 0;
  y = (y + k1 + 3) | 0;
  x = (x + y) | 0;
  y = rotate(y, 17) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 29) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 16) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 24) ^ x;
  x = (x + k1) | 0;
  y = (y + k2 + 4) | 0;
  x = (x + y) | 0;
  y = rotate(y, 13) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 15) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 26) ^ x;
  x = (x + y) | 0;
  y = rotate(y, 6) ^ x;
  return (x + k2) >>> 0;
};

/** Draw number `draw` of `size` uniform numbers in [low, high), with the roundings of float32 arithmetic. */
export const uniformOnHost = (
  size: number,
  low: number,
  high: number,
  key: readonly [number, number],
  draw: number,
): Float32Array => {
  const [k0, k1] = [key[0] | 0, key[1] | 0];
  const k2 = (k0 ^ k1 ^ 0x1bd11bda) | 0;
  const from = Math.fround(low);
  const width = Math.fround(Math.fround(high) - from);
  const out = new Float32Array(size);
  for (let i = 0; i < size; i++) {
    const unit = (threefry(k0, k1, k2, i, draw | 0) >>> 8) * 2 ** -24;
    out[i] = Math.fround(unit * width) + from;
  }
  return out;
};

/** The same of doubles: 53 bits, of the words of two keys. See `unit` in random/source.ts. */
export const doublesOnHost = (
  size: number,
  low: number,
  high: number,
  key: readonly [number, number],
  draw: number,
): Float64Array => {
  const [k0, k1] = [key[0] | 0, key[1] | 0];
  const further = k1 ^ 0x80000000;
  const [k2, last] = [k1, further].map((k) => (k0 ^ k ^ 0x1bd11bda) | 0) as [number, number];
  const width = high - low;
  const out = new Float64Array(size);
  for (let i = 0; i < size; i++) {
    const first = threefry(k0, k1, k2, i, draw | 0);
    const rest = threefry(k0, further, last, i, draw | 0) >>> 11;
    out[i] = (first * 2 ** 21 + rest) * 2 ** -53 * width + low;
  }
  return out;
};
