/** Texts of kernels as they are read, and what the assembler makes of them. */
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { defaultCudaCaps } from '../../../src/codegen/cuda/caps.ts';
import { renderParts, renderProgram } from '../../../src/codegen/cuda/program.ts';
import { parseGraph } from '../../../src/ir/graph/parse.ts';
import { compileGraph } from '../../../src/passes/pipeline.ts';
import { CudaUnit } from '../../support/cuda-unit.ts';
import { goldenText } from '../../support/golden.ts';
import { compileCuda, hasNvcc, type Resources } from '../../support/nvcc.ts';

/** The kernels of all graphs, and the most registers that each takes. */
const unit = new CudaUnit();
const mostRegisters: (readonly [name: string, most: number])[] = [];

/** The unit of a graph has the expected text; nvcc sees its kernels at the end, with the others. */
const check = (graph: string, expected: string, most: Readonly<Record<string, number>>): void => {
  const { program } = compileGraph(parseGraph(graph), {
    ...defaultCudaCaps,
    tensorCores: 'none',
  });
  const { source, kernels } = renderProgram(program, { names: 'own' });
  goldenText(source, expected);
  assert.equal(
    kernels.map((k) => k.name),
    Object.keys(most),
  );
  unit.add(program, renderParts(program, { names: 'own' }));
  mostRegisters.push(...Object.entries(most));
};

const checkResources = (
  what: string,
  { spills, stack, registers }: Resources,
  most: number,
): void => {
  assert.equal([spills, stack], [0, 0], what);
  assert.ok(registers <= most, `${what} has ${registers} registers, more than ${most}`);
};

test('a map that is fused', () => {
  check(
    `graph gelu(%x: f32[64, 256], %b: f32[256]) {
  %bias = broadcast %b {shape=[64, 256], axes=[1]}
  %y = add %x, %bias
  %z = tanh %y
  %h = mul %y, %z
  %r = cast %h {dtype=f16}
  return %r
}`,
    `
#ifndef TIGON_EMULATED
#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name
#define DEVICE static __device__ __forceinline__
DEVICE float half_of(unsigned short bits) {
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;
}
DEVICE unsigned short half_bits(float x) {
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;
}
DEVICE unsigned half_pair(float x, float y) {
#if __CUDA_ARCH__ >= 800
  unsigned both;
  asm("cvt.rn.f16x2.f32 %0, %1, %2;" : "=r"(both) : "f"(y), "f"(x));
  return both;
#else
  unsigned short low, high;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low) : "f"(x));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high) : "f"(y));
  return (unsigned)low | (unsigned)high << 16;
#endif
}
#endif

DEVICE float4 load4(const float* at) { return *(const float4*)at; }

DEVICE float4 operator+(float4 x, float4 y) { return {x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w}; }

DEVICE float4 tanhf(float4 x) { return {tanhf(x.x), tanhf(x.y), tanhf(x.z), tanhf(x.w)}; }

DEVICE float4 operator*(float4 x, float4 y) { return {x.x * y.x, x.y * y.y, x.z * y.z, x.w * y.w}; }

DEVICE float to_half(float x) { return half_of(half_bits(x)); }

DEVICE float4 to_half(float4 x) { return {to_half(x.x), to_half(x.y), to_half(x.z), to_half(x.w)}; }

DEVICE void store4_half(unsigned short* at, float4 x) {
  *(uint2*)at = {half_pair(x.x, x.y), half_pair(x.z, x.w)};
}

// add_tanh_mul_cast_0: 32 blocks of 128 threads
KERNEL(128, add_tanh_mul_cast_0)(
  const float* __restrict__ x,
  const float* __restrict__ b,
  unsigned short* __restrict__ cast0
) {
  const int workgroup = blockIdx.x;
  const int local = threadIdx.x;
  const int first = (workgroup * 128 + local) * 4;
  const float4 x_1 = load4(x + first);
  const float4 b_1 = load4(b + (first & 255));
  const float4 add = x_1 + b_1;
  const float4 cast = to_half(add * tanhf(add));
  store4_half(cast0 + first, cast);
}
`,
    { add_tanh_mul_cast_0: 32 },
  );
});

