/**
 * IEEE half precision, by hand: not every compiler here has the type.
 *
 * Invariant: rounding is to nearest, ties to even; NaN stays NaN.
 */
#pragma once
#include <cstring>
#include "abi.h"

namespace emulated {

inline float halfToFloat(unsigned short half) {
  const unsigned sign = unsigned(half & 0x8000) << 16;
  const unsigned exponent = half >> 10 & 31, fraction = half & 0x3ff;
  float value;
  if (exponent == 0) {
    value = float(fraction) * 0x1p-24f;
    return sign ? -value : value;
  }
  const unsigned bits = sign | (exponent == 31 ? 0x7f800000 : (exponent + 112) << 23) | fraction << 13;
  memcpy(&value, &bits, 4);
  return value;
}

inline unsigned short floatToHalf(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  const unsigned short sign = (unsigned short)(bits >> 16 & 0x8000);
  bits &= 0x7fffffff;
  if (bits > 0x7f800000) return sign | 0x7e00;
  if (bits >= 0x477ff000) return sign | 0x7c00;  // rounds to more than the greatest
  if (bits < 0x38800000) {                       // subnormal: the sum's last bit is 2^-24
    float magnitude;
    memcpy(&magnitude, &bits, 4);
    magnitude += 0.5f;
    memcpy(&bits, &magnitude, 4);
    return (unsigned short)(sign | (bits - 0x3f000000));
  }
  const unsigned rounded = bits + 0xfff + (bits >> 13 & 1);
  return (unsigned short)(sign | ((rounded >> 13) - (112 << 10)));
}

}  // namespace emulated
