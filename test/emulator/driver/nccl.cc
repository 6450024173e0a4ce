/**
 * A stand-in for NCCL among the devices of this process.
 *
 * Invariant: what the parts of a collective call do happens when the first of their streams gets to it, after everything
 * before it in all of them; a part that never comes is an error, where the real one would wait for ever.
 */
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstring>
#include <map>
#include <mutex>
#include <string>
#include <unistd.h>
#include <vector>
#include "fault.h"
#include "half.h"
#include "memory.h"
#include "stream.h"

namespace emulated {
namespace {

enum NcclResult : int { NCCL_SUCCESS = 0, NCCL_SYSTEM = 2, NCCL_INVALID_ARGUMENT = 4, NCCL_INVALID_USAGE = 5 };
enum Element : int {
  ELEMENT_INT8 = 0, ELEMENT_UINT8 = 1, ELEMENT_INT32 = 2, ELEMENT_UINT32 = 3, ELEMENT_INT64 = 4, ELEMENT_UINT64 = 5,
  ELEMENT_FLOAT16 = 6, ELEMENT_FLOAT32 = 7, ELEMENT_FLOAT64 = 8, ELEMENT_BFLOAT16 = 9,
};
enum Operator : int { SUM = 0, PRODUCT = 1, MAXIMUM = 2, MINIMUM = 3, MEAN = 4 };

constexpr int REDUCE = -1;

/** What one rank brings to a collective call. */
struct Part {
  std::shared_ptr<Stream> stream;
  unsigned long long position = 0;
  Address to = 0, from = 0;
};

struct Call {
  size_t count;
  int element, operation, root;
  std::vector<Part> parts;
  unsigned joined = 0;
  bool done = false;
};

/** Communicators that belong together. */
struct Clique {
  unsigned ranks;
  /** Whether one thread has them all, so that calls must be grouped. */
  bool together;
  std::vector<std::shared_ptr<Call>> calls;
  std::vector<size_t> next;
  unsigned joined = 0;
};

struct Communicator {
  std::shared_ptr<Clique> clique;
  Device* device;
  unsigned rank;
};

std::mutex joining;
std::condition_variable joined;
std::map<std::string, std::shared_ptr<Clique>> byId;
thread_local int groups = 0;

size_t bytesOf(int element) {
  switch (element) {
    case ELEMENT_INT8:
    case ELEMENT_UINT8: return 1;
    case ELEMENT_FLOAT16:
    case ELEMENT_BFLOAT16: return 2;
    case ELEMENT_INT32:
    case ELEMENT_UINT32:
    case ELEMENT_FLOAT32: return 4;
    case ELEMENT_INT64:
    case ELEMENT_UINT64:
    case ELEMENT_FLOAT64: return 8;
    default: return 0;
  }
}

double load(Address at, int element, size_t i) {
  switch (element) {
    case ELEMENT_INT8: return reinterpret_cast<const signed char*>(at)[i];
    case ELEMENT_UINT8: return reinterpret_cast<const unsigned char*>(at)[i];
    case ELEMENT_INT32: return reinterpret_cast<const int*>(at)[i];
    case ELEMENT_FLOAT16: return halfToFloat(reinterpret_cast<const unsigned short*>(at)[i]);
    case ELEMENT_UINT32: return reinterpret_cast<const unsigned*>(at)[i];
    case ELEMENT_INT64: return double(reinterpret_cast<const long long*>(at)[i]);
    case ELEMENT_UINT64: return double(reinterpret_cast<const unsigned long long*>(at)[i]);
    case ELEMENT_FLOAT32: return reinterpret_cast<const float*>(at)[i];
    case ELEMENT_FLOAT64: return reinterpret_cast<const double*>(at)[i];
    default: {
      const unsigned bits = unsigned(reinterpret_cast<const unsigned short*>(at)[i]) << 16;
      float value;
      memcpy(&value, &bits, 4);
      return value;
    }
  }
}

unsigned short bfloatOf(float value) {
  unsigned bits;
  memcpy(&bits, &value, 4);
  if (value != value) return (unsigned short)(bits >> 16 | 64);
  return (unsigned short)((bits + 0x7fff + (bits >> 16 & 1)) >> 16);
}

void store(Address at, int element, size_t i, double value) {
  switch (element) {
    case ELEMENT_INT8:
    case ELEMENT_UINT8: reinterpret_cast<unsigned char*>(at)[i] = (unsigned char)(long long)value; return;
    case ELEMENT_INT32:
    case ELEMENT_UINT32: reinterpret_cast<unsigned*>(at)[i] = (unsigned)(long long)value; return;
    case ELEMENT_INT64:
    case ELEMENT_UINT64: reinterpret_cast<long long*>(at)[i] = (long long)value; return;
    case ELEMENT_FLOAT64: reinterpret_cast<double*>(at)[i] = value; return;
    case ELEMENT_FLOAT16: reinterpret_cast<unsigned short*>(at)[i] = floatToHalf(float(value)); return;
    case ELEMENT_FLOAT32: reinterpret_cast<float*>(at)[i] = float(value); return;
    default: reinterpret_cast<unsigned short*>(at)[i] = bfloatOf(float(value));
  }
}

double combine(int operation, double a, double b) {
  switch (operation) {
    case PRODUCT: return a * b;
    case MAXIMUM: return a > b || a != a ? a : b;
    case MINIMUM: return a < b || a != a ? a : b;
    default: return a + b;
  }
}

/** All of a call, with every part in place. Each step rounds to the elements' type, as sending it on does. */
void perform(const Call& call) {
  const size_t bytes = bytesOf(call.element);
  if (call.root != REDUCE) {
    const Address from = call.parts[size_t(call.root)].from;
    for (const Part& part : call.parts) memmove(reinterpret_cast<void*>(part.to), reinterpret_cast<void*>(from), call.count * bytes);
    return;
  }
  for (size_t i = 0; i < call.count; i++) {
    unsigned char rounded[8];
    const Address at = Address(rounded);
    double sum = load(call.parts[0].from, call.element, i);
    for (size_t rank = 1; rank < call.parts.size(); rank++) {
      store(at, call.element, 0, combine(call.operation, sum, load(call.parts[rank].from, call.element, i)));
      sum = load(at, call.element, 0);
    }
    if (call.operation == MEAN) sum /= double(call.parts.size());
    for (const Part& part : call.parts) store(part.to, call.element, i, sum);
  }
}

/** One of the streams is there. */
void arrive(Device& device, Call& call) {
  if (call.done) return;
  if (call.joined < call.parts.size())
    return breakDevice(device, {LAUNCH_FAILED, "a collective call that " + std::to_string(call.parts.size() - call.joined) + " of " +
                                                   std::to_string(call.parts.size()) + " ranks did not make"});
  call.done = true;
  const size_t bytes = call.count * bytesOf(call.element);
  for (size_t rank = 0; rank < call.parts.size(); rank++) {
    const Part& part = call.parts[rank];
    runUntil({part.stream, part.position - 1, nullptr});
    Device& own = *part.stream->device;
    const bool reads = call.root == REDUCE || call.root == int(rank);
    if ((reads && !isLive(own, part.from, bytes)) || !isLive(own, part.to, bytes))
      return breakDevice(own, {ILLEGAL_ADDRESS, "a collective call on memory that is not there"});
  }
  perform(call);
}

int call(void* handle, void* streamHandle, const Call& wanted, Address to, Address from) {
  const Communicator* own = static_cast<Communicator*>(handle);
  std::lock_guard<std::recursive_mutex> guard(lock());
  if (!own || !bytesOf(wanted.element)) return NCCL_INVALID_ARGUMENT;
  const auto stream = streamOf(*own->device, streamHandle);
  if (!stream) return NCCL_INVALID_ARGUMENT;
  Clique& clique = *own->clique;
  if (clique.together && clique.ranks > 1 && groups == 0) return NCCL_INVALID_USAGE;
  const size_t number = clique.next[own->rank]++;
  if (number == clique.calls.size()) {
    clique.calls.push_back(std::make_shared<Call>(wanted));
    clique.calls.back()->parts.resize(clique.ranks);
  }
  const std::shared_ptr<Call> one = clique.calls[number];
  if (one->count != wanted.count || one->element != wanted.element || one->operation != wanted.operation || one->root != wanted.root)
    return NCCL_INVALID_USAGE;
  // else the queue might be emptied by this call, before the other ranks make theirs
  makeRoom(stream);
  one->parts[own->rank] = {stream, stream->queued + 1, to, from};
  one->joined++;
  if (one->joined == clique.ranks) clique.calls[number] = nullptr;
  enqueue(stream, [device = own->device, one] { arrive(*device, *one); });
  return NCCL_SUCCESS;
}

Communicator* member(const std::shared_ptr<Clique>& clique, Device& device, unsigned rank) {
  return new Communicator{clique, &device, rank};
}

std::shared_ptr<Clique> cliqueOf(unsigned ranks, bool together) {
  auto made = std::make_shared<Clique>();
  made->ranks = ranks;
  made->together = together;
  made->next.resize(ranks, 0);
  return made;
}

}  // namespace

/** ncclUniqueId. */
struct NcclId {
  char bytes[128];
};

}  // namespace emulated

