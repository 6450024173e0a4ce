/**
 * Streams and events. Work waits in its stream until somebody waits for it: the latest moment that CUDA allows, so that
 * whoever forgets to wait finds nothing.
 *
 * Invariant: work of one stream runs in order; `done` counts what ran. A stream runs another one's work only up to an event
 * that it waits for.
 */
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include "device.h"

namespace emulated {

struct Stream {
  Device* device;
  /** Whether it waits for the default stream, and that one for it. */
  bool blocking;
  std::deque<std::function<void()>> waiting;
  unsigned long long queued = 0, done = 0;
  /** Whether somebody was told that its work is not done. */
  bool asked = false;
};

/** A point in a stream that was recorded. */
struct Moment {
  std::shared_ptr<Stream> stream;
  unsigned long long position = 0;
  /** Milliseconds, when the stream got there. */
  std::shared_ptr<double> time;
};

struct Event {
  Device* device;
  bool timing;
  bool recorded = false;
  bool asked = false;
  Moment moment;
};

/** The stream of a handle; null if there is none such. */
std::shared_ptr<Stream> streamOf(Device&, void* handle);
/** Puts work at the end of a stream. */
void enqueue(const std::shared_ptr<Stream>&, std::function<void()> work);

/** Has a queue that is half full done now, so that the next pieces of work only wait in it. */
void makeRoom(const std::shared_ptr<Stream>& stream);
/** Runs what the stream has. */
void runAll(const std::shared_ptr<Stream>&);
void runAll(Device&);
/** Runs what comes before a moment. */
void runUntil(const Moment&);

}  // namespace emulated
