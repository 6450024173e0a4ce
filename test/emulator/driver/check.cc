/**
 * Checks of single accesses: with `TIGON_EMULATED_CHECK=1` units are compiled so that every load and store calls here
 * first (g++'s `-fsanitize=thread`, whose functions these are).
 *
 * Invariant: between two barriers of a block a byte of shared memory is written by one thread and read by no other, or
 * read by any; bytes of global memory belong to an allocation.
 */
#include "check.h"
#include <cstring>
#include "fault.h"
#include "memory.h"
#include "scheduler.h"
#include "settings.h"

namespace emulated::check {
namespace {

/** Who touched a byte of shared memory last, and when. */
struct Touch {
  unsigned writer, wrote, reader, read;
};

constexpr unsigned NOBODY = ~0u;
constexpr unsigned BYTES = 256 << 10;

Touch* touches;
bool active;
Allocation* last;

Touch* touchesOf(const Block&, size_t offset) {
  if (!touches) touches = new Touch[BYTES];
  return touches + offset;
}

/** Whether nothing orders what another thread did before what this one does. */
bool races(const Thread& own, unsigned other, unsigned when) {
  return other != NOBODY && other != own.rank && when == own.block->generation;
}

void checkShared(const Thread& own, size_t offset, unsigned bytes, bool writes) {
  Touch* touch = touchesOf(*own.block, offset);
  for (unsigned i = 0; i < bytes; i++) {
    Touch& one = touch[i];
    if (races(own, one.writer, one.wrote))
      fail(LAUNCH_FAILED, "%s byte %zu of shared memory, which thread %u writes without a barrier between", writes ? "writes" : "reads",
           offset + i, one.writer);
    if (writes && races(own, one.reader, one.read))
      fail(LAUNCH_FAILED, "writes byte %zu of shared memory, which thread %u reads without a barrier between", offset + i, one.reader);
    if (writes) {
      one.writer = own.rank;
      one.wrote = own.block->generation;
    } else {
      one.reader = own.rank;
      one.read = own.block->generation;
    }
  }
}

bool belongs(Address address, unsigned bytes) {
  if (last && last->state == Allocation::Live && address >= last->start && address + bytes <= last->start + last->bytes) return true;
  Device* of = owner(address);
  if (!of) return true;  // a thread's own arrays and constants
  last = find(*of, address);
  return last && last->state == Allocation::Live && address + bytes <= last->start + last->bytes;
}

void check(const void* address, unsigned bytes, bool writes) {
  if (!scheduler::isRunning()) return;
  const Thread& own = scheduler::current();
  const unsigned char* at = static_cast<const unsigned char*>(address);
  if (at >= own.block->shared && at < own.block->shared + own.block->sharedBytes) {
    if (at + bytes > own.block->shared + own.block->sharedBytes)
      fail(ILLEGAL_ADDRESS, "an access behind %u bytes of shared memory", own.block->sharedBytes);
    if (scheduler::launch().cluster == 1 && !own.block->orderedOtherwise) checkShared(own, size_t(at - own.block->shared), bytes, writes);
    return;
  }
  if (!belongs(Address(at), bytes)) fail(ILLEGAL_ADDRESS, "an access to %u bytes at %p, %s", bytes, address, describe(Address(at)).c_str());
}

}  // namespace

void read(const void* address, unsigned bytes) {
  if (active) check(address, bytes, false);
}

void write(void* address, unsigned bytes) {
  if (active) check(address, bytes, true);
}

void beginBlock(const Block& block) {
  if (active && block.sharedBytes) memset(touchesOf(block, 0), 0xff, block.sharedBytes * sizeof(Touch));
}

void beginLaunch() {
  active = conduct().check;
  last = nullptr;
}

}  // namespace emulated::check

using emulated::check::read;
using emulated::check::write;

#define ACCESS(bytes)                                                                                      \
  extern "C" EXPORT void __tsan_read##bytes(void* at) { read(at, bytes); }                                 \
  extern "C" EXPORT void __tsan_write##bytes(void* at) { write(at, bytes); }                               \
  extern "C" EXPORT void __tsan_unaligned_read##bytes(void* at) { read(at, bytes); }                       \
  extern "C" EXPORT void __tsan_unaligned_write##bytes(void* at) { write(at, bytes); }                     \
  extern "C" EXPORT void __tsan_volatile_read##bytes(void* at) { read(at, bytes); }                        \
  extern "C" EXPORT void __tsan_volatile_write##bytes(void* at) { write(at, bytes); }
ACCESS(1)
ACCESS(2)
ACCESS(4)
ACCESS(8)
ACCESS(16)
#undef ACCESS

extern "C" EXPORT void __tsan_read_range(void* at, unsigned long bytes) { read(at, unsigned(bytes)); }
extern "C" EXPORT void __tsan_write_range(void* at, unsigned long bytes) { write(at, unsigned(bytes)); }
extern "C" EXPORT void __tsan_init() {}
