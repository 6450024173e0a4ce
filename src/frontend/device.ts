/**
 * The device face for users: `device.cpu()`, `await device.webgpu()`, `await device.cuda()`,
 * `device.default()`.
 *
 * Invariant: one device object per kind and index; the default one is made on first use.
 */
import type { CpuDevice } from '../runtime/cpu/device.ts';
import type { Device } from '../runtime/device.ts';
import type { WebGpuDevice } from '../runtime/webgpu/device.ts';
import type { WebGpuOptions } from '../runtime/webgpu/open.ts';
import { openByDefault } from './default-device.ts';
import { cpu as openCpu } from './device-cpu.ts';
import { cudaIfThere } from './device-cuda.ts';
import { type BestOptions, bestOr, checkBest, webgpu as openWebGpu } from './device-webgpu.ts';

/**
 * The CPU: one WebAssembly memory, SIMD, worker threads.
 *
 * @throws {DeviceError} where there is no WebAssembly SIMD
 * @throws {OptionError} for a `TIGON_THREADS` in the environment that is no integer ≥ 1
 *
 * @example nd.ones([2], { device: device.cpu() }).device.kind;   // 'cpu'
 */
export const cpu = (): CpuDevice => openCpu();

openByDefault(cpu);

/** A GPU, with what compiles the attention that `tigon` finds. */
const withAttention = async <D>(opened: D): Promise<D> => {
  (await import('./gpu-attention.ts')).bringGpuAttention();
  return opened;
};

/**
 * A GPU through WebGPU: in browsers their own, in Node that of the package `webgpu` (`npm install webgpu`). Opened on
 * first use; after it was lost, the next call opens it again. Its arrays are read with `await`.
 *
 * @throws {DeviceError} where there is no WebGPU, no adapter of that index, or one that gives no device
 * @throws {OptionError} for unknown options, and an index that is no integer ≥ 0
 *
 * @example
 * device.setDefault(await device.webgpu());
 */
export const webgpu = async (options?: WebGpuOptions): Promise<WebGpuDevice> =>
  withAttention(await openWebGpu(options));

/**
 * The fastest device that works here: CUDA, else WebGPU on a graphics card, else the CPU, with a warning that says why.
 *
 * @throws {OptionError} for unknown options
 *
 * @example
 * device.setDefault(await device.best());
 */
export const best = async (options: BestOptions = {}): Promise<Device> => {
  checkBest(options);
  const found = (await cudaIfThere()) ?? (await bestOr(cpu, options));
  return found.kind === 'webgpu' ? withAttention(found) : found;
};

export type { CpuDevice } from '../runtime/cpu/device.ts';
export type { CudaDevice } from '../runtime/cuda/device.ts';
export type { CudaOptions } from '../runtime/cuda/open.ts';
export type { Device, MemoryReport } from '../runtime/device.ts';
export { chromeTrace, type Profile, type ProfileRow } from '../runtime/profile.ts';
export type { WebGpuDevice } from '../runtime/webgpu/device.ts';
export type { WebGpuOptions } from '../runtime/webgpu/open.ts';
export { type Activity, activity } from './activity.ts';
export { defaultDevice as default, setDefault } from './default-device.ts';
export { cuda } from './device-cuda.ts';
export type { BestOptions } from './device-webgpu.ts';
