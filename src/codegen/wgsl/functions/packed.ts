/**
 * More elements narrower than a word, in words: chars (bytes with a sign), halves for floats of 16 bits, shorts for
 * integers.
 *
 * Invariant: the element of a lower index stands in lower bits, as in memory.
 */
export const packedFunctions: readonly string[] = [
  `
fn char_of(word: u32, index: i32) -> i32 {
  return extractBits(i32(word), u32(index & 3) * 8u, 8u);
}`,
  `
fn chars_of(word: u32) -> vec4i {
  return (vec4i(i32(word)) << vec4u(24u, 16u, 8u, 0u)) >> vec4u(24u);
}`,
  `
fn short_of(word: u32, index: i32) -> i32 {
  return extractBits(i32(word), u32(index & 1) * 16u, 16u);
}`,
  `
fn shorts_of(words: vec2u) -> vec4i {
  return (vec4i(words.xxyy) << vec4u(16u, 0u, 16u, 0u)) >> vec4u(16u);
}`,
  `
fn ushort_of(word: u32, index: i32) -> i32 {
  return i32(word >> (u32(index & 1) * 16u)) & 0xffff;
}`,
  `
fn ushorts_of(words: vec2u) -> vec4i {
  return vec4i(words.xxyy >> vec4u(0u, 16u, 0u, 16u)) & vec4i(0xffff);
}`,
  `
fn shortwords_of(x: vec4i) -> vec2u {
  let low = vec4u(x) & vec4u(0xffffu);
  return low.xz | (low.yw << vec2u(16u));
}`,
  `
fn half_of(word: u32, index: i32) -> f32 {
  return unpack2x16float(word >> (u32(index & 1) * 16u)).x;
}`,
  `
fn halves_of(words: vec2u) -> vec4f {
  return vec4f(unpack2x16float(words.x), unpack2x16float(words.y));
}`,
  `
fn words_of(x: vec4f) -> vec2u {
  let halves = half_vec4u(x);
  return halves.xz | (halves.yw << vec2u(16u));
}`,
  `
fn bfloat_of(word: u32, index: i32) -> f32 {
  return frombfloat_f32(word >> (u32(index & 1) * 16u));
}`,
  `
fn bfloats_of(words: vec2u) -> vec4f {
  return frombfloat_vec4f(vec4u(words.x, words.x >> 16u, words.y, words.y >> 16u));
}`,
  `
fn bfloatwords_of(x: vec4f) -> vec2u {
  let upper = bfloat_vec4u(x);
  return upper.xz | (upper.yw << vec2u(16u));
}`,
];
