/**
 * Runs the blocks of a launch, one cluster after the other, each thread of a block as a fiber.
 *
 * A thread that never waits costs a call; one that waits keeps its stack until what it waits for holds, and the thread
 * after it goes on. So waiting is the only time when another thread runs, and every order that `Order` can give is legal.
 *
 * Invariant: a thread that waits is in exactly one place: among the waiters of a barrier or a warp, or in the list of those
 * whose condition is asked; when nobody can run and nothing is under way, the launch fails.
 */
#pragma once
#include <string>
#include <vector>
#include "copies.h"
#include "fiber.h"
#include "unit.h"

namespace emulated {

constexpr unsigned WARP = 32;

struct Block;
struct Warp;

/** One thread of the blocks that run. */
struct Thread {
  Index index;
  /** Place in its block. */
  unsigned rank;
  Block* block;
  Warp* warp;
  Fiber* fiber;
  /** What it waits for, in words; null while it does not. */
  const char* waits;
  int line;
  /** When it waits for a condition. */
  bool (*holds)(void* subject);
  void* subject;
  Copies copies;
};

/** What a lane brings to something that its whole warp does, and where it wants the result. */
struct Lane {
  const void* in;
  void* out;
  int argument;
};

/** An aligned run of 32 threads. */
struct Warp {
  Block* block;
  unsigned size, arrived, left;
  /** Counts what the warp did together. */
  unsigned generation;
  const char* what;
  int line;
  Thread* threads[WARP];
  Lane lanes[WARP];
};

struct Block {
  Index index;
  unsigned char* shared;
  unsigned sharedBytes, threads, arrived, left;
  /** Whether threads wait for each other in other ways than at barriers. */
  bool orderedOtherwise;
  /** Counts barriers. */
  unsigned generation;
  int line;
  std::vector<Thread*> waiting;
};

/** A kernel and all it is started with. */
struct Launch {
  const Kernel* kernel;
  Index grid, threads;
  unsigned sharedBytes;
  /** Blocks along x that run together. */
  unsigned cluster;
  const unsigned char* arguments;
};

namespace scheduler {

/** Runs all blocks; faults leave it by `fail` or a signal. */
void run(const Launch&);
/** Forgets the launch, whether it ended or not. */
void stop();

/** The thread that runs, for functions that kernels call. */
Thread& current();
/** The launch that runs. */
const Launch& launch();
/** The block of rank `rank` in the running thread's cluster. */
Block& clusterBlock(unsigned rank);
bool isRunning();
/** Kernel, block and thread, in words. */
std::string place();
bool isStackGuard(const void*);

/** Lets others run until `holds(subject)`. */
void waitUntil(bool (*holds)(void*), void* subject, const char* what, int line);
/** Something that threads may wait for happens by itself: `deliver` makes one such thing happen, if one is under way. */
void setDelivery(bool (*deliver)());
/** Whether that was said in this launch. */
bool hasDelivery();
/** All threads of the block meet. */
void barrier(int line);
/** All 32 lanes meet (not `whole`: those that the block has); the last one computes for all. */
void collective(const char* what, int line, Lane lane, void (*compute)(Warp&), bool whole = true);
/** Fails unless `bytes` from here on are shared memory of the running block, aligned to `alignment`. */
void mustBeShared(const void*, unsigned bytes, unsigned alignment, const char* what);

}  // namespace scheduler
}  // namespace emulated
