// Devices: what they are, and their contexts.
//
// Invariant: a context is the device's primary one, so that NCCL and other libraries in the process share our memory.
#include "arguments.h"
#include "functions.h"

namespace tigon {

namespace {

int attributeOf(Napi::Env env, int device, int attribute) {
  int value = 0;
  CALL(env, DeviceGetAttribute, &value, attribute, device);
  return value;
}

std::string uuidOf(int device) {
  Uuid uuid;
  if (driver.DeviceGetUuid == nullptr || driver.DeviceGetUuid(&uuid, device) != SUCCESS) return "";
  static const char digits[] = "0123456789abcdef";
  std::string text = "GPU";
  for (int i = 0; i < 16; i++) {
    if (i == 0 || i == 4 || i == 6 || i == 8 || i == 10) text += '-';
    text += digits[uuid.bytes[i] >> 4];
    text += digits[uuid.bytes[i] & 15];
  }
  return text;
}

Napi::Object propertiesOf(Napi::Env env, int device) {
  auto result = Napi::Object::New(env);
  char name[256] = "";
  size_t memory = 0;
  CALL(env, DeviceGetName, name, sizeof name - 1, device);
  CALL(env, DeviceTotalMem, &memory, device);
  const auto set = [&](const char* key, int attribute) {
    result.Set(key, attributeOf(env, device, attribute));
  };
  const auto setFlag = [&](const char* key, int attribute) {
    result.Set(key, Napi::Boolean::New(env, attributeOf(env, device, attribute) != 0));
  };
  const std::string uuid = uuidOf(device);
  result.Set("name", name);
  result.Set("uuid", uuid.empty() ? env.Undefined() : Napi::String::New(env, uuid));
  result.Set("capability", attributeOf(env, device, attribute::CAPABILITY_MAJOR) * 10 +
                               attributeOf(env, device, attribute::CAPABILITY_MINOR));
  set("processors", attribute::PROCESSORS);
  result.Set("memoryBytes", static_cast<double>(memory));
  set("sharedBytesPerBlock", attribute::SHARED_BYTES_PER_BLOCK);
  set("sharedBytesPerProcessor", attribute::SHARED_BYTES_PER_PROCESSOR);
  set("registersPerProcessor", attribute::REGISTERS_PER_PROCESSOR);
  set("threadsPerBlock", attribute::THREADS_PER_BLOCK);
  set("threadsPerProcessor", attribute::THREADS_PER_PROCESSOR);
  set("warp", attribute::WARP);
  set("l2Bytes", attribute::L2_BYTES);
  setFlag("memoryPools", attribute::MEMORY_POOLS);
  set("clockKilohertz", attribute::CLOCK_KILOHERTZ);
  set("memoryClockKilohertz", attribute::MEMORY_CLOCK_KILOHERTZ);
  set("busBits", attribute::BUS_BITS);
  // Drivers from before these know no such attributes.
  int value = 0;
  const bool clusters = driver.LaunchKernelEx != nullptr &&
                        driver.DeviceGetAttribute(&value, attribute::CLUSTERS, device) == SUCCESS;
  result.Set("clusters", Napi::Boolean::New(env, clusters && value != 0));
  const bool maps = driver.TensorMapEncodeTiled != nullptr &&
                    driver.DeviceGetAttribute(&value, attribute::TENSOR_MAPS, device) == SUCCESS;
  result.Set("tensorMaps", Napi::Boolean::New(env, maps && value != 0));
  return result;
}

void needDriver(Napi::Env env) {
  if (driver.DeviceGet == nullptr)
    refuse(env, "open", "no driver was opened", "CUDA_ERROR_NOT_INITIALIZED");
}

// devices()
Napi::Value devices(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  needDriver(env);
  int count = 0;
  CALL(env, DeviceGetCount, &count);
  auto result = Napi::Array::New(env);
  for (int i = 0; i < count; i++) {
    int device = 0;
    CALL(env, DeviceGet, &device, i);
    result.Set(static_cast<uint32_t>(i), propertiesOf(env, device));
  }
  return result;
}

// Memory that is freed stays with the process until it is trimmed: asking the device for it again is slow.
Opaque poolOf(Napi::Env env, int device) {
  if (attributeOf(env, device, attribute::MEMORY_POOLS) == 0) return nullptr;
  Opaque pool = nullptr;
  uint64_t threshold = UINT64_MAX;
  CALL(env, DeviceGetDefaultMemPool, &pool, device);
  CALL(env, MemPoolSetAttribute, pool, POOL_RELEASE_THRESHOLD, &threshold);
  return pool;
}

// open(index)
Napi::Value open(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "open");
  const Napi::Env env = info.Env();
  needDriver(env);
  int device = 0;
  Opaque handle = nullptr;
  CALL(env, DeviceGet, &device, static_cast<int>(arguments.small(0)));
  CALL(env, DevicePrimaryCtxRetain, &handle, device);
  const auto context = std::make_shared<Context>(device, handle);
  check(env, context->use(), "cuCtxSetCurrent");
  context->pool = poolOf(env, device);
  return Napi::Number::New(env, arguments.state().contexts.add(context));
}

// close(context)
Napi::Value close(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "close");
  State& state = arguments.state();
  const ContextPointer context = state.contexts.remove(arguments.number(0));
  if (context != nullptr) state.clear(info.Env(), *context);
  return info.Env().Undefined();
}

// memoryInfo(context)
Napi::Value memoryInfo(const Napi::CallbackInfo& info) {
  const Arguments arguments(info, "memoryInfo");
  const auto context = arguments.context(0);
  size_t free = 0, total = 0;
  CALL(info.Env(), MemGetInfo, &free, &total);
  auto result = Napi::Object::New(info.Env());
  result.Set("free", static_cast<double>(free));
  result.Set("total", static_cast<double>(total));
  return result;
}

}  // namespace

void exportDevices(Napi::Env env, Napi::Object exports) {
  exportAs<devices>(env, exports, "devices");
  exportAs<open>(env, exports, "open");
  exportAs<close>(env, exports, "close");
  exportAs<memoryInfo>(env, exports, "memoryInfo");
}

}  // namespace tigon
