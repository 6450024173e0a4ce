// Tensor cores and what feeds them.

// c[16][8] = a[16][16] b[16][8], fragments as PTX numbers them
DEVICE unsigned pair(const unsigned short* from, int second) { return (unsigned)from[0] | (unsigned)from[second] << 16; }

DEVICE uint4 left_of(const unsigned short* a) {
  const int group = threadIdx.x / 4, two = threadIdx.x % 4 * 2;
  const unsigned short* upper = a + group * 16 + two;
  const unsigned short* lower = upper + 8 * 16;
  return make_uint4(pair(upper, 1), pair(lower, 1), pair(upper + 8, 1), pair(lower + 8, 1));
}

DEVICE void store(float* c, float4 sum) {
  const int group = threadIdx.x / 4, two = threadIdx.x % 4 * 2;
  c[group * 8 + two] = sum.x;
  c[group * 8 + two + 1] = sum.y;
  c[(group + 8) * 8 + two] = sum.z;
  c[(group + 8) * 8 + two + 1] = sum.w;
}

KERNEL(32, product_bf16)(const unsigned short* __restrict__ a, const unsigned short* __restrict__ b, float* __restrict__ c) {
  const unsigned short* column = b + threadIdx.x % 4 * 2 * 8 + threadIdx.x / 4;
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  mma_bf16(sum, left_of(a), pair(column, 8), pair(column + 64, 8));
  store(c, sum);
}

KERNEL(32, product_f16)(const unsigned short* __restrict__ a, const unsigned short* __restrict__ b, float* __restrict__ c) {
  const unsigned short* column = b + threadIdx.x % 4 * 2 * 8 + threadIdx.x / 4;
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  mma_f16(sum, left_of(a), pair(column, 8), pair(column + 64, 8));
  store(c, sum);
}

// c[16][8] = a[16][8] b[8][8]
KERNEL(32, product_tf32)(const float* __restrict__ a, const float* __restrict__ b, float* __restrict__ c) {
  const int group = threadIdx.x / 4, own = threadIdx.x % 4;
  const uint4 rows = make_uint4(float_bits(a[group * 8 + own]), float_bits(a[(group + 8) * 8 + own]),
                                float_bits(a[group * 8 + own + 4]), float_bits(a[(group + 8) * 8 + own + 4]));
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  mma_tf32(sum, rows, float_bits(b[own * 8 + group]), float_bits(b[(own + 4) * 8 + group]));
  store(c, sum);
}

// the whole way: copies to shared memory, fragments from there, product; b is stored as it is, row by row
KERNEL(32, staged)(const unsigned short* __restrict__ a, const unsigned short* __restrict__ b, float* __restrict__ c) {
  SHARED_MEMORY(memory);
  unsigned short* rows = (unsigned short*)(memory + 0);
  unsigned short* columns = (unsigned short*)(memory + 512);
  const int lane = threadIdx.x;
  copy_16(rows + lane * 8, a + lane * 8, true);
  copy_commit();
  if (lane < 16) copy_16(columns + lane * 8, b + lane * 8, true);
  copy_commit();
  copy_wait<1>();
  __syncthreads();
  const uint4 left = fragments(rows + lane % 16 * 16 + lane / 16 * 8);
  copy_wait<0>();
  __syncthreads();
  const uint4 right = fragments_transposed(columns + lane % 16 * 8);
  float4 sum = make_float4(0.0f, 0.0f, 0.0f, 0.0f);
  mma_bf16(sum, left, right.x, right.y);
  store(c, sum);
}

KERNEL(32, layouts)(const unsigned short* __restrict__ x, uint4* __restrict__ plain, uint4* __restrict__ turned) {
  SHARED_MEMORY(memory);
  unsigned short* rows = (unsigned short*)(memory + 0);
  for (int i = 0; i < 8; i++) rows[threadIdx.x * 8 + i] = x[threadIdx.x * 8 + i];
  __syncthreads();
  plain[threadIdx.x] = fragments(rows + threadIdx.x * 8);
  turned[threadIdx.x] = fragments_transposed(rows + threadIdx.x * 8);
}

// three groups under way; those that are waited for are there, zeros for what is not to be read
KERNEL(32, pipeline)(const float* __restrict__ x, float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  const int lane = threadIdx.x;
  for (int stage = 0; stage < 3; stage++) {
    copy_4(values + stage * 32 + lane, x + stage * 32 + lane, lane != 5);
    copy_commit();
  }
  copy_wait<2>();
  out[lane] = values[lane];
  out[32 + lane] = values[32 + lane];
  copy_wait<0>();
  out[64 + lane] = values[64 + lane];
}
