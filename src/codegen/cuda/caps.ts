/**
 * What schedules may count on when they plan for CUDA.
 *
 * Invariant: depends on the properties handed in, never on a device, so code can be made for one that is not there.
 */
import type { Caps } from '../caps.ts';
import { cudaSchedules } from '../gpu/tensor/schedules.ts';

/** The properties of a CUDA device that matter here. */
export interface CudaProperties {
  /** 80 for 8.0. */
  readonly capability: number;
  readonly processors: number;
  /** Most shared memory of a block, if it asks for it. */
  readonly sharedBytesPerBlock: number;
}

export interface CudaOptions {
  /** Whether products of float32 may be rounded to TF32. */
  readonly tf32: boolean;
  /** Whether driver and compiler know tensor maps and what warpgroups do together; they do unless this says no. */
  readonly tensorMaps?: boolean;
}

/** Blocks of this many threads hide latency and still fit several times into a processor. */
const THREADS = 256;
/** Blocks of that size that run on a processor at once, with the registers that kernels need. */
const BLOCKS_PER_PROCESSOR = 4;
/** Shared memory that is lost between arrays. */
const PADDING = 1024;
/** Arguments are 4 KiB at most: far more than this. */
const MOST_BUFFERS = 64;
const WARP = 32;
const ARENA_ALIGNMENT = 256;

/** What CUDA calls the matrix units of a device: those of sm_90a are not in what comes after. */
const tensorCoresOf = (capability: number, tensorMaps: boolean): Caps['tensorCores'] =>
  capability < 80 ? 'none' : capability === 90 && tensorMaps ? 'sm90a' : 'sm80';

/** Capabilities of a device. */
export const cudaCaps = (
  properties: CudaProperties,
  { tf32, tensorMaps = true }: CudaOptions,
): Caps => ({
  target: 'cuda',
  lanes: 4,
  wide: true,
  fusedMultiplyAdd: true,
  parallelism: BLOCKS_PER_PROCESSOR * properties.processors,
  processors: properties.processors,
  threads: THREADS,
  subgroup: WARP,
  tensorCores: tensorCoresOf(properties.capability, tensorMaps),
  tf32,
  winograd: false,
  barriers: true,
  sharedBytes: properties.sharedBytesPerBlock - PADDING,
  maxBindings: MOST_BUFFERS,
  alignment: ARENA_ALIGNMENT,
  schedules: cudaSchedules,
});

/** An A100: the oldest device that has all that code is made for. */
export const DEFAULT_PROPERTIES: CudaProperties = {
  capability: 80,
  processors: 108,
  sharedBytesPerBlock: 166912,
};
export const defaultCudaCaps: Caps = cudaCaps(DEFAULT_PROPERTIES, { tf32: false });
