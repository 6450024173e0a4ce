/**
 * `#several` in browsers: nets of pages are on one device, so pages do not carry what several need.
 *
 * Invariant: does for one device what `several.ts` does.
 */
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import type { NDArray } from '../ndarray.ts';
import type * as node from './several.ts';

const refusal = (where: string): Error =>
  failure('device', `${where}: in a browser, a net is on one device`, 'name that device alone');

export const devicesOf: typeof node.devicesOf = (where, devices) => {
  if (Array.isArray(devices)) throw refusal(where);
  return [(devices as Device | undefined) ?? defaultDevice()];
};

export const namesOf: typeof node.namesOf = (devices) => devices[0]!.name;

export const besideArguments: typeof node.besideArguments = (_args, body) => body();

export const replicate: typeof node.replicate = (devices, draw) => [draw(devices[0]!)];

export const onto: typeof node.onto = (x: NDArray, device, where) => {
  if (x.device === device) return x.detach();
  throw refusal(where);
};

export const sumGradients: typeof node.sumGradients = () => Promise.reject(refusal('trainer.step'));
