/**
 * Passes that can be left out, one by one or all: to see what each is good for, and to find the one to blame.
 *
 * Invariant: programs mean the same whatever is left out, up to rounding; steps without which there is no program have no
 * name here.
 */
import type { Caps } from '../codegen/caps.ts';
import type { Schedules } from '../codegen/plan.ts';

/** Names of passes, in the order in which they run. */
export const PASSES = [
  'algebra',
  'views',
  'reductions',
  'constants',
  'findAttention',
  'attention',
  'recognize',
  'horizontal',
  'fuse',
  'split',
  'keep',
  'order',
  'templates',
  'lanes',
  'cleanup',
  'inPlace',
  'reuse',
] as const;

/** A pass that `without` names. */
export type PassName = (typeof PASSES)[number];

/** The passes that are left out. */
export type Without = ReadonlySet<PassName>;

export const NOTHING: Without = new Set();

/** A part of keys: empty where nothing is left out. */
export const keyOf = (without: Without): string =>
  without.size === 0 ? '' : ` without ${PASSES.filter((name) => without.has(name)).join(' ')}`;

const REFUSED = { refused: 'switched off' } as const;

/** A device that lacks what is switched off: schedules are chosen by capabilities. */
export const capsWithout = (caps: Caps, without: Without): Caps => {
  if (without.size === 0) return caps;
  const schedules: { -readonly [S in keyof Schedules]: Schedules[S] } = { ...caps.schedules };
  if (without.has('split')) schedules.split = () => undefined;
  if (without.has('templates')) {
    schedules.contraction = () => REFUSED;
    delete schedules.alternatives;
  }
  if (without.has('templates') || without.has('attention')) {
    schedules.attention = () => REFUSED;
    delete schedules.joint;
  }
  return { ...caps, schedules, lanes: without.has('lanes') ? 1 : caps.lanes };
};
