// Structs and numbers of the CUDA driver, as its binary interface has them.
//
// Invariant: sizes, offsets and values are those of cuda.h (check.cc, where a toolkit is present).
#pragma once
#include <cstddef>
#include <cstdint>

namespace tigon {

using Address = unsigned long long;  // CUdeviceptr
using Opaque = void*;                // CUcontext, CUstream, CUevent, CUmodule, CUfunction, CUgraph, ...

struct Uuid {
  unsigned char bytes[16];
};

struct MemoryAccess {
  int locationType;
  int device;
  int flags;
};

union LaunchAttributeValue {
  char pad[64];
  struct {
    unsigned x, y, z;
  } cluster;
};

struct LaunchAttribute {
  int id;
  char pad[4];
  LaunchAttributeValue value;
};

struct LaunchConfig {
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  Opaque stream;
  LaunchAttribute* attributes;
  unsigned attributeCount;
};

struct alignas(128) TensorMap {
  uint64_t opaque[16];
};

struct KernelNode {
  Opaque function;
  unsigned grid[3];
  unsigned block[3];
  unsigned sharedBytes;
  void** parameters;
  void** extra;
  Opaque kernel;
  Opaque context;
};

struct CopyEnd {
  size_t xBytes, y, z, level;
  int memoryType;
  void* host;
  Address device;
  Opaque array;
  void* reserved;
  size_t pitch, height;
};

struct CopyNode {
  CopyEnd from, to;
  size_t widthBytes, height, depth;
};

struct FillNode {
  Address to;
  size_t pitch;
  unsigned value, elementBytes;
  size_t width, height;
};

constexpr int SUCCESS = 0;
constexpr int NOT_READY = 600;
constexpr int PEER_ACCESS_ALREADY_ENABLED = 704;

namespace attribute {
constexpr int THREADS_PER_BLOCK = 1, WARP = 10, CLOCK_KILOHERTZ = 13, PROCESSORS = 16,
              MEMORY_CLOCK_KILOHERTZ = 36, BUS_BITS = 37, L2_BYTES = 38, THREADS_PER_PROCESSOR = 39,
              CAPABILITY_MAJOR = 75, CAPABILITY_MINOR = 76, SHARED_BYTES_PER_PROCESSOR = 81,
              REGISTERS_PER_PROCESSOR = 82, SHARED_BYTES_PER_BLOCK = 97, MEMORY_POOLS = 115,
              CLUSTERS = 120, TENSOR_MAPS = 127;
}

namespace function_attribute {
constexpr int THREADS = 0, SHARED_BYTES = 1, CONSTANT_BYTES = 2, LOCAL_BYTES = 3, REGISTERS = 4,
              MOST_DYNAMIC_SHARED_BYTES = 8, NON_PORTABLE_CLUSTERS = 14;
}

constexpr int POOL_RELEASE_THRESHOLD = 4;
constexpr int JIT_ERROR_LOG = 5, JIT_ERROR_LOG_BYTES = 6;
constexpr int LAUNCH_CLUSTER = 4;
constexpr int MEMORY_DEVICE = 2;
constexpr int LOCATION_DEVICE = 1, ACCESS_READ_WRITE = 3;
constexpr unsigned HOST_PORTABLE = 1;
constexpr unsigned STREAM_NON_BLOCKING = 1;
constexpr unsigned EVENT_BLOCKING = 1, EVENT_NO_TIMING = 2;
// The keys of the list that hands over kernel parameters as one packed struct.
constexpr uintptr_t PARAMETERS_POINTER = 1, PARAMETERS_SIZE = 2;

}  // namespace tigon
