/**
 * Where schedules of running folds and orders are found: those that a program may need are put here by what makes such
 * nests, so that pages load none that they do not use.
 *
 * Invariant: a nest that runs along an axis is planned by the schedules of its kind, on every device.
 */
import { invariant } from '../../ir/errors.ts';
import type { LoopKernel, Nest, Running } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan } from '../plan.ts';

export interface RunningSchedules {
  /** A nest on devices whose workgroups are one thread. */
  lanes(nest: Nest, caps: Caps): NestPlan;
  /** A nest on devices with workgroups of many threads; `threads` fixes how many. */
  gpu(nest: Nest, caps: Caps, threads: number | undefined): NestPlan;
  /** Kernels to run in this one's place, where one launch cannot do it. */
  split(kernel: LoopKernel, caps: Caps): readonly LoopKernel[] | undefined;
}

const known = new Map<Running['kind'], RunningSchedules>();

/** Makes nests of a kind compile. Called by whoever builds graphs with them. */
export const provideRunning = (kind: Running['kind'], schedules: RunningSchedules): void => {
  known.set(kind, schedules);
};

const schedulesOf = ({ kind }: Running): RunningSchedules => {
  const schedules = known.get(kind);
  invariant(schedules, `schedules of ${kind} are provided before it is compiled`);
  return schedules;
};

export const planRunning = (
  nest: Nest,
  running: Running,
  caps: Caps,
  threads: number | undefined,
): NestPlan => {
  const schedules = schedulesOf(running);
  return caps.threads === 1 ? schedules.lanes(nest, caps) : schedules.gpu(nest, caps, threads);
};

/** Kernels in the place of one whose nest runs along an axis too long for one launch. */
export const splitRunning = (
  kernel: LoopKernel,
  caps: Caps,
): readonly LoopKernel[] | undefined => {
  const running = kernel.nests[0]?.running;
  return running && schedulesOf(running).split(kernel, caps);
};
