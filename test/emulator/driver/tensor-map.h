/**
 * Tensor maps: arrays in global memory, and the tile of them that one instruction copies.
 *
 * Invariant: the 128 bytes are our own; programs pass them on and do not look inside.
 */
#pragma once
#include "abi.h"

namespace emulated {

constexpr unsigned TENSOR_MAP_MAGIC = 0x70616d74;

struct alignas(64) TensorMap {
  unsigned magic;
  /** CUtensorMapDataType. */
  unsigned char type, rank, elementBytes;
  /** Bytes within which 16-byte pieces are permuted in shared memory; 0: they are not. */
  unsigned char swizzleBytes;
  Address address;
  /** Elements; the innermost dimension first. */
  unsigned long long sizes[5];
  /** Bytes from one to the next of dimensions 1, 2, … */
  unsigned long long strides[4];
  unsigned short box[5];
  /** Whether what lies outside reads as NaN instead of 0. */
  bool outsideIsNan;
  unsigned char padding[21];
};
static_assert(sizeof(TensorMap) == 128, "as CUtensorMap");

}  // namespace emulated
