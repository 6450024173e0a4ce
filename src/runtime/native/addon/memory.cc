// Memory of devices, in the order of streams, and pinned memory of the host.
//
// Invariant: what a device without pools gives is freed by the same means: the two kinds never mix within a context.
#include "arguments.h"
#include "functions.h"

namespace tigon {

namespace {

// allocate(context, bytes, stream)
Napi::Value allocate(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "allocate");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const size_t bytes = arguments.whole(1);
  const Opaque stream = arguments.stream(2, context);
  Address address = 0;
  if (context->pool != nullptr)
    CALL(env, MemAllocAsync, &address, bytes, stream);
  else
    CALL(env, MemAlloc, &address, bytes);
  return Napi::Number::New(env, static_cast<double>(address));
}

// free(context, address, stream)
Napi::Value free(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "free");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const Address address = arguments.address(1);
  const Opaque stream = arguments.stream(2, context);
  if (context->pool != nullptr)
    CALL(env, MemFreeAsync, address, stream);
  else
    CALL(env, MemFree, address);
  return env.Undefined();
}

// trim(context, keepBytes)
Napi::Value trim(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "trim");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const size_t keep = arguments.whole(1);
  if (context->pool != nullptr) CALL(env, MemPoolTrimTo, context->pool, keep);
  return env.Undefined();
}

// pin(context, bytes)
Napi::Value pin(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "pin");
  const Napi::Env env = info.Env();
  const auto context = arguments.context(0);
  const size_t bytes = arguments.whole(1);
  void* memory = nullptr;
  CALL(env, MemHostAlloc, &memory, bytes, HOST_PORTABLE);
  napi_value made = nullptr;
  if (napi_create_external_arraybuffer(env, memory, bytes, nullptr, nullptr, &made) != napi_ok) {
    driver.MemFreeHost(memory);
    refuse(env, "pin", "this JavaScript engine takes no memory of others",
           "CUDA_ERROR_NOT_SUPPORTED");
  }
  const Napi::ArrayBuffer buffer(env, made);
  const auto pointer = reinterpret_cast<uintptr_t>(memory);
  arguments.state().pinned.emplace(pointer, Pinned{context, bytes, Napi::Persistent(buffer)});
  auto result = Napi::Object::New(env);
  result.Set("pointer", static_cast<double>(pointer));
  result.Set("bytes", buffer);
  return result;
}

// unpin(pointer)
Napi::Value unpin(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "unpin");
  State& state = arguments.state();
  const auto entry = state.pinned.find(arguments.whole(0));
  if (entry == state.pinned.end()) refuse(info.Env(), "unpin", "this is no pinned memory");
  state.unpin(info.Env(), entry);
  return info.Env().Undefined();
}

}  // namespace

void exportMemory(Napi::Env env, Napi::Object exports) {
  exportAs<allocate>(env, exports, "allocate");
  exportAs<free>(env, exports, "free");
  exportAs<trim>(env, exports, "trim");
  exportAs<pin>(env, exports, "pin");
  exportAs<unpin>(env, exports, "unpin");
}

}  // namespace tigon
