/**
 * What warpgroups do at their own pace: gates, tiles that come by themselves, products of tiles that are done later.
 *
 * Invariant: both happen as late as they may: a tile comes when no thread can go on, products read their tiles when they
 * are settled; whoever does not wait finds NaN, or old sums. Tiles lie where the bits of descriptions and addresses say,
 * as PTX documents them (`wgmma`, matrix descriptors; `cp.async.bulk.tensor`, 128-byte swizzling), and not as the compiler
 * thinks that they do.
 */
#include <cstring>
#include <map>
#include <vector>
#include "check.h"
#include "fault.h"
#include "half.h"
#include "scheduler.h"
#include "settings.h"
#include "tensor-map.h"

namespace emulated {
namespace {

/** The 64 bits of a gate. */
struct Gate {
  long long bytes : 40;
  unsigned long long missing : 11, arrivals : 11, phase : 1;
};
static_assert(sizeof(Gate) == 8, "as an mbarrier");

struct Tile {
  TensorMap map;
  unsigned char* to;
  Gate* gate;
  int at[5];
};

/** One instruction of a warp: a part of 16 rows of what its warpgroup multiplies. */
struct Product {
  unsigned columns;
  bool half, turned[2], begins;
  unsigned long long a, b;
  /** Of each lane, the left operand where it is in registers. */
  bool inWords;
  unsigned words[WARP][4];
  /** Of each lane, four floats for each eight columns. */
  std::vector<float*> sums[WARP];
};

struct Queue {
  std::vector<Product> open;
  std::vector<std::vector<Product>> groups;
};

std::vector<Tile> tiles;
std::map<const Warp*, Queue> queues;
Dice tileDice(1);

/** Address bits 7 to 9 change bits 4 to 6: blocks of 16 bytes are permuted in each line of 128. */
size_t swizzled(size_t offset) { return offset ^ (offset >> 7 & 7) << 4; }

void turn(Gate& gate) {
  if (gate.missing || gate.bytes) return;
  gate.missing = gate.arrivals;
  gate.phase = !gate.phase;
}

void land(const Tile& tile) {
  const TensorMap& map = tile.map;
  const Block& block = *scheduler::current().block;
  const unsigned bytes = map.elementBytes;
  size_t lines = 1;
  for (unsigned d = 1; d < map.rank; d++) lines *= map.box[d];
  for (size_t line = 0; line < lines; line++) {
    size_t rest = line;
    Address from = map.address;
    bool inside = true;
    for (unsigned d = 1; d < map.rank; d++) {
      const long long at = tile.at[d] + (long long)(rest % map.box[d]);
      rest /= map.box[d];
      inside = inside && at >= 0 && (unsigned long long)at < map.sizes[d];
      from += Address(at) * map.strides[d - 1];
    }
    for (unsigned x = 0; x < map.box[0]; x++) {
      const long long at = tile.at[0] + (long long)x;
      const size_t offset = size_t(tile.to - block.shared) + (line * map.box[0] + x) * bytes;
      unsigned char* to = block.shared + swizzled(offset);
      if (inside && at >= 0 && (unsigned long long)at < map.sizes[0])
        memcpy(to, reinterpret_cast<const unsigned char*>(from) + at * bytes, bytes);
      else
        memset(to, 0, bytes);
    }
  }
  tile.gate->bytes -= (long long)(lines * map.box[0] * bytes);
  turn(*tile.gate);
}

bool deliver() {
  if (tiles.empty()) return false;
  const size_t chosen = conduct().order == Order::Random ? tileDice.below(unsigned(tiles.size())) : 0;
  land(tiles[chosen]);
  tiles.erase(tiles.begin() + long(chosen));
  return true;
}

/** A launch begins that knows of tiles. */
void begin() {
  if (scheduler::hasDelivery()) return;
  tiles.clear();
  queues.clear();
  tileDice = Dice(conduct().seed);
  scheduler::setDelivery(deliver);
}

Gate& gateOf(unsigned* at, const char* what) {
  scheduler::mustBeShared(at, 8, 8, what);
  return *reinterpret_cast<Gate*>(at);
}

struct Wait {
  Gate* gate;
  int phase;
};

float floatOf(const Product& product, unsigned short bits) {
  if (product.half) return halfToFloat(bits);
  const unsigned wide = unsigned(bits) << 16;
  float value;
  memcpy(&value, &wide, 4);
  return value;
}

/** A number of what lanes have of the left operand: each has pairs in two rows, and again eight places further on. */
float inRegisters(const Product& product, unsigned row, unsigned k) {
  const unsigned word = product.words[row % 8 * 4 + k % 8 / 2][row / 8 + k / 8 * 2];
  return floatOf(product, (unsigned short)(k % 2 ? word >> 16 : word));
}

/** A number of a tile: row (column) `row`, place `k` of the sum. */
float element(const Block& block, const Product& product, int side, unsigned row, unsigned k) {
  const unsigned long long tile = side ? product.b : product.a;
  if (tile >> 62 != 1) fail(LAUNCH_FAILED, "tiles of products have lines of 128 bytes that are permuted");
  const size_t start = (tile & 0x3fff) << 4, leading = (tile >> 16 & 0x3fff) << 4, stride = (tile >> 32 & 0x3fff) << 4;
  const size_t offset = product.turned[side] ? start + row / 64 * leading + k / 8 * stride + k % 8 * 128 + row % 64 * 2
                                             : start + row / 8 * stride + row % 8 * 128 + k * 2;
  const size_t at = swizzled(offset);
  if (at + 2 > block.sharedBytes) fail(ILLEGAL_ADDRESS, "a product reads byte %zu of %u of shared memory", at, block.sharedBytes);
  unsigned short bits;
  memcpy(&bits, block.shared + at, 2);
  return floatOf(product, bits);
}

void finish(const Warp& warp, const Product& product) {
  constexpr unsigned ROWS = 16, DEPTH = 16;
  static float a[ROWS][DEPTH], b[256][DEPTH];
  const Block& block = *warp.block;
  const unsigned first = warp.threads[0]->rank / WARP % 4 * ROWS;
  for (unsigned row = 0; row < ROWS; row++)
    for (unsigned k = 0; k < DEPTH; k++) 
      a[row][k] = product.inWords ? inRegisters(product, row, k) : element(block, product, 0, first + row, k);
  for (unsigned column = 0; column < product.columns; column++)
    for (unsigned k = 0; k < DEPTH; k++) b[column][k] = element(block, product, 1, column, k);
  for (unsigned lane = 0; lane < WARP; lane++)
    for (unsigned j = 0; j < product.columns / 8; j++)
      for (unsigned i = 0; i < 4; i++) {
        const float* row = a[lane / 4 + i / 2 * 8];
        const float* column = b[8 * j + lane % 4 * 2 + i % 2];
        double sum = product.begins ? 0 : product.sums[lane][j][i];
        for (unsigned k = 0; k < DEPTH; k++) sum += double(row[k]) * column[k];
        product.sums[lane][j][i] = float(sum);
      }
}

void beginProduct(Warp& warp) {
  // lanes bring their sums; the first one the rest
  const Product& shared = *static_cast<const Product*>(warp.lanes[0].out);
  Product product = shared;
  for (unsigned lane = 0; lane < WARP; lane++) {
    const Product& own = *static_cast<const Product*>(warp.lanes[lane].out);
    if (own.a != shared.a || own.b != shared.b) fail(LAUNCH_FAILED, "lanes of one warp multiply different tiles");
    float* const* sums = static_cast<float* const*>(warp.lanes[lane].in);
    product.sums[lane].assign(sums, sums + shared.columns / 8);
    memcpy(product.words[lane], own.words[0], sizeof own.words[0]);
  }
  queues[&warp].open.push_back(product);
}

void endGroup(Warp& warp) {
  Queue& queue = queues[&warp];
  queue.groups.push_back(queue.open);
  queue.open.clear();
}

void settle(Warp& warp) {
  Queue& queue = queues[&warp];
  const size_t pending = size_t(warp.lanes[0].argument);
  while (queue.groups.size() > pending) {
    for (const Product& product : queue.groups.front()) finish(warp, product);
    queue.groups.erase(queue.groups.begin());
  }
}

}  // namespace
}  // namespace emulated

