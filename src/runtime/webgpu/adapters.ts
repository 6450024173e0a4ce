/**
 * Adapters: which ways to WebGPU there are on this machine, and what each of them is.
 *
 * Invariant: adapters are listed in the browser's or driver's own order of preference; two that describe themselves the
 * same are one.
 */
import { TigonError } from '../../ir/errors.ts';
import type { AdapterRequest, Gpu, GpuAdapter } from './gpu-types.ts';
import { FEATURES, type Feature, type Limits, limitsOf } from './limits.ts';

export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** True for drivers that compute on the CPU, slower than `device.cpu()`. */
  readonly software: boolean;
}

/** Everything about an adapter that matters here. */
export interface AdapterReport extends AdapterDescription {
  readonly features: readonly Feature[];
  readonly missing: readonly Feature[];
  /** Smallest and largest subgroup, where there are any. */
  readonly subgroups: readonly [number, number] | undefined;
  readonly limits: Limits;
}

const SOFTWARE = /llvmpipe|lavapipe|swiftshader|software|basic render|warp\b/i;

export const describeAdapter = ({ info }: GpuAdapter): AdapterDescription => {
  const { vendor, architecture, device, description } = info;
  const text = description || device || `${vendor} ${architecture}`.trim() || 'unnamed adapter';
  return {
    vendor,
    architecture,
    description: text,
    software: info.isFallbackAdapter === true || SOFTWARE.test(`${architecture} ${device} ${text}`),
  };
};

export const reportAdapter = (adapter: GpuAdapter): AdapterReport => {
  const { subgroupMinSize: least, subgroupMaxSize: most } = adapter.info;
  return {
    ...describeAdapter(adapter),
    features: FEATURES.filter((f) => adapter.features.has(f)),
    missing: FEATURES.filter((f) => !adapter.features.has(f)),
    subgroups:
      adapter.features.has('subgroups') && least !== undefined && most !== undefined
        ? [least, most]
        : undefined,
    limits: limitsOf(adapter),
  };
};

const REQUESTS: readonly AdapterRequest[] = [
  { powerPreference: 'high-performance' },
  { powerPreference: 'low-power' },
  { forceFallbackAdapter: true },
];

/** Dawn throws when flags leave nothing over, and says what there would be. */
const ask = async (gpu: Gpu, request: AdapterRequest): Promise<GpuAdapter | null> => {
  try {
    return await gpu.requestAdapter(request);
  } catch (error) {
    throw new TigonError(
      'device',
      `device.webgpu: ${error instanceof Error ? error.message.trim() : error}`,
      'TIGON_WEBGPU_ADAPTER is a part of one of these names; without it and TIGON_WEBGPU_FLAGS, the first that works is taken',
    );
  }
};

/** All adapters, the best first, as they are asked for. One gives one device only: ask anew for another. */
export async function* findAdapters(gpu: Gpu): AsyncGenerator<GpuAdapter, void, undefined> {
  const found = new Set<string>();
  for (const request of REQUESTS) {
    const adapter = await ask(gpu, request);
    if (adapter === null) continue;
    const { vendor, architecture, device, description } = adapter.info;
    const key = JSON.stringify([vendor, architecture, device, description]);
    if (found.has(key)) continue;
    found.add(key);
    yield adapter;
  }
}
