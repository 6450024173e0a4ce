/**
 * Shared memory of the blocks that run.
 *
 * Invariant: it begins at a multiple of 1024 and ends less than 1024 bytes before a page that nobody may touch; what lies
 * between, and the bytes before it, are watched.
 */
#pragma once

namespace emulated::shared {

/** Where the memory of block `rank` of a cluster begins. */
unsigned char* of(unsigned rank, unsigned bytes);
/** Makes it unreadable: all NaN. */
void poison(unsigned rank, unsigned bytes);
/** Whether nobody wrote around it. */
bool isIntact(unsigned rank, unsigned bytes);

}  // namespace emulated::shared
