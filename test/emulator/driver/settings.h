/**
 * What tests set through the environment: the machine, read once, and how kernels run on it.
 *
 * Invariant: equal settings give equal runs, the random order too.
 */
#pragma once
#include <cstdlib>
#include <cstring>
#include <string>

namespace emulated {

enum class Order { Forward, Reverse, Random };

struct Settings {
  int devices = 2;
  /** 80 is 8.0. */
  int capability = 80;
  size_t memoryBytes = size_t(8) << 30;
  /** Whether faults are written to stderr. */
  bool verbose = false;
  /** Where compiled units are kept; empty: nowhere. */
  std::string cache;
};

inline const Settings& settings() {
  static const Settings all = [] {
    Settings s;
    auto number = [](const char* name, double otherwise) {
      const char* text = getenv(name);
      return text && *text ? atof(text) : otherwise;
    };
    s.devices = int(number("TIGON_EMULATED_DEVICES", s.devices));
    s.capability = int(number("TIGON_EMULATED_CAPABILITY", s.capability));
    s.memoryBytes = size_t(number("TIGON_EMULATED_MEMORY", double(s.memoryBytes)));
    s.verbose = number("TIGON_EMULATED_VERBOSE", 0) != 0;
    if (const char* folder = getenv("TIGON_EMULATED_CACHE")) s.cache = folder;
    return s;
  }();
  return all;
}

/** How kernels are run: asked for at each launch, so that one process can try several ways. */
struct Conduct {
  Order order = Order::Forward;
  unsigned seed = 1;
  /** Whether every access of a kernel is checked by itself, which takes several times longer. */
  bool check = false;
};

inline Conduct conduct() {
  Conduct now;
  const char* check = getenv("TIGON_EMULATED_CHECK");
  now.check = check && atoi(check) != 0;
  const char* order = getenv("TIGON_EMULATED_ORDER");
  if (order && !strncmp(order, "reverse", 7)) now.order = Order::Reverse;
  if (order && !strncmp(order, "random", 6)) {
    now.order = Order::Random;
    if (order[6] == '+') now.seed = unsigned(atoi(order + 7));
  }
  return now;
}

/** Random numbers that are the same in every run. */
struct Dice {
  unsigned long long state;
  explicit Dice(unsigned seed) : state(seed * 0x9e3779b97f4a7c15ull + 1) {}
  /** Below `end`. */
  unsigned below(unsigned end) {
    state = state * 6364136223846793005ull + 1442695040888963407ull;
    return unsigned((state >> 33) * end >> 31);
  }
};

}  // namespace emulated
