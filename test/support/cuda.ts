/**
 * A CUDA device for tests of the device itself: a card, or what stands in for one.
 *
 * Invariant: compiled kernels are kept in a folder of the test's own, so that what is compiled can be counted.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'uvu';
import type { CudaDevice } from '../../src/runtime/cuda/device.ts';
import { type OpenOptions, openCuda } from '../../src/runtime/cuda/open.ts';

/** `test`, with a folder that is removed after it. */
export const inFolder = (name: string, body: (folder: string) => Promise<void>): void => {
  test(name, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'tigon-cuda-'));
    try {
      await body(folder);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
};

/** `test`, with a device that is opened for it and disposed of after it. */
export const onDevice = (
  name: string,
  body: (device: CudaDevice) => Promise<void>,
  options: OpenOptions = {},
): void => {
  inFolder(name, async (folder) => {
    const device = await openCuda({ cache: join(folder, 'kernels'), ...options });
    try {
      await body(device);
    } finally {
      device.dispose();
    }
  });
};
