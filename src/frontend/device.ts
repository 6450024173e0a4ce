/**
 * The device face for users: `device.cpu()`, `await device.webgpu()`, `await device.cuda()`,
 * `device.default()`.
 *
 * Invariant: one device object per kind and index; the default one is made on first use.
 */
import type { CpuDevice } from '../runtime/cpu/device.ts';
import type { Device } from '../runtime/device.ts';
import { openByDefault } from './default-device.ts';
import { cpu as openCpu } from './device-cpu.ts';
import { cudaIfThere } from './device-cuda.ts';
import { type BestOptions, bestOr, checkBest } from './device-webgpu.ts';

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
  return (await cudaIfThere()) ?? bestOr(cpu, options);
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
export { type BestOptions, webgpu } from './device-webgpu.ts';
