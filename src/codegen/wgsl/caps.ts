/**
 * What schedules may count on when they plan for WGSL.
 *
 * Invariant: depends on the limits and features handed in, never on a device, so code can be made for one that is not
 * there.
 */
import type { Caps } from '../caps.ts';
import { gpuSchedules } from '../gpu/schedules.ts';
import type { Schedules } from '../plan.ts';
import type { WgslFeatures } from './shader.ts';

/** The limits of a WebGPU device that matter here, by the names it has for them. */
export interface WgslLimits {
  readonly maxComputeInvocationsPerWorkgroup: number;
  readonly maxComputeWorkgroupSizeX: number;
  readonly maxComputeWorkgroupStorageSize: number;
  readonly maxStorageBuffersPerShaderStage: number;
  readonly minStorageBufferOffsetAlignment: number;
}

/** What every WebGPU device has. */
export const GUARANTEED_LIMITS: WgslLimits = {
  maxComputeInvocationsPerWorkgroup: 256,
  maxComputeWorkgroupSizeX: 256,
  maxComputeWorkgroupStorageSize: 16384,
  maxStorageBuffersPerShaderStage: 8,
  minStorageBufferOffsetAlignment: 256,
};

/** Workgroups of this many threads hide latency and still fit several times into a processor. */
const MOST_THREADS = 256;
/** Workgroups worth having at once: more than any device has processors for is harmless. */
const PARALLELISM = 64;

/**
 * Capabilities of a device.
 *
 * @param subgroup the least size of its subgroups when it offers the feature `subgroups` and exchanges may be used
 * @param software the schedules of an adapter that computes on a CPU, whose barriers are dear
 */
export const wgslCaps = (limits: WgslLimits, subgroup = 1, software?: Schedules): Caps => ({
  target: 'wgsl',
  lanes: 4,
  wide: false,
  fusedMultiplyAdd: true,
  parallelism: PARALLELISM,
  processors: PARALLELISM,
  threads: floorPowerOfTwo(
    Math.min(
      MOST_THREADS,
      limits.maxComputeInvocationsPerWorkgroup,
      limits.maxComputeWorkgroupSizeX,
    ),
  ),
  subgroup: floorPowerOfTwo(Math.max(1, subgroup)),
  tensorCores: 'none',
  tf32: false,
  winograd: false,
  barriers: software === undefined,
  sharedBytes: limits.maxComputeWorkgroupStorageSize,
  maxBindings: limits.maxStorageBuffersPerShaderStage,
  alignment: limits.minStorageBufferOffsetAlignment,
  schedules: software ?? gpuSchedules,
});

const floorPowerOfTwo = (n: number): number => 2 ** Math.floor(Math.log2(n));

/** What code can count on anywhere. */
export const defaultWgslCaps: Caps = wgslCaps(GUARANTEED_LIMITS);
export const GUARANTEED_FEATURES: WgslFeatures = { f16: false, subgroups: false };
