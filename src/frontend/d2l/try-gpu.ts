/**
 * The fastest device there is, as the books ask for it.
 *
 * Invariant: opens no CPU of its own: where there is no graphics card, it is the device that is the default anyway.
 */
import type { Device } from '../../runtime/device.ts';
import { defaultDevice } from '../default-device.ts';
import { cudaIfThere } from '../device-cuda.ts';
import { bestOr } from '../device-webgpu.ts';

/**
 * CUDA, else WebGPU on a graphics card, else the default device, with a warning that says why. No arrays are moved: make
 * them there (`{ device }`), or make it the default.
 *
 * @throws {DeviceError} where there is no default device either
 *
 * @example device.setDefault(await tryGpu());
 */
export const tryGpu = async (): Promise<Device> =>
  (await cudaIfThere()) ?? bestOr(defaultDevice, {});
