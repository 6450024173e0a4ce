/**
 * Has the compiler look for attention that programs compose of products and a softmax.
 *
 * Invariant: brings all that compiles what may be found.
 */
import { bringFinding } from '../passes/attention-family.ts';
import { findAttention } from '../passes/find-attention.ts';
import { bringAttention } from './nd/attention-parts.ts';

export const findComposed = (): void => {
  bringAttention();
  bringFinding(findAttention);
};