test('softmax', () => {
  check(
    `graph softmax(%x: f32[64, 1024]) {
  %m = reduceMax %x {axes=[1]}
  %mb = broadcast %m {shape=[64, 1024], axes=[0]}
  %d = sub %x, %mb
  %e = exp %d
  %s = sum %e {axes=[1]}
  %sb = broadcast %s {shape=[64, 1024], axes=[0]}
  %r = div %e, %sb
  return %r
}`,
    `
#ifndef TIGON_EMULATED
#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name
#define DEVICE static __device__ __forceinline__
#define SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]
DEVICE float bits_float(unsigned bits) { return __uint_as_float(bits); }
template<class T> DEVICE T exchange(T value, int mask) { return __shfl_xor_sync(0xffffffffu, value, mask); }
#endif

DEVICE float4 splat(float x) { return {x, x, x, x}; }

DEVICE float4 load4(const float* at) { return *(const float4*)at; }

DEVICE float maximum(float x, float y) { return x > y || x != x ? x : y; }

DEVICE float4 maximum(float4 x, float4 y) {
  return {
    maximum(x.x, y.x),
    maximum(x.y, y.y),
    maximum(x.z, y.z),
    maximum(x.w, y.w)
  };
}

DEVICE float4 operator-(float4 x, float4 y) { return {x.x - y.x, x.y - y.y, x.z - y.z, x.w - y.w}; }

DEVICE float4 expf(float4 x) { return {expf(x.x), expf(x.y), expf(x.z), expf(x.w)}; }

DEVICE float4 operator+(float4 x, float4 y) { return {x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w}; }

DEVICE float4 operator*(float4 x, float4 y) { return {x.x * y.x, x.y * y.y, x.z * y.z, x.w * y.w}; }

DEVICE void store4(float* at, float4 x) { *(float4*)at = x; }

// reduceMax_sub_exp_mul_0: 64 blocks of 256 threads, 128 bytes of shared memory
KERNEL(256, reduceMax_sub_exp_mul_0)(
  const float* __restrict__ x,
  float* __restrict__ mul0
) {
  SHARED_MEMORY(memory);
  float* team_f32 = (float*)memory;
  const int workgroup = blockIdx.x;
  const int local = threadIdx.x;
  float4 acc_max = splat(bits_float(0xff800000u));
  const int at_1 = (workgroup * 256 + local) * 4;
  const float4 x_1 = load4(x + at_1);
  acc_max = maximum(acc_max, x_1);
  const float4 lanes = maximum(acc_max, float4{acc_max.z, acc_max.w, acc_max.x, acc_max.y});
  const float4 lanes_1 = maximum(lanes, float4{lanes.y, lanes.x, lanes.w, lanes.z});
  const float part = lanes_1.x;
  const float other = exchange(part, 1);
  const float part_1 = maximum(part, other);
  const float other_1 = exchange(part_1, 2);
  const float part_2 = maximum(part_1, other_1);
  const float other_2 = exchange(part_2, 4);
  const float part_3 = maximum(part_2, other_2);
  const float other_3 = exchange(part_3, 8);
  const float part_4 = maximum(part_3, other_3);
  const float other_4 = exchange(part_4, 16);
  const float part_5 = maximum(part_4, other_4);
  const bool leads = (local & 31) == 0;
  const int entry = local >> 5;
  if (leads) {
    team_f32[entry] = part_5;
  }
  __syncthreads();
  const float part_6 = team_f32[0];
  const float part_7 = team_f32[1];
  const float part_8 = team_f32[2];
  const float part_9 = team_f32[3];
  const float part_10 = team_f32[4];
  const float part_11 = team_f32[5];
  const float part_12 = team_f32[6];
  const float part_13 = team_f32[7];
  const float part_14 = maximum(maximum(maximum(part_6, part_7), maximum(part_8, part_9)), maximum(maximum(part_10, part_11), maximum(part_12, part_13)));
  __syncthreads();
  float4 acc_add = splat(0.0f);
  const float4 max_x4 = splat(part_14);
  const float4 exp = expf(x_1 - max_x4);
  acc_add = acc_add + exp;
  const float4 lanes_2 = acc_add + float4{acc_add.z, acc_add.w, acc_add.x, acc_add.y};
  const float4 lanes_3 = lanes_2 + float4{lanes_2.y, lanes_2.x, lanes_2.w, lanes_2.z};
  const float part_15 = lanes_3.x;
  const float other_5 = exchange(part_15, 1);
  const float part_16 = part_15 + other_5;
  const float other_6 = exchange(part_16, 2);
  const float part_17 = part_16 + other_6;
  const float other_7 = exchange(part_17, 4);
  const float part_18 = part_17 + other_7;
  const float other_8 = exchange(part_18, 8);
  const float part_19 = part_18 + other_8;
  const float other_9 = exchange(part_19, 16);
  const float part_20 = part_19 + other_9;
  if (leads) {
    team_f32[entry] = part_20;
  }
  __syncthreads();
  const float part_21 = team_f32[0];
  const float part_22 = team_f32[1];
  const float part_23 = team_f32[2];
  const float part_24 = team_f32[3];
  const float part_25 = team_f32[4];
  const float part_26 = team_f32[5];
  const float part_27 = team_f32[6];
  const float part_28 = team_f32[7];
  const float part_29 = part_21 + part_22 + (part_23 + part_24) + (part_25 + part_26 + (part_27 + part_28));
  __syncthreads();
  const float div = 1.0f / part_29;
  const float4 div_x4 = splat(div);
  const float4 mul = exp * div_x4;
  store4(mul0 + at_1, mul);
}
`,
    { reduceMax_sub_exp_mul_0: 32 },
  );
});

