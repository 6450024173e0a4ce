/**
 * What CUDA C++ means to the emulator: the stand-in compiler puts this in front of every unit.
 *
 * It is compiled thousands of times in a run of the tests, so it includes nothing and holds little more than declarations:
 * whatever can be is compiled once, in the driver (`driver/`), which also knows the layouts declared here.
 *
 * Invariant: what NVRTC has, as far as our units use it, is here with the same meaning; what it has not, is not.
 */
#define TIGON_EMULATED 1

#define DEVICE static inline __attribute__((always_inline))
#define SHARED_MEMORY(name) unsigned char* const name = tigon_emulated.shared
#define KERNEL(most, name)                      \
  enum { tigon_emulated_threads_##name = most }; \
  static void name
#define SUMMING_KERNEL(most, name) KERNEL(most, name)

#define __device__
#define __global__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __restrict__ __restrict
#define __grid_constant__
#define __align__(n) alignas(n)
#define __constant__ static

struct alignas(8) float2 { float x, y; };
struct alignas(16) float4 { float x, y, z, w; };
struct alignas(8) int2 { int x, y; };
struct alignas(16) int4 { int x, y, z, w; };
struct alignas(8) uint2 { unsigned x, y; };
struct uint3 { unsigned x, y, z; };
struct alignas(16) uint4 { unsigned x, y, z, w; };
struct alignas(4) uchar4 { unsigned char x, y, z, w; };
struct alignas(4) ushort2 { unsigned short x, y; };
struct alignas(8) ushort4 { unsigned short x, y, z, w; };
typedef __SIZE_TYPE__ size_t;

#define MAKE static inline __attribute__((always_inline))
MAKE float2 make_float2(float x, float y) { return {x, y}; }
MAKE float4 make_float4(float x, float y, float z, float w) { return {x, y, z, w}; }
MAKE int2 make_int2(int x, int y) { return {x, y}; }
MAKE int4 make_int4(int x, int y, int z, int w) { return {x, y, z, w}; }
MAKE uint2 make_uint2(unsigned x, unsigned y) { return {x, y}; }
MAKE uint4 make_uint4(unsigned x, unsigned y, unsigned z, unsigned w) { return {x, y, z, w}; }

extern "C" {

/** Where the running thread is, and its block's shared memory. */
struct TigonEmulated {
  uint3 thread, block, blockSize, gridSize;
  unsigned char* shared;
};
extern TigonEmulated tigon_emulated;

void tigon_emulated_barrier(int line);
void tigon_emulated_warp_barrier(int line);
void tigon_emulated_exchange(const void* in, void* out, unsigned bytes, int mask, int line);
void tigon_emulated_shuffle(const void* in, void* out, unsigned bytes, int lane, int line);
void tigon_emulated_mma_bf16(float* c, const unsigned* a, int line);
void tigon_emulated_mma_f16(float* c, const unsigned* a, int line);
void tigon_emulated_mma_tf32(float* c, const unsigned* a, int line);
void tigon_emulated_fragments(const void* row, unsigned* result, bool transposed, int line);
void tigon_emulated_copy(void* shared, const void* global, unsigned bytes, bool whole);
void tigon_emulated_copy_commit();
void tigon_emulated_copy_wait(unsigned pending);
float tigon_emulated_half_of(unsigned short);
unsigned short tigon_emulated_half_bits(float);

void* memcpy(void*, const void*, size_t);
double floor(double);
void* memset(void*, int, size_t);
float acosf(float), asinf(float), atanf(float), atan2f(float, float), ceilf(float), copysignf(float, float), cosf(float),
    coshf(float), erff(float), erfcf(float), expf(float), exp2f(float), expm1f(float), fabsf(float), floorf(float),
    fmaf(float, float, float), fmaxf(float, float), fminf(float, float), fmodf(float, float), lgammaf(float), log1pf(float),
    log2f(float), log10f(float), logf(float), nearbyintf(float), powf(float, float), rintf(float), roundf(float), sinf(float),
    sinhf(float), sqrtf(float), tanf(float), tanhf(float), tgammaf(float), truncf(float), acoshf(float), asinhf(float),
    atanhf(float), cbrtf(float), ldexpf(float, int);
double ceil(double), copysign(double, double), cos(double), erf(double), exp(double), expm1(double), fabs(double),
    fma(double, double, double), fmod(double, double), log(double), log1p(double), pow(double, double), rint(double),
    sin(double), sqrt(double), tan(double), tanh(double);
}

#define threadIdx tigon_emulated.thread
#define blockIdx tigon_emulated.block
#define blockDim tigon_emulated.blockSize
#define gridDim tigon_emulated.gridSize
#define warpSize 32

MAKE void __syncthreads(int line = __builtin_LINE()) { tigon_emulated_barrier(line); }
MAKE void __syncwarp(unsigned = ~0u, int line = __builtin_LINE()) { tigon_emulated_warp_barrier(line); }
MAKE void __threadfence() {}
MAKE void __threadfence_block() {}

MAKE float __uint_as_float(unsigned bits) { float value; __builtin_memcpy(&value, &bits, 4); return value; }
MAKE unsigned __float_as_uint(float value) { unsigned bits; __builtin_memcpy(&bits, &value, 4); return bits; }
MAKE float __int_as_float(int bits) { return __uint_as_float(unsigned(bits)); }
MAKE int __float_as_int(float value) { return int(__float_as_uint(value)); }
MAKE float __fadd_rn(float a, float b) { return a + b; }
MAKE float __fsub_rn(float a, float b) { return a - b; }
MAKE float __fmul_rn(float a, float b) { return a * b; }
MAKE float __fdiv_rn(float a, float b) { return a / b; }
MAKE float __fmaf_rn(float a, float b, float c) { return __builtin_fmaf(a, b, c); }
MAKE float __frcp_rn(float a) { return 1.0f / a; }
MAKE float __fsqrt_rn(float a) { return __builtin_sqrtf(a); }
MAKE float rsqrtf(float a) { return 1.0f / __builtin_sqrtf(a); }
MAKE double rsqrt(double a) { return 1.0 / sqrt(a); }
MAKE float fdividef(float a, float b) { return a / b; }
MAKE float __fdividef(float a, float b) { return a / b; }
MAKE float __expf(float a) { return expf(a); }
MAKE float __logf(float a) { return logf(a); }
MAKE float __powf(float a, float b) { return powf(a, b); }
MAKE float __saturatef(float a) { return a > 0 ? a < 1 ? a : 1 : 0; }
/** Conversions saturate, and 0 stands for NaN. */
MAKE int __float2int_rz(float a) { return a != a ? 0 : a >= 2147483648.0f ? 2147483647 : a < -2147483648.0f ? -2147483647 - 1 : int(a); }
MAKE unsigned __float2uint_rz(float a) { return !(a > 0) ? 0u : a >= 4294967296.0f ? ~0u : unsigned(a); }
MAKE int __float2int_rn(float a) { return __float2int_rz(__builtin_rintf(a)); }
MAKE float __int2float_rn(int a) { return float(a); }
MAKE float __uint2float_rn(unsigned a) { return float(a); }
MAKE int __popc(unsigned a) { return __builtin_popcount(a); }
MAKE int __clz(int a) { return a ? __builtin_clz(unsigned(a)) : 32; }
MAKE int __ffs(int a) { return __builtin_ffs(a); }
MAKE unsigned __umulhi(unsigned a, unsigned b) { return unsigned((unsigned long long)a * b >> 32); }
MAKE int __mulhi(int a, int b) { return int((long long)a * b >> 32); }
MAKE int abs(int a) { return a < 0 ? int(0u - unsigned(a)) : a; }
MAKE int min(int a, int b) { return a < b ? a : b; }
MAKE int max(int a, int b) { return a > b ? a : b; }
MAKE unsigned min(unsigned a, unsigned b) { return a < b ? a : b; }
MAKE unsigned max(unsigned a, unsigned b) { return a > b ? a : b; }
MAKE float min(float a, float b) { return __builtin_fminf(a, b); }
MAKE float max(float a, float b) { return __builtin_fmaxf(a, b); }
MAKE bool isnan(float a) { return a != a; }
MAKE bool isinf(float a) { return __builtin_fabsf(a) > 3.402823466e38f; }
MAKE bool isfinite(float a) { return __builtin_fabsf(a) <= 3.402823466e38f; }
MAKE bool signbit(float a) { return __float_as_uint(a) >> 31; }
template <class T> MAKE T __ldg(const T* at) { return *at; }

// one thread of a launch runs at a time
template <class T> MAKE T atomicAdd(T* at, T value) { T old = *at; *at = old + value; return old; }
template <class T> MAKE T atomicMax(T* at, T value) { T old = *at; if (old < value) *at = value; return old; }
template <class T> MAKE T atomicMin(T* at, T value) { T old = *at; if (value < old) *at = value; return old; }
template <class T> MAKE T atomicExch(T* at, T value) { T old = *at; *at = value; return old; }
template <class T> MAKE T atomicCAS(T* at, T expected, T value) { T old = *at; if (old == expected) *at = value; return old; }

template <class T> MAKE T __shfl_xor_sync(unsigned, T value, int mask, int = 32, int line = __builtin_LINE()) {
  T result;
  tigon_emulated_exchange(&value, &result, sizeof(T), mask, line);
  return result;
}
template <class T> MAKE T __shfl_sync(unsigned, T value, int lane, int = 32, int line = __builtin_LINE()) {
  T result;
  tigon_emulated_shuffle(&value, &result, sizeof(T), lane, line);
  return result;
}

// what the units of real devices write in PTX

template <class T> MAKE T exchange(T value, int mask, int line = __builtin_LINE()) {
  T result;
  tigon_emulated_exchange(&value, &result, sizeof(T), mask, line);
  return result;
}
MAKE float half_of(unsigned short bits) { return tigon_emulated_half_of(bits); }
MAKE unsigned short half_bits(float value) { return tigon_emulated_half_bits(value); }
MAKE unsigned half_pair(float x, float y) { return half_bits(x) | unsigned(half_bits(y)) << 16; }
MAKE unsigned tigon_rounded_bfloat(float x) {
  const unsigned bits = __float_as_uint(x);
  return x != x ? 0x7fffu : (bits + 0x7fffu + (bits >> 16 & 1)) >> 16;
}
MAKE unsigned bfloat_pair(float x, float y) { return tigon_rounded_bfloat(x) | tigon_rounded_bfloat(y) << 16; }
MAKE float bits_float(unsigned bits) { return __uint_as_float(bits); }
MAKE unsigned float_bits(float value) { return __float_as_uint(value); }
MAKE double bits_double(unsigned long long bits) { double value; __builtin_memcpy(&value, &bits, 8); return value; }
MAKE unsigned long long double_bits(double value) { unsigned long long bits; __builtin_memcpy(&bits, &value, 8); return bits; }
MAKE float multiply_add(float a, float b, float c) { return __builtin_fmaf(a, b, c); }

#define MMA(name)                                                                                       \
  MAKE void name(float4& c, uint4 a, unsigned b0, unsigned b1, int line = __builtin_LINE()) {            \
    const unsigned inputs[6] = {a.x, a.y, a.z, a.w, b0, b1};                                             \
    tigon_emulated_##name(&c.x, inputs, line);                                                           \
  }
MMA(mma_bf16)
MMA(mma_f16)
MMA(mma_tf32)
#undef MMA

MAKE uint4 fragments(const void* row, int line = __builtin_LINE()) {
  uint4 result;
  tigon_emulated_fragments(row, &result.x, false, line);
  return result;
}
MAKE uint4 fragments_transposed(const void* row, int line = __builtin_LINE()) {
  uint4 result;
  tigon_emulated_fragments(row, &result.x, true, line);
  return result;
}
MAKE void copy_16(void* shared, const void* global, bool whole) { tigon_emulated_copy(shared, global, 16, whole); }
MAKE void copy_8(void* shared, const void* global, bool whole) { tigon_emulated_copy(shared, global, 8, whole); }
MAKE void copy_4(void* shared, const void* global, bool whole) { tigon_emulated_copy(shared, global, 4, whole); }
MAKE void copy_commit() { tigon_emulated_copy_commit(); }
template <int pending> MAKE void copy_wait() { tigon_emulated_copy_wait(pending); }
#undef MAKE

// calling a kernel with its arguments from one packed structure

template <unsigned... I> struct TigonIndices {};
template <class... A> struct TigonLayout {
  unsigned offsets[sizeof...(A) + 1];
  constexpr TigonLayout() : offsets{} {
    unsigned at = 0, i = 0;
    ((at = (at + alignof(A) - 1) / alignof(A) * alignof(A), offsets[i++] = at, at += sizeof(A)), ...);
    offsets[i] = at;
  }
};
template <auto kernel> struct TigonEntry;
template <class... A, void (*kernel)(A...)> struct TigonEntry<kernel> {
  static constexpr TigonLayout<A...> layout{};
  static constexpr unsigned count = sizeof...(A);
  template <unsigned... I> static inline __attribute__((always_inline)) void call(const unsigned char* from, TigonIndices<I...>) {
    kernel(*(A*)(from + layout.offsets[I])...);
  }
  static void run(const unsigned char* from) { call(from, TigonIndices<__integer_pack(sizeof...(A))...>{}); }
};
struct TigonKernel {
  const char* name;
  void (*run)(const unsigned char*);
  unsigned threads, parameters;
  const unsigned* offsets;
  unsigned sharedBytes;
};
#define TIGON_EMULATED_ENTRY(name, threads) \
  {#name, TigonEntry<&name>::run, threads, TigonEntry<&name>::count, TigonEntry<&name>::layout.offsets, 0}

#pragma GCC poison INFINITY NAN HUGE_VALF FLT_MAX FLT_MIN FLT_EPSILON INT_MAX INT_MIN UINT_MAX M_PI
#pragma GCC poison int8_t int16_t int32_t int64_t uint8_t uint16_t uint32_t uint64_t
