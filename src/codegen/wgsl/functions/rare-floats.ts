/**
 * Functions of floats that not every program calls, made of those of `floats.ts`. Greatest errors in units of the last
 * place where arithmetic is exact: erf 1.2; tanh 1.3; expm1 1.5; sigmoid 2.2; log1p 2.3; remainders are exact. Division
 * and roots, which WGSL lets be off by 2.5, add to that on some devices.
 *
 * Invariant: right at the extremes too, as there.
 */
import { copying, polynomial } from './polynomial.ts';

/** erf(x)/x - 1 in x² for |x| ≤ 0.92; log(1 - erf(x)) + x, divided by x, in x beyond: highest first. */
const ERF_SMALL = [
  -5.96761703e-4, 4.99119423e-3, -2.67681349e-2, 1.12819925e-1, -3.76125336e-1, 1.28379166e-1,
];
const ERF_LARGE = [
  -1.7285347e-5, 3.83197126e-4, -3.88396438e-3, 2.42546219e-2, -1.06777877e-1, -6.34846687e-1,
  -1.28717512e-1,
];

/** Coefficients of `(tanh(x)/x - 1)/x²` in x² for |x| < 0.625, highest first. */
const TANH = [
  -5.70498872745e-3, 2.06390887954e-2, -5.37397155531e-2, 1.33314422036e-1, -3.33332819422e-1,
];

export const rareFloatFunctions: readonly string[] = [
  `
fn copysign_$F(size: $F, sign: $F) -> $F {
  let bits = bitcast<$U>(size) & $U(0x7fffffffu);
  return bitcast<$F>(bits | (bitcast<$U>(sign) & $U(0x80000000u)));
}`,
  `
fn sign_$F(x: $F) -> $F {
  let bits = bitcast<$U>(x);
  let size = bits & $U(0x7fffffffu);
  let one = bitcast<$F>((bits & $U(0x80000000u)) | $U(0x3f800000u));
  return select(x, one, (size - $U(1u)) < $U(0x7f800000u));
}`,
  // for arguments in [-87, 88]
  `
fn expinside_$F(x: $F) -> $F {
  let k = round(x * 1.4426950408889634);
  return (expreduced_$F(lessexponent_$F(x, k)) + 1.0) * power2_$F($I(k));
}`,
  // NaN is on the side of small arguments, which keeps it
  `
fn tanh_$F(x: $F) -> $F {
  let z = x * x;
  let small = fma(${polynomial('z', TANH)} * z, x, x);
  let size = min(abs(x), $F(10.0));
  let large = 1.0 - 2.0 / (expinside_$F(size + size) + 1.0);
  let bits = bitcast<$U>(x) & $U(0x7fffffffu);
  let far = (bits - $U(0x3f200000u)) <= $U(0x40600000u);
  return ${copying('select(small, large, far)')};
}`,
  // with e = exp(-|x|), which cannot overflow: 1 / (1 + e), times e for negative x
  `
fn sigmoid_$F(x: $F) -> $F {
  let e = exp_$F(-abs(x));
  return select($F(1.0), e, x < $F(0.0)) / (1.0 + e);
}`,
  // 2^k (exp(r) - 1) + (2^k - 1), halved on the way so that k = 128 does not overflow early
  `
fn expm1_$F(x: $F) -> $F {
  let capped = clamp(x, $F(-18.0), $F(89.0));
  let k = round(capped * 1.4426950408889634);
  let half = power2_$F($I(k) - $I(1));
  let e = fma(half, expreduced_$F(lessexponent_$F(capped, k)), half - 0.5) * 2.0;
  return select(copysign_$F(e, x), x, isnan_$F(x));
}`,
  // near 0 without the sum 1 + x, which would round x away
  `
fn log1p_$F(x: $F) -> $F {
  let near = (x > $F(-0.29)) & (x < $F(0.41));
  let direct = copysign_$F(logparts_$F(x, $F(0.0)), x);
  return select(log_$F(1.0 + x), direct, near);
}`,
  `
fn erf_$F(x: $F) -> $F {
  let z = x * x;
  let small = fma(${polynomial('z', ERF_SMALL)}, x, x);
  let size = min(abs(x), $F(4.0));
  let large = 1.0 - expinside_$F(fma(${polynomial('size', ERF_LARGE)}, size, -size));
  let bits = bitcast<$U>(x) & $U(0x7fffffffu);
  let far = (bits - $U(0x3f6c0000u)) <= $U(0x40140000u);
  return ${copying('select(small, large, far)')};
}`,
  // Exact: 8 more bits of the quotient at a time, in integers; then as the scalar table has it, with the divisor's sign.
  `
fn mod_f32(x: f32, y: f32) -> f32 {
  let xbits = bitcast<u32>(x) & 0x7fffffffu;
  let ybits = bitcast<u32>(y) & 0x7fffffffu;
  if (xbits >= 0x7f800000u || ybits > 0x7f800000u || ybits == 0u) {
    return float_of(0x7fc00000u);
  }
  var rest = bitcast<f32>(xbits);
  if (ybits < 0x7f800000u && xbits >= ybits) {
    let yexponent = max(ybits >> 23u, 1u);
    var xexponent = max(xbits >> 23u, 1u);
    let divisor = (ybits & 0x7fffffu) | select(0u, 0x800000u, ybits >= 0x800000u);
    var r = ((xbits & 0x7fffffu) | select(0u, 0x800000u, xbits >= 0x800000u)) % divisor;
    while (xexponent > yexponent) {
      let bits = min(xexponent - yexponent, 8u);
      r = (r << bits) % divisor;
      xexponent -= bits;
    }
    let up = min(max(countLeadingZeros(r), 8u) - 8u, yexponent - 1u);
    let normal = select(yexponent - up, 0u, (r << up) < 0x800000u);
    rest = bitcast<f32>((normal << 23u) | ((r << up) & 0x7fffffu));
  }
  let side = select(bitcast<u32>(x), bitcast<u32>(y), bitcast<u32>(rest) == 0u);
  let signed = bitcast<f32>(bitcast<u32>(rest) | (side & 0x80000000u));
  let off = ((bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u) != 0u && bitcast<u32>(rest) != 0u;
  return select(signed, signed + y, off);
}`,
  `
fn floordiv_f32(x: f32, y: f32) -> f32 {
  let xbits = bitcast<u32>(x) & 0x7fffffffu;
  let ybits = bitcast<u32>(y) & 0x7fffffffu;
  if (ybits == 0u) {
    return x / y;
  }
  if (xbits >= 0x7f800000u || ybits > 0x7f800000u) {
    return float_of(0x7fc00000u);
  }
  let sign = (bitcast<u32>(x) ^ bitcast<u32>(y)) & 0x80000000u;
  var whole = select(0.0, 1.0, sign != 0u && xbits != 0u);
  if (ybits < 0x7f800000u) {
    whole = round(x / y - mod_f32(x, y) / y);
  }
  return bitcast<f32>((bitcast<u32>(whole) & 0x7fffffffu) | sign);
}`,
];
