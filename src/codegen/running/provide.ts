/**
 * The schedules of running folds and of orders, for all devices.
 *
 * Invariant: nothing is provided by importing this: who builds a graph with such ops asks for it.
 */
import { planGpuOrder } from '../gpu/order.ts';
import { planGpuPrefix } from '../gpu/prefix.ts';
import { planOrder } from './order.ts';
import { planPrefix } from './prefix.ts';
import { provideRunning } from './schedules.ts';
import { splitOrder } from './split-order.ts';

/** Places of a run that is sorted in scratch memory, by one thread and by many. */
const LONGEST = { lanes: 4096, gpu: 1024 } as const;

/** Makes running folds compile. */
export const providePrefix = (): void =>
  provideRunning('prefix', { lanes: planPrefix, gpu: planGpuPrefix, split: () => undefined });

/** Makes orders compile. */
export const provideOrder = (): void =>
  provideRunning('order', {
    lanes: planOrder,
    gpu: planGpuOrder,
    split: (kernel, caps) => splitOrder(kernel, caps.threads === 1 ? LONGEST.lanes : LONGEST.gpu),
  });
