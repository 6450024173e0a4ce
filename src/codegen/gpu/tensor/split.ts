/**
 * Splits a contraction on matrix units with a long sum and few tiles over more workgroups, as split.ts of those without
 * does: partial sums in float32 first, then their sum.
 *
 * Invariant: how the sum is cut depends on the sizes and the device alone, and the second launch adds the parts in a
 * fixed order.
 */
import type { LoopKernel } from '../../../ir/loop/loop.ts';
import type { Caps } from '../../caps.ts';
import { bulkEstimate } from '../bulk/contraction.ts';
import { problems, refusal } from '../contraction/problem.ts';
import { splitBy, splitGpuContraction } from '../contraction/split.ts';
import { bestCut } from './choose.ts';
import { passingOn } from './model.ts';
import { inputsOf } from './operand.ts';

/** Two kernels instead of one, or `undefined` where one is as fast. */
export const splitTensorContraction = (
  kernel: LoopKernel,
  caps: Caps,
): readonly LoopKernel[] | undefined => {
  const c = kernel.nests[0]?.contract;
  const inputs = c && inputsOf(c, caps);
  if (typeof inputs !== 'string') return splitGpuContraction(kernel, caps);
  return splitBy(kernel, {
    choose: (nest) => {
      const { contract } = nest;
      if (contract === undefined || refusal(nest, contract, caps) !== undefined) return undefined;
      const whole = bulkEstimate(nest, caps);
      if (whole !== undefined) return whole;
      const best = bestCut(problems(nest, contract), inputs, caps, undefined);
      return best && { cycles: best.cycles, grid: best.cut.grid };
    },
    passingOn: (numbers) => passingOn(numbers, caps),
  });
};
