/**
 * The schedules of GPUs: workgroups of many threads that share memory.
 *
 * Invariants: what is written here fits any caps with `threads` above 1. Schedules of one op family come with the family.
 */
import { broughtBy } from '../families.ts';
import type { Schedules } from '../plan.ts';
import { planGpuContraction } from './contraction/contraction.ts';
import { splitGpuContraction } from './contraction/split.ts';
import { planGpuNest } from './nest.ts';
import { cutForGroups } from './parts.ts';

export const gpuSchedules: Schedules = {
  split: splitGpuContraction,
  cut: cutForGroups,
  nest: planGpuNest,
  contraction: planGpuContraction,
  attention: (nest, caps, threads) => broughtBy('attention')(nest, caps, threads),
};
