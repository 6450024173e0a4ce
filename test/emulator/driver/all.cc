/**
 * The whole stand-in as one unit: that compiles in a third of the time.
 *
 * Invariant: what files keep to themselves has other names than in other files.
 */
#include "bulk.cc"
#include "check.cc"
#include "compiler.cc"
#include "copies.cc"
#include "device.cc"
#include "entries.cc"
#include "fault.cc"
#include "fiber.cc"
#include "graph.cc"
#include "half.cc"
#include "launch.cc"
#include "memory.cc"
#include "module.cc"
#include "nccl.cc"
#include "nvrtc.cc"
#include "programs.cc"
#include "scheduler.cc"
#include "shared.cc"
#include "stream.cc"
#include "tensor-map.cc"
#include "transfer.cc"
#include "waiting.cc"
#include "warp.cc"
