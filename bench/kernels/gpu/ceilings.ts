/**
 * What a WebGPU device can do at most: multiply-adds in registers, and copying memory. Kernels by hand.
 *
 * Invariant: launches are as large as it takes to be measured, and no larger; the compiler cannot leave their work out.
 */
import type { WebGpuDevice } from '../../../src/runtime/webgpu/device.ts';
import { BufferUsage, STAGE_COMPUTE } from '../../../src/runtime/webgpu/gpu-types.ts';
import { nanosecondsOf, type Subject } from './timing.ts';

const THREADS = 128;
/** Groups in a row of the grid. */
const ACROSS = 256;
const MOST_DOWN = 4096;
/** A launch that takes this long is long enough. */
const ENOUGH_NANOSECONDS = 2e6;

const CHAINS = 8;
const STEPS = 128;
const chains = (line: (i: number) => string): string =>
  Array.from({ length: CHAINS }, (_, i) => line(i)).join('\n');

const FMA = `
@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4f>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let x = a[0];
  let y = a[1];
${chains((i) => `  var s${i} = x * f32(id.x + ${i}u);`)}
  for (var k = 0u; k < ${STEPS}u; k++) {
${chains((i) => `    s${i} = fma(s${i}, x, y);`)}
  }
  let total = ${Array.from({ length: CHAINS }, (_, i) => `s${i}`).join(' + ')};
  if (total.x == 1.5 && total.y == 2.5) { b[0] = total; }
}`;

const COPY = `
@group(0) @binding(0) var<storage, read_write> a: array<vec4f>;
@group(0) @binding(1) var<storage, read_write> b: array<vec4f>;
@compute @workgroup_size(${THREADS})
fn main(@builtin(global_invocation_id) id: vec3u) {
  let i = id.y * ${ACROSS * THREADS}u + id.x;
  if (i < arrayLength(&b)) { b[i] = a[i]; }
}`;

/** Launches a kernel on two arrays, with the clock of the device's own programs. */
const launcher = (
  { engine }: WebGpuDevice,
  name: string,
  code: string,
  bytes: number,
): ((down: number) => void) => {
  const { gpu, recorder } = engine;
  const buffer = { type: 'storage' } as const;
  const layout = gpu.createBindGroupLayout({
    entries: [0, 1].map((binding) => ({ binding, visibility: STAGE_COMPUTE, buffer })),
  });
  const pipeline = gpu.createComputePipeline({
    label: name,
    layout: gpu.createPipelineLayout({ bindGroupLayouts: [layout] }),
    compute: { module: gpu.createShaderModule({ code, label: name }), entryPoint: 'main' },
  });
  const entries = [0, 1].map((binding) => ({
    binding,
    resource: {
      buffer: gpu.createBuffer({ size: bytes, usage: BufferUsage.storage, label: name }),
      offset: 0,
      size: bytes,
    },
  }));
  const group = gpu.createBindGroup({ layout, entries });
  return (down) => {
    recorder.dispatch({ program: name, kernel: name }, pipeline, group, undefined, [
      ACROSS,
      down,
      1,
    ]);
    recorder.programEnds(0);
  };
};

/** Rows of groups that keep the device busy for long enough. */
const enough = async (device: WebGpuDevice, launch: (down: number) => void): Promise<number> => {
  let down = 1;
  await nanosecondsOf(device, () => launch(down));
  while (down < MOST_DOWN) {
    if ((await nanosecondsOf(device, () => launch(down))).total >= ENOUGH_NANOSECONDS) break;
    down *= 2;
  }
  return down;
};

/** Multiply-adds of float32 without memory. */
export const arithmetic = async (device: WebGpuDevice): Promise<Subject> => {
  const name = 'ceiling: multiply-add in registers';
  const launch = launcher(device, name, FMA, 256);
  const down = await enough(device, launch);
  // four numbers to a vector, two operations to a multiply-add
  const work = ACROSS * down * THREADS * STEPS * CHAINS * 4 * 2;
  return { name, bound: 'flops', work, launch: () => launch(down) };
};

/** Reading and writing an array that no cache holds. */
export const memory = (device: WebGpuDevice, bytes: number): Subject => {
  const name = `ceiling: copy of ${bytes / 2 ** 20} MiB`;
  const launch = launcher(device, name, COPY, bytes);
  const down = bytes / (16 * THREADS * ACROSS);
  return { name, bound: 'bytes', work: 2 * bytes, launch: () => launch(down) };
};
