// A libnccl that adds floats at the end of a group, at once; without a group it refuses, as with several communicators in
// one thread the real one would wait for ever.
//
// Invariant: sums go to all communicators of a group, which have to agree about the count.
#include <cstring>
#include <vector>
#include "abi/nccl.h"

using tigon::NcclId;
using tigon::Opaque;

namespace {
struct Part {
  const float* from;
  float* to;
  size_t count;
};
std::vector<Part> parts;
bool inGroup = false;
constexpr int INVALID_ARGUMENT = 4, INVALID_USAGE = 5;
}  // namespace

extern "C" {
const char* ncclGetErrorString(int) { return "text of NCCL"; }
const char* ncclGetLastError(Opaque) { return "the last error"; }
int ncclGetVersion(int* version) { return *version = 22203, 0; }
int ncclGetUniqueId(NcclId* id) { return std::memset(id, 7, sizeof *id), 0; }
int ncclCommInitRank(Opaque* made, int ranks, NcclId id, int rank) {
  return rank >= ranks || id.bytes[127] != 7 ? INVALID_ARGUMENT : (*made = new int{rank}, 0);
}
int ncclCommInitAll(Opaque* made, int count, const int* devices) {
  for (int i = 1; i < count; i++)
    if (devices[i] == devices[0]) return INVALID_USAGE;
  for (int i = 0; i < count; i++) made[i] = new int{i};
  return 0;
}
int ncclCommDestroy(Opaque communicator) { return delete static_cast<int*>(communicator), 0; }
int ncclGroupStart() { return inGroup = true, 0; }
int ncclGroupEnd() {
  inGroup = false;
  if (parts.empty()) return 0;
  std::vector<float> sum(parts[0].count, 0);
  for (const Part& part : parts) {
    if (part.count != sum.size()) return parts.clear(), INVALID_ARGUMENT;
    for (size_t i = 0; i < sum.size(); i++) sum[i] += part.from[i];
  }
  for (const Part& part : parts) std::memcpy(part.to, sum.data(), sum.size() * sizeof(float));
  return parts.clear(), 0;
}
int ncclAllReduce(const void* from, void* to, size_t count, int type, int operation, Opaque, Opaque) {
  if (!inGroup || type != 7 || operation != 0) return INVALID_USAGE;
  return parts.push_back({static_cast<const float*>(from), static_cast<float*>(to), count}), 0;
}
int ncclBroadcast(const void*, void*, size_t, int, int, Opaque, Opaque) { return INVALID_USAGE; }
}
