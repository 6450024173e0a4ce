/**
 * CUDA in browsers: there is none.
 *
 * Invariant: offers what `open.ts` offers to the face of devices.
 */
import { TigonError } from '../../ir/errors.ts';
import type { CudaDevice } from './device.ts';
import type { CudaOptions } from './open.ts';

export const cuda = async (_options: CudaOptions = {}): Promise<CudaDevice> => {
  throw new TigonError(
    'device',
    'device.cuda: browsers have no CUDA',
    'use `await device.webgpu()`, or run the program in Node',
  );
};

export const cardsArePresent = (): boolean => false;
