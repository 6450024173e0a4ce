/**
 * What kernels call for asynchronous copies to shared memory.
 *
 * Invariant: only groups that were closed can be waited for.
 */
#include "copies.h"
#include <cstring>
#include "check.h"
#include "fault.h"
#include "scheduler.h"

namespace emulated {
namespace {

/** Lands the first `count` groups. */
void land(Copies& copies, size_t count) {
  if (count == 0) return;
  const unsigned end = copies.groups[count - 1];
  for (unsigned i = 0; i < end; i++) {
    check::write(copies.all[i].to, copies.all[i].bytes);
    memcpy(copies.all[i].to, copies.all[i].data, copies.all[i].bytes);
  }
  copies.all.erase(copies.all.begin(), copies.all.begin() + end);
  copies.groups.erase(copies.groups.begin(), copies.groups.begin() + long(count));
  for (unsigned& group : copies.groups) group -= end;
}

}  // namespace
}  // namespace emulated

using namespace emulated;

extern "C" EXPORT void tigon_emulated_copy(void* shared, const void* global, unsigned bytes, bool whole) {
  scheduler::mustBeShared(shared, bytes, bytes, "an asynchronous copy");
  if (whole && size_t(global) % bytes) fail(MISALIGNED_ADDRESS, "an asynchronous copy of %u bytes from %p", bytes, global);
  Copy copy;
  copy.to = static_cast<unsigned char*>(shared);
  copy.bytes = bytes;
  memset(copy.data, 0, sizeof copy.data);
  if (whole) {
    check::read(global, bytes);
    memcpy(copy.data, global, bytes);
  }
  check::write(shared, bytes);
  memset(shared, 0xff, bytes);
  scheduler::current().copies.all.push_back(copy);
}

extern "C" EXPORT void tigon_emulated_copy_commit() {
  Copies& copies = scheduler::current().copies;
  copies.groups.push_back(unsigned(copies.all.size()));
}

extern "C" EXPORT void tigon_emulated_copy_wait(unsigned pending) {
  Copies& copies = scheduler::current().copies;
  if (copies.groups.size() > pending) land(copies, copies.groups.size() - pending);
}
