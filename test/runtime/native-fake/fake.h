// A driver whose device does nothing until somebody waits for it: then it does all that was asked of it, in order. Whoever
// reads too early, or lets memory change too early, is found out.
//
// The variable FAKE_CUDA holds words that make it misbehave: see `is`.
// Invariant: the first fault stays: every later call but those that destroy gives it back.
#pragma once
#include <cstring>
#include <string>
#include <functional>
#include "abi/driver.h"

namespace fake {

using tigon::Address;
using tigon::Opaque;

constexpr int INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_IMAGE = 200,
              INVALID_CONTEXT = 201, NOT_FOUND = 500, NOT_READY = 600, ILLEGAL_ADDRESS = 700,
              UPDATE_FAILURE = 910, NOT_READY_SYSTEM = 802;

// Whether FAKE_CUDA has this word.
bool is(const char* word);
// The fault so far, or that no context is current on this thread.
int state();
void later(std::function<void()> work);
void doAll();
// Does a kernel's work: what `name` says, with packed parameters.
struct Launch {
  const char* name;
  unsigned grid[3];
  unsigned threads, sharedBytes, cluster;
  std::string parameters;
};
void run(const Launch& launch);
std::string packedOf(void** extra);
// Objects that are alive, by kind, which releasing a context prints.
void count(const char* kind, int change);

}  // namespace fake
