/**
 * Floats by their bits: what has to see NaN, infinities and signs of zero, since compilers of WGSL may assume that there
 * are none.
 *
 * Invariant: nothing here compares a float that may be NaN.
 */
export const bitFunctions: readonly string[] = [
  // a parameter is no constant, so this may be an infinity or NaN
  `
fn float_of(bits: u32) -> f32 {
  return bitcast<f32>(bits);
}`,
  `
fn isnan_$F(x: $F) -> $B {
  return (bitcast<$U>(x) & $U(0x7fffffffu)) > $U(0x7f800000u);
}`,
  `
fn relu_$F(x: $F) -> $F {
  let below = bitcast<$U>(x) - $U(0x80000000u);
  return select(x, $F(0.0), below <= $U(0x7f800000u));
}`,
  `
fn min_$F(x: $F, y: $F) -> $F {
  return select(min(x, y), x + y, isnan_$F(x) | isnan_$F(y));
}`,
  `
fn max_$F(x: $F, y: $F) -> $F {
  return select(max(x, y), x + y, isnan_$F(x) | isnan_$F(y));
}`,
  // with a second operand that is known not to be NaN
  `
fn atmost_$F(x: $F, most: $F) -> $F {
  return select(min(x, most), x, isnan_$F(x));
}`,
  `
fn atleast_$F(x: $F, least: $F) -> $F {
  return select(max(x, least), x, isnan_$F(x));
}`,
  `
fn differ_$F(x: $F, y: $F) -> $B {
  return (x != y) | isnan_$F(x) | isnan_$F(y);
}`,
  `
fn nonzero_$F(x: $F) -> $B {
  return (bitcast<$U>(x) & $U(0x7fffffffu)) != $U(0u);
}`,
  // x itself, for x above -65536. Compilers may reassociate sums and gather factors, which undoes products with a number
  // in two parts; through a maximum they do not.
  `
fn kept_$F(x: $F) -> $F {
  return max(x, $F(-65536.0));
}`,
];
