/**
 * A WebGPU device for tests of the device itself.
 *
 * Invariant: without an adapter tests are skipped with the reason, and fail where `CI` is set.
 */
import './calm.ts';
import { test } from 'uvu';
import { TigonError } from '../../src/ir/errors.ts';
import type { WebGpuDevice } from '../../src/runtime/webgpu/device.ts';
import { type OpenOptions, openWebGpu } from '../../src/runtime/webgpu/open.ts';

let reason: string | undefined;
try {
  (await openWebGpu()).dispose();
} catch (error) {
  if (!(error instanceof TigonError) || process.env['CI'] === 'true') throw error;
  reason = error.brief;
  console.log(`skipped: ${reason}`);
}

/** `test`, with a device that is opened for it and disposed of after it. */
export const onDevice = (
  name: string,
  body: (device: WebGpuDevice) => Promise<void>,
  options: OpenOptions = {},
): void => {
  if (reason !== undefined) {
    test.skip(name);
    return;
  }
  test(name, async () => {
    const device = await openWebGpu(options);
    try {
      await body(device);
    } finally {
      device.dispose();
    }
  });
};

/** `test`, where there is an adapter. */
export const withAdapter = (name: string, body: () => Promise<void>): void => {
  if (reason === undefined) test(name, body);
  else test.skip(name);
};
