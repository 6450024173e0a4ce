/**
 * WebGPU on the device face, and the choice between it and the CPU.
 *
 * Invariant: nothing of WebGPU is loaded before it is asked for.
 */
import * as platform from '#platform';
import { TigonError } from '../ir/errors.ts';
import type { Device } from '../runtime/device.ts';
import type { WebGpuDevice } from '../runtime/webgpu/device.ts';
import type { WebGpuOptions } from '../runtime/webgpu/open.ts';
import { checkOptions } from './options.ts';

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
export const webgpu = async (options?: WebGpuOptions): Promise<WebGpuDevice> => {
  checkOptions('device.webgpu', options, ['index']);
  return (await import('../runtime/webgpu/open.ts')).webgpu(options);
};

export interface BestOptions {
  /** Take WebGPU even where a driver computes it on the CPU, slower than `cpu()` does. For tests. */
  readonly software?: boolean;
}

/** Throws an OptionError for options of `best` that there are not. */
export const checkBest = (options: BestOptions): void =>
  checkOptions('device.best', options, ['software']);

/** WebGPU on a graphics card, else `cpu`, with a warning that says why. */
export const bestOr = async (
  cpu: () => Device | Promise<Device>,
  options: BestOptions,
): Promise<Device> => {
  const { findAdapter } = await import('../runtime/webgpu/open.ts');
  try {
    const found = await findAdapter(options.software === true);
    if (typeof found === 'number') return await webgpu({ index: found });
    warn(`${found} computes WebGPU on the CPU, slower than cpu() does`);
  } catch (error) {
    if (!(error instanceof TigonError)) throw error;
    warn(`${error.brief}${error.help === undefined ? '' : `; ${error.help}`}`);
  }
  return cpu();
};

const warn = (reason: string): void =>
  platform.warn(`tigon: device.best() is cpu(): ${reason.replace(/^device\.webgpu: /, '')}`);
