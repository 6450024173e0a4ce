/**
 * The emulated devices, and what every call of the driver begins with.
 *
 * Invariant: one call runs at a time. A device that met a fault answers every later call with that fault, as a real
 * context does, until the process ends.
 */
#pragma once
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include "abi.h"

namespace emulated {

struct Stream;
struct Fault;

/** A device, and its primary context, which is the only one: contexts are devices here. */
struct Device {
  int index;
  size_t memoryBytes;
  size_t used = 0;
  int retained = 0;
  std::set<int> peers;
  Result broken = SUCCESS;
  std::shared_ptr<Stream> defaultStream;
  std::set<std::shared_ptr<Stream>> streams;
};

int deviceCount();
Device& deviceAt(int index);
/** The device of the calling thread's current context; null without. */
Device* currentDevice();
std::recursive_mutex& lock();
/** The device is lost; tells people why. */
void breakDevice(Device&, const Fault&);
/** Most dynamic shared memory of a block. */
unsigned sharedLimit();

/** What a call does with a current context that is in order. */
template <class Body>
int onDevice(Body body) {
  std::lock_guard<std::recursive_mutex> guard(lock());
  Device* device = currentDevice();
  if (!device) return INVALID_CONTEXT;
  if (device->broken) return device->broken;
  const int result = body(*device);
  return result == SUCCESS ? int(device->broken) : result;
}

}  // namespace emulated