using namespace emulated;

API ncclGetVersion(int* version) {
  *version = 22203;
  return NCCL_SUCCESS;
}

extern "C" EXPORT const char* ncclGetErrorString(int code) {
  switch (code) {
    case NCCL_SUCCESS: return "no error";
    case NCCL_SYSTEM: return "unhandled system error";
    case NCCL_INVALID_ARGUMENT: return "invalid argument";
    case NCCL_INVALID_USAGE: return "invalid usage";
    default: return "unknown result code";
  }
}

extern "C" EXPORT const char* ncclGetLastError(void*) { return ""; }

API ncclGetUniqueId(NcclId* id) {
  static std::atomic<unsigned> count{0};
  memset(id->bytes, 0, sizeof id->bytes);
  snprintf(id->bytes, sizeof id->bytes, "%d.%u", getpid(), count++);
  return NCCL_SUCCESS;
}

API ncclCommInitAll(void** made, int count, const int* devices) {
  if (count < 1) return NCCL_INVALID_ARGUMENT;
  auto clique = cliqueOf(unsigned(count), true);
  for (int i = 0; i < count; i++) {
    for (int j = 0; j < i; j++)
      if (devices[i] == devices[j]) return NCCL_INVALID_USAGE;
    if (devices[i] < 0 || devices[i] >= deviceCount()) return NCCL_INVALID_ARGUMENT;
  }
  for (int i = 0; i < count; i++) made[i] = member(clique, deviceAt(devices[i]), unsigned(i));
  return NCCL_SUCCESS;
}

