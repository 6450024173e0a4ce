/**
 * Thread IR to Thread IR: computes each thing once, as far out of the loops as it may be.
 *
 * Invariants: loads are never moved where they might not have run, nor past a write to their buffer; what depends on
 * memory or a `var` is computed no later than in the source; statements with effects keep their order.
 */
import type { ThreadKernel } from '../ir/thread/thread.ts';
import { numbered } from './cleanup/numbering.ts';
import { countUses } from './cleanup/placing.ts';
import { written } from './cleanup/writing.ts';

/** The same kernel with common subexpressions shared, invariants hoisted, constants folded and dead code gone. */
export const cleanup = (kernel: ThreadKernel): ThreadKernel => {
  const values = numbered(kernel);
  countUses(values);
  return { ...kernel, body: written(values) };
};
