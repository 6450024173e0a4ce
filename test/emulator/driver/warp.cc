/**
 * What a whole warp does together: exchanges of values, tensor-core products, loads of their fragments. The last lane that
 * arrives does the work of all.
 *
 * Invariant: fragments lie in registers as PTX documents it for `mma.sync` and `ldmatrix`.
 */
#include <cstring>
#include "check.h"
#include "fault.h"
#include "half.h"
#include "scheduler.h"

namespace emulated {
namespace {

template <int bytes>
void exchangeOf(Warp& warp, const int (&from)[WARP]) {
  for (unsigned i = 0; i < warp.size; i++) memcpy(warp.lanes[i].out, warp.lanes[from[i]].in, bytes);
}

void exchange(Warp& warp, unsigned bytes, const int (&from)[WARP]) {
  for (unsigned i = 0; i < warp.size; i++)
    if (from[i] < 0 || from[i] >= int(warp.size)) fail(LAUNCH_FAILED, "lane %u of %u asks lane %d", i, warp.size, from[i]);
  switch (bytes) {
    case 4: return exchangeOf<4>(warp, from);
    case 16: return exchangeOf<16>(warp, from);
    default:
      for (unsigned i = 0; i < warp.size; i++) memcpy(warp.lanes[i].out, warp.lanes[from[i]].in, bytes);
  }
}

template <unsigned bytes>
void exchangeMasks(Warp& warp) {
  int from[WARP];
  for (unsigned i = 0; i < WARP; i++) from[i] = int(i) ^ warp.lanes[i].argument;
  exchange(warp, bytes, from);
}

template <unsigned bytes>
void exchangeLanes(Warp& warp) {
  int from[WARP];
  for (unsigned i = 0; i < WARP; i++) from[i] = warp.lanes[i].argument & 31;
  exchange(warp, bytes, from);
}

float bfloat(unsigned bits) {
  bits <<= 16;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}
float half(unsigned bits) { return halfToFloat((unsigned short)bits); }

/** c[16][8] += a[16][depth] b[depth][8], by the lanes' accumulators. */
template <int depth>
void product(Warp& warp, const float (&a)[16][depth], const float (&b)[depth][8]) {
  for (unsigned lane = 0; lane < WARP; lane++) {
    float* c = static_cast<float*>(warp.lanes[lane].out);
    const unsigned row = lane / 4, column = lane % 4 * 2;
    for (unsigned i = 0; i < 4; i++) {
      float sum = c[i];
      for (int k = 0; k < depth; k++) sum += a[row + i / 2 * 8][k] * b[k][column + i % 2];
      c[i] = sum;
    }
  }
}

template <float (*value)(unsigned)>
void product16(Warp& warp) {
  float a[16][16], b[16][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const unsigned* in = static_cast<const unsigned*>(warp.lanes[lane].in);
    const unsigned group = lane / 4, pair = lane % 4 * 2;
    for (unsigned r = 0; r < 4; r++)
      for (unsigned half = 0; half < 2; half++)
        a[group + r % 2 * 8][pair + half + r / 2 * 8] = value(in[r] >> 16 * half & 0xffff);
    for (unsigned r = 0; r < 2; r++)
      for (unsigned half = 0; half < 2; half++) b[pair + half + r * 8][group] = value(in[4 + r] >> 16 * half & 0xffff);
  }
  product<16>(warp, a, b);
}

/** Words are rounded to the 19 bits that tensor cores read, ties away from zero (cvt.rna.tf32). */
float tf32(unsigned bits) {
  if ((bits & 0x7f800000u) != 0x7f800000u) bits = (bits + 0x1000u) & ~0x1fffu;
  float value;
  memcpy(&value, &bits, 4);
  return value;
}

void product8(Warp& warp) {
  float a[16][8], b[8][8];
  for (unsigned lane = 0; lane < WARP; lane++) {
    const unsigned* in = static_cast<const unsigned*>(warp.lanes[lane].in);
    const unsigned group = lane / 4, within = lane % 4;
    for (unsigned r = 0; r < 4; r++) a[group + r % 2 * 8][within + r / 2 * 4] = tf32(in[r]);
    for (unsigned r = 0; r < 2; r++) b[within + r * 4][group] = tf32(in[4 + r]);
  }
  product<8>(warp, a, b);
}

void load(Warp& warp) {
  for (unsigned lane = 0; lane < WARP; lane++) {
    unsigned* out = static_cast<unsigned*>(warp.lanes[lane].out);
    for (unsigned matrix = 0; matrix < 4; matrix++)
      memcpy(&out[matrix], static_cast<const char*>(warp.lanes[matrix * 8 + lane / 4].in) + lane % 4 * 4, 4);
  }
}

void loadTransposed(Warp& warp) {
  for (unsigned lane = 0; lane < WARP; lane++) {
    unsigned* out = static_cast<unsigned*>(warp.lanes[lane].out);
    for (unsigned matrix = 0; matrix < 4; matrix++) {
      unsigned short pair[2];
      for (unsigned i = 0; i < 2; i++)
        memcpy(&pair[i], static_cast<const char*>(warp.lanes[matrix * 8 + lane % 4 * 2 + i].in) + lane / 4 * 2, 2);
      memcpy(&out[matrix], pair, 4);
    }
  }
}

void nothing(Warp&) {}

}  // namespace
}  // namespace emulated

