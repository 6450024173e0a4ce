/**
 * The schedules of CPUs: one thread a workgroup, four lanes.
 *
 * Invariant: what is written here fits any caps with `threads` 1.
 */
import { planNest } from './generic.ts';
import type { Schedules } from './plan.ts';
import { planContraction } from './templates/matmul.ts';
import { splitContraction } from './templates/split.ts';

export const laneSchedules: Schedules = {
  split: splitContraction,
  nest: planNest,
  contraction: planContraction,
  attention: () => ({ refused: 'products and softmax have schedules of their own here' }),
};
