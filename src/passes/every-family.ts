/**
 * All that comes with op families, their schedules included: for programs that compile graphs which they read.
 *
 * Invariant: nothing that pages load imports this file.
 */
import { bringEveryFamily as bringSchedules } from '../codegen/every-family.ts';
import { writeOutAttention } from './attention.ts';
import { bringFinding, bringWriting } from './attention-family.ts';
import { findAttention } from './find-attention.ts';
import { keeping } from './keep.ts';
import { bringKeeping } from './keep-family.ts';
import { bringLoops } from './loop-family.ts';
import { loopParts } from './loop-parts.ts';
import { poolingRules } from './pooling.ts';
import { bringPooling } from './pooling-family.ts';

export const bringEveryFamily = (): void => {
  bringSchedules();
  bringLoops(loopParts);
  bringWriting(writeOutAttention);
  bringFinding(findAttention);
  bringKeeping(keeping);
  bringPooling(poolingRules);
};
