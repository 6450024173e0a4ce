// The functions of NCCL, declared by ourselves from its published header (version 2).
//
// Invariant: `NcclId` is passed by value, as there; results are ncclResult_t, whose names are listed here in order.
#pragma once
#include "driver.h"

#define TIGON_NCCL_FUNCTIONS(X)                                                                    \
  X(GetVersion, "ncclGetVersion", true, int*)                                                      \
  X(GetUniqueId, "ncclGetUniqueId", true, NcclId*)                                                 \
  X(CommInitRank, "ncclCommInitRank", true, Opaque*, int, NcclId, int)                             \
  X(CommInitAll, "ncclCommInitAll", true, Opaque*, int, const int*)                                \
  X(CommDestroy, "ncclCommDestroy", true, Opaque)                                                  \
  X(GroupStart, "ncclGroupStart", true)                                                            \
  X(GroupEnd, "ncclGroupEnd", true)                                                                \
  X(AllReduce, "ncclAllReduce", true, const void*, void*, size_t, int, int, Opaque, Opaque)        \
  X(Broadcast, "ncclBroadcast", true, const void*, void*, size_t, int, int, Opaque, Opaque)

namespace tigon {

struct NcclId {
  char bytes[128];
};

struct Nccl {
  const char* (*GetErrorString)(int) = nullptr;
  const char* (*GetLastError)(Opaque) = nullptr;
#define X(member, symbol, required, ...) Function<__VA_ARGS__> member = nullptr;
  TIGON_NCCL_FUNCTIONS(X)
#undef X
};

constexpr const char* NCCL_RESULTS[] = {
    "ncclSuccess",       "ncclUnhandledCudaError", "ncclSystemError", "ncclInternalError",
    "ncclInvalidArgument", "ncclInvalidUsage",     "ncclRemoteError", "ncclInProgress"};

}  // namespace tigon
