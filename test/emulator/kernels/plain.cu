// Kernels that are right.

KERNEL(256, add)(const float* __restrict__ x, const float* __restrict__ y, float* __restrict__ out, int n) {
  const int i = blockIdx.x * blockDim.x + threadIdx.x;
  if (i < n) out[i] = x[i] + y[i];
}

DEVICE float total(float value) {
  for (int mask = 16; mask > 0; mask /= 2) value += exchange(value, mask);
  return value;
}

KERNEL(256, row_sums)(const float* __restrict__ x, float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* parts = (float*)(memory + 0);
  const float sum = total(x[blockIdx.x * 256 + threadIdx.x]);
  if (threadIdx.x % 32 == 0) parts[threadIdx.x / 32] = sum;
  __syncthreads();
  if (threadIdx.x == 0) {
    float all = 0.0f;
    for (int i = 0; i < 8; i++) all += parts[i];
    out[blockIdx.x] = all;
  }
}

// each thread after the other changes what all read next
KERNEL(64, turns)(unsigned* __restrict__ out) {
  SHARED_MEMORY(memory);
  unsigned* values = (unsigned*)(memory + 0);
  values[threadIdx.x] = threadIdx.x;
  for (unsigned turn = 0; turn < 64; turn++) {
    __syncthreads();
    const unsigned next = values[(threadIdx.x + 1) % 64];
    __syncthreads();
    values[threadIdx.x] = next * 3u + turn;
  }
  out[threadIdx.x] = values[threadIdx.x];
}

KERNEL(64, lanes)(float4* __restrict__ wide, int* __restrict__ whole, unsigned* __restrict__ odd) {
  const int lane = threadIdx.x;
  const float own = (float)lane;
  const float4 values = make_float4(exchange(own, 1), exchange(own, 2), exchange(own + 100.0f, 4), exchange(own, 31));
  wide[lane] = values;
  whole[lane] = exchange(-lane, 16);
  odd[lane] = exchange(lane % 2 != 0, 1) ? 1u : 0u;
}

KERNEL(24, places)(int* __restrict__ out) {
  const int block = blockIdx.x + gridDim.x * (blockIdx.y + gridDim.y * blockIdx.z);
  const int thread = threadIdx.x + blockDim.x * (threadIdx.y + blockDim.y * threadIdx.z);
  out[block * 24 + thread] = block * 100 + thread;
}

KERNEL(32, halves)(const float* __restrict__ x, unsigned short* __restrict__ bits, float* __restrict__ back, int n) {
  for (int i = threadIdx.x; i < n; i += 32) {
    bits[i] = half_bits(x[i]);
    back[i] = half_of(bits[i]);
  }
}

// one rounding or two
KERNEL(1, rounding)(const float* __restrict__ x, float* __restrict__ out) {
  out[0] = multiply_add(x[0], x[1], x[2]);
  const float product = x[0] * x[1];
  out[1] = product + x[2];
}

KERNEL(1, times_two)(float* __restrict__ x) { x[0] = x[0] * 2.0f; }

KERNEL(1, plus_one)(float* __restrict__ x) { x[0] = x[0] + 1.0f; }
