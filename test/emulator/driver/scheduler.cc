/**
 * Threads of a block, who of them runs, and how they wait.
 *
 * Invariant: `now` is the running thread, and `tigon_emulated` describes it.
 */
#include "scheduler.h"
#include <algorithm>
#include <cstdio>
#include <cstring>
#include "check.h"
#include "fault.h"
#include "settings.h"
#include "shared.h"

emulated::State tigon_emulated;

namespace emulated::scheduler {
namespace {

const Launch* running;
std::vector<Thread> threads;
std::vector<Warp> warps;
std::vector<Block> blocks;
/** The order in which threads start, and how many did. */
std::vector<unsigned> order;
unsigned started, finished;
/** The order in which clusters run. */
std::vector<unsigned> clusters;
std::vector<Thread*> ready;
size_t firstReady;
std::vector<Thread*> asking;
Thread* now;
void* outside;
bool (*delivery)();
Dice dice(1);

Order how;

bool randomly() { return how == Order::Random; }

bool askAll() {
  bool any = false;
  for (size_t i = 0; i < asking.size();) {
    Thread* thread = asking[i];
    if (thread->holds(thread->subject)) {
      ready.push_back(thread);
      asking.erase(asking.begin() + long(i));
      any = true;
    } else {
      i++;
    }
  }
  return any;
}

/** Who runs next: one that may go on, else one that has not begun; null if there is none. */
Thread* pick() {
  for (;;) {
    const size_t waiting = ready.size() - firstReady;
    const bool begins = started < order.size();
    if (waiting > 0 && !(randomly() && begins && dice.below(8) == 0)) {
      if (randomly()) std::swap(ready[firstReady], ready[firstReady + dice.below(unsigned(waiting))]);
      Thread* next = ready[firstReady++];
      if (firstReady == ready.size()) ready.clear(), firstReady = 0;
      return next;
    }
    if (begins) return &threads[order[started++]];
    if (askAll()) continue;
    if (!delivery || !delivery()) return nullptr;
  }
}

void describeCurrent(Thread* thread) {
  now = thread;
  tigon_emulated.thread = thread->index;
  if (running->cluster > 1) {
    tigon_emulated.block = thread->block->index;
    tigon_emulated.shared = thread->block->shared;
  }
}

[[noreturn]] void stuck() {
  // the first few that wait, each for something else
  static std::string all;
  all.clear();
  unsigned said = 0;
  for (const Thread& one : threads) {
    if (!one.waits || said == 4) continue;
    char text[160];
    snprintf(text, sizeof text, "%sthread (%u, %u, %u) waits at %s, line %d", said ? "; " : "", one.index.x, one.index.y,
             one.index.z, one.waits, one.line);
    bool seen = false;
    for (const Thread* other = threads.data(); other < &one; other++)
      seen = seen || (other->waits == one.waits && other->line == one.line);
    if (seen) continue;
    all += text;
    said++;
  }
  fail(LAUNCH_FAILED, "threads wait for each other: %s", all.c_str());
}

void body();

/** Leaves this fiber for `next`; comes back when this thread is picked again. */
void leaveFor(Thread* next) {
  if (!next->fiber) next->fiber = fibers::take(body);
  Thread* self = now;
  describeCurrent(next);
  fibers::change(&self->fiber->stackPointer, next->fiber->stackPointer);
}

/** What is to be done before waiting: others run. */
void suspend(const char* what, int line) {
  Thread* self = now;
  self->waits = what;
  self->line = line;
  Thread* next = pick();
  if (!next) stuck();
  if (next != self) leaveFor(next);
  self->waits = nullptr;
}

void leave(Thread& thread) {
  Block& block = *thread.block;
  Warp& warp = *thread.warp;
  finished++;
  block.left++;
  warp.left++;
  if (block.arrived)
    fail(LAUNCH_FAILED, "the thread ends while %u others wait at the barrier of line %d", block.arrived, block.line);
  if (warp.arrived)
    fail(LAUNCH_FAILED, "the thread ends while %u others of its warp wait at %s, line %d", warp.arrived, warp.what, warp.line);
}

/** A fiber's life: one thread after the other, until one of them has a stack already. */
void body() {
  for (;;) {
    running->kernel->run(running->arguments);
    Fiber* own = now->fiber;
    leave(*now);
    now->fiber = nullptr;
    Thread* next = pick();
    if (next && !next->fiber) {
      next->fiber = own;
      describeCurrent(next);
      continue;
    }
    if (!next && finished < threads.size()) stuck();
    void* nowhere;
    fibers::give(own);
    if (next) {
      describeCurrent(next);
      fibers::change(&nowhere, next->fiber->stackPointer);
    } else {
      fibers::change(&nowhere, outside);
    }
  }
}

void release(std::vector<Thread*>& waiting) {
  ready.insert(ready.end(), waiting.begin(), waiting.end());
  waiting.clear();
}

void shuffle(std::vector<unsigned>& items) {
  for (size_t i = items.size(); i > 1; i--) std::swap(items[i - 1], items[dice.below(unsigned(i))]);
}

void number(std::vector<unsigned>& items, size_t count) {
  items.resize(count);
  for (size_t i = 0; i < count; i++)
    items[i] = unsigned(how == Order::Reverse ? count - 1 - i : i);
}

/** What is the same for all clusters of a launch. */
void prepare(const Launch& launch) {
  const unsigned each = launch.threads.x * launch.threads.y * launch.threads.z;
  const unsigned warpsEach = (each + WARP - 1) / WARP;
  blocks.resize(launch.cluster);
  warps.resize(size_t(warpsEach) * launch.cluster);
  threads.resize(size_t(each) * launch.cluster);
  for (unsigned b = 0; b < launch.cluster; b++) {
    Block& block = blocks[b];
    block.shared = shared::of(b, launch.sharedBytes);
    block.sharedBytes = launch.sharedBytes;
    block.threads = each;
    for (unsigned w = 0; w < warpsEach; w++) {
      Warp& warp = warps[b * warpsEach + w];
      warp.block = &block;
      warp.size = std::min(WARP, each - w * WARP);
    }
    for (unsigned t = 0; t < each; t++) {
      Thread& thread = threads[b * each + t];
      thread.index = {t % launch.threads.x, t / launch.threads.x % launch.threads.y,
                      t / (launch.threads.x * launch.threads.y)};
      thread.rank = t;
      thread.block = &block;
      thread.warp = &warps[b * warpsEach + t / WARP];
      thread.fiber = nullptr;
    }
  }
  number(order, threads.size());
  tigon_emulated.blockSize = launch.threads;
  tigon_emulated.gridSize = launch.grid;
}

void runCluster(Index first) {
  for (size_t b = 0; b < blocks.size(); b++) {
    Block& block = blocks[b];
    block.index = {first.x + unsigned(b), first.y, first.z};
    block.arrived = block.left = block.generation = 0;
    block.orderedOtherwise = false;
    block.waiting.clear();
    shared::poison(unsigned(b), block.sharedBytes);
    check::beginBlock(block);
  }
  for (Warp& warp : warps) warp.arrived = warp.left = warp.generation = 0;
  for (Thread& thread : threads) {
    thread.waits = nullptr;
    thread.copies.clear();
  }
  ready.clear();
  asking.clear();
  firstReady = started = finished = 0;
  if (randomly()) shuffle(order);
  tigon_emulated.block = blocks[0].index;
  tigon_emulated.shared = blocks[0].shared;
  Thread* thread = pick();
  thread->fiber = fibers::take(body);
  describeCurrent(thread);
  fibers::change(&outside, thread->fiber->stackPointer);
  for (size_t b = 0; b < blocks.size(); b++)
    if (!shared::isIntact(unsigned(b), blocks[b].sharedBytes))
      fail(ILLEGAL_ADDRESS, "the block wrote beyond its %u bytes of shared memory", blocks[b].sharedBytes);
}

}  // namespace

void run(const Launch& launch) {
  running = &launch;
  now = nullptr;
  fibers::giveAll();
  how = conduct().order;
  dice = Dice(conduct().seed);
  prepare(launch);
  const unsigned columns = launch.grid.x / launch.cluster;
  number(clusters, size_t(columns) * launch.grid.y * launch.grid.z);
  if (randomly()) shuffle(clusters);
  for (unsigned at : clusters)
    runCluster({at % columns * launch.cluster, at / columns % launch.grid.y, at / columns / launch.grid.y});
}

void stop() {
  delivery = nullptr;
  running = nullptr;
  now = nullptr;
}

Thread& current() { return *now; }

const Launch& launch() { return *running; }

Block& clusterBlock(unsigned rank) {
  if (rank >= blocks.size()) fail(LAUNCH_FAILED, "block %u of a cluster of %zu", rank, blocks.size());
  return blocks[rank];
}

bool isRunning() { return running != nullptr; }

bool isStackGuard(const void* address) { return fibers::isGuard(address); }

std::string place() {
  if (!running) return "a copy";
  if (!now) return std::string("kernel ") + running->kernel->name;
  char text[256];
  const Index& block = now->block->index;
  snprintf(text, sizeof text, "kernel %s, block (%u, %u, %u), thread (%u, %u, %u)", running->kernel->name, block.x, block.y,
           block.z, now->index.x, now->index.y, now->index.z);
  return text;
}

void setDelivery(bool (*deliver)()) { delivery = deliver; }

bool hasDelivery() { return delivery != nullptr; }

void waitUntil(bool (*holds)(void*), void* subject, const char* what, int line) {
  if (holds(subject)) return;
  now->block->orderedOtherwise = true;
  now->holds = holds;
  now->subject = subject;
  asking.push_back(now);
  suspend(what, line);
}

void barrier(int line) {
  Block& block = *now->block;
  if (block.left) fail(LAUNCH_FAILED, "the barrier of line %d, which %u threads that ended never reach", line, block.left);
  if (block.arrived && block.line != line)
    fail(LAUNCH_FAILED, "threads of one block wait at different barriers, of lines %d and %d", block.line, line);
  block.line = line;
  if (++block.arrived < block.threads) {
    block.waiting.push_back(now);
    return suspend("the barrier", line);
  }
  block.arrived = 0;
  block.generation++;
  release(block.waiting);
}

void collective(const char* what, int line, Lane lane, void (*compute)(Warp&), bool whole) {
  Warp& warp = *now->warp;
  // lanes that a small block never had are like lanes that ended before: nobody waits for them
  const unsigned needed = whole ? WARP : warp.size;
  if (warp.left || warp.size < needed)
    fail(LAUNCH_FAILED, "%s of line %d, which only %u of 32 lanes can reach", what, line, warp.size - warp.left);
  if (warp.arrived && (warp.what != what || warp.line != line))
    fail(LAUNCH_FAILED, "lanes of one warp are at different places: %s of line %d and %s of line %d", warp.what, warp.line, what,
         line);
  warp.what = what;
  warp.line = line;
  warp.lanes[now->rank % WARP] = lane;
  warp.threads[warp.arrived++] = now;
  if (warp.arrived < needed) return suspend(what, line);
  warp.arrived = 0;
  warp.generation++;
  compute(warp);
  ready.insert(ready.end(), warp.threads, warp.threads + needed - 1);
}

void mustBeShared(const void* address, unsigned bytes, unsigned alignment, const char* what) {
  const Block& block = *now->block;
  const unsigned char* at = static_cast<const unsigned char*>(address);
  if (at < block.shared || at + bytes > block.shared + block.sharedBytes)
    fail(ILLEGAL_ADDRESS, "%s at byte %td of %u bytes of shared memory", what, at - block.shared, block.sharedBytes);
  if (size_t(at) % alignment) fail(MISALIGNED_ADDRESS, "%s at byte %td of shared memory", what, at - block.shared);
}

}  // namespace emulated::scheduler

extern "C" EXPORT void tigon_emulated_barrier(int line) { emulated::scheduler::barrier(line); }
