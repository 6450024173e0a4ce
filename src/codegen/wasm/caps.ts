/**
 * What schedules may count on when they plan for WebAssembly.
 *
 * Invariant: nothing here depends on the number of threads, so that results do not either.
 */
import type { Caps } from '../caps.ts';
import { laneSchedules } from '../lanes.ts';

/** Workgroups worth having at once: enough for 8 threads, harmless on fewer. */
const PARALLELISM = 8;
/** Workgroup memory: packed panels of a matrix product that fit a second-level cache. */
const SHARED_BYTES = 3 << 18;
/** What else a workgroup may keep: memory that threads have only where a program needs it. */
const KEPT_BYTES = 1 << 22;

/**
 * Capabilities of an engine with (or without) fused multiply-add, i.e. relaxed SIMD. `keeps`: programs keep what they make
 * of weights; which of two programs runs, and so the rounding, then depends on the calls before.
 */
export const wasmCaps = (fusedMultiplyAdd: boolean, winograd = true, keeps = true): Caps => ({
  target: 'wasm',
  lanes: 4,
  wide: true,
  fusedMultiplyAdd,
  parallelism: PARALLELISM,
  processors: PARALLELISM,
  threads: 1,
  subgroup: 1,
  tensorCores: 'none',
  tf32: false,
  winograd,
  barriers: true,
  sharedBytes: SHARED_BYTES,
  keptBytes: KEPT_BYTES,
  keeps,
  maxBindings: 500,
  alignment: 64,
  schedules: laneSchedules,
});
