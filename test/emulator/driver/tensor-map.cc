/**
 * Encoding tensor maps.
 *
 * Invariant: what the driver's documentation forbids is refused.
 */
#include "tensor-map.h"
#include <cstdio>
#include <cstring>
#include "device.h"
#include "memory.h"
#include "settings.h"

namespace emulated {
namespace {

/** Bytes of CUtensorMapDataType: integers of 8, 16, 32, 32, 64, 64 bits, halves, floats, doubles, bfloats, TF32. */
constexpr unsigned char ELEMENT_BYTES[] = {1, 2, 4, 4, 8, 8, 2, 4, 8, 2, 4, 4, 4};
constexpr unsigned char SWIZZLES[] = {0, 32, 64, 128};

const char* problem(unsigned type, unsigned rank, Address address, const unsigned long long* sizes,
                    const unsigned long long* strides, const unsigned* box, const unsigned* elementStrides, unsigned interleave,
                    unsigned swizzle) {
  if (settings().capability < 90) return "this device has no tensor maps";
  if (type >= sizeof ELEMENT_BYTES) return "an unknown type";
  if (rank < 1 || rank > 5) return "one to five dimensions";
  if (interleave) return "interleaved layouts are not emulated";
  if (swizzle >= sizeof SWIZZLES) return "an unknown permutation";
  if (address % 16) return "the address is no multiple of 16";
  const unsigned bytes = ELEMENT_BYTES[type];
  unsigned long long extent = bytes;
  for (unsigned i = 0; i < rank; i++) {
    if (!sizes[i] || sizes[i] > (1ull << 32)) return "a size of 0, or above 2^32";
    if (!box[i] || box[i] > 256) return "a tile has 1 to 256 elements along each dimension";
    if (elementStrides[i] != 1) return "steps between elements are not emulated";
    if (i == 0) {
      extent = sizes[0] * bytes;
      continue;
    }
    if (strides[i - 1] % 16 || strides[i - 1] >= (1ull << 40)) return "a stride is no multiple of 16, or too large";
    extent += (sizes[i] - 1) * strides[i - 1];
  }
  const unsigned row = box[0] * bytes;
  if (row % 16) return "the innermost row of a tile is no multiple of 16 bytes";
  if (swizzle && row > SWIZZLES[swizzle]) return "the innermost row of a tile is longer than what is permuted";
  Device* device = owner(address);
  if (!device || !isAllocated(*device, address, extent)) return "the array is not in memory of a device";
  return nullptr;
}

}  // namespace
}  // namespace emulated

using namespace emulated;

API cuTensorMapEncodeTiled(void* made, unsigned type, unsigned rank, void* address, const unsigned long long* sizes,
                           const unsigned long long* strides, const unsigned* box, const unsigned* elementStrides,
                           unsigned interleave, unsigned swizzle, unsigned, unsigned outside) {
  return onDevice([&](Device&) -> int {
    if (const char* why =
            problem(type, rank, Address(address), sizes, strides, box, elementStrides, interleave, swizzle)) {
      if (settings().verbose) fprintf(stderr, "emulated CUDA: tensor map: %s\n", why);
      return settings().capability < 90 ? NOT_SUPPORTED : INVALID_VALUE;
    }
    TensorMap map{};
    map.magic = TENSOR_MAP_MAGIC;
    map.type = (unsigned char)type;
    map.rank = (unsigned char)rank;
    map.elementBytes = ELEMENT_BYTES[type];
    map.swizzleBytes = SWIZZLES[swizzle];
    map.address = Address(address);
    for (unsigned i = 0; i < rank; i++) {
      map.sizes[i] = sizes[i];
      map.box[i] = (unsigned short)box[i];
      if (i > 0) map.strides[i - 1] = strides[i - 1];
    }
    map.outsideIsNan = outside == 1;
    memcpy(made, &map, sizeof map);
    return SUCCESS;
  });
}
