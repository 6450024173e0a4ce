/**
 * Floats of 16 bits as bits in words: float16 for devices without the type and for what has to be rounded exactly;
 * bfloat16, the upper half of a float32.
 *
 * Invariant: rounds half to even, overflows to infinity, keeps subnormals, signs of zero and NaN.
 */
export const halfFunctions: readonly string[] = [
  // Adding 0.5 makes the adder round what becomes subnormal; 0x477fefff is the last float below 65520.
  `
fn half_$U(x: $F) -> $U {
  let bits = bitcast<$U>(x);
  let size = bits & $U(0x7fffffffu);
  let sign = (bits >> $U(16u)) & $U(0x8000u);
  let normal = (size + $U(0xc8000fffu) + ((size >> $U(13u)) & $U(1u))) >> $U(13u);
  let tiny = bitcast<$U>(bitcast<$F>(size) + 0.5) - $U(0x3f000000u);
  let finite = select(normal, tiny, size < $U(0x38800000u));
  let special = select($U(0x7c00u), $U(0x7e00u), size > $U(0x7f800000u));
  return select(special, finite, size < $U(0x47800000u)) | sign;
}`,
  // in integers, since devices may flush the subnormal float32 that a shift alone would make
  `
fn fromhalf_$F(half: $U) -> $F {
  let size = half & $U(0x7fffu);
  let normal = (size << $U(13u)) + select($U(0x38000000u), $U(0x70000000u), size > $U(0x7bffu));
  let tiny = bitcast<$U>($F(size) * 5.960464477539063e-8);
  let value = select(normal, tiny, size < $U(0x400u));
  return bitcast<$F>(value | ((half & $U(0x8000u)) << $U(16u)));
}`,
  `
fn tohalf_$F(x: $F) -> $F {
  return fromhalf_$F(half_$U(x));
}`,
  `
fn bfloat_$U(x: $F) -> $U {
  let bits = bitcast<$U>(x);
  let rounded = (bits + $U(0x7fffu) + ((bits >> $U(16u)) & $U(1u))) >> $U(16u);
  return select(rounded, $U(0x7fc0u), (bits & $U(0x7fffffffu)) > $U(0x7f800000u));
}`,
  // of the lower half of a word
  `
fn frombfloat_$F(bits: $U) -> $F {
  return bitcast<$F>(bits << $U(16u));
}`,
  `
fn tobfloat_$F(x: $F) -> $F {
  return frombfloat_$F(bfloat_$U(x));
}`,
];