/** Waits for the other ranks, which are threads of this process. */
API ncclCommInitRank(void** made, int ranks, NcclId id, int rank) {
  Device* device = currentDevice();
  if (!device || rank < 0 || rank >= ranks) return NCCL_INVALID_ARGUMENT;
  std::unique_lock<std::mutex> guard(joining);
  std::shared_ptr<Clique>& clique = byId[std::string(id.bytes, sizeof id.bytes)];
  if (!clique) clique = cliqueOf(unsigned(ranks), false);
  const std::shared_ptr<Clique> own = clique;
  own->joined++;
  joined.notify_all();
  const bool all = joined.wait_for(guard, std::chrono::seconds(30), [&] { return own->joined == own->ranks; });
  if (!all) return NCCL_SYSTEM;
  *made = member(own, *device, unsigned(rank));
  return NCCL_SUCCESS;
}

API ncclCommDestroy(void* handle) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  delete static_cast<Communicator*>(handle);
  return NCCL_SUCCESS;
}

/** Nobody runs a stream while a group is being put together: its calls start as one. */
API ncclGroupStart() {
  lock().lock();
  groups++;
  return NCCL_SUCCESS;
}

API ncclGroupEnd() {
  if (groups == 0) return NCCL_INVALID_USAGE;
  groups--;
  lock().unlock();
  return NCCL_SUCCESS;
}

API ncclAllReduce(const void* from, void* to, size_t count, int element, int operation, void* communicator, void* stream) {
  if (operation < SUM || operation > MEAN) return NCCL_INVALID_ARGUMENT;
  Call wanted{count, element, operation, REDUCE, {}};
  return call(communicator, stream, wanted, Address(to), Address(from));
}

API ncclBroadcast(const void* from, void* to, size_t count, int element, int root, void* communicator, void* stream) {
  Call wanted{count, element, SUM, root, {}};
  return call(communicator, stream, wanted, Address(to), Address(from));
}
