// Compiles only where a CUDA toolkit is present, and only if our declarations agree with its headers: the number, size and
// kind of every parameter, the layout of every struct, the value of every number.
//
//   g++ -std=c++17 -fsyntax-only -I/usr/local/cuda/include src/runtime/native/addon/check.cc
//
// Invariant: not part of the add-on.
#include <cuda.h>
#include <cstddef>
#include <type_traits>
#include "abi/driver.h"
#include "abi/nccl.h"
#include "abi/nvrtc.h"

#if __has_include(<nvrtc.h>)
#include <nvrtc.h>
#define TIGON_HAS_NVRTC_HEADER 1
#endif
#if __has_include(<nccl.h>)
#include <nccl.h>
#define TIGON_HAS_NCCL_HEADER 1
#endif

using namespace tigon;

// Unions of ours and theirs count as equal when their sizes are.
template <class Ours, class Theirs>
constexpr bool sameParameter = sizeof(Ours) == sizeof(Theirs) &&
                               std::is_pointer_v<Ours> == std::is_pointer_v<Theirs> &&
                               std::is_floating_point_v<Ours> == std::is_floating_point_v<Theirs>;

template <class Result, class... Ours, class... Theirs>
constexpr bool same(int (*)(Ours...), Result (*)(Theirs...)) {
  static_assert(sizeof(Result) == sizeof(int));
  if constexpr (sizeof...(Ours) != sizeof...(Theirs))
    return false;
  else
    return (sameParameter<Ours, Theirs> && ...);
}

// cuda.h maps names to the symbols of the newest version by #define; ours is an older one of the same parameters here.
#undef cuEventElapsedTime
extern "C" CUresult cuEventElapsedTime(float*, CUevent, CUevent);

