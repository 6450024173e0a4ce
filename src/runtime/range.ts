/**
 * What devices ask of a storage before they copy to it or from it.
 *
 * Invariant: all devices refuse in the same words.
 */
import { TigonError } from '../ir/errors.ts';
import type { Device, Storage } from './device.ts';

/** Throws unless `bytes` bytes at `offset` are memory that `device` has. */
export const checkRange = (
  device: Device,
  action: 'read' | 'write',
  storage: Storage,
  offset: number,
  bytes: number,
): void => {
  if (storage.pointer === 0)
    throw new TigonError(
      'freed',
      `${action}: the array was freed before this call`,
      'do not use an array after dispose() or after its `using` block',
    );
  if (storage.device !== device)
    throw new TigonError('device', `${action}: the array is not on ${device.name}`);
  if (offset < 0 || offset + bytes > storage.bytes)
    throw new TigonError(
      'value',
      `${action}: bytes ${offset} to ${offset + bytes} of a storage of ${storage.bytes}`,
    );
};
