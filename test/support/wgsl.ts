/**
 * Runs thread kernels as WGSL on plain memory, on whatever adapter Dawn finds.
 *
 * Invariant: without an adapter tests are skipped with the reason, and fail where `CI` is set.
 */
import './calm.ts';
import { create } from 'webgpu';
import { ownNames } from '../../src/codegen/wgsl/names.ts';
import { renderWgsl } from '../../src/codegen/wgsl/render.ts';
import type { BufferPlace, Shader, WgslFeatures } from '../../src/codegen/wgsl/shader.ts';
import type { ThreadKernel } from '../../src/ir/thread/thread.ts';

// robustBufferAccess2 would hide stores behind a buffer
const flags = process.env['DAWN_FLAGS']?.split(';') ?? [
  'disable-dawn-features=vulkan_use_buffer_robust_access_2',
];
const gpu: GPU = create(flags);

export interface TestGpu {
  readonly device: GPUDevice;
  readonly name: string;
  readonly features: WgslFeatures;
  readonly subgroup: number;
}

/** A device, or why there is none. */
const open = async (): Promise<TestGpu | string> => {
  const adapter = await gpu.requestAdapter({ powerPreference: 'high-performance' });
  if (adapter === null) return 'no WebGPU adapter (a Vulkan driver is needed, e.g. Mesa lavapipe)';
  const has = (name: GPUFeatureName): boolean => adapter.features.has(name);
  const device = await adapter.requestDevice({
    requiredFeatures: (['shader-f16', 'subgroups'] as const).filter(has),
    requiredLimits: {
      maxStorageBufferBindingSize: adapter.limits.maxStorageBufferBindingSize,
      maxStorageBuffersPerShaderStage: adapter.limits.maxStorageBuffersPerShaderStage,
    },
  });
  device.addEventListener('uncapturederror', (e) => {
    console.error(`uncaptured: ${(e as GPUUncapturedErrorEvent).error.message}`);
    process.exitCode = 1;
  });
  return {
    device,
    name: `${adapter.info.vendor} ${adapter.info.description}`,
    features: { f16: has('shader-f16'), subgroups: has('subgroups') },
    subgroup: has('subgroups') ? (adapter.info.subgroupMinSize ?? 1) : 1,
  };
};

let opened: Promise<TestGpu | string> | undefined;

/** The device; undefined, with a printed reason, where there is none. */
export const testGpu = async (): Promise<TestGpu | undefined> => {
  opened ??= open();
  const result = await opened;
  if (typeof result !== 'string') return result;
  if (process.env['CI'] === 'true') throw new Error(result);
  console.log(`skipped: ${result}`);
  return undefined;
};

/** Each global buffer in a binding of its own. */
export const ownPlaces = (kernel: ThreadKernel): BufferPlace[] =>
  kernel.buffers
    .filter((b) => b.space === 'global')
    .map((b, slot) => ({
      kind: 'storage',
      slot,
      access: b.access === 'read' ? 'read' : 'read_write',
    }));

const padded = (bytes: number): number => Math.max(16, Math.ceil(bytes / 16) * 16);
const USAGE = { copySource: 4, copyTarget: 8, storage: 128, uniform: 64, mapRead: 1 } as const;

/**
 * Runs a kernel over copies of `contents` (bytes of each global buffer) and gives the bytes after it. Bytes behind a
 * buffer are checked.
 */
export const runWgsl = async (
  { device, features }: TestGpu,
  kernel: ThreadKernel,
  contents: readonly Uint8Array[],
  options: { readonly places?: readonly BufferPlace[]; readonly features?: WgslFeatures } = {},
): Promise<Uint8Array[]> => {
  const places = options.places ?? ownPlaces(kernel);
  const shader = renderWgsl(kernel, {
    places,
    features: options.features ?? features,
    names: ownNames,
  });
  return runShader(device, shader, contents);
};

const GUARD = 16;

const runShader = async (
  device: GPUDevice,
  shader: Shader,
  contents: readonly Uint8Array[],
): Promise<Uint8Array[]> => {
  const layout = device.createBindGroupLayout({
    entries: shader.bindings.map(({ binding, kind, bytes }) => ({
      binding,
      visibility: 4,
      buffer: { type: kind, minBindingSize: bytes },
    })),
  });
  device.pushErrorScope('validation');
  const pipeline = await device.createComputePipelineAsync({
    layout: device.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: device.createShaderModule({ code: shader.code }), entryPoint: 'main' },
  });
  const sizes = shader.bindings.map((b) =>
    b.kind === 'uniform' ? b.bytes : Math.max(...b.buffers.map((i) => padded(contents[i]!.length))),
  );
  const buffers = shader.bindings.map((b, i) => {
    const uniform = b.kind === 'uniform';
    const buffer = device.createBuffer({
      size: sizes[i]! + (uniform ? 0 : GUARD),
      usage: USAGE.copySource | USAGE.copyTarget | (uniform ? USAGE.uniform : USAGE.storage),
      mappedAtCreation: true,
    });
    const bytes = new Uint8Array(buffer.getMappedRange()).fill(0xa5);
    for (const [j, from] of b.buffers.entries()) bytes.set(contents[from]!, uniform ? 4 * j : 0);
    buffer.unmap();
    return buffer;
  });
  const encoder = device.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(
    0,
    device.createBindGroup({
      layout,
      entries: buffers.map((buffer, i) => ({
        binding: shader.bindings[i]!.binding,
        resource: { buffer, size: sizes[i]! },
      })),
    }),
  );
  pass.dispatchWorkgroups(...shader.dispatch);
  pass.end();
  const staging = buffers.map((buffer) => {
    const target = device.createBuffer({
      size: buffer.size,
      usage: USAGE.mapRead | USAGE.copyTarget,
    });
    encoder.copyBufferToBuffer(buffer, 0, target, 0, buffer.size);
    return target;
  });
  device.queue.submit([encoder.finish()]);
  const error = await device.popErrorScope();
  if (error !== null) throw new Error(`${error.message}\n${shader.code}`);
  const results = await Promise.all(
    staging.map(async (target) => {
      await target.mapAsync(1);
      const bytes = new Uint8Array(target.getMappedRange().slice(0));
      target.destroy();
      return bytes;
    }),
  );
  for (const b of buffers) b.destroy();
  return contents.map((c, i) => {
    const at = shader.bindings.findIndex((b) => b.buffers.includes(i));
    const binding = shader.bindings[at]!;
    const bytes = results[at]!;
    if (binding.kind === 'uniform') return c;
    const most = Math.max(...binding.buffers.map((j) => contents[j]!.length));
    if (bytes.subarray(most).some((b) => b !== 0xa5))
      throw new Error(`${shader.name} wrote behind buffer ${i}\n${shader.code}`);
    return bytes.slice(0, c.length);
  });
};
