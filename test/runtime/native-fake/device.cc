// The stand-in's device: its state, its memory, its streams and events.
//
// Invariant: one queue for all streams.
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include "fake.h"

using namespace fake;

namespace {
std::mutex guard;
std::deque<std::function<void()>> queue;
std::atomic<int> fault{0};
thread_local Opaque current = nullptr;
std::map<std::string, int>& counts() {
  static std::map<std::string, int> all;
  return all;
}
struct Event {
  std::atomic<bool> reached{true};
};
char contexts[2];
char pools[2];
}  // namespace

namespace fake {

bool is(const char* word) {
  const char* words = std::getenv("FAKE_CUDA");
  return words != nullptr && std::strstr(words, word) != nullptr;
}

int state() { return fault != 0 ? fault.load() : current == nullptr ? INVALID_CONTEXT : 0; }

void later(std::function<void()> work) {
  const std::lock_guard<std::mutex> lock(guard);
  queue.push_back(std::move(work));
}

void doAll() {
  if (is("slow")) std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const std::lock_guard<std::mutex> lock(guard);
  for (; !queue.empty(); queue.pop_front())
    if (fault == 0) queue.front()();
}

void count(const char* kind, int change) {
  const std::lock_guard<std::mutex> lock(guard);
  counts()[kind] += change;
}

std::string packedOf(void** extra) {
  return std::string(static_cast<const char*>(extra[1]), *static_cast<size_t*>(extra[3]));
}

void run(const Launch& launch) {
  const std::string name = launch.name;
  if (name == "fault") {
    fault = ILLEGAL_ADDRESS;
  } else if (name == "add") {
    struct { int* to; int count; int value; } p;
    std::memcpy(&p, launch.parameters.data(), sizeof p);
    for (int i = 0; i < p.count; i++) p.to[i] += p.value;
  } else if (name == "double") {
    int* to;
    std::memcpy(&to, launch.parameters.data(), sizeof to);
    *to *= 2;
  } else if (name == "shape") {
    unsigned* to;
    std::memcpy(&to, launch.parameters.data(), sizeof to);
    const unsigned all[] = {launch.grid[0], launch.grid[1],    launch.grid[2],
                            launch.threads, launch.sharedBytes, launch.cluster};
    std::memcpy(to, all, sizeof all);
  }
}

}  // namespace fake

