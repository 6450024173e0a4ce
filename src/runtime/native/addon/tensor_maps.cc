// Tensor maps: how bulk copies of tiles find an array.
//
// Invariant: tiles may reach past the array's end; what lies there is read as zeros and not written.
#include <cstring>
#include "arguments.h"
#include "functions.h"

namespace tigon {

namespace {

// tensorMap(context, element, address, sizes, strides, box, swizzle, promotion): the numbers are the driver's
Napi::Value tensorMap(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "tensorMap");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  need(env, driver.TensorMapEncodeTiled, "cuTensorMapEncodeTiled", "12.0");
  const std::vector<uint64_t> sizes = arguments.wholes(3);
  const std::vector<uint64_t> strides = arguments.wholes(4);
  const std::vector<uint64_t> box = arguments.wholes(5);
  if (sizes.empty() || sizes.size() > 5 || strides.size() + 1 != sizes.size() ||
      box.size() != sizes.size())
    refuse(env, "tensorMap",
           "one to five sizes, a box of as many, and one stride less: given are " +
               std::to_string(sizes.size()) + ", " + std::to_string(box.size()) + " and " +
               std::to_string(strides.size()));
  uint32_t narrow[5], steps[5];
  for (size_t i = 0; i < box.size(); i++) {
    if (box[i] == 0 || box[i] > 256) refuse(env, "tensorMap", "a side of a box is 1 to 256");
    narrow[i] = static_cast<uint32_t>(box[i]);
    steps[i] = 1;
  }
  constexpr int NO_INTERLEAVE = 0, ZEROS_OUTSIDE = 0;
  TensorMap map;
  CALL(env, TensorMapEncodeTiled, &map, static_cast<int>(arguments.small(1)),
       static_cast<unsigned>(sizes.size()), arguments.pointer(2), sizes.data(), strides.data(),
       narrow, steps, NO_INTERLEAVE, static_cast<int>(arguments.small(6)),
       static_cast<int>(arguments.small(7)), ZEROS_OUTSIDE);
  auto bytes = Napi::Uint8Array::New(env, sizeof map);
  std::memcpy(bytes.Data(), &map, sizeof map);
  return bytes;
}

}  // namespace

void exportTensorMaps(Napi::Env env, Napi::Object exports) {
  exportAs<tensorMap>(env, exports, "tensorMap");
}

}  // namespace tigon
