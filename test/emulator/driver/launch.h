/**
 * Kernels and how they are started: what is checked when the driver is called, and running it when the stream gets there.
 *
 * Invariant: a launch owns its arguments: they are copied when it is made.
 */
#pragma once
#include <memory>
#include <string>
#include "device.h"
#include "unit.h"

namespace emulated {

struct Module;

/** A kernel of a module, as a handle. */
struct Function {
  Module* module;
  const Kernel* kernel;
  Device* device;
  /** Dynamic shared memory that it may have. */
  unsigned sharedBytes = 48 << 10;
};

/** Whether the handle is a kernel of this device. */
bool isFunction(Device&, void* handle);

struct Work {
  Function* function = nullptr;
  Index grid, threads;
  unsigned sharedBytes, cluster;
  std::string arguments;
};

/** Makes a launch of what the driver was given, or says why not. */
int makeWork(Device&, const KernelParameters&, unsigned cluster, Work& made);
void runWork(Device&, const Work&);

}  // namespace emulated