extern "C" {

int cuInit(unsigned) { return is("no-device") ? NO_DEVICE : is("no-fabric") ? NOT_READY_SYSTEM : 0; }
int cuDriverGetVersion(int* version) { return *version = is("eleven") ? 11080 : 12040, 0; }
int cuDeviceGetCount(int* count) { return *count = is("two") ? 2 : 1, 0; }
int cuDeviceGet(int* device, int index) { return *device = index, 0; }
int cuDeviceGetName(char* name, int, int) { return std::strcpy(name, "Fake"), 0; }
int cuDeviceTotalMem_v2(size_t* bytes, int) { return *bytes = size_t{1} << 30, 0; }
int cuDeviceGetUuid_v2(tigon::Uuid* uuid, int device) {
  for (int i = 0; i < 16; i++) uuid->bytes[i] = static_cast<unsigned char>(16 * device + i);
  return 0;
}
int cuDeviceGetAttribute(int* value, int attribute, int) {
  *value = attribute == tigon::attribute::CAPABILITY_MAJOR   ? 9
           : attribute == tigon::attribute::CAPABILITY_MINOR ? 0
           : attribute == tigon::attribute::WARP             ? 32
           : attribute == tigon::attribute::MEMORY_POOLS     ? !is("no-pools")
                                                             : attribute;
  return 0;
}
int cuDeviceCanAccessPeer(int* can, int, int) { return *can = 1, 0; }

int cuGetErrorName(int code, const char** name) {
  static const std::map<int, const char*> names = {
      {INVALID_VALUE, "CUDA_ERROR_INVALID_VALUE"},   {OUT_OF_MEMORY, "CUDA_ERROR_OUT_OF_MEMORY"},
      {NO_DEVICE, "CUDA_ERROR_NO_DEVICE"},           {INVALID_IMAGE, "CUDA_ERROR_INVALID_IMAGE"},
      {INVALID_CONTEXT, "CUDA_ERROR_INVALID_CONTEXT"}, {NOT_FOUND, "CUDA_ERROR_NOT_FOUND"},
      {ILLEGAL_ADDRESS, "CUDA_ERROR_ILLEGAL_ADDRESS"}, {NOT_READY_SYSTEM, "CUDA_ERROR_SYSTEM_NOT_READY"},
      {UPDATE_FAILURE, "CUDA_ERROR_GRAPH_EXEC_UPDATE_FAILURE"}};
  const auto found = names.find(code);
  if (found == names.end()) return INVALID_VALUE;
  return *name = found->second, 0;
}
int cuGetErrorString(int code, const char** text) {
  const char* name = nullptr;
  if (cuGetErrorName(code, &name) != 0) return INVALID_VALUE;
  return *text = code == ILLEGAL_ADDRESS ? "an illegal memory access was encountered" : "text of the driver", 0;
}

int cuDevicePrimaryCtxRetain(Opaque* context, int device) { return *context = &contexts[device], 0; }
int cuDevicePrimaryCtxRelease_v2(int) {
  if (is("report"))
    for (const auto& [kind, left] : counts()) std::printf("left: %d %s\n", left, kind.c_str());
  return 0;
}
int cuCtxSetCurrent(Opaque context) { return current = context, fault.load(); }

int cuDeviceGetDefaultMemPool(Opaque* pool, int device) { return *pool = &pools[device], 0; }
int cuMemPoolSetAttribute(Opaque, int attribute, void* value) {
  return attribute == 4 && *static_cast<uint64_t*>(value) == UINT64_MAX ? 0 : INVALID_VALUE;
}
int cuMemPoolSetAccess(Opaque pool, const tigon::MemoryAccess* access, size_t) {
  if (is("report")) std::printf("access: pool %d from %d\n", pool == &pools[1], access->device);
  return 0;
}
int cuMemPoolTrimTo(Opaque, size_t keep) {
  if (is("report")) std::printf("trim: %zu\n", keep);
  return state();
}
int cuMemGetInfo_v2(size_t* free, size_t* total) { return *free = 7, *total = 8, state(); }

int cuMemAlloc_v2(Address* address, size_t bytes) {
  if (const int code = state()) return code;
  if (bytes > size_t{1} << 30) return OUT_OF_MEMORY;
  *address = reinterpret_cast<Address>(std::malloc(bytes));
  return count("allocations", 1), 0;
}
int cuMemFree_v2(Address address) {
  doAll();
  std::free(reinterpret_cast<void*>(address));
  return count("allocations", -1), state();
}
int cuMemAllocAsync(Address* address, size_t bytes, Opaque) {
  return is("no-pools") ? INVALID_VALUE : cuMemAlloc_v2(address, bytes);
}
int cuMemFreeAsync(Address address, Opaque) { return is("no-pools") ? INVALID_VALUE : cuMemFree_v2(address); }
int cuMemHostAlloc(void** memory, size_t bytes, unsigned) {
  if (const int code = state()) return code;
  *memory = std::malloc(bytes);
  return count("pinned", 1), 0;
}
int cuMemFreeHost(void* memory) {
  doAll();
  std::free(memory);
  return count("pinned", -1), state();
}

int cuMemcpyHtoDAsync_v2(Address to, const void* from, size_t bytes, Opaque) {
  if (const int code = state()) return code;
  return later([=] { std::memcpy(reinterpret_cast<void*>(to), from, bytes); }), 0;
}
int cuMemcpyDtoHAsync_v2(void* to, Address from, size_t bytes, Opaque stream) {
  return cuMemcpyHtoDAsync_v2(reinterpret_cast<Address>(to), reinterpret_cast<void*>(from), bytes, stream);
}
int cuMemcpyDtoDAsync_v2(Address to, Address from, size_t bytes, Opaque stream) {
  return cuMemcpyHtoDAsync_v2(to, reinterpret_cast<void*>(from), bytes, stream);
}
int cuMemcpyPeerAsync(Address to, Opaque toContext, Address from, Opaque, size_t bytes, Opaque stream) {
  if (toContext != &contexts[1]) return INVALID_CONTEXT;
  return cuMemcpyHtoDAsync_v2(to, reinterpret_cast<void*>(from), bytes, stream);
}
int cuMemsetD8Async(Address to, unsigned char byte, size_t bytes, Opaque) {
  if (const int code = state()) return code;
  return later([=] { std::memset(reinterpret_cast<void*>(to), byte, bytes); }), 0;
}

int cuStreamCreate(Opaque* stream, unsigned) {
  if (const int code = state()) return code;
  return *stream = std::malloc(1), count("streams", 1), 0;
}
int cuStreamDestroy_v2(Opaque stream) { return std::free(stream), count("streams", -1), state(); }
int cuStreamSynchronize(Opaque) { return doAll(), state(); }
int cuStreamQuery(Opaque) {
  if (const int code = state()) return code;
  const std::lock_guard<std::mutex> lock(guard);
  return queue.empty() ? 0 : NOT_READY;
}

int cuEventCreate(Opaque* event, unsigned) {
  if (const int code = state()) return code;
  return *event = new Event, count("events", 1), 0;
}
int cuEventDestroy_v2(Opaque event) {
  doAll();
  delete static_cast<Event*>(event);
  return count("events", -1), state();
}
int cuEventRecord(Opaque event, Opaque) {
  if (const int code = state()) return code;
  const auto marked = static_cast<Event*>(event);
  marked->reached = false;
  return later([=] { marked->reached = true; }), 0;
}
int cuEventQuery(Opaque event) {
  if (const int code = state()) return code;
  return static_cast<Event*>(event)->reached ? 0 : NOT_READY;
}
int cuEventSynchronize(Opaque event) {
  if (!static_cast<Event*>(event)->reached) doAll();
  return state();
}
int cuEventElapsedTime(float* milliseconds, Opaque, Opaque) { return *milliseconds = 1.5F, state(); }
}
