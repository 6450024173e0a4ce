/**
 * The device that arrays are made on unless they say otherwise.
 *
 * Invariant: knows no device by itself, so that a page carries only those that it names: the main entry says how the
 * first one is opened.
 */
import type { Device } from '../runtime/device.ts';
import { failure } from './callsite.ts';
import { shown } from './options.ts';

let chosen: Device | undefined;
let open: (() => Device) | undefined;

/** Says how the default device is made where nobody has chosen one. */
export const openByDefault = (opener: () => Device): void => {
  open = opener;
};

/**
 * The device of `setDefault`, else the CPU. Arrays are made on it unless they say otherwise.
 *
 * @throws {DeviceError} with `tigon/web` before `setDefault`: a page opens no device by itself
 *
 * @example device.default().kind;   // 'cpu'
 */
export const defaultDevice = (): Device => {
  chosen ??= open?.();
  if (chosen === undefined)
    throw failure(
      'device',
      'no device has been chosen, and there is none to fall back on',
      "with 'tigon/web', call device.setDefault(await device.cpu()) first; else import 'tigon'",
    );
  return chosen;
};

/**
 * Makes `device` the default.
 *
 * @throws {ValueError} for what is no device: a promise of one has to be awaited
 *
 * @example device.setDefault(device.cpu());
 */
export const setDefault = (device: Device): void => {
  if (typeof device !== 'object' || device === null || !('allocate' in device))
    throw failure(
      'value',
      `device.setDefault: ${shown(device)} is no device`,
      'pass device.cpu(), await device.webgpu() and the like',
    );
  chosen = device;
};

/** Runs `body` with `device` as the default: what it makes goes where the arrays are that it was given. */
export const onDevice = <T>(device: Device, body: () => T): T => {
  const before = chosen;
  chosen = device;
  try {
    return body();
  } finally {
    chosen = before;
  }
};
