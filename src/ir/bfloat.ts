/**
 * bfloat16 as bits: the upper half of a float32. The one place where numbers become such bits on the host.
 *
 * Invariant: rounds a double once, half to even; overflows to infinity, keeps subnormals and signs of zero; every NaN is
 * 0x7fc0.
 */

const word = new DataView(new ArrayBuffer(4));

/** The bits of the nearest bfloat16, ties to even. */
export const toBfloatBits = (x: number): number => {
  if (Number.isNaN(x)) return 0x7fc0;
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  const upper = bits >>> 16;
  const rest = bits & 0xffff;
  if (rest !== 0x8000) return rest > 0x8000 ? upper + 1 : upper;
  // Half way as a float32, which is itself rounded: the double may be on one side.
  const away = Math.abs(x) - Math.abs(word.getFloat32(0));
  return away > 0 || (away === 0 && (upper & 1) === 1) ? upper + 1 : upper;
};

/** The number that bfloat16 bits stand for. */
export const fromBfloatBits = (bits: number): number => {
  word.setUint32(0, bits << 16);
  return word.getFloat32(0);
};
