/**
 * The device face of `tigon/web`: every device is a part of its own, fetched when it is asked for.
 *
 * Invariant: importing this loads no device; the first one is opened by the program, not by default.
 */
import type { Device } from '../runtime/device.ts';
import { type BestOptions, bestOr, checkBest } from './device-webgpu.ts';

/**
 * The CPU: one WebAssembly memory, SIMD, worker threads.
 *
 * @throws {DeviceError} where there is no WebAssembly SIMD
 * @throws {OptionError} for a `TIGON_THREADS` in the environment that is no integer ≥ 1
 *
 * @example const cpu = await web.device.cpu();
 */
export const cpu = async (): Promise<Device> => (await import('./device-cpu.ts')).cpu();

/**
 * The fastest device that works here: WebGPU on a graphics card, else the CPU, with a warning that says why.
 *
 * @throws {OptionError} for unknown options
 *
 * @see {@link cpu}
 */
export const best = async (options: BestOptions = {}): Promise<Device> => {
  checkBest(options);
  return bestOr(cpu, options);
};

export type { Device, MemoryReport } from '../runtime/device.ts';
export { chromeTrace, type Profile, type ProfileRow } from '../runtime/profile.ts';
export type { WebGpuDevice } from '../runtime/webgpu/device.ts';
export type { WebGpuOptions } from '../runtime/webgpu/open.ts';
export { type Activity, activity } from './activity.ts';
export { defaultDevice as default, setDefault } from './default-device.ts';
export { type BestOptions, webgpu } from './device-webgpu.ts';
