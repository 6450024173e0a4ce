/**
 * What a contraction on matrix units is done in: copies of its operands first where that is faster (relayout.ts); where
 * the sum is long and tiles are few, partial sums in float32 over more workgroups, and then their sum.
 *
 * Invariant: how the sum is cut depends on the sizes and the device alone, and the second launch adds the parts in a
 * fixed order.
 */
import { pointsOf } from '../../../ir/dim.ts';
import { bytesOf } from '../../../ir/dtype.ts';
import type { LoopKernel, Nest } from '../../../ir/loop/loop.ts';
import type { MmaInputs } from '../../../ir/thread/tensor.ts';
import type { Caps } from '../../caps.ts';
import type { Copies } from '../../copies.ts';
import { bulkEstimate } from '../bulk/contraction.ts';
import { problems, refusal } from '../contraction/problem.ts';
import { type Estimate, splitBy, splitGpuContraction } from '../contraction/split.ts';
import { bestCut } from './choose.ts';
import { passingOn, productsOf } from './model.ts';
import { inputsOf, stagedAs } from './operand.ts';
import { relaid } from './relayout.ts';

/** Several kernels instead of one, or `undefined` where one is as fast. */
export const splitTensorContraction = (
  kernel: LoopKernel,
  caps: Caps,
  copies: Copies,
): readonly LoopKernel[] | undefined => {
  const c = kernel.nests[0]?.contract;
  const inputs = c && inputsOf(c, caps);
  if (typeof inputs !== 'string') return splitGpuContraction(kernel, caps);
  const known = new Map<Nest, Time | undefined>();
  const choose = (nest: Nest): Time | undefined => {
    if (!known.has(nest)) known.set(nest, timeOf(nest, inputs, caps));
    return known.get(nest);
  };
  const least = (pointsOf(kernel.nests[0]!.axes) * pointsOf(c!.k)) / productsOf(inputs);
  const times = { of: choose, least: least / caps.processors };
  const moved = relaid(kernel, stagedAs(inputs), caps, copies, times);
  const product = moved?.kernel ?? kernel;
  const parts = splitBy(product, { choose, passingOn: (numbers) => passingOn(numbers, caps) });
  return moved === undefined ? parts : [...moved.copies, ...(parts ?? [product])];
};

/** Bytes of a copy that keeps units fed, at least. */
const FEEDING = 8;

interface Time extends Estimate {
  /** Whether both operands are copied as they lie, many bytes at a time. */
  readonly fed: boolean;
}

const timeOf = (nest: Nest, inputs: MmaInputs, caps: Caps): Time | undefined => {
  const { contract } = nest;
  if (contract === undefined || refusal(nest, contract, caps) !== undefined) return undefined;
  const whole = bulkEstimate(nest, caps);
  if (whole !== undefined) return { ...whole, fed: true };
  const best = bestCut(problems(nest, contract), inputs, caps, undefined);
  if (best === undefined) return undefined;
  const { cut, cycles } = best;
  const bytes = bytesOf(stagedAs(inputs));
  const fed = [cut.rows, cut.columns].every(
    ({ copied }) => copied !== undefined && copied.unit * bytes >= FEEDING,
  );
  return { cycles, grid: cut.grid, fed };
};
