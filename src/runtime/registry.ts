/**
 * The devices there are: how to find out without starting them, and which one is the default.
 *
 * Invariant: a device that cannot be used is listed with the reason; asking makes none.
 */
import { cpu } from './cpu/device.ts';
import { hasRelaxedSimd, hasSimd } from './cpu/features.ts';
import type { Device } from './device.ts';

/** A kind of device, in order of preference. */
export interface DeviceEntry {
  readonly kind: Device['kind'];
  readonly name: string;
  readonly available: boolean;
  /** What it can do, or why it cannot be used. */
  readonly detail: string;
  open(): Device;
}

/** Every device this build knows, best first. */
export const deviceEntries = (): readonly DeviceEntry[] => {
  const available = hasSimd();
  const detail = available
    ? `WebAssembly SIMD, ${hasRelaxedSimd() ? 'fused multiply-add' : 'no fused multiply-add'}, ${
        typeof SharedArrayBuffer === 'undefined' ? 'one thread (no shared memory)' : 'threads'
      }`
    : 'this WebAssembly engine has no 128-bit SIMD';
  return [{ kind: 'cpu', name: 'cpu()', available, detail, open: cpu }];
};

export { cpu };
