/**
 * Shared memory between guards.
 *
 * Invariant: a block's bytes, and those around them, are NaN when it begins.
 */
#include "shared.h"
#include <cstring>
#include <sys/mman.h>

namespace emulated::shared {
namespace {

constexpr unsigned ALIGNMENT = 1024;
/** More than any device has, after a guard of its own. */
constexpr unsigned MOST = 256 << 10;
constexpr unsigned GUARD = 64 << 10;
constexpr unsigned BLOCKS = 16;
constexpr unsigned BEFORE = 256;
constexpr unsigned char POISON = 0xff;

/** Where block `rank`'s memory must end. */
unsigned char* end(unsigned rank) {
  static unsigned char* const all = [] {
    const unsigned long bytes = (unsigned long)BLOCKS * (MOST + GUARD) + GUARD;
    void* made = mmap(nullptr, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    unsigned char* first = static_cast<unsigned char*>(made) + GUARD;
    for (unsigned i = 0; i < BLOCKS; i++) mprotect(first + i * (MOST + GUARD), MOST, PROT_READ | PROT_WRITE);
    return first;
  }();
  return all + rank * (MOST + GUARD) + MOST;
}

unsigned rounded(unsigned bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

bool isPoison(const unsigned char* from, const unsigned char* to) {
  for (; from < to; from++)
    if (*from != POISON) return false;
  return true;
}

}  // namespace

unsigned char* of(unsigned rank, unsigned bytes) { return end(rank) - rounded(bytes); }

void poison(unsigned rank, unsigned bytes) {
  if (bytes) memset(of(rank, bytes) - BEFORE, POISON, rounded(bytes) + BEFORE);
}

bool isIntact(unsigned rank, unsigned bytes) {
  unsigned char* start = of(rank, bytes);
  return bytes == 0 || (isPoison(start - BEFORE, start) && isPoison(start + bytes, end(rank)));
}

}  // namespace emulated::shared
