/**
 * Has the compiler look for attention that programs compose of products and a softmax.
 *
 * Invariant: brings all that compiles what may be found on the CPU; WebGPU brings its own schedules when it is opened.
 */
import { bring } from '../codegen/families.ts';
import { laneAttention } from '../codegen/templates/attention-schedules.ts';
import { writeOutAttention } from '../passes/attention.ts';
import { bringFinding, bringWriting } from '../passes/attention-family.ts';
import { findAttention } from '../passes/find-attention.ts';

export const findComposed = (): void => {
  bring({ laneAttention });
  bringWriting(writeOutAttention);
  bringFinding(findAttention);
};
