/**
 * L2 to L3: every nest by the schedule that fits it, all nests of a kernel in one launch.
 *
 * Invariant: any verified loop kernel has a schedule: what templates refuse, the generic one takes.
 */
import type { LoopKernel, Nest } from '../ir/loop/loop.ts';
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { assemble } from './assemble.ts';
import type { Caps } from './caps.ts';
import { isRefusal, type NestPlan } from './plan.ts';
import { productAsReduce } from './products.ts';
import { planRunning } from './running/schedules.ts';
import { hasWideElements } from './wide.ts';

/** Accumulating stores get nests of their own. */
export const separate = (nest: Nest): Nest[] => {
  const adding = nest.stores.filter((s) => s.mode !== 'set');
  if (adding.length === 0 || nest.stores.length === 1) return [nest];
  const setting = nest.stores.filter((s) => s.mode === 'set');
  const parts = adding.map((s): Nest => ({ ...nest, axes: s.axes, stores: [s] }));
  return setting.length > 0 ? [{ ...nest, stores: setting }, ...parts] : parts;
};

/** A schedule for one nest; `threads` fixes the size of its workgroups. */
const plan = (nest: Nest, given: Caps, threads?: number): NestPlan => {
  const isWide = hasWideElements(nest);
  const caps: Caps = isWide ? { ...given, lanes: 1 } : given;
  if (nest.running !== undefined) return planRunning(nest, nest.running, caps, threads);
  const { schedules } = caps;
  if (nest.contract === undefined && nest.attend === undefined)
    return schedules.nest(nest, caps, threads);
  const kind = nest.contract === undefined ? 'attention' : 'contraction';
  const attempt =
    isWide && (caps.threads > 1 || kind === 'attention')
      ? { refused: 'templates are for elements of 32 bits at most' }
      : schedules[kind](nest, caps, threads);
  if (!isRefusal(attempt)) return attempt;
  const other = schedules.nest(productAsReduce(nest), caps, threads);
  return { ...other, notes: [`no ${kind} template: ${attempt.refused}`, ...other.notes] };
};

/** A plan for each nest, all of equal workgroups. */
export const planNests = (nests: readonly Nest[], caps: Caps): readonly NestPlan[] => {
  const plans = nests.map((nest) => plan(nest, caps));
  const alike = plans.every((p) => p.threads === plans[0]!.threads);
  return alike ? plans : nests.map((nest) => plan(nest, caps, caps.threads));
};

/** One plan for all nests, where they are scheduled together. */
export const jointPlan = (nests: readonly Nest[], caps: Caps): NestPlan | undefined =>
  nests.length > 1 && nests.every((nest) => nest.attend !== undefined)
    ? caps.schedules.joint?.plan(nests, caps)
    : undefined;

/** Chooses a launch that does what `kernel` says on a device with `caps`; `tidy` makes it what will run. */
export type Choose = (
  kernel: LoopKernel,
  caps: Caps,
  tidy: (launch: ThreadKernel) => ThreadKernel,
) => ThreadKernel;

/** The launch that estimates prefer. */
export const schedule = (kernel: LoopKernel, caps: Caps): ThreadKernel => {
  const nests = kernel.nests.flatMap(separate);
  const joint = jointPlan(nests, caps);
  return assemble(kernel, joint === undefined ? planNests(nests, caps) : [joint]);
};
