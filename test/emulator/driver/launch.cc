/**
 * Starting kernels.
 *
 * Invariant: after every kernel the bytes around the memory that it was given are as they were.
 */
#include "launch.h"
#include <cstdio>
#include <cstring>
#include "check.h"
#include "fault.h"
#include "memory.h"
#include "scheduler.h"
#include "settings.h"
#include "stream.h"

namespace emulated {
namespace {

/** Refusals that would be hard to understand by their number. */
int refuse(Result code, const Kernel& kernel, const char* why) {
  if (settings().verbose) fprintf(stderr, "emulated CUDA: launch of %s: %s\n", kernel.name, why);
  return code;
}

int takeArguments(const Kernel& kernel, const KernelParameters& given, std::string& packed) {
  packed.assign(kernel.argumentBytes(), '\0');
  if (given.parameters) {
    for (unsigned i = 0; i < kernel.parameters; i++) {
      const unsigned end = i + 1 < kernel.parameters ? kernel.offsets[i + 1] : kernel.argumentBytes();
      memcpy(&packed[kernel.offsets[i]], given.parameters[i], end - kernel.offsets[i]);
    }
    return SUCCESS;
  }
  const void* from = nullptr;
  size_t bytes = 0;
  for (void** at = given.extra; at && *at != ARGUMENTS_END; at += 2) {
    if (*at == ARGUMENTS_POINTER) from = at[1];
    else if (*at == ARGUMENTS_SIZE) bytes = *static_cast<size_t*>(at[1]);
    else return INVALID_VALUE;
  }
  if (bytes != packed.size()) return refuse(INVALID_VALUE, kernel, "the arguments have another size than the parameters");
  if (bytes) memcpy(&packed[0], from, bytes);
  return SUCCESS;
}

void checkSurroundings(Device& device, const Work& work) {
  for (size_t at = 0; at + 8 <= work.arguments.size() && !device.broken; at += 8) {
    Address address;
    memcpy(&address, &work.arguments[at], 8);
    Device* of = owner(address);
    Allocation* one = of ? find(*of, address) : nullptr;
    if (one && one->state != Allocation::Freed && one->state != Allocation::Promised && !isIntact(*one))
      breakDevice(device, {ILLEGAL_ADDRESS, std::string("kernel ") + work.function->kernel->name + ": wrote around the " +
                                                std::to_string(one->bytes) + " bytes of an argument"});
  }
}

}  // namespace

int makeWork(Device& device, const KernelParameters& given, unsigned cluster, Work& made) {
  if (!isFunction(device, given.function)) return INVALID_HANDLE;
  Function* function = static_cast<Function*>(given.function);
  const Kernel& kernel = *function->kernel;
  const unsigned long long threads = (unsigned long long)given.threadsX * given.threadsY * given.threadsZ;
  if (!given.gridX || !given.gridY || !given.gridZ || given.gridX > 0x7fffffff || given.gridY > 65535 || given.gridZ > 65535)
    return refuse(INVALID_VALUE, kernel, "a grid that no device has");
  if (!threads || threads > 1024 || given.threadsZ > 64) return refuse(INVALID_VALUE, kernel, "more threads than a block can have");
  if (threads > kernel.threads) return refuse(INVALID_VALUE, kernel, "more threads than its launch bounds");
  if (given.sharedBytes > function->sharedBytes) return refuse(INVALID_VALUE, kernel, "more shared memory than was allowed");
  if (cluster == 0 || cluster > 8 || given.gridX % cluster || (cluster > 1 && settings().capability < 90))
    return refuse(INVALID_VALUE, kernel, "a cluster that does not fit");
  const int result = takeArguments(kernel, given, made.arguments);
  if (result != SUCCESS) return result;
  made.function = function;
  made.grid = {given.gridX, given.gridY, given.gridZ};
  made.threads = {given.threadsX, given.threadsY, given.threadsZ};
  made.sharedBytes = given.sharedBytes;
  made.cluster = cluster;
  return SUCCESS;
}

void runWork(Device& device, const Work& work) {
  alignas(128) static unsigned char arguments[4096 + 128];
  memcpy(arguments, work.arguments.data(), work.arguments.size());
  const Launch launch{work.function->kernel, work.grid, work.threads, work.sharedBytes, work.cluster, arguments};
  check::beginLaunch();
  const Fault fault = guarded([&] { scheduler::run(launch); });
  scheduler::stop();
  if (fault.code) breakDevice(device, fault);
  else checkSurroundings(device, work);
}

}  // namespace emulated

using namespace emulated;

namespace {

int start(const KernelParameters& given, void* streamHandle, unsigned cluster) {
  return onDevice([&](Device& device) -> int {
    const auto stream = streamOf(device, streamHandle);
    if (!stream) return INVALID_HANDLE;
    auto work = std::make_shared<Work>();
    const int result = makeWork(device, given, cluster, *work);
    if (result == SUCCESS) enqueue(stream, [&device, work] { runWork(device, *work); });
    return result;
  });
}

}  // namespace

API cuLaunchKernel(void* function, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned threadsX, unsigned threadsY,
                   unsigned threadsZ, unsigned sharedBytes, void* stream, void** parameters, void** extra) {
  const KernelParameters given{function,    gridX,      gridY, gridZ,   threadsX, threadsY, threadsZ,
                               sharedBytes, parameters, extra, nullptr, nullptr};
  return start(given, stream, 1);
}

API cuLaunchKernelEx(const LaunchConfiguration* how, void* function, void** parameters, void** extra) {
  unsigned cluster = 1;
  for (unsigned i = 0; i < how->attributeCount; i++) {
    const LaunchAttribute& one = how->attributes[i];
    if (one.id != ATTRIBUTE_CLUSTER) return NOT_SUPPORTED;
    if (one.cluster[1] != 1 || one.cluster[2] != 1) return NOT_SUPPORTED;
    cluster = one.cluster[0];
  }
  const KernelParameters given{function,         how->gridX, how->gridY, how->gridZ, how->threadsX, how->threadsY, how->threadsZ,
                               how->sharedBytes, parameters, extra,      nullptr,    nullptr};
  return start(given, how->stream, cluster);
}
