/**
 * The driver's calls about memory: allocating, copying, filling.
 *
 * Invariant: memory of the host that is not pinned is read before a call returns, and written only by calls that wait.
 */
#include "transfer.h"
#include <cstring>
#include <string>
#include "fault.h"
#include "memory.h"
#include "stream.h"

namespace emulated {
namespace {

void broken(Device& device, const char* what, Address address, size_t bytes) {
  breakDevice(device, {ILLEGAL_ADDRESS, std::string(what) + " of " + std::to_string(bytes) + " bytes at " +
                                            std::to_string(address) + ", " + describe(address)});
}

bool isThere(const Place& place, size_t bytes) { return !place.device || isLive(*place.device, place.address, bytes); }

Place onHost(const void* at) { return {nullptr, Address(at)}; }

/** Queues a copy; whichever end is host memory that is not pinned is done with when this returns. */
int copy(Device& device, void* streamHandle, Place to, Place from, size_t bytes) {
  const auto stream = streamOf(device, streamHandle);
  if (!stream) return INVALID_HANDLE;
  if (!isSomewhere(to, bytes) || !isSomewhere(from, bytes)) return INVALID_VALUE;
  if (bytes == 0) return SUCCESS;
  if (!from.device && !isPinned(reinterpret_cast<void*>(from.address), bytes)) {
    auto held = std::make_shared<std::string>(reinterpret_cast<const char*>(from.address), bytes);
    enqueue(stream, [=, &device] { copyNow(device, to, onHost(held->data()), bytes); });
  } else {
    enqueue(stream, [=, &device] { copyNow(device, to, from, bytes); });
  }
  if (!to.device && !isPinned(reinterpret_cast<void*>(to.address), bytes)) runAll(stream);
  return SUCCESS;
}

int fill(Device& device, void* streamHandle, Address to, unsigned value, unsigned elementBytes, size_t count) {
  const auto stream = streamOf(device, streamHandle);
  if (!stream) return INVALID_HANDLE;
  if (to % elementBytes || !isSomewhere(placeOf(to), count * elementBytes)) return INVALID_VALUE;
  enqueue(stream, [=, &device] { fillNow(device, to, value, elementBytes, count); });
  return SUCCESS;
}

int allocate(Device& device, Address* made, size_t bytes, bool pooled) {
  if (bytes == 0) return INVALID_VALUE;
  *made = promise(device, bytes, pooled);
  if (!*made) {
    runAll(device);  // what is to be freed may be enough
    *made = promise(device, bytes, pooled);
  }
  return *made ? SUCCESS : OUT_OF_MEMORY;
}

void release(Device& device, Address start) {
  if (!makeFree(device, start))
    breakDevice(device, {ILLEGAL_ADDRESS, "the bytes around an allocation were written by the time it was freed"});
}

}  // namespace

Place placeOf(Address address) { return {owner(address), address}; }

bool isSomewhere(const Place& place, size_t bytes) {
  return !place.device || bytes == 0 || isAllocated(*place.device, place.address, bytes);
}

void copyNow(Device& by, const Place& to, const Place& from, size_t bytes) {
  if (!isThere(from, bytes)) return broken(by, "a copy", from.address, bytes);
  if (!isThere(to, bytes)) return broken(by, "a copy to memory", to.address, bytes);
  memmove(reinterpret_cast<void*>(to.address), reinterpret_cast<const void*>(from.address), bytes);
}

void fillNow(Device& by, Address to, unsigned value, unsigned elementBytes, size_t count) {
  if (count == 0) return;
  if (!isThere(placeOf(to), count * elementBytes)) return broken(by, "a fill", to, count * elementBytes);
  char* at = reinterpret_cast<char*>(to);
  if (elementBytes == 1) memset(at, int(value), count);
  else
    for (size_t i = 0; i < count; i++) memcpy(at + i * elementBytes, &value, elementBytes);
}

}  // namespace emulated

using namespace emulated;

API cuMemGetInfo_v2(size_t* free, size_t* total) {
  return onDevice([&](Device& device) {
    *total = device.memoryBytes;
    *free = device.memoryBytes - device.used;
    return SUCCESS;
  });
}

