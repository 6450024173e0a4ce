// A libcuda with every function that the add-on asks for, each of which succeeds and does nothing; what the others define
// takes the place of these.
//
// Invariant: the functions are those of the add-on's own list, under the names that the driver exports.
#include "abi/driver.h"

using namespace tigon;

#define X(member, symbol, required, ...)                                              \
  extern "C" __attribute__((weak)) int default_##member(__VA_ARGS__) __asm__(symbol); \
  int default_##member(__VA_ARGS__) { return 0; }
TIGON_DRIVER_FUNCTIONS(X)
