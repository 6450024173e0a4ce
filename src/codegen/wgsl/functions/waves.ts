/**
 * Sine, cosine and tangent of angles of any size; greatest errors 2.1 and, for the tangent, 3.5 units of the last place.
 *
 * Invariant: the reduced argument is as exact as a float can be: up to 8192 by six parts of π/2 whose products with a
 * quadrant number are exact, beyond by integer arithmetic on the bits of 2/π (Payne and Hanek).
 */
import { polynomial } from './polynomial.ts';

const SIN = [-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1];
const COS = [2.443315711809948e-5, -1.388731625493765e-3, 4.166664568298827e-2];

/** π/2: parts of 11 bits, then the rest. */
const HALF_PI = [
  1.5703125, 4.8351287841796875e-4, 3.1385570764541626e-7, 6.070877134334296e-11,
  6.222800053024002e-14, 5.721188916458728e-18,
];

const reduced = HALF_PI.map((part) => `  r = kept_$F(fma(k, $F(${-part}), r));`).join('\n');

/** The sine of the angle in quadrant q. */
const wave = (q: string): string => `
  let odd = (${q} & $I(1)) != $I(0);
  let value = select(sinreduced_$F(a.r), cosreduced_$F(a.r), odd);
  let sign = bitcast<$U>(${q} & $I(2)) << $U(30u);
  let turned = bitcast<$F>(bitcast<$U>(value) ^ sign);
  let finite = (bitcast<$U>(x) & $U(0x7fffffffu)) < $U(0x7f800000u);`;

export const waveFunctions: readonly string[] = [
  // an angle as q quarter turns and r in [-π/4, π/4]
  `
struct Angle_$F { r: $F, q: $I }
fn anglenear_$F(x: $F) -> Angle_$F {
  let k = round(x * 0.6366197723675814);
  var r = x;
${reduced}
  return Angle_$F(select(r, x, abs(x) < $F(0.75)), $I(k));
}`,
  `
fn highproduct_u32(x: u32, y: u32) -> u32 {
  let low = (x & 0xffffu) * (y & 0xffffu);
  let left = (x >> 16u) * (y & 0xffffu);
  let right = (x & 0xffffu) * (y >> 16u);
  let middle = (low >> 16u) + (left & 0xffffu) + (right & 0xffffu);
  return (x >> 16u) * (y >> 16u) + (left >> 16u) + (right >> 16u) + (middle >> 16u);
}`,
  // of m 2^e 2/π only the 64 bits below 4 matter: they come from 96 bits of 2/π that start at bit e - 2
  `
const TWO_OVER_PI = array<u32, 8>(
  0u, 0xa2f9836eu, 0x4e441529u, 0xfc2757d1u, 0xf534ddc0u, 0xdb629599u, 0x3c439041u, 0xfe5163abu,
);
fn twooverpi_u32(at: u32) -> u32 {
  var words = TWO_OVER_PI;
  let next = select(0u, words[min((at >> 5u) + 1u, 7u)] >> ((32u - at) & 31u), (at & 31u) != 0u);
  return (words[min(at >> 5u, 7u)] << (at & 31u)) | next;
}`,
  `
fn anglefar_f32(x: f32) -> Angle_f32 {
  let bits = bitcast<u32>(x) & 0x7fffffffu;
  let m = (bits & 0x7fffffu) | 0x800000u;
  let start = (bits >> 23u) - 120u;
  let second = twooverpi_u32(start + 32u);
  let carry = highproduct_u32(m, twooverpi_u32(start + 64u));
  let low = m * second + carry;
  let high = m * twooverpi_u32(start) + highproduct_u32(m, second) + select(0u, 1u, low < carry);
  var q = i32(high >> 30u);
  var upper = (high << 2u) | (low >> 30u);
  var lower = low << 2u;
  let over = (upper & 0x80000000u) != 0u;
  if (over) {
    q += 1;
    lower = ~lower + 1u;
    upper = ~upper + select(0u, 1u, lower == 0u);
  }
  var zeros = countLeadingZeros(upper);
  if (zeros == 32u) {
    zeros += countLeadingZeros(lower);
    upper = lower;
    lower = 0u;
  }
  let by = zeros & 31u;
  let top = (upper << by) | select(0u, lower >> ((32u - by) & 31u), by != 0u);
  let size = f32(top) * power2_f32(-32 - i32(zeros)) * 1.5707963267948966;
  let negative = over != (x < 0.0);
  return Angle_f32(select(size, -size, negative), select(q, -q, x < 0.0));
}`,
  `
fn angle_f32(x: f32) -> Angle_f32 {
  if (abs(x) > 8192.0) {
    return anglefar_f32(x);
  }
  return anglenear_f32(x);
}`,
  `
fn angle_vec4f(x: vec4f) -> Angle_vec4f {
  var a = anglenear_vec4f(x);
  if (any(abs(x) > vec4f(8192.0))) {
    for (var i = 0; i < 4; i++) {
      if (abs(x[i]) > 8192.0) {
        let far = anglefar_f32(x[i]);
        a.r[i] = far.r;
        a.q[i] = far.q;
      }
    }
  }
  return a;
}`,
  `
fn sinreduced_$F(r: $F) -> $F {
  let z = r * r;
  return copysign_$F(fma(${polynomial('z', SIN)} * z, r, r), r);
}`,
  `
fn cosreduced_$F(r: $F) -> $F {
  let z = r * r;
  return fma(${polynomial('z', COS)} * z, z, fma(z, $F(-0.5), $F(1.0)));
}`,
  `
fn sin_$F(x: $F) -> $F {
  let a = angle_$F(x);${wave('a.q')}
  return select($F(float_of(0x7fc00000u)), turned, finite);
}`,
  `
fn cos_$F(x: $F) -> $F {
  let a = angle_$F(x);
  let q = a.q + $I(1);${wave('q')}
  return select($F(float_of(0x7fc00000u)), turned, finite);
}`,
  `
fn tan_$F(x: $F) -> $F {
  let a = angle_$F(x);
  let sine = sinreduced_$F(a.r);
  let cosine = cosreduced_$F(a.r);
  let odd = (a.q & $I(1)) != $I(0);
  let turned = select(sine, -cosine, odd) / select(cosine, sine, odd);
  let finite = (bitcast<$U>(x) & $U(0x7fffffffu)) < $U(0x7f800000u);
  return select($F(float_of(0x7fc00000u)), turned, finite);
}`,
];
