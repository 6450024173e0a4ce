/**
 * Bytes in words: bool and uint8.
 *
 * Invariant: the element of a lower index stands in lower bits, as in memory.
 */
export const byteFunctions: readonly string[] = [
  `
fn byte_of(word: u32, index: i32) -> u32 {
  return (word >> (u32(index & 3) * 8u)) & 0xffu;
}`,
  `
fn bytes_of(word: u32) -> vec4u {
  return (vec4u(word) >> vec4u(0u, 8u, 16u, 24u)) & vec4u(0xffu);
}`,
  `
fn word_of(bytes: vec4u) -> u32 {
  let parts = (bytes & vec4u(0xffu)) << vec4u(0u, 8u, 16u, 24u);
  return parts.x | parts.y | parts.z | parts.w;
}`,
];
