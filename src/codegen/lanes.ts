/**
 * The schedules of CPUs: one thread a workgroup, four lanes.
 *
 * Invariant: what is written here fits any caps with `threads` 1.
 */
import { broughtBy } from './families.ts';
import { planNest } from './generic.ts';
import { cutForLanes } from './lane-parts.ts';
import type { Schedules } from './plan.ts';
import { planAlternatives, planContraction } from './templates/matmul.ts';
import { packOnce } from './templates/pack-once.ts';
import { planPanels } from './templates/panels-plan.ts';
import { splitContraction } from './templates/split.ts';
import { transformOnce } from './templates/transform-once.ts';

export const laneSchedules: Schedules = {
  split: (kernel, caps, copies) =>
    transformOnce(kernel, caps, copies) ??
    splitContraction(kernel, caps)?.flatMap((part) => packOnce(part, caps, copies) ?? [part]) ??
    packOnce(kernel, caps, copies),
  cut: cutForLanes,
  nest: (nest, caps) => planPanels(nest, caps) ?? planNest(nest, caps),
  contraction: planContraction,
  alternatives: planAlternatives,
  attention: (nest, caps) => broughtBy('laneAttention').nest(nest, caps),
  joint: {
    together: (nests, caps) => broughtBy('laneAttention').together(nests, caps),
    plan: (nests, caps) => broughtBy('laneAttention').joint(nests, caps),
  },
};
