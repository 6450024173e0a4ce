/**
 * The schedules of orders, for all devices: their ops bring them.
 *
 * Invariant: a run that is sorted in scratch memory fits that of any device.
 */
import { planGpuOrder } from '../gpu/order.ts';
import { planOrder } from './order.ts';
import type { RunningSchedules } from './schedules.ts';
import { splitOrder } from './split-order.ts';

/** Places of a run that one thread sorts in scratch memory, and of one that many threads do. */
const LONGEST_ALONE = 4096;
const LONGEST_TOGETHER = 1024;

export const orderSchedules: RunningSchedules = {
  lanes: planOrder,
  gpu: planGpuOrder,
  split: (kernel, caps) =>
    splitOrder(kernel, caps.threads === 1 ? LONGEST_ALONE : LONGEST_TOGETHER),
};