using namespace emulated;
using scheduler::collective;

extern "C" EXPORT void tigon_emulated_warp_barrier(int line) { collective("a warp's barrier", line, {}, nothing); }

extern "C" EXPORT void tigon_emulated_exchange(const void* in, void* out, unsigned bytes, int mask, int line) {
  static constexpr const char* WHAT = "an exchange";
  switch (bytes) {
    case 1: return collective(WHAT, line, {in, out, mask}, exchangeMasks<1>, false);
    case 2: return collective(WHAT, line, {in, out, mask}, exchangeMasks<2>, false);
    case 4: return collective(WHAT, line, {in, out, mask}, exchangeMasks<4>, false);
    case 8: return collective(WHAT, line, {in, out, mask}, exchangeMasks<8>, false);
    case 16: return collective(WHAT, line, {in, out, mask}, exchangeMasks<16>, false);
    default: fail(LAUNCH_FAILED, "an exchange of %u bytes", bytes);
  }
}

extern "C" EXPORT void tigon_emulated_shuffle(const void* in, void* out, unsigned bytes, int lane, int line) {
  static constexpr const char* WHAT = "a shuffle";
  if (bytes == 4) collective(WHAT, line, {in, out, lane}, exchangeLanes<4>, false);
  else if (bytes == 8) collective(WHAT, line, {in, out, lane}, exchangeLanes<8>, false);
  else fail(LAUNCH_FAILED, "a shuffle of %u bytes", bytes);
}

extern "C" EXPORT void tigon_emulated_mma_bf16(float* c, const unsigned* a, int line) {
  collective("a product (mma_bf16)", line, {a, c, 0}, product16<bfloat>);
}
extern "C" EXPORT void tigon_emulated_mma_f16(float* c, const unsigned* a, int line) {
  collective("a product (mma_f16)", line, {a, c, 0}, product16<half>);
}
extern "C" EXPORT void tigon_emulated_mma_tf32(float* c, const unsigned* a, int line) {
  collective("a product (mma_tf32)", line, {a, c, 0}, product8);
}

extern "C" EXPORT void tigon_emulated_fragments(const void* row, unsigned* result, bool transposed, int line) {
  scheduler::mustBeShared(row, 16, 16, "a load of fragments");
  check::read(row, 16);
  if (transposed) collective("a load of transposed fragments", line, {row, result, 0}, loadTransposed);
  else collective("a load of fragments", line, {row, result, 0}, load);
}
