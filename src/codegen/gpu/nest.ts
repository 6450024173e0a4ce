/**
 * The GPU schedule of a nest: which of them fits.
 *
 * Invariant: any nest has one; `threads`, where given, is the size of the workgroups, because nests share a launch.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { normalize } from '../normalize.ts';
import type { NestPlan } from '../plan.ts';
import { planPoints } from './rows.ts';
import { planGpuScatter } from './scatter.ts';

/** The schedule of a nest without a contraction. */
export const planGpuNest = (nest: Nest, caps: Caps, threads: number | undefined): NestPlan => {
  if (pointsOf(nest.axes) === 0)
    return {
      grid: 1,
      threads: threads ?? 1,
      shared: [],
      cost: { flops: 0, bytes: 0 },
      notes: ['empty'],
      emit: () => [],
    };
  if (nest.stores.some((s) => s.mode !== 'set')) return planGpuScatter(nest, caps, threads);
  return planPoints(normalize(nest), caps, threads);
};