test('a product of matrices in tiles', () => {
  check(
    `graph product(%a: f32[256, 512], %b: f32[512, 256]) {
  %r = dot %a, %b {aBatch=[], bBatch=[], aContract=[1], bContract=[0]}
  return %r
}`,
    `
#ifndef TIGON_EMULATED
#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name
#define SUMMING_KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads, 1) name
#define DEVICE static __device__ __forceinline__
#define SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]
DEVICE float multiply_add(float x, float y, float z) { return fmaf(x, y, z); }
#endif

DEVICE float4 splat(float x) { return {x, x, x, x}; }

DEVICE float4 load4(const float* at) { return *(const float4*)at; }

DEVICE float4 multiply_add(float4 x, float4 y, float4 z) {
  return {
    multiply_add(x.x, y.x, z.x),
    multiply_add(x.y, y.y, z.y),
    multiply_add(x.z, y.z, z.z),
    multiply_add(x.w, y.w, z.w)
  };
}

DEVICE void store4(float* at, float4 x) { *(float4*)at = x; }

DEVICE float4 operator+(float4 x, float4 y) { return {x.x + y.x, x.y + y.y, x.z + y.z, x.w + y.w}; }

// dot_0: 64 blocks of 256 threads, 16896 bytes of shared memory
SUMMING_KERNEL(256, dot_0)(
  const float* __restrict__ a,
  const float* __restrict__ b,
  float* __restrict__ dot0
) {
  SHARED_MEMORY(memory);
  float* staged = (float*)memory;
  const int workgroup = blockIdx.x;
  const int local = threadIdx.x;
  float4 c = splat(0.0f);
  float4 c_1 = splat(0.0f);
  float4 c_2 = splat(0.0f);
  float4 c_3 = splat(0.0f);
  float4 c_4 = splat(0.0f);
  float4 c_5 = splat(0.0f);
  float4 c_6 = splat(0.0f);
  float4 c_7 = splat(0.0f);
  float4 next = splat(0.0f);
  float4 next_1 = splat(0.0f);
  float4 next_2 = splat(0.0f);
  float4 next_3 = splat(0.0f);
  const int rest = workgroup >> 3;
  const int inner = local & 15;
  const int outer = local >> 4;
  const int t57 = (rest * 4096 + inner + outer * 128) * 4;
  const int columnBlock = workgroup & 7;
  const int t72 = (columnBlock * 8 + (local & 7) + (local >> 3) * 64) * 4;
  const int across = local & 3;
  const int line = local >> 2;
  const int slice = line >> 3;
  const int t89 = (across + slice * 64) * 4;
  const int t122 = ((line & 7) * 34 + slice) * 8;
  const int slot = (inner + outer * 17) * 4;
  const int slot_2 = local * 4;
  for (int step = 0; step < 9; step++) {
    const bool t45 = step < 8;
    if (t45) {
      const int t58 = t57 + step * 64;
      const float4 a_1 = load4(a + t58);
      const float4 a_1_1 = load4(a + (t58 + 8192));
      const int t73 = t72 + step * 16384;
      const float4 b_1 = load4(b + t73);
      const float4 b_1_1 = load4(b + (t73 + 8192));
      next = a_1;
      next_1 = a_1_1;
      next_2 = b_1;
      next_3 = b_1_1;
    }
    if (step > 0) {
      for (int kk = 0; kk < 8; kk += 4) {
        const int t90 = t89 + kk * 32;
        const float4 b_2 = load4(staged + (t90 + 2176));
        const float4 b_3 = load4(staged + (t90 + 2192));
        const float4 b_4 = load4(staged + (t90 + 2208));
        const float4 b_5 = load4(staged + (t90 + 2224));
        const float4 b_6 = load4(staged + (t90 + 2240));
        const float4 b_7 = load4(staged + (t90 + 2256));
        const float4 b_8 = load4(staged + (t90 + 2272));
        const float4 b_9 = load4(staged + (t90 + 2288));
        const int t123 = t122 + kk;
        const float4 a_2 = load4(staged + t123);
        const float4 t126 = splat(a_2.w);
        const float4 t128 = splat(a_2.z);
        const float4 t130 = splat(a_2.y);
        const float4 t132 = splat(a_2.x);
        c = multiply_add(t126, b_8, multiply_add(t128, b_6, multiply_add(t130, b_4, multiply_add(t132, b_2, c))));
        c_1 = multiply_add(t126, b_9, multiply_add(t128, b_7, multiply_add(t130, b_5, multiply_add(t132, b_3, c_1))));
        const float4 a_3 = load4(staged + (t123 + 68));
        const float4 t146 = splat(a_3.w);
        const float4 t148 = splat(a_3.z);
        const float4 t150 = splat(a_3.y);
        const float4 t152 = splat(a_3.x);
        c_2 = multiply_add(t146, b_8, multiply_add(t148, b_6, multiply_add(t150, b_4, multiply_add(t152, b_2, c_2))));
        c_3 = multiply_add(t146, b_9, multiply_add(t148, b_7, multiply_add(t150, b_5, multiply_add(t152, b_3, c_3))));
        const float4 a_4 = load4(staged + (t123 + 136));
        const float4 t167 = splat(a_4.w);
        const float4 t169 = splat(a_4.z);
        const float4 t171 = splat(a_4.y);
        const float4 t173 = splat(a_4.x);
        c_4 = multiply_add(t167, b_8, multiply_add(t169, b_6, multiply_add(t171, b_4, multiply_add(t173, b_2, c_4))));
        c_5 = multiply_add(t167, b_9, multiply_add(t169, b_7, multiply_add(t171, b_5, multiply_add(t173, b_3, c_5))));
        const float4 a_5 = load4(staged + (t123 + 204));
        const float4 t188 = splat(a_5.w);
        const float4 t190 = splat(a_5.z);
        const float4 t192 = splat(a_5.y);
        const float4 t194 = splat(a_5.x);
        c_6 = multiply_add(t188, b_8, multiply_add(t190, b_6, multiply_add(t192, b_4, multiply_add(t194, b_2, c_6))));
        c_7 = multiply_add(t188, b_9, multiply_add(t190, b_7, multiply_add(t192, b_5, multiply_add(t194, b_3, c_7))));
      }
    }
    if (t45) {
      __syncthreads();
      store4(staged + slot, next);
      store4(staged + (slot + 1088), next_1);
      store4(staged + (slot_2 + 2176), next_2);
      store4(staged + (slot_2 + 3200), next_3);
      __syncthreads();
    }
  }
  const int t219 = (line * 16 + across) * 4;
  const int t288 = (columnBlock + rest * 256) * 32;
  for (int pass = 0; pass < 2; pass++) {
    __syncthreads();
    if (pass == 0) {
      store4(staged + t219, c);
      store4(staged + (t219 + 16), c_1);
      store4(staged + (t219 + 32), c_2);
      store4(staged + (t219 + 48), c_3);
    }
    if (pass == 1) {
      store4(staged + t219, c_4);
      store4(staged + (t219 + 16), c_5);
      store4(staged + (t219 + 32), c_6);
      store4(staged + (t219 + 48), c_7);
    }
    __syncthreads();
    const int t289 = t288 + pass * 512;
    for (int item = local; item < 128; item += 256) {
      const int line_1 = item >> 3;
      const int t235 = item & 7;
      const int from_1 = line_1 * 32 + ((t235 * 4) & -4);
      const float4 sum = load4(staged + from_1);
      const float4 part = sum + load4(staged + (from_1 + 512)) + load4(staged + (from_1 + 1024)) + load4(staged + (from_1 + 1536));
      const float4 part_1 = part + load4(staged + (from_1 + 2048)) + load4(staged + (from_1 + 2560)) + load4(staged + (from_1 + 3072));
      const float4 sum_1 = part_1 + load4(staged + (from_1 + 3584));
      store4(dot0 + (t289 + (t235 + (line_1 >> 1) * 256 + (line_1 & 1) * 64) * 4), sum_1);
    }
  }
}
`,
    { dot_0: 128 },
  );
});