API cuMemAlloc_v2(Address* made, size_t bytes) {
  return onDevice([&](Device& device) -> int {
    const int result = allocate(device, made, bytes, false);
    if (result == SUCCESS) makeLive(device, *made);
    return result;
  });
}

API cuMemFree_v2(Address start) {
  return onDevice([&](Device& device) -> int {
    if (!start) return SUCCESS;
    runAll(device);
    Allocation* one = find(device, start);
    if (!one || one->start != start || one->state != Allocation::Live) return INVALID_VALUE;
    release(device, start);
    return SUCCESS;
  });
}

API cuMemAllocAsync(Address* made, size_t bytes, void* streamHandle) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, streamHandle);
    if (!stream) return INVALID_HANDLE;
    const int result = allocate(device, made, bytes, true);
    if (result == SUCCESS) enqueue(stream, [&device, start = *made] { makeLive(device, start); });
    return result;
  });
}

API cuMemFreeAsync(Address start, void* streamHandle) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, streamHandle);
    if (!stream) return INVALID_HANDLE;
    Allocation* one = find(device, start);
    if (!one || one->start != start || one->state > Allocation::Live) return INVALID_VALUE;
    one->state = Allocation::Freeing;
    enqueue(stream, [&device, start] { release(device, start); });
    return SUCCESS;
  });
}

API cuDeviceGetDefaultMemPool(void** pool, int device) {
  *pool = &deviceAt(device);
  return SUCCESS;
}
API cuMemPoolSetAttribute(void*, int, void*) { return SUCCESS; }
API cuMemPoolGetAttribute(void* pool, int, void* value) {
  *static_cast<unsigned long long*>(value) = static_cast<Device*>(pool)->used;
  return SUCCESS;
}
API cuMemPoolTrimTo(void* pool, size_t) {
  return onDevice([&](Device&) {
    runAll(*static_cast<Device*>(pool));
    return SUCCESS;
  });
}
API cuMemPoolSetAccess(void*, const void*, size_t) { return SUCCESS; }

API cuMemHostAlloc(void** made, size_t bytes, unsigned) {
  return onDevice([&](Device&) -> int {
    *made = pin(bytes);
    return *made ? SUCCESS : OUT_OF_MEMORY;
  });
}

API cuMemFreeHost(void* start) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  for (int i = 0; i < deviceCount(); i++) runAll(deviceAt(i));
  return unpin(start) ? SUCCESS : INVALID_VALUE;
}

API cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, void* stream) {
  return onDevice([&](Device& device) {
    return owner(to) ? copy(device, stream, placeOf(to), onHost(from), bytes) : int(INVALID_VALUE);
  });
}

API cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, void* stream) {
  return onDevice([&](Device& device) {
    return owner(from) ? copy(device, stream, onHost(to), placeOf(from), bytes) : int(INVALID_VALUE);
  });
}

API cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, void* stream) {
  return onDevice([&](Device& device) {
    const bool own = owner(to) == &device && owner(from) == &device;
    return own ? copy(device, stream, placeOf(to), placeOf(from), bytes) : int(INVALID_VALUE);
  });
}

API cuMemcpyAsync(Address to, Address from, size_t bytes, void* stream) {
  return onDevice([&](Device& device) { return copy(device, stream, placeOf(to), placeOf(from), bytes); });
}

API cuMemcpyPeerAsync(Address to, void* toContext, Address from, void* fromContext, size_t bytes, void* stream) {
  return onDevice([&](Device& device) {
    const bool own = owner(to) == toContext && owner(from) == fromContext;
    return own ? copy(device, stream, placeOf(to), placeOf(from), bytes) : int(INVALID_VALUE);
  });
}

API cuMemsetD8Async(Address to, unsigned char value, size_t count, void* stream) {
  return onDevice([&](Device& device) { return fill(device, stream, to, value, 1, count); });
}

API cuMemsetD16Async(Address to, unsigned short value, size_t count, void* stream) {
  return onDevice([&](Device& device) { return fill(device, stream, to, value, 2, count); });
}

API cuMemsetD32Async(Address to, unsigned value, size_t count, void* stream) {
  return onDevice([&](Device& device) { return fill(device, stream, to, value, 4, count); });
}
