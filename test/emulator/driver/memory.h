/**
 * Memory of the emulated devices: real memory of this process, between pages that nobody may touch.
 *
 * Invariant: an allocation ends less than 16 bytes before such a page; it is readable and writable only from the moment
 * its stream gets to allocating it until a stream gets to freeing it, and NaN at first. Addresses are reused as late as
 * possible.
 */
#pragma once
#include <cstddef>
#include <map>
#include <string>
#include "abi.h"

namespace emulated {

struct Device;

struct Allocation {
  Address start;
  size_t bytes;
  /** The pages it has. */
  Address pages;
  size_t pageBytes;
  enum { Promised, Live, Freeing, Freed } state;
  /** Whether freeing waits for a stream. */
  bool pooled;
};

/** An address for so many bytes, which nobody can use before `makeLive`; 0 when the device has no memory left. */
Address promise(Device&, size_t bytes, bool pooled);
void makeLive(Device&, Address start);
/** The bytes are gone; false if they were written around. */
bool makeFree(Device&, Address start);
/** The allocation that holds the address; null if there is none. */
Allocation* find(Device&, Address);
/** The device whose addresses these are; null if it is nobody's. */
Device* owner(Address);
/** Whether all these bytes belong to one allocation of the device, which was not freed. */
bool isAllocated(Device&, Address, size_t bytes);
/** Whether they can be used now. */
bool isLive(Device&, Address, size_t bytes);
/** Whether nobody wrote just before or just after the allocation. */
bool isIntact(const Allocation&);
/** Where an address is, in words. */
std::string describe(Address);

/** Memory of the host that copies work on by themselves. */
void* pin(size_t bytes);
bool unpin(void*);
/** Whether all these bytes are pinned. */
bool isPinned(const void*, size_t bytes);

}  // namespace emulated
