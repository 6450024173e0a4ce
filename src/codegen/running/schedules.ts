/**
 * What schedules nests that run along an axis: it comes with the ops of the family.
 *
 * Invariant: such a nest is planned by the schedules of its kind, on every device.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { LoopKernel, Nest, Running } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { broughtBy } from '../families.ts';
import type { NestPlan } from '../plan.ts';

export interface RunningSchedules {
  /** A nest on devices whose workgroups are one thread. */
  lanes(nest: Nest, caps: Caps): NestPlan;
  /** A nest on devices with workgroups of many threads; `threads` fixes how many. */
  gpu(nest: Nest, caps: Caps, threads: number | undefined): NestPlan;
  /** Kernels to run in this one's place, where one launch cannot do it. */
  split(kernel: LoopKernel, caps: Caps): readonly LoopKernel[] | undefined;
}

export const planRunning = (
  nest: Nest,
  { kind }: Running,
  caps: Caps,
  threads: number | undefined,
): NestPlan => {
  if (pointsOf(nest.axes) === 0)
    return {
      grid: 1,
      threads: threads ?? 1,
      shared: [],
      cost: { flops: 0, bytes: 0 },
      notes: ['empty'],
      emit: () => [],
    };
  const schedules = broughtBy(kind);
  return caps.threads === 1 ? schedules.lanes(nest, caps) : schedules.gpu(nest, caps, threads);
};

/** Kernels in the place of one whose nest runs along an axis too long for one launch. */
export const splitRunning = (kernel: LoopKernel, caps: Caps): readonly LoopKernel[] | undefined => {
  const running = kernel.nests[0]?.running;
  return running && broughtBy(running.kind).split(kernel, caps);
};
