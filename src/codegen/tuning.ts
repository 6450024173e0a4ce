/**
 * What a tuner chooses among: launches that do what a loop kernel says, each by another schedule.
 *
 * Invariants: the first is the one that estimates prefer; all of them bind the same buffers in the same order. A launch
 * is known by its notes, which say all that was chosen.
 */
import type { LoopKernel, Nest } from '../ir/loop/loop.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { assemble } from './assemble.ts';
import type { Caps } from './caps.ts';
import type { NestPlan } from './plan.ts';
import { type Choose, jointPlan, planNests, schedule, separate } from './schedule.ts';

/** Which of some launches of a kernel is best: its position. */
export type Pick = (kernel: LoopKernel, launches: readonly ThreadKernel[]) => number;

/** Lets `pick` choose where there are several launches to choose among. */
export const chosenBy =
  (pick: Pick): Choose =>
  (kernel, caps, tidy) => {
    const launches = alternatives(kernel, caps);
    if (launches.length < 2) return schedule(kernel, caps);
    return launches[pick(kernel, launches.map(tidy))]!;
  };

/** Launches of a kernel that are worth a measurement. */
export const alternatives = (kernel: LoopKernel, caps: Caps): readonly ThreadKernel[] => {
  const { schedules } = caps;
  const nests = kernel.nests.flatMap(separate);
  if (schedules.alternatives === undefined || jointPlan(nests, caps) !== undefined) return [];
  const plans = planNests(nests, caps);
  const at = largestProduct(nests, plans);
  const others = at < 0 ? [] : schedules.alternatives(nests[at]!, caps);
  const own = (plan: NestPlan): string => plan.notes.join('\n');
  const seen = new Set(at < 0 ? [] : [own(plans[at]!)]);
  const launches = [assemble(kernel, plans)];
  for (const other of others) {
    if (seen.has(own(other))) continue;
    seen.add(own(other));
    launches.push(assemble(kernel, plans.with(at, other)));
  }
  return launches;
};

/** The nest that takes longest, if it has a product. */
const largestProduct = (nests: readonly Nest[], plans: readonly NestPlan[]): number => {
  let at = -1;
  nests.forEach((nest, i) => {
    if (nest.contract === undefined) return;
    if (at < 0 || plans[i]!.cost.flops > plans[at]!.cost.flops) at = i;
  });
  return at;
};
