/**
 * Allocations between guard pages.
 *
 * Invariant: bytes of an allocation's pages that are not its own stay NaN.
 */
#include "memory.h"
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <sys/mman.h>
#include <unistd.h>
#include "device.h"

namespace emulated {
namespace {

constexpr size_t PAGE = 4096;
constexpr size_t ALIGNMENT = 16;
/** Addresses of one device. */
constexpr size_t RANGE = size_t(1) << 38;
/** Of the bytes before an allocation, those that are watched. */
constexpr size_t BEFORE = 256;
constexpr unsigned char POISON = 0xff;
/** Ranges of addresses that were freed and are not used again yet. */
constexpr size_t RESTING = 4096;

struct Space {
  char* start = nullptr;
  size_t used = PAGE;
  std::map<Address, Allocation> all;
  std::deque<Address> resting;
  std::map<size_t, std::deque<Address>> reusable;
};

Space spaces[64];

Space& space(Device& device) {
  Space& own = spaces[device.index];
  if (!own.start)
    own.start = static_cast<char*>(
        mmap(nullptr, RANGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0));
  return own;
}

size_t rounded(size_t bytes, size_t to) { return (bytes + to - 1) / to * to; }

/** Pages of this size that nobody has; 0 if no address is left. */
Address pagesFor(Space& own, size_t bytes) {
  std::deque<Address>& same = own.reusable[bytes];
  if (!same.empty()) {
    const Address pages = same.front();
    same.pop_front();
    return pages;
  }
  if (own.used + bytes + PAGE > RANGE) return 0;
  const Address pages = Address(own.start) + own.used;
  own.used += bytes + PAGE;
  return pages;
}

/** Addresses that rested long enough can be used again. */
void rest(Space& own, Address start) {
  own.resting.push_back(start);
  if (own.resting.size() <= RESTING) return;
  auto oldest = own.all.find(own.resting.front());
  own.resting.pop_front();
  own.reusable[oldest->second.pageBytes].push_back(oldest->second.pages);
  own.all.erase(oldest);
}

bool isPoison(Address from, Address to) {
  for (; from < to; from++)
    if (*reinterpret_cast<const unsigned char*>(from) != POISON) return false;
  return true;
}

/** Memory from here on is not written when it is made, but shares pages that hold NaN until a kernel writes there. */
constexpr size_t LARGE = 8 << 20;

/** A file of NaN, as large as `LARGE`. */
int poisonFile() {
  static const int file = [] {
    const int made = memfd_create("poison", MFD_CLOEXEC);
    const std::string bytes(LARGE, char(POISON));
    return made >= 0 && write(made, bytes.data(), LARGE) == ssize_t(LARGE) ? made : -1;
  }();
  return file;
}

bool fillWithPoison(char* from, size_t bytes) {
  if (bytes < LARGE) {
    if (mprotect(from, bytes, PROT_READ | PROT_WRITE)) return false;
    memset(from, POISON, bytes);
    return true;
  }
  for (size_t at = 0; at < bytes; at += LARGE) {
    const size_t part = std::min(LARGE, bytes - at);
    const int flags = MAP_PRIVATE | MAP_FIXED | MAP_NORESERVE;
    if (mmap(from + at, part, PROT_READ | PROT_WRITE, flags, poisonFile(), 0) == MAP_FAILED) return false;
  }
  return true;
}

std::map<char*, size_t> pinned;

}  // namespace

Address promise(Device& device, size_t bytes, bool pooled) {
  Space& own = space(device);
  const size_t size = rounded(bytes, ALIGNMENT);
  const size_t pageBytes = rounded(size, PAGE);
  if (device.used + pageBytes > device.memoryBytes) return 0;
  const Address pages = pagesFor(own, pageBytes);
  if (!pages) return 0;
  device.used += pageBytes;
  const Address start = pages + pageBytes - size;
  own.all[start] = {start, bytes, pages, pageBytes, Allocation::Promised, pooled};
  return start;
}

void makeLive(Device& device, Address start) {
  Allocation& one = space(device).all.at(start);
  if (!fillWithPoison(reinterpret_cast<char*>(one.pages), one.pageBytes)) {
    perror("the emulator has no memory");
    abort();
  }
  // one that is being freed already stays so
  if (one.state == Allocation::Promised) one.state = Allocation::Live;
}

bool makeFree(Device& device, Address start) {
  Space& own = space(device);
  Allocation& one = own.all.at(start);
  const bool intact = isIntact(one);
  void* const pages = reinterpret_cast<void*>(one.pages);
  mmap(pages, one.pageBytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  one.state = Allocation::Freed;
  device.used -= one.pageBytes;
  rest(own, start);
  return intact;
}

Allocation* find(Device& device, Address address) {
  Space& own = space(device);
  auto after = own.all.upper_bound(address);
  if (after == own.all.begin()) return nullptr;
  Allocation& one = std::prev(after)->second;
  return address < one.start + std::max<size_t>(one.bytes, 1) ? &one : nullptr;
}

Device* owner(Address address) {
  for (int i = 0; i < deviceCount(); i++) {
    const Address start = Address(spaces[i].start);
    if (start && address >= start && address < start + RANGE) return &deviceAt(i);
  }
  return nullptr;
}

bool isAllocated(Device& device, Address address, size_t bytes) {
  const Allocation* one = find(device, address);
  return one && one->state <= Allocation::Live && address + bytes <= one->start + one->bytes;
}

bool isLive(Device& device, Address address, size_t bytes) {
  const Allocation* one = find(device, address);
  return one && (one->state == Allocation::Live || one->state == Allocation::Freeing) &&
         address + bytes <= one->start + one->bytes;
}

bool isIntact(const Allocation& one) {
  const Address before = one.start - one.pages < BEFORE ? one.pages : one.start - BEFORE;
  return isPoison(before, one.start) && isPoison(one.start + one.bytes, one.pages + one.pageBytes);
}

std::string describe(Address address) {
  Device* device = owner(address);
  if (!device) return "which is no address of a device";
  const char* const states[] = {"that its stream did not allocate yet", "of", "that is being freed,", "that was freed,"};
  std::map<Address, Allocation>& all = space(*device).all;
  auto after = all.upper_bound(address);
  char text[256];
  if (after != all.begin()) {
    const Allocation& one = std::prev(after)->second;
    const Address end = one.start + one.bytes;
    if (address < end) {
      snprintf(text, sizeof text, "byte %llu in memory %s %zu bytes", address - one.start, states[one.state], one.bytes);
      return text;
    }
    const bool nearer = after == all.end() || address - end <= after->first - address;
    if (nearer) {
      snprintf(text, sizeof text, "%llu bytes behind the end of %zu bytes", address - end, one.bytes);
      return text;
    }
  }
  if (after == all.end()) return "where nothing was allocated";
  snprintf(text, sizeof text, "%llu bytes before %zu bytes", after->first - address, after->second.bytes);
  return text;
}

void* pin(size_t bytes) {
  const size_t size = rounded(bytes ? bytes : 1, ALIGNMENT);
  const size_t pages = rounded(size, PAGE);
  char* made = static_cast<char*>(mmap(nullptr, pages + PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (made == MAP_FAILED || mprotect(made, pages, PROT_READ | PROT_WRITE)) return nullptr;
  memset(made, POISON, pages);
  pinned[made + pages - size] = bytes;
  return made + pages - size;
}

bool unpin(void* start) {
  auto one = pinned.find(static_cast<char*>(start));
  if (one == pinned.end()) return false;
  const size_t size = rounded(one->second ? one->second : 1, ALIGNMENT);
  const size_t pages = rounded(size, PAGE);
  munmap(one->first + size - pages, pages + PAGE);
  pinned.erase(one);
  return true;
}

bool isPinned(const void* address, size_t bytes) {
  char* const at = static_cast<char*>(const_cast<void*>(address));
  auto after = pinned.upper_bound(at);
  if (after == pinned.begin()) return false;
  const auto& one = *std::prev(after);
  return at + bytes <= one.first + one.second;
}

}  // namespace emulated
