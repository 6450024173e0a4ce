// The shape of a kernel's launch, by itself and as a node of a graph.
//
// Invariant: parameters travel as one packed struct, which the driver copies before the call returns.
#pragma once
#include "arguments.h"

namespace tigon {

struct Shape {
  unsigned grid[3];
  unsigned threads;
  unsigned sharedBytes;
  // Blocks along x that run together; 1: no cluster.
  unsigned cluster;
};

// Arguments from `first`: gridX, gridY, gridZ, threads, sharedBytes, cluster.
Shape shapeOf(const Arguments& arguments, size_t first);

// The list by which the driver takes packed parameters; it points into itself and into the bytes.
class Packed {
 public:
  explicit Packed(const Bytes& bytes)
      : size_(bytes.size),
        list_{reinterpret_cast<void*>(PARAMETERS_POINTER), bytes.data,
              reinterpret_cast<void*>(PARAMETERS_SIZE), &size_, nullptr} {}
  Packed(const Packed&) = delete;
  void** list() { return list_; }

 private:
  size_t size_;
  void* list_[5];
};

LaunchAttributeValue clusterOf(unsigned blocks);
// Lets a kernel have more than eight blocks in a cluster, the first time it asks.
void allowCluster(Napi::Env env, Kernel& kernel, unsigned blocks);

}  // namespace tigon
