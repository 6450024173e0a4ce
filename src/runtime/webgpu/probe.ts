/**
 * How subgroups of a device lie in a workgroup, found by running a shader: the standard leaves it open.
 *
 * Invariant: the answer is what was seen, in workgroups of several sizes; in doubt it is 1, and programs do without.
 */
import type { Counters } from './counters.ts';
import { BufferUsage, type GpuDevice, MAP_READ, STAGE_COMPUTE } from './gpu-types.ts';

const WORKGROUPS = 3;
const SIZES = [32, 64, 128, 256];

const codeFor = (threads: number): string => `enable subgroups;
@group(0) @binding(0) var<storage, read_write> seen: array<vec2u>;
@compute @workgroup_size(${threads})
fn main(
  @builtin(local_invocation_index) local: u32,
  @builtin(workgroup_id) workgroup: vec3u,
  @builtin(subgroup_invocation_id) lane: u32,
  @builtin(subgroup_size) size: u32,
) {
  // the neighbour's place, by the exchange that programs use
  let other = subgroupShuffleXor(local, 1u);
  seen[workgroup.x * ${threads}u + local] = vec2u(lane, select(0u, size, other == (local ^ 1u)));
}
`;

/**
 * The largest power of two such that threads in aligned runs of so many local indices can exchange registers; 1 when
 * subgroups are not aligned runs.
 */
export const probeSubgroups = async (
  gpu: GpuDevice,
  least: number,
  mostThreads: number,
  counters: Counters,
): Promise<number> => {
  let size = least;
  for (const threads of SIZES) {
    if (threads > mostThreads || size <= 1) continue;
    const seen = await look(gpu, threads, counters).catch(() => undefined);
    if (seen === undefined) return 1;
    for (let i = 0; i < WORKGROUPS * threads; i++) {
      const lane = seen[2 * i]!;
      const group = seen[2 * i + 1]!;
      if (group === 0 || (group & (group - 1)) !== 0 || lane !== (i % threads) % group) return 1;
      size = Math.min(size, group);
    }
  }
  return size;
};

const look = async (gpu: GpuDevice, threads: number, counters: Counters): Promise<Uint32Array> => {
  const bytes = WORKGROUPS * threads * 8;
  gpu.pushErrorScope('validation');
  const module = gpu.createShaderModule({ code: codeFor(threads), label: 'probe of subgroups' });
  const layout = gpu.createBindGroupLayout({
    entries: [{ binding: 0, visibility: STAGE_COMPUTE, buffer: { type: 'storage' } }],
  });
  const pipeline = gpu.createComputePipeline({
    label: 'probe of subgroups',
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module, entryPoint: 'main' },
  });
  const buffer = gpu.createBuffer({
    size: bytes,
    usage: BufferUsage.storage | BufferUsage.copySource,
  });
  const landing = gpu.createBuffer({
    size: bytes,
    usage: BufferUsage.mapRead | BufferUsage.copyTarget,
  });
  const group = gpu.createBindGroup({
    layout,
    entries: [{ binding: 0, resource: { buffer, offset: 0, size: bytes } }],
  });
  counters.pipelines++;
  counters.bindGroups++;
  counters.buffers += 2;
  const encoder = gpu.createCommandEncoder();
  const pass = encoder.beginComputePass();
  pass.setPipeline(pipeline);
  pass.setBindGroup(0, group);
  pass.dispatchWorkgroups(WORKGROUPS);
  pass.end();
  encoder.copyBufferToBuffer(buffer, 0, landing, 0, bytes);
  gpu.queue.submit([encoder.finish()]);
  counters.submits++;
  counters.dispatches++;
  const error = await gpu.popErrorScope();
  if (error !== null) throw new Error(error.message);
  await landing.mapAsync(MAP_READ);
  const seen = new Uint32Array(landing.getMappedRange().slice(0));
  landing.unmap();
  buffer.destroy();
  landing.destroy();
  return seen;
};
