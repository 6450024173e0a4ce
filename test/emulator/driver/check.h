/**
 * Checks of single accesses, when they were asked for.
 *
 * Invariant: without `TIGON_EMULATED_CHECK` they cost a branch in functions of the driver, and nothing in kernels.
 */
#pragma once

namespace emulated {
struct Block;
}  // namespace emulated

namespace emulated::check {

void read(const void*, unsigned bytes);
void write(void*, unsigned bytes);
/** A block begins: nothing of its shared memory was written. */
void beginBlock(const Block&);
void beginLaunch();

}  // namespace emulated::check
