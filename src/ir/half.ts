/**
 * float16 as bits: the one place where numbers become such bits on the host, and come back.
 *
 * Invariant: rounds a float32 once, half to even; overflows to infinity, keeps subnormals, NaN and signs of zero.
 */

const word = new DataView(new ArrayBuffer(4));

/** The bits of the nearest half-precision number, ties to even. */
export const toHalfBits = (x: number): number => {
  word.setFloat32(0, x);
  const bits = word.getUint32(0);
  const sign = (bits >>> 16) & 0x8000;
  const exponent = (bits >>> 23) & 0xff;
  const fraction = bits & 0x7fffff;
  if (exponent === 0xff) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200);
  const power = exponent - 112;
  if (power >= 31) return sign | 0x7c00;
  if (power < -10) return sign;
  const shift = power <= 0 ? 14 - power : 13;
  const mantissa = power <= 0 ? fraction | 0x800000 : fraction;
  const base = power <= 0 ? 0 : power << 10;
  const rest = mantissa & ((1 << shift) - 1);
  const half = 1 << (shift - 1);
  let result = base + (mantissa >>> shift);
  if (rest > half || (rest === half && (result & 1) === 1)) result++;
  return sign | result;
};

/** The number that half-precision bits stand for. */
export const fromHalfBits = (bits: number): number => {
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  const sign = bits & 0x8000 ? -1 : 1;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
};
