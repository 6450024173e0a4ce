/**
 * Units and how they are compiled: what NVRTC does, without its C interface.
 *
 * Invariant: a program that did not compile has a log that says why.
 */
#pragma once
#include <string>
#include <vector>

namespace emulated {

struct Program {
  std::string source, name, log, image;
  /** Whether it stands for PTX, which any newer device takes. */
  bool portable = false;
};

struct Options {
  unsigned architecture = 52;
  bool exact = false, portable = true;
  std::vector<std::string> flags;
};

/** Whether NVRTC has this option. */
bool parseOption(const std::string& option, Options&);
/** Makes the image; false with a log. */
bool compile(Program&, const Options&);

}  // namespace emulated
