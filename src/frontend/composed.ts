/**
 * Has the compiler look for attention that programs compose of products and a softmax.
 *
 * Invariant: brings all that compiles what may be found.
 */
import { bring } from '../codegen/families.ts';
import { planGpuAttention } from '../codegen/gpu/attention/attention.ts';
import { laneAttention } from '../codegen/templates/attention-schedules.ts';
import { bringFinding } from '../passes/attention-family.ts';
import { findAttention } from '../passes/find-attention.ts';

export const findComposed = (): void => {
  bring({ attention: planGpuAttention, laneAttention });
  bringFinding(findAttention);
};
