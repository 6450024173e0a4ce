/**
 * Limits and features that we ask an adapter for: a device has the default ones unless asked.
 *
 * Invariant: nothing is asked for that the adapter does not offer; what is named here is all we use.
 */
import type { GpuAdapter } from './gpu-types.ts';

/** The larger the better. */
const MOST = [
  'maxBufferSize',
  'maxStorageBufferBindingSize',
  'maxStorageBuffersPerShaderStage',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
] as const;

/** Offsets finer than this are of no use: bindings are sized in units of it. */
const FINEST_ALIGNMENT = 16;

export type Limits = Readonly<
  Record<(typeof MOST)[number] | 'minStorageBufferOffsetAlignment', number>
>;

/** Optional features that make programs faster or measurable. */
export const FEATURES = ['shader-f16', 'subgroups', 'timestamp-query'] as const;
export type Feature = (typeof FEATURES)[number];

/** Limits of an adapter or a device, by name. */
export const limitsOf = (source: { readonly limits: object }): Limits => {
  const { limits } = source as { limits: Limits };
  return {
    maxBufferSize: limits.maxBufferSize,
    maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
    maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
    maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
    maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
    maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
    minStorageBufferOffsetAlignment: limits.minStorageBufferOffsetAlignment,
  };
};

/** What to ask `adapter` for. */
export const wantedLimits = (adapter: GpuAdapter): Record<string, number> => {
  const offered = limitsOf(adapter);
  const wanted: Record<string, number> = {
    minStorageBufferOffsetAlignment: Math.max(
      FINEST_ALIGNMENT,
      offered.minStorageBufferOffsetAlignment,
    ),
  };
  for (const name of MOST) wanted[name] = offered[name];
  return wanted;
};

export const wantedFeatures = (adapter: GpuAdapter): Feature[] =>
  FEATURES.filter((name) => adapter.features.has(name));
