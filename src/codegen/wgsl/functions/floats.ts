/**
 * Exponentials and logarithms: greatest error one unit of the last place where arithmetic is exact (measured against
 * doubles by the test of this folder).
 *
 * Invariant: right at the extremes too (overflow to infinity, NaN, signed zero, arguments outside the domain); gradual
 * underflow where the device has it. Sums that a compiler may reassociate to something else, such as (1 + x) - 1, do not
 * occur, or are kept apart.
 */
import { polynomial } from './polynomial.ts';

/** `exp(r) = 1 + r + r² Q(r)` for |r| ≤ ln2 / 2: coefficients of Q, highest first. */
const EXP = [
  1.98756915e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1,
  5.0000001201e-1,
];

/** `log(1 + f) = f - f²/2 + f³ P(f)` for 1 + f in [√½, √2]: coefficients of P, highest first. */
const LOG = [
  7.0376836292e-2, -1.151461031e-1, 1.167699874e-1, -1.2420140846e-1, 1.4249322787e-1,
  -1.6668057665e-1, 2.0000714765e-1, -2.4999993993e-1, 3.3333331174e-1,
];

export const floatFunctions: readonly string[] = [
  `
fn power2_$F(k: $I) -> $F {
  return bitcast<$F>((k + $I(127)) << $U(23u));
}`,
  // exp(r) - 1 for |r| up to ln2 / 2
  `
fn expreduced_$F(r: $F) -> $F {
  return kept_$F(fma(${polynomial('r', EXP)} * r, r, r));
}`,
  // x less k ln2; ln2 comes in two parts, the first with few bits, so that its product with k is exact
  `
fn lessexponent_$F(x: $F, k: $F) -> $F {
  return fma(k, $F(2.1219444005469057e-4), kept_$F(fma(k, $F(-0.693359375), x)));
}`,
  // 2^k as a product of two powers, each in range while k is not: results below the normal range round once
  `
fn exp_$F(x: $F) -> $F {
  let capped = clamp(x, $F(-104.0), $F(89.0));
  let k = round(capped * 1.4426950408889634);
  let half = $I(k) >> $U(1u);
  let e = expreduced_$F(lessexponent_$F(capped, k)) + 1.0;
  return select(e * power2_$F(half) * power2_$F($I(k) - half), x, isnan_$F(x));
}`,
  // log(1 + f) + e ln2
  `
fn logparts_$F(f: $F, e: $F) -> $F {
  let square = f * f;
  let tail = fma(e, $F(-2.1219444005469057e-4), ${polynomial('f', LOG)} * f * square);
  return fma(e, $F(0.693359375), kept_$F(fma(square, $F(-0.5), tail) + f));
}`,
  // of a positive number, infinity included; beyond: the logarithm of -1 is NaN, that of NaN too
  `
fn log_$F(x: $F) -> $F {
  let bits = bitcast<$U>(x);
  let tiny = bits < $U(0x00800000u);
  let scaled = bitcast<$I>(select(x, x * 8388608.0, tiny));
  let exponent = (scaled - $I(0x3f3504f3)) >> $U(23u);
  let f = bitcast<$F>(scaled - (exponent << $U(23u))) - 1.0;
  let e = $F(exponent) - select($F(0.0), $F(23.0), tiny);
  let inside = select(logparts_$F(f, e), x, bits == $U(0x7f800000u));
  let positive = select(inside, $F(float_of(0x7fc00000u)), bits > $U(0x7f800000u));
  return select(positive, $F(float_of(0xff800000u)), (bits & $U(0x7fffffffu)) == $U(0u));
}`,
];
