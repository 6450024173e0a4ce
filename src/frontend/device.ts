/**
 * The device face for users: `device.cpu()`, `device.default()`.
 *
 * Invariant: one device object per kind and index; the default one is made on first use.
 */
import { cpu as openCpu } from '../runtime/cpu/device.ts';
import type { Device } from '../runtime/device.ts';

/** The CPU: one WebAssembly memory, SIMD, worker threads. */
export const cpu = (): Device => openCpu();

let chosen: Device | undefined;

/** The best device that works here. Arrays are made on it unless they say otherwise. */
export const defaultDevice = (): Device => {
  chosen ??= openCpu();
  return chosen;
};

/** Makes `device` the default. */
export const setDefault = (device: Device): void => {
  chosen = device;
};

export { type Activity, activity } from './activity.ts';
export { defaultDevice as default };
