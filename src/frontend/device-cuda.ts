/**
 * CUDA on the device face.
 *
 * Invariant: nothing of CUDA is loaded before it is asked for.
 */
import * as platform from '#platform';
import { TigonError } from '../ir/errors.ts';
import type { CudaDevice } from '../runtime/cuda/device.ts';
import type { CudaOptions } from '../runtime/cuda/open.ts';
import { checkOptions } from './options.ts';

/**
 * A graphics card of NVIDIA through CUDA, in Node: needs its driver and NVRTC, no compiler and no toolkit. Opened on
 * first use; after it was lost, the next call opens it again. Programs run as CUDA graphs, compiled kernels are kept on
 * disk.
 *
 * @throws {DeviceError} where there is no driver, no NVRTC, no card of that index, or one too old
 * @throws {OptionError} for unknown options, and an index that is no integer ≥ 0
 *
 * @example
 * device.setDefault(await device.cuda());
 */
export const cuda = async (options?: CudaOptions): Promise<CudaDevice> => {
  checkOptions('device.cuda', options, ['index', 'tf32']);
  return (await import('#cuda')).cuda(options);
};

/** CUDA, or undefined where there is none; of a card that cannot be used it is said why. */
export const cudaIfThere = async (): Promise<CudaDevice | undefined> => {
  const { cardsArePresent, cuda: open } = await import('#cuda');
  try {
    return await open();
  } catch (error) {
    if (!(error instanceof TigonError)) throw error;
    const help = error.help === undefined ? '' : `; ${error.help}`;
    if (cardsArePresent())
      platform.warn(
        `tigon: device.best() is not cuda(): ${error.brief.replace(/^device\.cuda: /, '')}${help}`,
      );
    return undefined;
  }
};
