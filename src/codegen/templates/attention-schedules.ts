/**
 * Attention on devices whose workgroups are one thread: a nest at a time, and gradients that are computed together.
 *
 * Invariant: gradients that are said to belong together have a plan for one launch.
 */
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { ThreadBuffer } from '../../ir/thread/thread.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan, Refusal } from '../plan.ts';
import { bytesMoved } from '../work.ts';
import { planLaneAttention } from './attention.ts';
import { laneCut, laneProblem } from './attention-cut.ts';
import { type Gradients, gradientsIn, type JointProblem, jointProblem } from './attention-joint.ts';
import { type JointBuffer, type JointCut, jointCut, jointMemory } from './attention-joint-cut.ts';
import { JointTemplate } from './attention-joint-emit.ts';

export interface LaneAttention {
  /** The blockwise schedule of a nest with an attention, or why another one is better. */
  nest(nest: Nest, caps: Caps): NestPlan | Refusal;
  /** Which of these nests are best computed in one launch. */
  together(nests: readonly Nest[], caps: Caps): readonly (readonly Nest[])[];
  /** The plan of one launch for nests that belong together; `undefined` where they do not. */
  joint(nests: readonly Nest[], caps: Caps): NestPlan | undefined;
}

interface Joint {
  readonly nests: readonly Nest[];
  readonly problem: JointProblem;
  readonly cut: JointCut;
}

const nestsOf = ({ query, key, value }: Gradients): Nest[] => [
  ...(query === undefined ? [] : [query]),
  key,
  value,
];

const jointOf = (gradients: Gradients, caps: Caps): Joint | undefined => {
  const problem = jointProblem(gradients, caps);
  const cut = problem && jointCut(problem, caps);
  return cut && { nests: nestsOf(gradients), problem: problem!, cut };
};

/** Cycles of a nest on its own. */
const aloneCycles = (nest: Nest, caps: Caps): number => {
  const problem = laneProblem(nest, caps);
  const cut = 'refused' in problem ? undefined : laneCut(problem, caps);
  return cut?.cycles ?? Number.POSITIVE_INFINITY;
};

/** All of them, unless their sums do not fit or leave threads idle: then those that share their rows. */
const bestOf = (gradients: Gradients, caps: Caps): Joint | undefined => {
  const all = jointOf(gradients, caps);
  if (gradients.query === undefined) return all;
  const some = jointOf({ ...gradients, query: undefined }, caps);
  if (all === undefined || some === undefined) return all ?? some;
  return all.cut.cycles <= some.cut.cycles + aloneCycles(gradients.query, caps) ? all : some;
};

const planOf = ({ nests, problem, cut }: Joint): NestPlan => {
  const { blocks, batches, scores } = problem;
  const numbers = jointMemory(problem, cut);
  const scratch = Object.fromEntries(
    Object.entries(numbers).map(([name, n]) => [
      name,
      sharedBuffer(name, 'float32', Math.max(4, n)),
    ]),
  ) as Record<JointBuffer, ThreadBuffer>;
  const pairs = batches * blocks.rows.extent * blocks.summed.extent;
  const widths = [problem.query, problem.key, problem.value].reduce(
    (sum, r) => sum + (r?.width ?? 0),
    0,
  );
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  return {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch),
    cost: {
      flops: pairs * (depth + widths + 16),
      bytes: nests.reduce((sum, nest) => sum + bytesMoved(nest), 0),
    },
    notes: [
      `attention, ${nests.length} gradients together, ${batches} x ${blocks.rows.extent} x ${blocks.summed.extent}: blocks of ${cut.rows} x ${cut.summed}${blocks.bounds.length > 0 ? ', those out of bounds left out' : ''}`,
    ],
    emit: ({ workgroup }, buffer) =>
      new JointTemplate(problem, cut, scratch, buffer).emit(workgroup),
  };
};

export const laneAttention: LaneAttention = {
  nest: planLaneAttention,
  together: (nests, caps) =>
    gradientsIn(nests, caps).flatMap((gradients) => {
      const best = bestOf(gradients, caps);
      return best === undefined ? [] : [best.nests];
    }),
  joint: (nests, caps) => {
    const [gradients, ...others] = gradientsIn(nests, caps);
    if (gradients === undefined || others.length > 0) return undefined;
    if (nestsOf(gradients).length !== nests.length) return undefined;
    const joint = jointOf(gradients, caps);
    return joint && planOf(joint);
  },
};
