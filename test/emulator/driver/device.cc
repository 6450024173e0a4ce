/**
 * The driver's calls about devices, contexts and errors.
 *
 * Invariant: figures of a device are those of an A100 or H100 as far as code depends on them.
 */
#include "device.h"
#include <cstdio>
#include <cstring>
#include <deque>
#include "fault.h"
#include "settings.h"
#include "stream.h"

namespace emulated {
namespace {

std::string lastFault;
thread_local Device* current = nullptr;

std::deque<Device>& devices() {
  static std::deque<Device> all = [] {
    std::deque<Device> made;
    for (int i = 0; i < settings().devices; i++) {
      Device device;
      device.index = i;
      device.memoryBytes = settings().memoryBytes;
      made.push_back(device);
    }
    return made;
  }();
  return all;
}

bool isHopper() { return settings().capability >= 90; }

struct Name {
  Result code;
  const char* name;
  const char* meaning;
};

constexpr Name NAMES[] = {
    {SUCCESS, "CUDA_SUCCESS", "no error"},
    {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE", "invalid argument"},
    {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY", "out of memory"},
    {NOT_INITIALIZED, "CUDA_ERROR_NOT_INITIALIZED", "initialization error"},
    {NO_DEVICE, "CUDA_ERROR_NO_DEVICE", "no CUDA-capable device is detected"},
    {INVALID_DEVICE, "CUDA_ERROR_INVALID_DEVICE", "invalid device ordinal"},
    {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE", "device kernel image is invalid"},
    {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT", "invalid device context"},
    {NO_BINARY_FOR_GPU, "CUDA_ERROR_NO_BINARY_FOR_GPU", "no kernel image is available for execution on the device"},
    {PEER_ACCESS_UNSUPPORTED, "CUDA_ERROR_PEER_ACCESS_UNSUPPORTED", "peer access is not supported between these two devices"},
    {INVALID_HANDLE, "CUDA_ERROR_INVALID_HANDLE", "invalid resource handle"},
    {NOT_FOUND, "CUDA_ERROR_NOT_FOUND", "named symbol not found"},
    {NOT_READY, "CUDA_ERROR_NOT_READY", "device not ready"},
    {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS", "an illegal memory access was encountered"},
    {LAUNCH_OUT_OF_RESOURCES, "CUDA_ERROR_LAUNCH_OUT_OF_RESOURCES", "too many resources requested for launch"},
    {PEER_ACCESS_ALREADY_ENABLED, "CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED", "peer access is already enabled"},
    {MISALIGNED_ADDRESS, "CUDA_ERROR_MISALIGNED_ADDRESS", "misaligned address"},
    {LAUNCH_FAILED, "CUDA_ERROR_LAUNCH_FAILED", "unspecified launch failure"},
    {NOT_SUPPORTED, "CUDA_ERROR_NOT_SUPPORTED", "operation not supported"},
};

const Name* nameOf(int code) {
  for (const Name& one : NAMES)
    if (one.code == code) return &one;
  return nullptr;
}

int attribute(int which) {
  switch (which) {
    case THREADS_PER_BLOCK: return 1024;
    case SHARED_BYTES_PER_BLOCK: return 48 << 10;
    case WARP_SIZE: return 32;
    case CLOCK_KILOHERTZ: return isHopper() ? 1980000 : 1410000;
    case PROCESSORS: return isHopper() ? 132 : 108;
    case MEMORY_CLOCK_KILOHERTZ: return isHopper() ? 2619000 : 1215000;
    case BUS_BITS: return 5120;
    case L2_BYTES: return (isHopper() ? 50 : 40) << 20;
    case THREADS_PER_PROCESSOR: return 2048;
    case UNIFIED_ADDRESSING: return 1;
    case CAPABILITY_MAJOR: return settings().capability / 10;
    case CAPABILITY_MINOR: return settings().capability % 10;
    case SHARED_BYTES_PER_PROCESSOR: return int(sharedLimit()) + 1024;
    case REGISTERS_PER_PROCESSOR: return 65536;
    case SHARED_BYTES_OPT_IN: return int(sharedLimit());
    case MEMORY_POOLS: return 1;
    case CLUSTERS: return isHopper();
    case TENSOR_MAPS: return isHopper();
    default: return 0;
  }
}

}  // namespace

int deviceCount() { return int(devices().size()); }
Device& deviceAt(int index) { return devices()[size_t(index)]; }
Device* currentDevice() { return current; }
unsigned sharedLimit() { return (isHopper() ? 227 : 163) << 10; }

std::recursive_mutex& lock() {
  static std::recursive_mutex one;
  return one;
}

void breakDevice(Device& device, const Fault& fault) {
  device.broken = fault.code;
  lastFault = fault.text;
  if (settings().verbose) fprintf(stderr, "emulated CUDA: %s: %s\n", nameOf(fault.code)->name, fault.text.c_str());
}

}  // namespace emulated

using namespace emulated;

API cuInit(unsigned) { return deviceCount() ? SUCCESS : NO_DEVICE; }

API cuDriverGetVersion(int* version) {
  *version = 12080;
  return SUCCESS;
}

API cuGetErrorName(int code, const char** name) {
  const Name* one = nameOf(code);
  *name = one ? one->name : nullptr;
  return one ? SUCCESS : INVALID_VALUE;
}

/** A fault's text comes with it. */
API cuGetErrorString(int code, const char** text) {
  static thread_local std::string whole;
  const Name* one = nameOf(code);
  if (one) whole = one->meaning;
  std::lock_guard<std::recursive_mutex> guard(lock());
  for (Device& device : devices())
    if (one && code != SUCCESS && device.broken == code && !lastFault.empty()) {
      whole += ": " + lastFault;
      break;
    }
  *text = one ? whole.c_str() : nullptr;
  return one ? SUCCESS : INVALID_VALUE;
}

API cuDeviceGetCount(int* count) {
  *count = deviceCount();
  return SUCCESS;
}

API cuDeviceGet(int* device, int index) {
  if (index < 0 || index >= deviceCount()) return INVALID_DEVICE;
  *device = index;
  return SUCCESS;
}

API cuDeviceGetName(char* name, int size, int) {
  snprintf(name, size_t(size), "Emulated %s", isHopper() ? "H100" : "A100");
  return SUCCESS;
}

API cuDeviceGetUuid_v2(unsigned char* bytes, int device) {
  memset(bytes, 0xee, 16);
  bytes[15] = (unsigned char)device;
  return SUCCESS;
}
API cuDeviceGetUuid(unsigned char* bytes, int device) { return cuDeviceGetUuid_v2(bytes, device); }

API cuDeviceTotalMem_v2(size_t* bytes, int device) {
  *bytes = deviceAt(device).memoryBytes;
  return SUCCESS;
}

API cuDeviceGetAttribute(int* value, int which, int) {
  *value = attribute(which);
  return SUCCESS;
}

API cuDevicePrimaryCtxRetain(void** context, int device) {
  if (device < 0 || device >= deviceCount()) return INVALID_DEVICE;
  std::lock_guard<std::recursive_mutex> guard(lock());
  deviceAt(device).retained++;
  *context = &deviceAt(device);
  return SUCCESS;
}

API cuDevicePrimaryCtxRelease_v2(int device) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  if (deviceAt(device).retained == 0) return INVALID_CONTEXT;
  deviceAt(device).retained--;
  return SUCCESS;
}

API cuCtxSetCurrent(void* context) {
  current = static_cast<Device*>(context);
  return SUCCESS;
}

API cuCtxGetCurrent(void** context) {
  *context = current;
  return SUCCESS;
}

API cuCtxGetDevice(int* device) {
  if (!current) return INVALID_CONTEXT;
  *device = current->index;
  return SUCCESS;
}

API cuCtxSynchronize() {
  return onDevice([](Device& device) {
    runAll(device);
    return SUCCESS;
  });
}

API cuDeviceCanAccessPeer(int* can, int device, int peer) {
  *can = device != peer;
  return SUCCESS;
}

API cuCtxEnablePeerAccess(void* context, unsigned flags) {
  return onDevice([&](Device& device) -> int {
    Device* peer = static_cast<Device*>(context);
    if (!peer || flags) return INVALID_VALUE;
    if (peer == &device) return INVALID_DEVICE;
    return device.peers.insert(peer->index).second ? SUCCESS : PEER_ACCESS_ALREADY_ENABLED;
  });
}
