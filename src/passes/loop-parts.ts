/**
 * All that is known about loops in graphs, as one value.
 *
 * Invariant: the compiler finds it by `loopFamily()` alone.
 */
import { scanGradients } from './autodiff-scan.ts';
import type { LoopFamily } from './loop-family.ts';
import { courseKey, withJoinedLoops } from './loop-joins.ts';
import { loopReads } from './loop-operands.ts';
import { lowerLoops } from './loops.ts';

export const loopParts: LoopFamily = {
  gradients: scanGradients,
  lower: lowerLoops,
  reads: loopReads,
  course: courseKey,
  join: withJoinedLoops,
};