#define X(member, symbol, required, ...)                                                         \
  static_assert(same(Function<__VA_ARGS__>(nullptr),                                      \
                     static_cast<decltype(&cu##member)>(nullptr)),                               \
                symbol);
TIGON_DRIVER_FUNCTIONS(X)
#undef X

// That the suffix of each symbol is the one whose parameters were compared.
#define TEXT_(name) #name
#define TEXT(name) TEXT_(name)
constexpr bool equal(const char* a, const char* b) {
  while (*a != 0 && *a == *b) a++, b++;
  return *a == *b;
}
#define X(member, symbol, required, ...) static_assert(equal(TEXT(cu##member), symbol), symbol);
TIGON_DRIVER_FUNCTIONS(X)
#undef X

#ifdef TIGON_HAS_NVRTC_HEADER
#define X(member, symbol, required, ...)                                                         \
  static_assert(same(Function<__VA_ARGS__>(nullptr),                                      \
                     static_cast<decltype(&nvrtc##member)>(nullptr)),                            \
                symbol);
TIGON_COMPILER_FUNCTIONS(X)
#undef X
#endif

#ifdef TIGON_HAS_NCCL_HEADER
#define X(member, symbol, required, ...)                                                         \
  static_assert(same(Function<__VA_ARGS__>(nullptr),                                      \
                     static_cast<decltype(&nccl##member)>(nullptr)),                             \
                symbol);
TIGON_NCCL_FUNCTIONS(X)
#undef X
static_assert(ncclUint8 == 1 && ncclInt32 == 2 && ncclFloat16 == 6 && ncclFloat32 == 7 && ncclBfloat16 == 9);
static_assert(ncclSum == 0 && ncclProd == 1 && ncclMax == 2 && ncclMin == 3 && ncclAvg == 4);
static_assert(ncclUnhandledCudaError == 1 && ncclInvalidUsage == 5 && ncclInProgress == 7);
#endif

#define SAME_SIZE(ours, theirs) static_assert(sizeof(tigon::ours) == sizeof(theirs), #theirs)
#define SAME_PLACE(ours, field, theirs, their) \
  static_assert(offsetof(tigon::ours, field) == offsetof(theirs, their), #theirs "." #their)

SAME_SIZE(Uuid, CUuuid);
SAME_SIZE(MemoryAccess, CUmemAccessDesc);
SAME_PLACE(MemoryAccess, device, CUmemAccessDesc, location.id);
SAME_PLACE(MemoryAccess, flags, CUmemAccessDesc, flags);
SAME_SIZE(LaunchAttributeValue, CUlaunchAttributeValue);
SAME_PLACE(LaunchAttributeValue, cluster, CUlaunchAttributeValue, clusterDim);
SAME_SIZE(LaunchAttribute, CUlaunchAttribute);
SAME_PLACE(LaunchAttribute, value, CUlaunchAttribute, value);
SAME_SIZE(LaunchConfig, CUlaunchConfig);
SAME_PLACE(LaunchConfig, block, CUlaunchConfig, blockDimX);
SAME_PLACE(LaunchConfig, sharedBytes, CUlaunchConfig, sharedMemBytes);
SAME_PLACE(LaunchConfig, stream, CUlaunchConfig, hStream);
SAME_PLACE(LaunchConfig, attributes, CUlaunchConfig, attrs);
SAME_PLACE(LaunchConfig, attributeCount, CUlaunchConfig, numAttrs);
SAME_SIZE(TensorMap, CUtensorMap);
static_assert(alignof(tigon::TensorMap) >= 64);
SAME_SIZE(KernelNode, CUDA_KERNEL_NODE_PARAMS_v2);
SAME_PLACE(KernelNode, block, CUDA_KERNEL_NODE_PARAMS_v2, blockDimX);
SAME_PLACE(KernelNode, sharedBytes, CUDA_KERNEL_NODE_PARAMS_v2, sharedMemBytes);
SAME_PLACE(KernelNode, parameters, CUDA_KERNEL_NODE_PARAMS_v2, kernelParams);
SAME_PLACE(KernelNode, extra, CUDA_KERNEL_NODE_PARAMS_v2, extra);
SAME_PLACE(KernelNode, context, CUDA_KERNEL_NODE_PARAMS_v2, ctx);
SAME_SIZE(CopyNode, CUDA_MEMCPY3D);
SAME_PLACE(CopyNode, from.memoryType, CUDA_MEMCPY3D, srcMemoryType);
SAME_PLACE(CopyNode, from.device, CUDA_MEMCPY3D, srcDevice);
SAME_PLACE(CopyNode, from.pitch, CUDA_MEMCPY3D, srcPitch);
SAME_PLACE(CopyNode, to.memoryType, CUDA_MEMCPY3D, dstMemoryType);
SAME_PLACE(CopyNode, to.device, CUDA_MEMCPY3D, dstDevice);
SAME_PLACE(CopyNode, to.height, CUDA_MEMCPY3D, dstHeight);
SAME_PLACE(CopyNode, widthBytes, CUDA_MEMCPY3D, WidthInBytes);
SAME_SIZE(FillNode, CUDA_MEMSET_NODE_PARAMS);
SAME_PLACE(FillNode, value, CUDA_MEMSET_NODE_PARAMS, value);
SAME_PLACE(FillNode, elementBytes, CUDA_MEMSET_NODE_PARAMS, elementSize);
SAME_PLACE(FillNode, width, CUDA_MEMSET_NODE_PARAMS, width);

#define SAME(ours, theirs) static_assert(static_cast<long>(tigon::ours) == static_cast<long>(theirs), #theirs)
SAME(SUCCESS, CUDA_SUCCESS);
SAME(NOT_READY, CUDA_ERROR_NOT_READY);
SAME(PEER_ACCESS_ALREADY_ENABLED, CUDA_ERROR_PEER_ACCESS_ALREADY_ENABLED);
SAME(attribute::THREADS_PER_BLOCK, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
SAME(attribute::WARP, CU_DEVICE_ATTRIBUTE_WARP_SIZE);
SAME(attribute::CLOCK_KILOHERTZ, CU_DEVICE_ATTRIBUTE_CLOCK_RATE);
SAME(attribute::PROCESSORS, CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT);
SAME(attribute::MEMORY_CLOCK_KILOHERTZ, CU_DEVICE_ATTRIBUTE_MEMORY_CLOCK_RATE);
SAME(attribute::BUS_BITS, CU_DEVICE_ATTRIBUTE_GLOBAL_MEMORY_BUS_WIDTH);
SAME(attribute::L2_BYTES, CU_DEVICE_ATTRIBUTE_L2_CACHE_SIZE);
SAME(attribute::THREADS_PER_PROCESSOR, CU_DEVICE_ATTRIBUTE_MAX_THREADS_PER_MULTIPROCESSOR);
SAME(attribute::CAPABILITY_MAJOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MAJOR);
SAME(attribute::CAPABILITY_MINOR, CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_MINOR);
SAME(attribute::SHARED_BYTES_PER_PROCESSOR, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_MULTIPROCESSOR);
SAME(attribute::REGISTERS_PER_PROCESSOR, CU_DEVICE_ATTRIBUTE_MAX_REGISTERS_PER_MULTIPROCESSOR);
SAME(attribute::SHARED_BYTES_PER_BLOCK, CU_DEVICE_ATTRIBUTE_MAX_SHARED_MEMORY_PER_BLOCK_OPTIN);
SAME(attribute::MEMORY_POOLS, CU_DEVICE_ATTRIBUTE_MEMORY_POOLS_SUPPORTED);
SAME(attribute::CLUSTERS, CU_DEVICE_ATTRIBUTE_CLUSTER_LAUNCH);
SAME(attribute::TENSOR_MAPS, CU_DEVICE_ATTRIBUTE_TENSOR_MAP_ACCESS_SUPPORTED);
SAME(function_attribute::THREADS, CU_FUNC_ATTRIBUTE_MAX_THREADS_PER_BLOCK);
SAME(function_attribute::SHARED_BYTES, CU_FUNC_ATTRIBUTE_SHARED_SIZE_BYTES);
SAME(function_attribute::CONSTANT_BYTES, CU_FUNC_ATTRIBUTE_CONST_SIZE_BYTES);
SAME(function_attribute::LOCAL_BYTES, CU_FUNC_ATTRIBUTE_LOCAL_SIZE_BYTES);
SAME(function_attribute::REGISTERS, CU_FUNC_ATTRIBUTE_NUM_REGS);
SAME(function_attribute::MOST_DYNAMIC_SHARED_BYTES, CU_FUNC_ATTRIBUTE_MAX_DYNAMIC_SHARED_SIZE_BYTES);
SAME(function_attribute::NON_PORTABLE_CLUSTERS, CU_FUNC_ATTRIBUTE_NON_PORTABLE_CLUSTER_SIZE_ALLOWED);
SAME(POOL_RELEASE_THRESHOLD, CU_MEMPOOL_ATTR_RELEASE_THRESHOLD);
SAME(JIT_ERROR_LOG, CU_JIT_ERROR_LOG_BUFFER);
SAME(JIT_ERROR_LOG_BYTES, CU_JIT_ERROR_LOG_BUFFER_SIZE_BYTES);
SAME(LAUNCH_CLUSTER, CU_LAUNCH_ATTRIBUTE_CLUSTER_DIMENSION);
SAME(MEMORY_DEVICE, CU_MEMORYTYPE_DEVICE);
SAME(LOCATION_DEVICE, CU_MEM_LOCATION_TYPE_DEVICE);
SAME(ACCESS_READ_WRITE, CU_MEM_ACCESS_FLAGS_PROT_READWRITE);
SAME(HOST_PORTABLE, CU_MEMHOSTALLOC_PORTABLE);
SAME(STREAM_NON_BLOCKING, CU_STREAM_NON_BLOCKING);
SAME(EVENT_BLOCKING, CU_EVENT_BLOCKING_SYNC);
SAME(EVENT_NO_TIMING, CU_EVENT_DISABLE_TIMING);
SAME(PARAMETERS_POINTER, CU_LAUNCH_PARAM_BUFFER_POINTER_AS_INT);
SAME(PARAMETERS_SIZE, CU_LAUNCH_PARAM_BUFFER_SIZE_AS_INT);

// Numbers that TypeScript passes for tensor maps (context.ts).
static_assert(CU_TENSOR_MAP_DATA_TYPE_UINT8 == 0 && CU_TENSOR_MAP_DATA_TYPE_INT32 == 3 &&
              CU_TENSOR_MAP_DATA_TYPE_FLOAT16 == 6 && CU_TENSOR_MAP_DATA_TYPE_FLOAT32 == 7 &&
              CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 == 9 && CU_TENSOR_MAP_DATA_TYPE_TFLOAT32 == 11);
static_assert(CU_TENSOR_MAP_SWIZZLE_32B == 1 && CU_TENSOR_MAP_SWIZZLE_128B == 3 &&
              CU_TENSOR_MAP_L2_PROMOTION_L2_256B == 3 && CU_TENSOR_MAP_INTERLEAVE_NONE == 0 &&
              CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE == 0);
