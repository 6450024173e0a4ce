/**
 * What a program and a CUDA driver agree on, as far as this stand-in goes: numbers and structures of CUDA's own ABI, so
 * that no CUDA header is needed to build it.
 *
 * Invariant: layouts and values are cuda.h's; where it is installed, `abi-check.cc` compares them.
 */
#pragma once
#include <cstddef>
#include <cstdint>

#define EXPORT __attribute__((visibility("default")))
#define API extern "C" EXPORT int

namespace emulated {

/** An address on a device. */
using Address = unsigned long long;

enum Result : int {
  SUCCESS = 0,
  INVALID_VALUE = 1,
  OUT_OF_MEMORY = 2,
  NOT_INITIALIZED = 3,
  NO_DEVICE = 100,
  INVALID_DEVICE = 101,
  INVALID_IMAGE = 200,
  INVALID_CONTEXT = 201,
  NO_BINARY_FOR_GPU = 209,
  PEER_ACCESS_UNSUPPORTED = 217,
  INVALID_HANDLE = 400,
  NOT_FOUND = 500,
  NOT_READY = 600,
  ILLEGAL_ADDRESS = 700,
  LAUNCH_OUT_OF_RESOURCES = 701,
  PEER_ACCESS_ALREADY_ENABLED = 704,
  MISALIGNED_ADDRESS = 716,
  LAUNCH_FAILED = 719,
  NOT_SUPPORTED = 801,
};

/** CUdevice_attribute, those that are asked for. */
enum DeviceAttribute : int {
  THREADS_PER_BLOCK = 1,
  SHARED_BYTES_PER_BLOCK = 8,
  WARP_SIZE = 10,
  CLOCK_KILOHERTZ = 13,
  PROCESSORS = 16,
  MEMORY_CLOCK_KILOHERTZ = 36,
  BUS_BITS = 37,
  L2_BYTES = 38,
  THREADS_PER_PROCESSOR = 39,
  UNIFIED_ADDRESSING = 41,
  CAPABILITY_MAJOR = 75,
  CAPABILITY_MINOR = 76,
  SHARED_BYTES_PER_PROCESSOR = 81,
  REGISTERS_PER_PROCESSOR = 82,
  SHARED_BYTES_OPT_IN = 97,
  MEMORY_POOLS = 115,
  CLUSTERS = 120,
  TENSOR_MAPS = 127,
};

/** CUfunction_attribute. */
enum FunctionAttribute : int {
  FUNCTION_THREADS = 0,
  FUNCTION_SHARED_BYTES = 1,
  FUNCTION_CONSTANT_BYTES = 2,
  FUNCTION_LOCAL_BYTES = 3,
  FUNCTION_REGISTERS = 4,
  FUNCTION_DYNAMIC_SHARED_BYTES = 8,
};

enum : unsigned { STREAM_NON_BLOCKING = 1, EVENT_WITHOUT_TIMING = 2, ATTRIBUTE_CLUSTER = 4 };
enum MemoryType : unsigned { HOST = 1, DEVICE = 2, ARRAY = 3, UNIFIED = 4 };

/** The end and the fields of `extra`, arguments as one packed structure. */
inline void* const ARGUMENTS_END = nullptr;
inline void* const ARGUMENTS_POINTER = reinterpret_cast<void*>(1);
inline void* const ARGUMENTS_SIZE = reinterpret_cast<void*>(2);

/** CUDA_KERNEL_NODE_PARAMS_v2. */
struct KernelParameters {
  void* function;
  unsigned gridX, gridY, gridZ, threadsX, threadsY, threadsZ, sharedBytes;
  void** parameters;
  void** extra;
  void* kernel;
  void* context;
};

/** One end of CUDA_MEMCPY3D. */
struct CopyEnd {
  size_t x, y, z, level;
  MemoryType type;
  void* host;
  Address device;
  void* array;
  void* reserved;
  size_t pitch, height;
};

/** CUDA_MEMCPY3D. */
struct CopyParameters {
  CopyEnd from, to;
  size_t width, height, depth;
};

/** CUDA_MEMSET_NODE_PARAMS. */
struct FillParameters {
  Address to;
  size_t pitch;
  unsigned value, elementBytes;
  size_t width, height;
};

/** CUlaunchAttribute. */
struct LaunchAttribute {
  unsigned id;
  unsigned padding;
  union {
    unsigned cluster[3];
    char bytes[64];
  };
};

/** CUlaunchConfig. */
struct LaunchConfiguration {
  unsigned gridX, gridY, gridZ, threadsX, threadsY, threadsZ, sharedBytes;
  void* stream;
  LaunchAttribute* attributes;
  unsigned attributeCount;
};

}  // namespace emulated