using namespace emulated;

extern "C" EXPORT void tigon_emulated_gate_open(unsigned* at, int arrivals) {
  begin();
  if (!tiles.empty()) fail(LAUNCH_FAILED, "a block ended before %zu tiles came", tiles.size());
  Gate& gate = gateOf(at, "a gate");
  if (arrivals < 1 || arrivals > 1023) fail(LAUNCH_FAILED, "a gate for %d arrivals", arrivals);
  gate.bytes = 0;
  gate.missing = gate.arrivals = unsigned(arrivals);
  gate.phase = 0;
}

extern "C" EXPORT void tigon_emulated_gate_arrive(unsigned* at, int bytes) {
  Gate& gate = gateOf(at, "an arrival");
  if (!gate.missing) fail(LAUNCH_FAILED, "more arrive at a gate than it is for");
  gate.bytes += bytes;
  gate.missing--;
  turn(gate);
}

extern "C" EXPORT void tigon_emulated_gate_await(unsigned* at, int phase, int line) {
  Wait wait{&gateOf(at, "a gate"), phase};
  scheduler::waitUntil(
      [](void* subject) {
        const Wait& one = *static_cast<const Wait*>(subject);
        return int(one.gate->phase) != one.phase;
      },
      &wait, phase ? "a gate, in phase 1" : "a gate, in phase 0", line);
}

