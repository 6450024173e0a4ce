// The functions of the CUDA driver that we call, declared by ourselves: building needs no CUDA header.
//
// X(member, exported symbol, required, parameter types...); each returns an int (CUresult). The symbols carry the suffix
// that cuda.h hides behind a #define: without it the driver gives functions of older parameters under the same name.
//
// Invariant: parameters agree with cuda.h in number, size and kind (check.cc, where a toolkit is present).
#pragma once
#include <cstddef>
#include <cstdint>
#include "types.h"

#define TIGON_DRIVER_FUNCTIONS(X)                                                                  \
  X(Init, "cuInit", true, unsigned)                                                                \
  X(DriverGetVersion, "cuDriverGetVersion", true, int*)                                            \
  X(GetErrorName, "cuGetErrorName", true, int, const char**)                                       \
  X(GetErrorString, "cuGetErrorString", true, int, const char**)                                   \
  X(DeviceGetCount, "cuDeviceGetCount", true, int*)                                                \
  X(DeviceGet, "cuDeviceGet", true, int*, int)                                                     \
  X(DeviceGetName, "cuDeviceGetName", true, char*, int, int)                                       \
  X(DeviceGetUuid, "cuDeviceGetUuid_v2", false, Uuid*, int)                                        \
  X(DeviceTotalMem, "cuDeviceTotalMem_v2", true, size_t*, int)                                     \
  X(DeviceGetAttribute, "cuDeviceGetAttribute", true, int*, int, int)                              \
  X(DeviceCanAccessPeer, "cuDeviceCanAccessPeer", false, int*, int, int)                           \
  X(DevicePrimaryCtxRetain, "cuDevicePrimaryCtxRetain", true, Opaque*, int)                        \
  X(DevicePrimaryCtxRelease, "cuDevicePrimaryCtxRelease_v2", true, int)                            \
  X(CtxSetCurrent, "cuCtxSetCurrent", true, Opaque)                                                \
  X(CtxEnablePeerAccess, "cuCtxEnablePeerAccess", false, Opaque, unsigned)                         \
  X(MemGetInfo, "cuMemGetInfo_v2", true, size_t*, size_t*)                                         \
  X(MemAlloc, "cuMemAlloc_v2", true, Address*, size_t)                                             \
  X(MemFree, "cuMemFree_v2", true, Address)                                                        \
  X(MemAllocAsync, "cuMemAllocAsync", true, Address*, size_t, Opaque)                              \
  X(MemFreeAsync, "cuMemFreeAsync", true, Address, Opaque)                                         \
  X(DeviceGetDefaultMemPool, "cuDeviceGetDefaultMemPool", true, Opaque*, int)                      \
  X(MemPoolSetAttribute, "cuMemPoolSetAttribute", true, Opaque, int, void*)                        \
  X(MemPoolTrimTo, "cuMemPoolTrimTo", true, Opaque, size_t)                                        \
  X(MemPoolSetAccess, "cuMemPoolSetAccess", false, Opaque, const MemoryAccess*, size_t)            \
  X(MemHostAlloc, "cuMemHostAlloc", true, void**, size_t, unsigned)                                \
  X(MemFreeHost, "cuMemFreeHost", true, void*)                                                     \
  X(MemcpyHtoDAsync, "cuMemcpyHtoDAsync_v2", true, Address, const void*, size_t, Opaque)           \
  X(MemcpyDtoHAsync, "cuMemcpyDtoHAsync_v2", true, void*, Address, size_t, Opaque)                 \
  X(MemcpyDtoDAsync, "cuMemcpyDtoDAsync_v2", true, Address, Address, size_t, Opaque)               \
  X(MemcpyPeerAsync, "cuMemcpyPeerAsync", false, Address, Opaque, Address, Opaque, size_t, Opaque) \
  X(MemsetD8Async, "cuMemsetD8Async", true, Address, unsigned char, size_t, Opaque)                \
  X(StreamCreate, "cuStreamCreate", true, Opaque*, unsigned)                                       \
  X(StreamDestroy, "cuStreamDestroy_v2", true, Opaque)                                             \
  X(StreamSynchronize, "cuStreamSynchronize", true, Opaque)                                        \
  X(StreamQuery, "cuStreamQuery", true, Opaque)                                                    \
  X(StreamWaitEvent, "cuStreamWaitEvent", true, Opaque, Opaque, unsigned)                          \
  X(EventCreate, "cuEventCreate", true, Opaque*, unsigned)                                         \
  X(EventDestroy, "cuEventDestroy_v2", true, Opaque)                                               \
  X(EventRecord, "cuEventRecord", true, Opaque, Opaque)                                            \
  X(EventQuery, "cuEventQuery", true, Opaque)                                                      \
  X(EventSynchronize, "cuEventSynchronize", true, Opaque)                                          \
  X(EventElapsedTime, "cuEventElapsedTime", true, float*, Opaque, Opaque)                          \
  X(ModuleLoadDataEx, "cuModuleLoadDataEx", true, Opaque*, const void*, unsigned, int*, void**)    \
  X(ModuleUnload, "cuModuleUnload", true, Opaque)                                                  \
  X(ModuleGetFunction, "cuModuleGetFunction", true, Opaque*, Opaque, const char*)                  \
  X(FuncGetAttribute, "cuFuncGetAttribute", true, int*, int, Opaque)                               \
  X(FuncSetAttribute, "cuFuncSetAttribute", true, Opaque, int, int)                                \
  X(LaunchKernel, "cuLaunchKernel", true, Opaque, unsigned, unsigned, unsigned, unsigned,          \
    unsigned, unsigned, unsigned, Opaque, void**, void**)                                          \
  X(LaunchKernelEx, "cuLaunchKernelEx", false, const LaunchConfig*, Opaque, void**, void**)        \
  X(TensorMapEncodeTiled, "cuTensorMapEncodeTiled", false, TensorMap*, int, unsigned, void*,       \
    const uint64_t*, const uint64_t*, const uint32_t*, const uint32_t*, int, int, int, int)        \
  X(GraphCreate, "cuGraphCreate", true, Opaque*, unsigned)                                         \
  X(GraphDestroy, "cuGraphDestroy", true, Opaque)                                                  \
  X(GraphAddKernelNode, "cuGraphAddKernelNode_v2", true, Opaque*, Opaque, const Opaque*, size_t,   \
    const KernelNode*)                                                                             \
  X(GraphAddMemcpyNode, "cuGraphAddMemcpyNode", true, Opaque*, Opaque, const Opaque*, size_t,      \
    const CopyNode*, Opaque)                                                                       \
  X(GraphAddMemsetNode, "cuGraphAddMemsetNode", true, Opaque*, Opaque, const Opaque*, size_t,      \
    const FillNode*, Opaque)                                                                       \
  X(GraphKernelNodeSetAttribute, "cuGraphKernelNodeSetAttribute", false, Opaque, int,              \
    const LaunchAttributeValue*)                                                                   \
  X(GraphInstantiate, "cuGraphInstantiateWithFlags", true, Opaque*, Opaque, unsigned long long)    \
  X(GraphExecDestroy, "cuGraphExecDestroy", true, Opaque)                                          \
  X(GraphExecKernelNodeSetParams, "cuGraphExecKernelNodeSetParams_v2", true, Opaque, Opaque,       \
    const KernelNode*)                                                                             \
  X(GraphExecMemcpyNodeSetParams, "cuGraphExecMemcpyNodeSetParams", true, Opaque, Opaque,          \
    const CopyNode*, Opaque)                                                                       \
  X(GraphExecMemsetNodeSetParams, "cuGraphExecMemsetNodeSetParams", true, Opaque, Opaque,          \
    const FillNode*, Opaque)                                                                       \
  X(GraphLaunch, "cuGraphLaunch", true, Opaque, Opaque)

namespace tigon {

template <class... Parameters>
using Function = int (*)(Parameters...);

struct Driver {
#define X(member, symbol, required, ...) Function<__VA_ARGS__> member = nullptr;
  TIGON_DRIVER_FUNCTIONS(X)
#undef X
};

}  // namespace tigon
