/**
 * The whole stand-in as one unit: that compiles in a third of the time.
 *
 * Invariant: names in unnamed namespaces differ between files.
 */
#include "check.cc"
#include "copies.cc"
#include "device.cc"
#include "entries.cc"
#include "fault.cc"
#include "fiber.cc"
#include "half.cc"
#include "launch.cc"
#include "memory.cc"
#include "module.cc"
#include "nvrtc.cc"
#include "scheduler.cc"
#include "shared.cc"
#include "stream.cc"
#include "transfer.cc"
#include "warp.cc"