test('additions at places that the data tells', () => {
  check(
    `graph embedding(%dy: f32[128, 64], %idx: i32[128]) {
  %r = takeGrad %dy, %idx {axis=0, size=100}
  return %r
}`,
    `
#ifndef TIGON_EMULATED
#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name
#define DEVICE static __device__ __forceinline__
#endif

DEVICE int maximum(int x, int y) { return x > y ? x : y; }

DEVICE int minimum(int x, int y) { return x < y ? x : y; }

// takeGrad_0: 50 blocks of 128 threads
KERNEL(128, takeGrad_0)(
  const float* __restrict__ dy,
  const int* __restrict__ idx,
  float* __restrict__ takeGrad0
) {
  const int workgroup = blockIdx.x;
  const int local = threadIdx.x;
  const int id = workgroup * 128 + local;
  const int from = id >> 6;
  const int j = id & 63;
  const int place_end = from + 1;
  for (int place = from; place < place_end; place++) {
    takeGrad0[j + place * 64] = 0.0f;
  }
  for (int k = 0; k < 128; k++) {
    const int idx_1 = idx[k];
    const int max = maximum(idx_1, 0);
    const int min = minimum(max, 99);
    if ((min >= from) && (min < from + 1)) {
      const int at = j + min * 64;
      const float old = takeGrad0[at];
      const float dy_1 = dy[j + k * 64];
      takeGrad0[at] = old + dy_1;
    }
  }
}
`,
    { takeGrad_0: 32 },
  );
});

