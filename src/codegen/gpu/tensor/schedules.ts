/**
 * The schedules of CUDA devices: those of all GPUs, with products on matrix units where there are some and they fit.
 *
 * Invariant: what matrix units refuse has the schedule it would have without them, and a note that says why.
 */
import type { Nest } from '../../../ir/loop/loop.ts';
import type { Caps } from '../../caps.ts';
import { isRefusal, type NestPlan, type Refusal, type Schedules } from '../../plan.ts';
import { planGpuAttention } from '../attention/attention.ts';
import { planBulkAttention } from '../bulk/attention/attention.ts';
import { planBulkContraction } from '../bulk/contraction.ts';
import { planGpuContraction } from '../contraction/contraction.ts';
import { gpuSchedules } from '../schedules.ts';
import { planTensorAttention } from './attention/attention.ts';
import { planTensorContraction } from './contraction.ts';
import { splitTensorContraction } from './split.ts';

type Planner = (nest: Nest, caps: Caps, threads: number | undefined) => NestPlan | Refusal;

/** The first plan, or else the second with `without` and the reason noted; both reasons where there is neither. */
const firstOf =
  (first: Planner, second: Planner, without = 'no matrix units'): Planner =>
  (nest, caps, threads) => {
    const plan = first(nest, caps, threads);
    if (!isRefusal(plan)) return plan;
    const other = second(nest, caps, threads);
    if (isRefusal(other))
      return plan.refused === other.refused
        ? other
        : { refused: `${plan.refused}; ${other.refused}` };
    if (other.notes.some((note) => note.endsWith(`: ${plan.refused}`))) return other;
    return { ...other, notes: [`${without}: ${plan.refused}`, ...other.notes] };
  };

const onWarps = firstOf(planTensorContraction, planGpuContraction);
const onWarpgroups = firstOf(planBulkContraction, onWarps, 'not by warpgroups');
const attentionOnWarps = firstOf(planTensorAttention, planGpuAttention);
const attentionOnWarpgroups = firstOf(planBulkAttention, attentionOnWarps, 'not by warpgroups');

export const cudaSchedules: Schedules = {
  ...gpuSchedules,
  split: splitTensorContraction,
  contraction: (nest, caps, threads) =>
    (caps.tensorCores === 'sm90a' ? onWarpgroups : onWarps)(nest, caps, threads),
  attention: (nest, caps, threads) =>
    (caps.tensorCores === 'sm90a' ? attentionOnWarpgroups : attentionOnWarps)(nest, caps, threads),
};
