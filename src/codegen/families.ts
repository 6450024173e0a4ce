/**
 * Schedules that come with an op family instead of with the device: programs that never name the family leave them out.
 *
 * Whoever emits the ops of a family brings what schedules them: front-end functions when they are called, so that
 * importing them does nothing; who reads graphs from text, where any op may be, brings all (`every-family.ts`).
 * Invariant: looking up what nobody brought is an error, never a slower way.
 */
import { TigonError } from '../ir/errors.ts';
import type { Schedules } from './plan.ts';
import type { RunningSchedules } from './running/schedules.ts';
import type { LaneAttention } from './templates/attention-schedules.ts';

/** What families schedule on devices whose caps leave it to them. */
export type FamilySchedules = Pick<Schedules, 'attention'> & {
  /** Attention on devices whose workgroups are one thread. */
  readonly laneAttention: LaneAttention;
  readonly prefix: RunningSchedules;
  readonly order: RunningSchedules;
};

const brought: { -readonly [F in keyof FamilySchedules]?: FamilySchedules[F] } = {};

/** From now on, these schedules are here. */
export const bring = (schedules: Partial<FamilySchedules>): void => {
  Object.assign(brought, schedules);
};

/** The schedule that came with a family. */
export const broughtBy = <F extends keyof FamilySchedules>(family: F): FamilySchedules[F] => {
  const schedule = brought[family];
  if (schedule !== undefined) return schedule;
  throw new TigonError(
    'option',
    `${family}: nothing in this program brought its schedules`,
    `make it by calling functions of nd; who builds graphs from ops or text calls bringEveryFamily() first`,
  );
};
