/**
 * What compiled units and the driver share: the state that kernels read, and the table of a unit's kernels.
 *
 * Invariant: `include/kernel.h` declares the same layouts.
 */
#pragma once
#include "abi.h"

namespace emulated {

struct Index {
  unsigned x, y, z;
};

/** Where the running thread is: what `threadIdx` and its like stand for. */
struct State {
  Index thread, block, blockSize, gridSize;
  unsigned char* shared;
};

/** One kernel of a unit. */
struct Kernel {
  const char* name;
  /** Runs one thread. */
  void (*run)(const unsigned char* arguments);
  /** The most threads of a block that it was compiled for. */
  unsigned threads;
  unsigned parameters;
  /** Where in the packed structure each argument begins; the last: where the structure ends. */
  const unsigned* offsets;
  /** Bytes of shared memory that it declares by itself. */
  unsigned sharedBytes;

  unsigned argumentBytes() const { return offsets[parameters]; }
};

}  // namespace emulated

extern "C" EXPORT emulated::State tigon_emulated;
