/**
 * The device face for users: `device.cpu()`, `device.default()`.
 *
 * Invariant: one device object per kind and index; the default one is made on first use.
 */
import { cpu as openCpu } from '../runtime/cpu/device.ts';
import type { Device } from '../runtime/device.ts';
import { openByDefault } from './default-device.ts';

/** The CPU: one WebAssembly memory, SIMD, worker threads. */
export const cpu = (): Device => openCpu();

openByDefault(cpu);

export { type Activity, activity } from './activity.ts';
export { defaultDevice as default, setDefault } from './default-device.ts';
