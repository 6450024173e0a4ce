/**
 * Capabilities: what scheduling and code generation may use on a device, and must respect.
 *
 * Invariant: schedules depend on the caps and the kernel alone, so a program can be compiled for a device that is not there.
 */

import type { Schedules } from './plan.ts';

/** What code generation may use and must respect. */
export interface Caps {
  readonly target: 'wasm' | 'wgsl' | 'cuda';
  /** Vector width in 32-bit lanes. */
  readonly lanes: 1 | 4;
  /** Elements of 64 bits (one to a register): int64, uint64, float64. */
  readonly wide: boolean;
  /** Fused multiply-add in one instruction (results differ in the last bit from mul + add). */
  readonly fusedMultiplyAdd: boolean;
  /** How many workgroups run at once at best. */
  readonly parallelism: number;
  /** What runs workgroups and shares nothing with the others: cores, multiprocessors. */
  readonly processors: number;
  /** Most threads of a workgroup; 1 where a workgroup is the work of one thread. */
  readonly threads: number;
  /**
   * Threads that can exchange registers: aligned runs of this many (a power of two; the device may have larger ones). 1
   * where they cannot.
   */
  readonly subgroup: number;
  /** Matrix units that an aligned run of threads drives, and copies past registers: by the oldest device that has them. */
  readonly tensorCores: 'none' | 'sm80' | 'sm90a';
  /** Whether products of float32 may be rounded to TF32 (10 bits of mantissa) on matrix units: only where asked for. */
  readonly tf32: boolean;
  /** Whether convolutions may be computed from transformed tiles (Winograd), which rounds otherwise than sums do. */
  readonly winograd: boolean;
  /**
   * True where threads of a workgroup run at the same time; where they take turns (adapters that compute on a CPU), a
   * barrier costs as much as the work around it.
   */
  readonly barriers: boolean;
  /** Shared memory of a workgroup. */
  readonly sharedBytes: number;
  /** What a workgroup may have beyond that, farther away: for sums that it comes back to now and then. Default 0. */
  readonly keptBytes?: number;
  /** Whether programs can keep what they make of inputs from one call to the next. Default: no. */
  readonly keeps?: boolean;
  /** Most global buffers of a kernel, scalars not counted. */
  readonly maxBindings: number;
  /** Alignment of arena offsets, bytes. */
  readonly alignment: number;
  /** The schedules written for such devices. */
  readonly schedules: Schedules;
}
