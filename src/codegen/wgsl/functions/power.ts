/**
 * Real powers: `2^(y log2|x|)` with the logarithm and the product in two parts each; greatest error 1.1 units of the last
 * place.
 *
 * Invariant: products of two upper halves are exact, with and without fused multiply-add. Sign and domain are those of
 * real powers, as JavaScript has them: `NaN ** 0` is 1, `1 ** NaN` and `1 ** infinity` are NaN.
 */
import { polynomial } from './polynomial.ts';

/** (log((1 + s) / (1 - s)) / 2 s - 1 - s²/3) 3 / s⁴ in s²: highest first. */
const AREA_TANGENT = [15, 13, 11, 9, 7, 5].map((n) => 3 / n);

export const powerFunctions: readonly string[] = [
  // the first 12 bits of the mantissa
  `
fn upper_$F(x: $F) -> $F {
  return bitcast<$F>(bitcast<$U>(x) & $U(0xfffff000u));
}`,
  // y log2(m 2^e) = n + f with a whole n: the power is 2^f 2^n; after FreeBSD's powf
  `
fn powparts_$F(m: $F, e: $F, y: $F) -> $F {
  let u = m - 1.0;
  let v = 1.0 / (m + 1.0);
  let s = u * v;
  let sh = upper_$F(s);
  let dh = upper_$F(m + 1.0);
  let dl = m - (dh - 1.0);
  let sl = v * (kept_$F(u - sh * dh) - sh * dl);
  let z = s * s;
  let r = z * z * ${polynomial('z', AREA_TANGENT)} + sl * (sh + s);
  let square = sh * sh;
  let th = upper_$F(3.0 + square + r);
  let tl = r - ((th - 3.0) - square);
  let w = sl * th + tl * s;
  let ph = upper_$F(sh * th + w);
  let pl = w - (ph - sh * th);
  let zh = 0.9619140625 * ph;
  let zl = pl * 0.961796693925976 - 0.00011736857402 * ph;
  let lh = upper_$F((zh + zl) + e);
  let ll = zl - ((lh - e) - zh);
  let yh = upper_$F(y);
  let gh = yh * lh;
  let gl = (y - yh) * lh + y * ll;
  let n = round(clamp(gh + gl, $F(-200.0), $F(200.0)));
  let f = select($F(0.0), (gh - n) + gl, abs(gh + gl) < $F(200.0));
  let half = $I(n) >> $U(1u);
  let root = expreduced_$F(f * 0.6931471805599453) + 1.0;
  return root * power2_$F(half) * power2_$F($I(n) - half);
}`,
  `
fn pow_$F(x: $F, y: $F) -> $F {
  let size = bitcast<$U>(x) & $U(0x7fffffffu);
  let power = bitcast<$U>(y) & $U(0x7fffffffu);
  let tiny = size < $U(0x00800000u);
  let scaled = bitcast<$I>(select(abs(x), abs(x) * 8388608.0, tiny));
  let exponent = (scaled - $I(0x3f3504f3)) >> $U(23u);
  let m = bitcast<$F>(scaled - (exponent << $U(23u)));
  let e = $F(exponent) - select($F(0.0), $F(23.0), tiny);
  let inside = powparts_$F(m, e, clamp(y, $F(-4294967296.0), $F(4294967296.0)));
  let vanishes = (size == $U(0u)) == (bitcast<$U>(y) < $U(0x80000000u));
  let edge = select($F(float_of(0x7f800000u)), $F(0.0), vanishes);
  let value = select(inside, edge, (size == $U(0u)) | (size == $U(0x7f800000u)));
  let whole = round(y) == y;
  let odd = whole & (round(y * 0.5) != y * 0.5);
  let sign = select($U(0u), bitcast<$U>(x) & $U(0x80000000u), odd);
  let real = bitcast<$F>(bitcast<$U>(value) | sign);
  let negative = (bitcast<$U>(x) - $U(0x80000001u)) < $U(0x7f7fffffu);
  let one = (size == $U(0x3f800000u)) & (power == $U(0x7f800000u));
  let none = (negative & !whole) | one | isnan_$F(x) | isnan_$F(y);
  let defined = select(real, $F(float_of(0x7fc00000u)), none);
  return select(defined, $F(1.0), power == $U(0u));
}`,
];
