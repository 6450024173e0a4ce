/**
 * Functions of the device that C++ has no words for: intrinsics and PTX.
 *
 * Invariant: what a function computes is said here and nowhere else; an emulator that brings functions of these
 * signatures runs the same text.
 */

/** A function of the device. */
export interface DeviceFunction {
  /** As in C++, without how it is declared. */
  readonly signature: string;
  /** What it does, between braces. */
  readonly body: string;
}

const SHARED = '"r"((unsigned)__cvta_generic_to_shared';

/** One step of matrix units: 16 rows, 8 columns; `rounded` says how words become what they take. */
const product = (name: string, shape: string, inputs: string, rounded = ''): DeviceFunction => ({
  signature: `void ${name}(float4& c, uint4 a, unsigned b0, unsigned b1)`,
  body: `${rounded}
  asm volatile(
    "mma.sync.aligned.${shape}.row.col.f32.${inputs}.${inputs}.f32 "
    "{%0, %1, %2, %3}, {%4, %5, %6, %7}, {%8, %9}, {%0, %1, %2, %3};"
    : "+f"(c.x), "+f"(c.y), "+f"(c.z), "+f"(c.w)
    : "r"(a.x), "r"(a.y), "r"(a.z), "r"(a.w), "r"(b0), "r"(b1));`,
});

/** Units read 19 bits of a float32: without this the rest would be cut off. One word is rounded once, wherever it is used. */
const TO_TF32 = `
  auto round = [](unsigned& word) {
    unsigned rounded;
    asm("cvt.rna.tf32.f32 %0, %1;" : "=r"(rounded) : "f"(__uint_as_float(word)));
    word = rounded;
  };
  round(a.x), round(a.y), round(a.z), round(a.w), round(b0), round(b1);`;

/** Four matrices of eight rows of 16 bytes; each thread says where one row is. */
const matrices = (name: string, how: string): DeviceFunction => ({
  signature: `uint4 ${name}(const void* row)`,
  body: `
  uint4 words;
  asm volatile("ldmatrix.sync.aligned.m8n8.x4${how}.shared.b16 {%0, %1, %2, %3}, [%4];"
    : "=r"(words.x), "=r"(words.y), "=r"(words.z), "=r"(words.w)
    : ${SHARED}(row)) : "memory");
  return words;`,
});

/** Bytes on their way to shared memory without passing registers; zeros where they are not whole. */
const copy = (bytes: 4 | 8 | 16): DeviceFunction => ({
  signature: `void copy_${bytes}(void* shared, const void* global, bool whole)`,
  body: `
  asm volatile("cp.async.${bytes === 16 ? 'cg' : 'ca'}.shared.global [%0], [%1], ${bytes}, %2;"
    :: ${SHARED}(shared)), "l"(global), "r"(whole ? ${bytes} : 0) : "memory");`,
});

/**
 * Two floats rounded to 16 bits, side by side, the first one in the low half: one instruction from compute capability 8.0
 * on.
 */
const pair = (name: string, type: string, otherwise: string, first = ''): DeviceFunction => ({
  signature: `unsigned ${name}(float x, float y)`,
  body: `
#if __CUDA_ARCH__ >= 800
  unsigned both;
  asm("cvt.rn.${type}.f32 %0, %1, %2;" : "=r"(both) : "f"(y), "f"(x));
  return both;
#else${first}
  return ${otherwise};
#endif`,
});

/** By name. */
export const deviceFunctions: Readonly<Record<string, DeviceFunction>> = {
  bits_float: {
    signature: 'float bits_float(unsigned bits)',
    body: ' return __uint_as_float(bits); ',
  },
  float_bits: {
    signature: 'unsigned float_bits(float x)',
    body: ' return __float_as_uint(x); ',
  },
  bits_double: {
    signature: 'double bits_double(unsigned long long bits)',
    body: ' return __longlong_as_double((long long)bits); ',
  },
  double_bits: {
    signature: 'unsigned long long double_bits(double x)',
    body: ' return (unsigned long long)__double_as_longlong(x); ',
  },
  half_of: {
    signature: 'float half_of(unsigned short bits)',
    body: `
  float x;
  asm("cvt.f32.f16 %0, %1;" : "=f"(x) : "h"(bits));
  return x;`,
  },
  half_bits: {
    signature: 'unsigned short half_bits(float x)',
    body: `
  unsigned short bits;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(bits) : "f"(x));
  return bits;`,
  },
  half_pair: pair(
    'half_pair',
    'f16x2',
    '(unsigned)low | (unsigned)high << 16',
    `
  unsigned short low, high;
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(low) : "f"(x));
  asm("cvt.rn.f16.f32 %0, %1;" : "=h"(high) : "f"(y));`,
  ),
  bfloat_pair: pair(
    'bfloat_pair',
    'bf16x2',
    'rounded_bfloat(x) | rounded_bfloat(y) << 16',
    `
  auto rounded_bfloat = [](float value) -> unsigned {
    const unsigned bits = __float_as_uint(value);
    return value != value ? 0x7fffu : (bits + 0x7fffu + ((bits >> 16) & 1u)) >> 16;
  };`,
  ),
  multiply_add: {
    signature: 'float multiply_add(float x, float y, float z)',
    body: ' return fmaf(x, y, z); ',
  },
  exchange: {
    signature: 'template<class T> T exchange(T value, int mask)',
    body: ' return __shfl_xor_sync(0xffffffffu, value, mask); ',
  },
  mma_bf16: product('mma_bf16', 'm16n8k16', 'bf16'),
  mma_f16: product('mma_f16', 'm16n8k16', 'f16'),
  mma_tf32: product('mma_tf32', 'm16n8k8', 'tf32', TO_TF32),
  fragments: matrices('fragments', ''),
  fragments_transposed: matrices('fragments_transposed', '.trans'),
  copy_16: copy(16),
  copy_8: copy(8),
  copy_4: copy(4),
  copy_commit: {
    signature: 'void copy_commit()',
    body: ' asm volatile("cp.async.commit_group;" ::: "memory"); ',
  },
  copy_wait: {
    signature: 'template<int pending> void copy_wait()',
    body: ' asm volatile("cp.async.wait_group %0;" :: "n"(pending) : "memory"); ',
  },
};

/** The text of a function. */
export const deviceText = ({ signature, body }: DeviceFunction): string => {
  const [, template = '', rest] = /^(template<[^>]*> )?(.*)$/.exec(signature)!;
  const end = body.startsWith('\n') ? '\n' : '';
  return `${template}DEVICE ${rest} {${body}${end}}`;
};
