/**
 * What goes wrong while a kernel runs: out of bounds, a barrier that is never complete. The process goes on; the device
 * is lost, as a real one would be.
 *
 * Invariant: a fault ends the kernel at once, wherever in it: nothing between `fail` and `guarded` needs a destructor.
 */
#pragma once
#include <csetjmp>
#include <functional>
#include <string>
#include "abi.h"

namespace emulated {

struct Fault {
  Result code = SUCCESS;
  std::string text;
};

/** Ends the kernel that runs. */
[[noreturn]] void fail(Result code, const char* format, ...) __attribute__((format(printf, 2, 3)));

/** Runs `body` so that faults in it, signals included, come back as a result. */
Fault guarded(const std::function<void()>& body);

}  // namespace emulated
