/**
 * Opening the CPU, with what only its programs can do: keep what they make of weights.
 *
 * Invariant: every face opens the CPU here.
 */
import { keeping } from '../passes/keep.ts';
import { bringKeeping } from '../passes/keep-family.ts';
import { type CpuDevice, cpu as openCpu } from '../runtime/cpu/device.ts';
import { steady } from './steady.ts';
import { bringSteady } from './steady-family.ts';

export const cpu = (): CpuDevice => {
  bringKeeping(keeping);
  bringSteady(steady);
  return openCpu();
};