extern "C" EXPORT void tigon_emulated_tile_load(void* to, const TensorMap* map, unsigned* gate, const int* at, unsigned dimensions) {
  Tile tile{*map, static_cast<unsigned char*>(to), &gateOf(gate, "the gate of a tile"), {}};
  if (map->magic != TENSOR_MAP_MAGIC) fail(LAUNCH_FAILED, "a tile by something that is no tensor map");
  if (map->rank != dimensions) fail(LAUNCH_FAILED, "%u coordinates for %u dimensions", dimensions, map->rank);
  if (map->swizzleBytes != 128) fail(LAUNCH_FAILED, "lines of tiles are permuted in 128 bytes");
  unsigned bytes = map->elementBytes;
  for (unsigned d = 0; d < dimensions; d++) {
    tile.at[d] = at[d];
    bytes *= map->box[d];
  }
  scheduler::mustBeShared(to, bytes, 128, "a tile");
  memset(to, 0xff, bytes);
  tiles.push_back(tile);
}

extern "C" EXPORT unsigned long long tigon_emulated_tile(const void* at, int pitch) {
  scheduler::mustBeShared(at, 16, 1024, "a tile of a product");
  const unsigned long long offset = (unsigned long long)(static_cast<const unsigned char*>(at) - scheduler::current().block->shared);
  return (1ull << 62) | (64ull << 32) | (unsigned long long)(pitch >> 4) << 16 | offset >> 4;
}

extern "C" EXPORT void tigon_emulated_product(
    float** sums, const unsigned* shape, const unsigned* words, unsigned long long a, unsigned long long b, int line) {
  Product product{};
  product.columns = shape[0];
  product.half = shape[1] != 0;
  product.turned[0] = shape[2] != 0;
  product.turned[1] = shape[3] != 0;
  product.begins = shape[4] != 0;
  product.a = a;
  product.b = b;
  product.inWords = words != nullptr;
  if (words) memcpy(product.words[0], words, sizeof product.words[0]);
  scheduler::collective("products of tiles", line, {sums, &product, 0}, beginProduct);
}

extern "C" EXPORT void tigon_emulated_products_end(int line) { scheduler::collective("the end of products", line, {}, endGroup); }

extern "C" EXPORT void tigon_emulated_settle(unsigned pending, int line) {
  scheduler::collective("products to be done", line, {nullptr, nullptr, int(pending)}, settle);
}
