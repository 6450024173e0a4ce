// Reading arguments, and what is wrong with them.
//
// Invariant: bytes are looked at where they lie, in any view, over shared memory too; nothing is copied.
#include "arguments.h"

namespace tigon {

namespace {

bool wholeFrom(const Napi::Value& value, uint64_t& into) {
  if (!value.IsNumber()) return false;
  const double number = value.As<Napi::Number>().DoubleValue();
  if (!(number >= 0 && number <= 9007199254740992.0)) return false;
  into = static_cast<uint64_t>(number);
  return static_cast<double>(into) == number;
}

size_t elementBytes(napi_typedarray_type type) {
  switch (type) {
    case napi_int8_array:
    case napi_uint8_array:
    case napi_uint8_clamped_array:
      return 1;
    case napi_int16_array:
    case napi_uint16_array:
      return 2;
    case napi_int32_array:
    case napi_uint32_array:
    case napi_float32_array:
      return 4;
    case napi_float64_array:
    case napi_bigint64_array:
    case napi_biguint64_array:
      return 8;
  }
  return 1;
}

}  // namespace

uint64_t Arguments::whole(size_t index) const {
  uint64_t result = 0;
  if (!wholeFrom(info_[index], result))
    refuse(env(), call_, "argument " + std::to_string(index) + " is " +
                             info_[index].ToString().Utf8Value() + ", not an integer ≥ 0");
  return result;
}

unsigned Arguments::small(size_t index) const {
  const uint64_t result = whole(index);
  if (result > UINT32_MAX)
    refuse(env(), call_, "argument " + std::to_string(index) + " is " + std::to_string(result) +
                             ", too large");
  return static_cast<unsigned>(result);
}

Bytes Arguments::bytes(size_t index) const {
  const Napi::Value value = info_[index];
  void* data = nullptr;
  size_t length = 0;
  if (value.IsTypedArray()) {
    napi_typedarray_type type;
    if (napi_get_typedarray_info(env(), value, &type, &length, &data, nullptr, nullptr) == napi_ok)
      return {static_cast<unsigned char*>(data), length * elementBytes(type)};
  }
  if (value.IsDataView() &&
      napi_get_dataview_info(env(), value, &length, &data, nullptr, nullptr) == napi_ok)
    return {static_cast<unsigned char*>(data), length};
  refuse(env(), call_, "argument " + std::to_string(index) + " is no view of bytes");
}

std::vector<uint64_t> Arguments::wholes(size_t index) const {
  std::vector<uint64_t> result;
  if (!info_[index].IsArray())
    refuse(env(), call_, "argument " + std::to_string(index) + " is no array");
  const auto array = info_[index].As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) {
    uint64_t element = 0;
    if (!wholeFrom(array.Get(i), element))
      refuse(env(), call_, "argument " + std::to_string(index) + " has an element that is " +
                               array.Get(i).ToString().Utf8Value() + ", not an integer ≥ 0");
    result.push_back(element);
  }
  return result;
}

std::vector<std::string> Arguments::texts(size_t index) const {
  std::vector<std::string> result;
  if (!info_[index].IsArray())
    refuse(env(), call_, "argument " + std::to_string(index) + " is no array");
  const auto array = info_[index].As<Napi::Array>();
  for (uint32_t i = 0; i < array.Length(); i++) result.push_back(array.Get(i).ToString());
  return result;
}

ContextPointer Arguments::context(size_t index) const {
  ContextPointer found = state().contexts.find(number(index));
  if (found == nullptr)
    refuse(env(), call_, "the context is closed", "CUDA_ERROR_CONTEXT_IS_DESTROYED");
  check(env(), found->use(), "cuCtxSetCurrent");
  return found;
}

Opaque Arguments::stream(size_t index, const ContextPointer& context) const {
  if (number(index) == 0) return nullptr;
  return find(index, state().streams, "stream", context)->handle;
}

void Arguments::unknown(const char* what) const {
  refuse(env(), call_, std::string("there is no such ") + what + " (any longer)",
         "CUDA_ERROR_INVALID_HANDLE");
}

void Arguments::foreign(const char* what) const {
  refuse(env(), call_, std::string("the ") + what + " belongs to another context",
         "CUDA_ERROR_INVALID_CONTEXT");
}

}  // namespace tigon
