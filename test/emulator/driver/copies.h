/**
 * Copies from global to shared memory that go on while the thread does (`cp.async`).
 *
 * Invariant: where a copy goes is unreadable (NaN) from its start until the thread that started it waits for it, as late
 * as the hardware could be.
 */
#pragma once
#include <vector>

namespace emulated {

struct Copy {
  unsigned char* to;
  unsigned bytes;
  alignas(16) unsigned char data[16];
};

/** Those of one thread that are under way, in order, and where groups of them end. */
struct Copies {
  std::vector<Copy> all;
  std::vector<unsigned> groups;

  void clear() {
    if (!all.empty()) all.clear();
    if (!groups.empty()) groups.clear();
  }
};

}  // namespace emulated
