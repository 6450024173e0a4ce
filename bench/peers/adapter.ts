/**
 * The adapter that peers get in a page: they do not say it themselves.
 *
 * Invariant: it is asked for as they ask for it.
 */
import { describeAdapter } from '../../src/runtime/webgpu/adapters.ts';
import type { Gpu } from '../../src/runtime/webgpu/gpu-types.ts';
import type { Adapter } from '../protocol.ts';

export const adapterHere = async (): Promise<Adapter> => {
  const { gpu } = navigator as unknown as { readonly gpu: Gpu };
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) throw new Error('no WebGPU adapter');
  const { description, software } = describeAdapter(adapter);
  return { name: description, software };
};
