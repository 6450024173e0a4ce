/**
 * The device that this run of a test file is for. Preloaded (`--import`) by the runner, so that the arrays of the file
 * are made on it from the first line on.
 *
 * Invariant: `TIGON_TEST_DEVICE` names it, the CPU if nothing does; a device that cannot be opened fails the file.
 */
import './calm.ts';
import { device } from '../../src/index.ts';

const open = async (name: string): Promise<ReturnType<typeof device.default>> => {
  switch (name) {
    case 'cpu':
      return device.cpu();
    case 'webgpu':
      return device.webgpu();
    case 'cuda':
      return device.cuda();
    default:
      throw new Error(`TIGON_TEST_DEVICE is "${name}": it must be cpu, webgpu or cuda`);
  }
};

device.setDefault(await open(process.env['TIGON_TEST_DEVICE'] ?? 'cpu'));
