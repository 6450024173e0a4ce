/**
 * Names that C++, CUDA, or a function that comes along means something by.
 *
 * Invariant: nothing of a kernel has one of them; no kernel is called like a function of any library.
 */
import { Identifiers } from '../text/names.ts';
import { isDeclared } from './library.ts';

/** Keywords of C++, macros of compilers, then what kernels here use. */
const TAKEN: ReadonlySet<string> = new Set(
  `alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break case catch
  char char8_t char16_t char32_t class compl concept const consteval constexpr constinit const_cast continue co_await
  co_return co_yield decltype default delete do double dynamic_cast else enum explicit export extern false float for
  friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or or_eq private protected
  public reflexpr register reinterpret_cast requires return short signed sizeof static static_assert static_cast struct
  switch synchronized template this thread_local throw true try typedef typeid typename typeof union unsigned using
  virtual void volatile wchar_t while xor xor_eq
  linux unix i386 assert errno stdin stdout stderr signals major minor NULL EOF
  float2 float4 int2 int4 uint2 uint4 bool4 ushort4 uchar4 dim3 threadIdx blockIdx blockDim gridDim warpSize
  KERNEL DEVICE SHARED_MEMORY TENSOR_MAP TensorMap memory scalars`.split(/\s+/),
);

/** Names for a kernel. */
export const kernelNames = (): Identifiers =>
  new Identifiers((name) => TAKEN.has(name) || isDeclared(name));

/** Kernels have numbers, which no library's functions of such names have. */
export const kernelName = (wanted: string, index: number): string => {
  const plain = wanted.replace(/[^A-Za-z0-9]+/g, '_').replace(/^_+|_+$/g, '');
  const base = /^[A-Za-z]/.test(plain) ? plain : `kernel_${plain}`.replace(/_$/, '');
  return `${base}_${index}`;
};
