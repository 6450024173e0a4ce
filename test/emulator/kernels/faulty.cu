// Kernels with one mistake each.

// the barrier between writing and reading is missing
KERNEL(64, no_barrier)(const float* __restrict__ x, float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  values[threadIdx.x] = x[threadIdx.x];
  out[threadIdx.x] = values[threadIdx.x ^ 1];
}

// the barrier between reading and writing again is missing
KERNEL(64, late_barrier)(float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  values[threadIdx.x] = 1.0f;
  __syncthreads();
  const float next = values[(threadIdx.x + 1) % 64];
  values[threadIdx.x] = next + 1.0f;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

KERNEL(64, half_barrier)(float* __restrict__ out) {
  if (threadIdx.x < 32) __syncthreads();
  out[threadIdx.x] = 1.0f;
}

KERNEL(64, two_barriers)(float* __restrict__ out) {
  if (threadIdx.x < 32) {
    __syncthreads();
  } else {
    __syncthreads();
  }
  out[threadIdx.x] = 1.0f;
}

KERNEL(64, half_exchange)(float* __restrict__ out) {
  if (threadIdx.x % 2 == 0) out[threadIdx.x] = exchange(1.0f, 2);
}

KERNEL(64, behind)(float* __restrict__ out) { out[threadIdx.x + 1] = 1.0f; }

KERNEL(64, before)(float* __restrict__ out) { out[(int)threadIdx.x - 1] = 1.0f; }

// by one byte: no page ends there
KERNEL(1, just_behind)(unsigned char* __restrict__ out, int n) { out[n] = 1; }

KERNEL(1, just_before)(unsigned char* __restrict__ out) { out[-1] = 1; }

KERNEL(64, reads_far)(const float* __restrict__ x, float* __restrict__ out) { out[threadIdx.x] = x[threadIdx.x + 100000]; }

KERNEL(64, shared_behind)(float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  values[threadIdx.x + 1] = 1.0f;
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}

KERNEL(64, unwritten)(float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  out[threadIdx.x] = values[threadIdx.x];
}

KERNEL(1, crooked)(float* __restrict__ x) { *(float4*)(x + 1) = make_float4(1.0f, 2.0f, 3.0f, 4.0f); }

KERNEL(1, endless)(int* __restrict__ out, int depth) {
  volatile int many[100000];
  for (int i = 0; i < 100000; i++) many[i] = i + depth;
  out[0] = many[depth];
}

KERNEL(32, early_copy)(const float* __restrict__ x, float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  copy_4(values + threadIdx.x, x + threadIdx.x, true);
  copy_commit();
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
  copy_wait<0>();
}

KERNEL(32, open_copy)(const float* __restrict__ x, float* __restrict__ out) {
  SHARED_MEMORY(memory);
  float* values = (float*)(memory + 0);
  copy_4(values + threadIdx.x, x + threadIdx.x, true);
  copy_wait<0>();
  __syncthreads();
  out[threadIdx.x] = values[threadIdx.x];
}
