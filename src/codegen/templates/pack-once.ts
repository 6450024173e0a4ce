/**
 * Two launches for a product: one packs the columns for all workgroups, the other multiplies. Where workgroups that share
 * columns would each pack them again, or a loop in each of its rounds, that is less work.
 *
 * Invariant: results are the same numbers, summed in an order that depends on sizes and caps alone.
 */

import { buffersOf, readsOf } from '../../ir/loop/access.ts';
import type { LoopKernel } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import type { Copies } from '../copies.ts';
import { problems } from './contraction.ts';
import { productCycles } from './matmul.ts';
import { type Panels, panelsOf } from './panels.ts';

/** Cycles that a launch and its barrier take of all cores together, over as many as there may be. */
const LAUNCH = 2500;
/** Two launches have to save this share of the time. */
const GAIN = 0.98;

/** The launch that packs and the product of what it packed; `undefined` where one launch is as fast. */
export const packOnce = (
  kernel: LoopKernel,
  caps: Caps,
  copies: Copies,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  const c = nest?.contract;
  if (nest === undefined || c === undefined || kernel.nests.length !== 1) return undefined;
  const whole = productCycles(nest, c, caps);
  if (whole === undefined) return undefined;
  const k = c.k.filter((a) => a.extent !== 1);
  let best: { readonly panels: Panels; readonly kernel: LoopKernel } | undefined;
  let least = GAIN * whole;
  problems(c).forEach((p, side) => {
    if (p.batches > 1) return;
    const panels = panelsOf(side === 0 ? c.b : c.a, p.columnAxes, k, `${kernel.name}_panels`);
    if (panels === undefined) return;
    const operands = side === 0 ? { b: panels.expr } : { a: panels.expr };
    const product = { ...nest, contract: { ...c, ...operands } };
    const cycles = productCycles(product, product.contract, caps);
    if (cycles === undefined) return;
    const packing = panels.cycles / caps.parallelism + LAUNCH;
    const total = cycles + packing / copies.rounds(panels.kernel.nests.flatMap(readsOf));
    if (total >= least) return;
    least = total;
    best = { panels, kernel: { ...kernel, buffers: buffersOf([product]), nests: [product] } };
  });
  return best && [best.panels.kernel, best.kernel];
};
