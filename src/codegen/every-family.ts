/**
 * The schedules of all op families: for programs that compile what they read.
 *
 * Invariant: nothing that pages load imports this file.
 */
import { bring } from './families.ts';
import { planGpuAttention } from './gpu/attention/attention.ts';
import { orderSchedules } from './running/order-schedules.ts';
import { prefixSchedules } from './running/prefix-schedules.ts';
import { laneAttention } from './templates/attention-schedules.ts';

export const bringEveryFamily = (): void =>
  bring({
    attention: planGpuAttention,
    laneAttention,
    prefix: prefixSchedules,
    order: orderSchedules,
  });
