/**
 * The schedules of running folds, for all devices: their ops bring them.
 *
 * Invariant: long lines are cut before they get here (`ir/graph/ops/prefix-parts.ts`).
 */
import { planGpuPrefix } from '../gpu/prefix.ts';
import { planPrefix } from './prefix.ts';
import type { RunningSchedules } from './schedules.ts';

export const prefixSchedules: RunningSchedules = {
  lanes: planPrefix,
  gpu: planGpuPrefix,
  split: () => undefined,
};
