/**
 * Opening CUDA devices: the one place that asks for the driver.
 *
 * Invariant: a card is opened once for each way of rounding products, until it is lost.
 */
import { existsSync } from 'node:fs';
import * as platform from '#platform';
import type { Caps } from '../../codegen/caps.ts';
import { cudaCaps } from '../../codegen/cuda/caps.ts';
import { kernelTexts } from '../../codegen/cuda/listing.ts';
import { bringPrinter } from '../../codegen/printers.ts';
import { TigonError } from '../../ir/errors.ts';
import { cacheFolder, DiskCache } from '../disk-cache.ts';
import { type CudaContext, NativeError } from '../native/api.ts';
import { openCuda as openNative } from '../native/open.ts';
import { sharing } from '../reopen.ts';
import { freshCounters } from './counters.ts';
import { CudaDevice } from './device.ts';

export interface CudaOptions {
  /** Which card, in the order of `tigon devices`. Default: 0. */
  readonly index?: number;
  /**
   * Products of float32 numbers may be rounded to TF32 (10 bits of mantissa instead of 23), which cards with matrix units
   * compute several times faster. Default: false.
   */
  readonly tf32?: boolean;
}

/** What only tests and benchmarks set. */
export interface OpenOptions extends CudaOptions {
  /** Most memory for arrays; allocating more is an error. */
  readonly limitBytes?: number;
  /** Bytes of new arrays after which a collection is asked for. */
  readonly pressureBytes?: number;
  /** Memory of dead arrays that is kept for new ones. */
  readonly idleBytes?: number;
  /** Folder of compiled kernels; `undefined`: none are kept. */
  readonly cache?: string | undefined;
  /** Kernels are launched and waited for one by one. */
  readonly blocking?: boolean;
}

const LEAST_PRESSURE_BYTES = 256 * 2 ** 20;
/** Parts of a card's memory: new arrays between two collections, and dead arrays that are kept. */
const PRESSURE_PART = 1 / 16;
const IDLE_PART = 1 / 4;

/** Whether the system has NVIDIA's kernel module, so that somebody may expect CUDA to work. */
export const cardsArePresent = (): boolean => existsSync('/proc/driver/nvidia/version');

/** The first NVRTC that compiles for sm_90a. */
const KNOWS_WARPGROUPS = 12;

/**
 * Code for the very card, with the instructions that only its architecture has; for a card that is newer than the compiler
 * text that the driver translates.
 */
const architectureOf = (capability: number, known: readonly number[], caps: Caps): string => {
  if (caps.tensorCores === 'sm90a') return 'sm_90a';
  if (known.length === 0 || known.includes(capability)) return `sm_${capability}`;
  return `compute_${Math.max(...known.filter((k) => k < capability), Math.min(...known))}`;
};

/** Opens a device of its own. */
export const openCuda = async (options: OpenOptions = {}): Promise<CudaDevice> => {
  const index = options.index ?? 0;
  if (!Number.isInteger(index) || index < 0)
    throw new TigonError(
      'option',
      `device.cuda: index is ${index}, not an integer ≥ 0`,
      'leave it out for the first card; `tigon devices` lists them',
    );
  bringPrinter('cuda', kernelTexts);
  const cuda = await openNative();
  const properties = cuda.devices[index];
  if (properties === undefined)
    throw new TigonError(
      'device',
      `device.cuda: there is no card ${index}: there ${cuda.devices.length === 1 ? 'is' : 'are'} ${cuda.devices.length}`,
      '`tigon devices` lists them; CUDA_VISIBLE_DEVICES decides which of them a process sees',
    );
  const tf32 = options.tf32 ?? false;
  const { memoryBytes, capability } = properties;
  const cache = 'cache' in options ? options.cache : cacheFolder('cuda');
  const tensorMaps = properties.tensorMaps && cuda.compilerVersion[0] >= KNOWS_WARPGROUPS;
  const caps = cudaCaps(properties, { tf32, tensorMaps });
  const key = [cuda.compilerVersion, cuda.driverVersion, capability];
  let context: CudaContext | undefined;
  try {
    context = cuda.open(index);
    return new CudaDevice({
      name: tf32 ? `cuda(${index}, tf32)` : `cuda(${index})`,
      properties,
      context,
      compiler: {
        native: cuda,
        options: [
          `--gpu-architecture=${architectureOf(capability, cuda.architectures, caps)}`,
          '--std=c++17',
        ],
        cache:
          cache === undefined
            ? undefined
            : new DiskCache({ folder: cache, what: 'compiled kernels', ending: '.cubin', key }),
      },
      caps,
      counters: freshCounters(),
      memory: {
        limitBytes: options.limitBytes ?? Number.POSITIVE_INFINITY,
        pressureBytes:
          options.pressureBytes ?? Math.max(LEAST_PRESSURE_BYTES, PRESSURE_PART * memoryBytes),
        idleBytes: options.idleBytes ?? IDLE_PART * memoryBytes,
      },
      blocking: options.blocking ?? platform.environment('TIGON_CUDA_BLOCKING') === '1',
    });
  } catch (error) {
    context?.close();
    throw refusal(error, properties.name);
  }
};

/** What the driver says against opening a card, for people. */
const refusal = (error: unknown, card: string): unknown =>
  error instanceof NativeError
    ? new TigonError(
        'device',
        `device.cuda: ${card} cannot be opened: ${error.message.split('\n')[0]}`,
        error.fatal
          ? 'an earlier failure has made the driver useless to this process: start it again'
          : 'nvidia-smi shows whether another process uses the card by itself',
      )
    : error;

const shared = sharing<CudaDevice>();

/** The device of a card, opened on first use and again after it was lost. */
export const cuda = (options: CudaOptions = {}): Promise<CudaDevice> =>
  shared(`${options.index ?? 0} ${options.tf32 ?? false}`, () => openCuda(options));
