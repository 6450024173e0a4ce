/**
 * Integers that wrap around, division that rounds down, conversions that saturate, random bits.
 *
 * Invariant: nothing overflows a signed integer, which C++ leaves undefined; dividing by zero gives 0; out of range gives
 * the nearest number of the range, NaN gives 0.
 */

const ROTATIONS = [
  [13, 15, 26, 6],
  [17, 29, 16, 24],
] as const;

/** 20 rounds; after every fourth the next two of three keys come in. */
const threefry = (): string => {
  const lines: string[] = [];
  for (let block = 0; block < 5; block++) {
    for (const r of ROTATIONS[block % 2]!)
      lines.push(`x += y;`, `y = (y << ${r} | y >> ${32 - r}) ^ x;`);
    lines.push(`x += k${(block + 1) % 3};`, `y += k${(block + 2) % 3} + ${block + 1}u;`);
  }
  // the last word of the counter is not asked for
  lines.pop();
  return `
DEVICE unsigned threefry(unsigned k0, unsigned k1, unsigned c0, unsigned c1) {
  const unsigned k2 = k0 ^ k1 ^ 0x1bd11bdau;
  unsigned x = c0 + k0;
  unsigned y = c1 + k1;
${lines.map((l) => `  ${l}`).join('\n')}
  return x;
}`;
};

export const integerFunctions: readonly string[] = [
  `
DEVICE int wrapped_sum(int x, int y) { return (int)((unsigned)x + (unsigned)y); }`,
  `
DEVICE int wrapped_difference(int x, int y) { return (int)((unsigned)x - (unsigned)y); }`,
  `
DEVICE int wrapped_product(int x, int y) { return (int)((unsigned)x * (unsigned)y); }`,
  `
DEVICE int size_of(int x) { return x < 0 ? wrapped_difference(0, x) : x; }`,
  `
DEVICE int sign(int x) { return (x > 0) - (x < 0); }`,
  `
DEVICE unsigned sign(unsigned x) { return x != 0u ? 1u : 0u; }`,
  `
DEVICE int minimum(int x, int y) { return x < y ? x : y; }`,
  `
DEVICE unsigned minimum(unsigned x, unsigned y) { return x < y ? x : y; }`,
  `
DEVICE int maximum(int x, int y) { return x > y ? x : y; }`,
  `
DEVICE unsigned maximum(unsigned x, unsigned y) { return x > y ? x : y; }`,
  `
DEVICE int shift_left(int x, int by) { return (int)((unsigned)x << (by & 31)); }`,
  `
DEVICE unsigned shift_left(unsigned x, unsigned by) { return x << (by & 31u); }`,
  `
DEVICE int shift_right(int x, int by) { return x >> (by & 31); }`,
  `
DEVICE unsigned shift_right(unsigned x, unsigned by) { return x >> (by & 31u); }`,
  // the quotient by -1 may be out of range
  `
DEVICE int floordiv(int x, int y) {
  if (y == 0) return 0;
  if (y == -1) return wrapped_difference(0, x);
  const int quotient = x / y;
  return quotient * y != x && (x ^ y) < 0 ? quotient - 1 : quotient;
}`,
  `
DEVICE unsigned floordiv(unsigned x, unsigned y) { return y == 0u ? 0u : x / y; }`,
  `
DEVICE int mod(int x, int y) {
  if (y == 0 || y == -1) return 0;
  const int rest = x % y;
  return rest != 0 && (rest ^ y) < 0 ? rest + y : rest;
}`,
  `
DEVICE unsigned mod(unsigned x, unsigned y) { return y == 0u ? 0u : x % y; }`,
  `
DEVICE int to_int(float x) {
  if (x >= 2147483648.0f) return 0x7fffffff;
  if (x <= -2147483648.0f) return -0x7fffffff - 1;
  return x == x ? (int)x : 0;
}`,
  `
DEVICE int to_int(unsigned x) { return x > 0x7fffffffu ? 0x7fffffff : (int)x; }`,
  `
DEVICE unsigned to_unsigned(float x) {
  if (x >= 4294967296.0f) return 0xffffffffu;
  return x > 0.0f ? (unsigned)x : 0u;
}`,
  `
DEVICE unsigned to_unsigned(int x) { return x < 0 ? 0u : (unsigned)x; }`,
  `
DEVICE int to_byte(float x) { return x >= 255.0f ? 255 : x > 0.0f ? (int)x : 0; }`,
  `
DEVICE int to_byte(int x) { return x < 0 ? 0 : x > 255 ? 255 : x; }`,
  `
DEVICE int to_byte(unsigned x) { return x > 255u ? 255 : (int)x; }`,
  // for arrays whose elements are of one type, then of another
  `
DEVICE int bits_int(unsigned bits) { return (int)bits; }`,
  `
DEVICE unsigned int_bits(int x) { return (unsigned)x; }`,
  threefry(),
];
