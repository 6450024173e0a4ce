/**
 * What compiles and differentiates loops in graphs: it comes with the functions that make loops (`frontend/loop.ts`), so
 * that programs without any leave it out.
 *
 * Invariant: a loop that nobody brought this for is an error, never left as it is.
 */
import { TigonError } from '../ir/errors.ts';
import type { scanGradients } from './autodiff-scan.ts';
import type { courseKey, withJoinedLoops } from './loop-joins.ts';
import type { loopReads } from './loop-operands.ts';
import type { lowerLoops } from './loops.ts';

export interface LoopFamily {
  readonly gradients: typeof scanGradients;
  readonly lower: typeof lowerLoops;
  readonly reads: typeof loopReads;
  readonly course: typeof courseKey;
  readonly join: typeof withJoinedLoops;
}

let brought: LoopFamily | undefined;

/** From now on, graphs may have loops. */
export const bringLoops = (family: LoopFamily): void => {
  brought = family;
};

export const loopFamily = (): LoopFamily => {
  if (brought !== undefined) return brought;
  throw new TigonError(
    'option',
    'scan: nothing in this program brought what compiles loops',
    'make loops by functions of nd; who builds graphs from ops or text calls bringEveryFamily() first',
  );
};
