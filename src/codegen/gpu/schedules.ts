/**
 * The schedules of GPUs: workgroups of many threads that share memory.
 *
 * Invariant: what is written here fits any caps with `threads` above 1.
 */
import type { Schedules } from '../plan.ts';
import { planGpuAttention } from './attention/attention.ts';
import { planGpuContraction } from './contraction/contraction.ts';
import { splitGpuContraction } from './contraction/split.ts';
import { planGpuNest } from './nest.ts';

export const gpuSchedules: Schedules = {
  split: splitGpuContraction,
  nest: planGpuNest,
  contraction: planGpuContraction,
  attention: planGpuAttention,
};
