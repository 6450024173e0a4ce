/**
 * Functions of single numbers that JavaScript lacks, in double precision: what the table of scalar ops and interpreters
 * compute with.
 *
 * Invariant: no dtype is known here.
 */

export const TWO_OVER_SQRT_PI: number = 2 / Math.sqrt(Math.PI);

/**
 * Abramowitz & Stegun is too coarse for a reference: erf by the series of its product with exp(x²), whose terms are all
 * positive (|x| < 3), and by its continued fraction (beyond).
 */
export const erf = (x: number): number => {
  const a = Math.abs(x);
  if (Number.isNaN(x)) return x;
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = a;
    let sum = a;
    for (let n = 1; term > 1e-18 * sum; n++) {
      term *= (2 * a * a) / (2 * n + 1);
      sum += term;
    }
    return Math.sign(x) * sum * (TWO_OVER_SQRT_PI * Math.exp(-a * a));
  }
  let f = 0;
  for (let n = 60; n >= 1; n--) f = n / 2 / (a + f);
  return Math.sign(x) * (1 - Math.exp(-a * a) / ((a + f) * Math.sqrt(Math.PI)));
};

/** Round half to even, as IEEE 754 and every target do. */
export const roundEven = (x: number): number => {
  const r = Math.round(x);
  return Math.abs(x % 1) === 0.5 && r % 2 !== 0 ? r - 1 : r;
};

const u32 = (x: number): number => x >>> 0;
const rotl = (x: number, r: number): number => (x << r) | (x >>> (32 - r));

/**
 * First word of Threefry-2x32 with 20 rounds (Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011):
 * key (k0, k1), counter (c0, c1), all uint32.
 */
export const threefry = (k0: number, k1: number, c0: number, c1: number): number => {
  const ks = [k0 | 0, k1 | 0, (k0 ^ k1 ^ 0x1bd11bda) | 0];
  let x = (c0 + ks[0]!) | 0;
  let y = (c1 + ks[1]!) | 0;
  for (let block = 0; block < 5; block++) {
    for (const r of block % 2 === 0 ? [13, 15, 26, 6] : [17, 29, 16, 24]) {
      x = (x + y) | 0;
      y = rotl(y, r) ^ x;
    }
    x = (x + ks[(block + 1) % 3]!) | 0;
    y = (y + ks[(block + 2) % 3]! + block + 1) | 0;
  }
  return u32(x);
};
