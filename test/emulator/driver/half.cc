/**
 * Half precision for kernels.
 *
 * Invariant: the same functions as in the tensor cores' products.
 */
#include "half.h"

extern "C" EXPORT float tigon_emulated_half_of(unsigned short bits) { return emulated::halfToFloat(bits); }
extern "C" EXPORT unsigned short tigon_emulated_half_bits(float value) { return emulated::floatToHalf(value); }
