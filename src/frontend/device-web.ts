/**
 * The device face of `tigon/web`: every device is a part of its own, fetched when it is asked for.
 *
 * Invariant: importing this loads no device; the first one is opened by the program, not by default.
 */
import type { Device } from '../runtime/device.ts';

/** The CPU: one WebAssembly memory, SIMD, worker threads. */
export const cpu = async (): Promise<Device> => (await import('../runtime/cpu/device.ts')).cpu();

export { type Activity, activity } from './activity.ts';
export { defaultDevice as default, setDefault } from './default-device.ts';
