/**
 * All that is known about loops in graphs, as one value.
 *
 * Invariant: the compiler finds it by `loopFamily()` alone.
 */
import { scanGradients } from './autodiff-scan.ts';
import type { LoopFamily } from './loop-family.ts';
import { courseKey, withJoinedLoops } from './loop-joins.ts';
import { loopOperands } from './loop-operands.ts';
import { lowerLoops } from './loops.ts';

export const loopParts: LoopFamily = {
  gradients: scanGradients,
  lower: lowerLoops,
  operands: loopOperands,
  course: courseKey,
  join: withJoinedLoops,
};