test('a number of the call', () => {
  check(
    `graph update(%w: f32[1000], %g: f32[1000], scalar %rate: f32[]) {
  %rates = broadcast %rate {shape=[1000], axes=[]}
  %d = mul %g, %rates
  %n = sub %w, %d
  return %n
}`,
    `
#ifndef TIGON_EMULATED
#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name
#define DEVICE static __device__ __forceinline__
DEVICE float bits_float(unsigned bits) { return __uint_as_float(bits); }
#endif

DEVICE float4 load4(const float* at) { return *(const float4*)at; }

DEVICE float4 splat(float x) { return {x, x, x, x}; }

DEVICE float4 operator*(float4 x, float4 y) { return {x.x * y.x, x.y * y.y, x.z * y.z, x.w * y.w}; }

DEVICE float4 operator-(float4 x, float4 y) { return {x.x - y.x, x.y - y.y, x.z - y.z, x.w - y.w}; }

DEVICE void store4(float* at, float4 x) { *(float4*)at = x; }

// mul_sub_0: 2 blocks of 128 threads
KERNEL(128, mul_sub_0)(
  const float* __restrict__ w,
  const float* __restrict__ g,
  float* __restrict__ sub0,
  const unsigned* __restrict__ scalars
) {
  const float rate = bits_float(scalars[0]);
  const int workgroup = blockIdx.x;
  const int local = threadIdx.x;
  const int id = workgroup * 128 + local;
  if (id < 250) {
    const int first = id * 4;
    const float4 w_1 = load4(w + first);
    const float4 g_1 = load4(g + first);
    const float rate_1 = rate;
    const float4 rate_x4 = splat(rate_1);
    const float4 sub = w_1 - g_1 * rate_x4;
    store4(sub0 + first, sub);
  }
}
`,
    { mul_sub_0: 32 },
  );
});

test('nvcc: they do with their registers, for both architectures', () => {
  if (!hasNvcc()) {
    console.log('skipped: there is no nvcc');
    return;
  }
  assert.is(unit.size, mostRegisters.length);
  for (const architecture of ['sm_80', 'sm_90a'] as const) {
    const compiled = compileCuda(unit.source, architecture);
    for (const [i, [name, most]] of mostRegisters.entries())
      checkResources(`${name} for ${architecture}`, compiled.get(`kernel_${i}`)!, most);
  }
});

test.run();
