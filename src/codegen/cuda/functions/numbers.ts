/**
 * Functions of floats that C++ has no builtin for, or one that means something else.
 *
 * Invariant: right at the extremes: NaN, infinities, signed zero, results below the normal range.
 */
export const numberFunctions: readonly string[] = [
  `
DEVICE bool is_nan(float x) { return x != x; }`,
  `
DEVICE float relu(float x) { return x <= 0.0f ? 0.0f : x; }`,
  `
DEVICE float sign(float x) { return x > 0.0f ? 1.0f : x < 0.0f ? -1.0f : x; }`,
  `
DEVICE float with_sign(float size, float sign) {
  return bits_float((float_bits(size) & 0x7fffffffu) | (float_bits(sign) & 0x80000000u));
}`,
  // with e = exp(-|x|), which cannot overflow: 1 / (1 + e), times e for negative x
  `
DEVICE float sigmoid(float x) {
  const float e = expf(-fabsf(x));
  return (x < 0.0f ? e : 1.0f) / (1.0f + e);
}`,
  // either NaN stays
  `
DEVICE float minimum(float x, float y) { return x < y || x != x ? x : y; }`,
  `
DEVICE float maximum(float x, float y) { return x > y || x != x ? x : y; }`,
  // with a second operand that is known not to be NaN
  `
DEVICE float atmost(float x, float most) { return x > most ? most : x; }`,
  `
DEVICE float atleast(float x, float least) { return x < least ? least : x; }`,
  // with the sign of the divisor
  `
DEVICE float mod(float x, float y) {
  const float rest = fmodf(x, y);
  if (rest == 0.0f) return with_sign(0.0f, y);
  return (rest < 0.0f) != (y < 0.0f) ? rest + y : rest;
}`,
  // by way of the remainder: the quotient may be rounded up to a whole number
  `
DEVICE float floordiv(float x, float y) {
  if (y == 0.0f) return x / y;
  const float rest = fmodf(x, y);
  const bool below = rest != 0.0f && (rest < 0.0f) != (y < 0.0f);
  const double whole = ::rint(((double)x - (double)rest) / (double)y) - (below ? 1.0 : 0.0);
  return whole == 0.0 ? with_sign(0.0f, x / y) : (float)whole;
}`,
  // real powers: where C has 1 for bases of one whatever the power, there is none
  `
DEVICE float power(float x, float y) {
  const bool none = y != y || (fabsf(x) == 1.0f && fabsf(y) == bits_float(0x7f800000u));
  return none ? bits_float(0x7fc00000u) : powf(x, y);
}`,
  `
DEVICE float to_half(float x) { return half_of(half_bits(x)); }`,
  // of doubles
  `
DEVICE bool is_nan(double x) { return x != x; }`,
  `
DEVICE double relu(double x) { return x <= 0.0 ? 0.0 : x; }`,
  `
DEVICE double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }`,
  `
DEVICE double with_sign(double size, double sign) { return ::copysign(size, sign); }`,
  `
DEVICE double sigmoid(double x) {
  const double e = ::exp(-::fabs(x));
  return (x < 0.0 ? e : 1.0) / (1.0 + e);
}`,
  `
DEVICE double minimum(double x, double y) { return x < y || x != x ? x : y; }`,
  `
DEVICE double maximum(double x, double y) { return x > y || x != x ? x : y; }`,
  `
DEVICE double atmost(double x, double most) { return x > most ? most : x; }`,
  `
DEVICE double atleast(double x, double least) { return x < least ? least : x; }`,
  `
DEVICE double mod(double x, double y) {
  const double rest = ::fmod(x, y);
  if (rest == 0.0) return with_sign(0.0, y);
  return (rest < 0.0) != (y < 0.0) ? rest + y : rest;
}`,
  `
DEVICE double floordiv(double x, double y) {
  if (y == 0.0) return x / y;
  const double rest = ::fmod(x, y);
  const bool below = rest != 0.0 && (rest < 0.0) != (y < 0.0);
  const double quotient = (x - rest) / y - (below ? 1.0 : 0.0);
  if (quotient == 0.0) return with_sign(0.0, x / y);
  const double low = ::floor(quotient);
  return quotient - low > 0.5 ? low + 1.0 : low;
}`,
  `
DEVICE double power(double x, double y) {
  const bool none = y != y || (::fabs(x) == 1.0 && ::fabs(y) == (double)bits_float(0x7f800000u));
  return none ? (double)bits_float(0x7fc00000u) : ::pow(x, y);
}`,
  // bfloat16 is the upper half of a float
  `
DEVICE float bfloat_of(unsigned short bits) { return bits_float((unsigned)bits << 16); }`,
  `
DEVICE unsigned short bfloat_bits(float x) { return (unsigned short)bfloat_pair(x, 0.0f); }`,
  `
DEVICE float to_bfloat(float x) { return bfloat_of(bfloat_bits(x)); }`,
];
