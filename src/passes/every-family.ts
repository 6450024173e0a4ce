/**
 * All that comes with op families, their schedules included: for programs that compile graphs which they read.
 *
 * Invariant: nothing that pages load imports this file.
 */
import { bringEveryFamily as bringSchedules } from '../codegen/every-family.ts';
import { bringFinding } from './attention-family.ts';
import { findAttention } from './find-attention.ts';
import { bringLoops } from './loop-family.ts';
import { loopParts } from './loop-parts.ts';

export const bringEveryFamily = (): void => {
  bringSchedules();
  bringLoops(loopParts);
  bringFinding(findAttention);
};
