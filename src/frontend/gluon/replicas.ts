/**
 * Parameters with a copy on each of several devices: which devices those are, and how values get from one to the other.
 *
 * Invariant: a program without such parameters pays one look at a flag per call of a block, and nothing else.
 */
import type { Device } from '../../runtime/device.ts';
import { contiguous } from '../callable.ts';
import { failure } from '../callsite.ts';
import { defaultDevice, onDevice } from '../default-device.ts';
import { upload } from '../nd/filled.ts';
import { type NDArray, storageOf } from '../ndarray.ts';
import { shown } from '../options.ts';
import { getState, setState } from '../random.ts';
import { mapArrays } from '../signature.ts';

/** One device, or several that get a copy each. */
export type Devices = Device | readonly Device[];

/** True once a parameter has copies on several devices: from then on, blocks look where their arguments live. */
let several = false;

/** The devices that `initialize` was given. */
export const devicesOf = (where: string, devices: Devices | undefined): readonly Device[] => {
  const list: readonly Device[] =
    devices === undefined ? [defaultDevice()] : Array.isArray(devices) ? devices : [devices];
  const odd = list.find((d, i) => typeof d?.allocate !== 'function' || list.indexOf(d) < i);
  if (list.length > 0 && odd === undefined) return list;
  throw failure(
    'device',
    `${where}: ${odd === undefined ? 'the list of devices is empty' : `${odd?.name ?? shown(odd)} is no device, or there twice`}`,
    'pass a device, or a list of different ones',
  );
};

/** `cuda(0), cuda(1)`. */
export const namesOf = (devices: readonly Device[]): string =>
  devices.map((d) => d.name).join(', ');

/** Runs `body` on the device of the first array in `args`, where parameters have copies to choose from. */
export const besideArguments = <T>(args: readonly unknown[], body: () => T): T => {
  if (!several) return body();
  let first: NDArray | undefined;
  mapArrays(args, (x) => {
    first ??= x;
    return x;
  });
  return first === undefined ? body() : onDevice(first.device, body);
};

/**
 * Equal arrays on all devices: drawn on each from the same random numbers and, as functions round differently on
 * different kinds of devices, replaced by the values of the first that can be read at once, if there is one.
 */
export const replicate = (
  devices: readonly Device[],
  draw: (device: Device) => NDArray,
): readonly NDArray[] => {
  if (devices.length === 1) return [draw(devices[0]!)];
  several = true;
  const before = getState();
  const drawn = devices.map((device) => {
    setState(before);
    return draw(device);
  });
  for (const source of drawn) {
    const bytes = bytesNow(source, 'initialize');
    if (bytes === undefined) continue;
    return drawn.map((x) => {
      if (x === source) return x;
      const copy = upload(x.type, bytes, x.device, 'initialize');
      x.dispose();
      return copy;
    });
  }
  return drawn;
};

/** The elements in row-major order, where the device can be read without waiting. */
const bytesNow = (x: NDArray, where: string): Uint8Array | undefined => {
  const dense = contiguous(x);
  const bytes = x.device.readSync(storageOf(dense, where), dense.offset, dense.layout.bytes);
  if (dense !== x) dense.dispose();
  return bytes;
};

/** The values of `x` on `device`, without history: the same memory where they are there already. */
export const onto = (x: NDArray, device: Device, where: string): NDArray => {
  if (x.device === device) return x.detach();
  const bytes = bytesNow(x, where);
  if (bytes !== undefined) return upload(x.type, bytes, device, where);
  throw failure(
    'device',
    `${where}: an array on ${x.device.name} cannot be read at once to be copied to ${device.name}`,
    'make it on the CPU: new DataLoader(data, { device: device.cpu() })',
  );
};
