/**
 * A translation unit: how kernels and functions are declared, functions of the device, the library, kernels.
 *
 * Invariant: needs no header. All that is special to the device stands between `#ifndef TIGON_EMULATED` and `#endif`: an
 * emulator brings it instead.
 */
import type { LibraryTexts } from './library.ts';
import { TENSOR_MAP } from './ptx-bulk.ts';

const KERNEL = `#define KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads) name`;
const SUMMING_KERNEL = `#define SUMMING_KERNEL(threads, name) extern "C" __global__ void __launch_bounds__(threads, 1) name`;
const DEVICE = '#define DEVICE static __device__ __forceinline__';
const SHARED_MEMORY =
  '#define SHARED_MEMORY(name) extern __shared__ __align__(1024) unsigned char name[]';

/** The text of a unit. */
export const unitText = ({ device, plain }: LibraryTexts, kernels: readonly string[]): string => {
  const uses = (word: string): boolean =>
    [...device, ...plain, ...kernels].some((text) => text.includes(word));
  const macros = [
    KERNEL,
    ...(uses('SUMMING_KERNEL') ? [SUMMING_KERNEL] : []),
    ...(uses('DEVICE') ? [DEVICE] : []),
    ...(uses('SHARED_MEMORY') ? [SHARED_MEMORY] : []),
    ...(uses('TENSOR_MAP') ? TENSOR_MAP : []),
  ];
  const own = ['#ifndef TIGON_EMULATED', ...macros, ...device, '#endif'].join('\n');
  return `${[own, ...plain, ...kernels].join('\n\n')}\n`;
};
