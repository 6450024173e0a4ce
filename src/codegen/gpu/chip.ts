/**
 * What models of time count with: figures of chips, the same for all schedules.
 *
 * None was timed here. Of compute capability 8.0: 312 TFLOP/s of dense bfloat16 on 108 processors at 1.41 GHz, half of that
 * of TF32; 5120 bytes a cycle from the second cache, of which two thirds are reached under load (NVIDIA, "A100 Tensor Core
 * GPU Architecture", 2020; "CUDA C++ Programming Guide", tables of arithmetic throughput and of limits). Of 9.0: 989
 * TFLOP/s on 132 processors at 1.83 GHz (datasheet of the H100 SXM), and the 64 bytes a cycle from the cache that DeepGEMM's
 * model counts with. Latencies are orders of magnitude.
 * Invariant: constants alone.
 */

/** Multiply-adds of a processor's matrix units in a cycle, and bytes a cycle from the cache behind it. */
interface Rates {
  readonly products: { readonly narrow: number; readonly tfloat32: number };
  readonly cacheBytes: number;
}
/** Driven by warps. */
export const WARP_UNITS: Rates = { products: { narrow: 1024, tfloat32: 512 }, cacheBytes: 32 };
/** Driven by warpgroups. */
export const WARPGROUP_UNITS: Rates = {
  products: { narrow: 2048, tfloat32: 1024 },
  cacheBytes: 64,
};

/** Parts of a processor that issue one instruction a cycle, of 32 threads, and own a fourth of its matrix units. */
export const PARTS = 4;
/** Bytes of shared memory a cycle: 32 banks. */
export const SHARED_BYTES = 128;
/** What a processor has for all workgroups on it. */
export const REGISTERS = 65536;
export const THREADS = 2048;
/** Registers of a thread, at most. */
export const MOST_REGISTERS = 255;
/** Cycles from asking memory for something to having it, and what a barrier costs. */
export const LATENCY = 700;
export const BARRIER = 40;
/** From the end of one launch to the start of the next. */
export const LAUNCH = 3000;
