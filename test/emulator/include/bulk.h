/**
 * What CUDA C++ for warpgroups means to the emulator: tensor maps, gates, products of tiles. It stands behind `kernel.h` in
 * front of units for compute capability 9.0a.
 *
 * Invariant: functions have the names and parameters that `src/codegen/cuda/ptx-bulk.ts` gives them.
 */
struct alignas(64) TensorMap { unsigned long long words[16]; };
#define TENSOR_MAP const TensorMap

extern "C" {
void tigon_emulated_gate_open(unsigned* gate, int arrivals);
void tigon_emulated_gate_arrive(unsigned* gate, int bytes);
void tigon_emulated_gate_await(unsigned* gate, int phase, int line);
void tigon_emulated_tile_load(void* to, const TensorMap* map, unsigned* gate, const int* at, unsigned dimensions);
unsigned long long tigon_emulated_tile(const void* at, int pitch);
/**
 * `shape`: columns, whether numbers are halves, whether lines of either tile run along rows, whether sums begin with it.
 * The left operand is `words` where there are any.
 */
void tigon_emulated_product(
    float** sums, const unsigned* shape, const unsigned* words, unsigned long long a, unsigned long long b, int line);
void tigon_emulated_products_end(int line);
void tigon_emulated_settle(unsigned pending, int line);
}

#define MAKE static inline __attribute__((always_inline))
MAKE void gate_open(unsigned* gate, int arrivals) { tigon_emulated_gate_open(gate, arrivals); }
MAKE void gates_opened() {}
MAKE void gate_expect(unsigned* gate, int bytes) {
  if (threadIdx.x % 32 == 0) tigon_emulated_gate_arrive(gate, bytes);
}
MAKE void gate_arrive(unsigned* gate) {
  if (threadIdx.x % 32 == 0) tigon_emulated_gate_arrive(gate, 0);
}
MAKE void gate_await(unsigned* gate, int phase, int line = __builtin_LINE()) { tigon_emulated_gate_await(gate, phase, line); }

template <class... C> MAKE void tigon_tile_load(void* to, const TensorMap& map, unsigned* gate, C... c) {
  if (threadIdx.x % 32 != 0) return;
  const int at[] = {c...};
  tigon_emulated_tile_load(to, &map, gate, at, sizeof...(C));
}
MAKE void tile_load_2(void* to, const TensorMap& map, unsigned* gate, int c0, int c1) { tigon_tile_load(to, map, gate, c0, c1); }
MAKE void tile_load_3(void* to, const TensorMap& map, unsigned* gate, int c0, int c1, int c2) {
  tigon_tile_load(to, map, gate, c0, c1, c2);
}
MAKE void tile_load_4(void* to, const TensorMap& map, unsigned* gate, int c0, int c1, int c2, int c3) {
  tigon_tile_load(to, map, gate, c0, c1, c2, c3);
}
MAKE void tile_load_5(void* to, const TensorMap& map, unsigned* gate, int c0, int c1, int c2, int c3, int c4) {
  tigon_tile_load(to, map, gate, c0, c1, c2, c3, c4);
}

MAKE unsigned long long tile(const void* at, int pitch) { return tigon_emulated_tile(at, pitch); }
MAKE void products_begin() {}
MAKE void products_end(int line = __builtin_LINE()) { tigon_emulated_products_end(line); }
template <int pending> MAKE void settle(int line = __builtin_LINE()) { tigon_emulated_settle(pending, line); }
template <int count> MAKE void registers_fewer() {}
template <int count> MAKE void registers_more() {}
MAKE int warpgroup() { return int(threadIdx.x) / 128; }

template <unsigned columns, bool half, int turned_a, int turned_b, bool begins, class... C>
MAKE void tigon_product(const unsigned* words, unsigned long long a, unsigned long long b, C&... c) {
  static_assert(sizeof...(C) * 8 == columns, "an accumulator has eight columns");
  float* sums[] = {&c.x...};
  const unsigned shape[5] = {columns, half, turned_a, turned_b, begins};
  tigon_emulated_product(sums, shape, words, a, b, columns);
}
#define PRODUCT(name, columns, half, begins)                                                                              \
  template <int turned_a, int turned_b, class... C> MAKE void product##name(unsigned long long a, unsigned long long b, C&... c) { \
    tigon_product<columns, half, turned_a, turned_b, begins>(nullptr, a, b, c...);                                        \
  }
#define PRODUCT_WORDS(name, columns, half, begins)                                                                        \
  template <int turned_b, class... C> MAKE void product##name(uint4 a, unsigned long long b, C&... c) {                   \
    tigon_product<columns, half, 0, turned_b, begins>(&a.x, 0, b, c...);                                                  \
  }
#define COLUMNS(n)                                                                                                       \
  PRODUCT(_bf16_##n, n, false, false) PRODUCT(_begin_bf16_##n, n, false, true)                                           \
  PRODUCT(_f16_##n, n, true, false) PRODUCT(_begin_f16_##n, n, true, true)                                               \
  PRODUCT_WORDS(_words_bf16_##n, n, false, false) PRODUCT_WORDS(_begin_words_bf16_##n, n, false, true)                   \
  PRODUCT_WORDS(_words_f16_##n, n, true, false) PRODUCT_WORDS(_begin_words_f16_##n, n, true, true)                       \
  template <int pending, class... C> MAKE void settle_##n(C&...) {                                                       \
    static_assert(sizeof...(C) * 8 == n, "an accumulator has eight columns");                                            \
    tigon_emulated_settle(pending, n);                                                                                   \
  }
COLUMNS(8) COLUMNS(16) COLUMNS(24) COLUMNS(32) COLUMNS(40) COLUMNS(48) COLUMNS(56) COLUMNS(64)
COLUMNS(72) COLUMNS(80) COLUMNS(88) COLUMNS(96) COLUMNS(104) COLUMNS(112) COLUMNS(120) COLUMNS(128)
COLUMNS(136) COLUMNS(144) COLUMNS(152) COLUMNS(160) COLUMNS(168) COLUMNS(176) COLUMNS(184) COLUMNS(192)
COLUMNS(200) COLUMNS(208) COLUMNS(216) COLUMNS(224) COLUMNS(232) COLUMNS(240) COLUMNS(248) COLUMNS(256)
#undef COLUMNS
#undef PRODUCT_WORDS
#undef PRODUCT
#undef MAKE
