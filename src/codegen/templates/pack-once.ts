/**
 * Two launches for a product: one packs the columns for all workgroups, the other multiplies. Where workgroups that share
 * columns would each pack them again, or a loop in each of its rounds, that is less work; where columns are weights that
 * stay the same from call to call, next to none.
 *
 * Invariant: results are the same numbers, summed in an order that depends on sizes and caps alone.
 */

import { buffersOf, readsOf } from '../../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import type { Copies } from '../copies.ts';
import { type Problem, problems, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { productCycles } from './matmul.ts';
import { splitSums } from './merge.ts';
import { type Panels, panelsOf } from './panels.ts';

/** Cycles that a launch and its barrier take of all cores together, over as many as there may be. */
const LAUNCH = 2500;
/** Two launches have to save this share of the time: squares of 1024 are not a percent faster for 4 percent less work. */
const GAIN = 0.95;
/** Before a loop it is less work in each round. */
const LOOP_GAIN = 0.98;
/** What is kept for later calls takes memory, and panels that were packed long ago are farther away. */
const KEPT_GAIN = 0.97;

/** The launch that packs and the product of what it packed; `undefined` where one launch is as fast. */
export const packOnce = (
  kernel: LoopKernel,
  caps: Caps,
  copies: Copies,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  if (nest?.contract === undefined || kernel.nests.length !== 1) return undefined;
  const c = splitSums(nest.contract);
  const whole = productCycles(nest, caps);
  if (whole === undefined) return undefined;
  const k = c.k.filter((a) => a.extent !== 1);
  const cores = caps.parallelism;
  let best: { readonly panels: Panels; readonly kernel: LoopKernel } | undefined;
  let least = whole;
  problems(c).forEach((p, side) => {
    if (p.batches > 1) return;
    const panels = panelsOf(side === 0 ? c.b : c.a, p.columnAxes, k, `${kernel.name}_panels`);
    if (panels === undefined) return;
    const rounds = copies.rounds(readsIn(panels), bytesOf(panels));
    const packing = (panels.cycles / cores + LAUNCH) / rounds;
    const kept = copies.keeps(readsIn(panels), bytesOf(panels));
    const most = Math.min(least, (kept ? KEPT_GAIN : rounds > 1 ? LOOP_GAIN : GAIN) * whole);
    if (packing + stepsOf(p) / cores >= most) return;
    const operands = side === 0 ? { b: panels.expr } : { a: panels.expr };
    const product = { ...nest, contract: { ...c, ...operands } };
    const total = packing + (productCycles(product, caps) ?? Number.POSITIVE_INFINITY);
    if (total >= most) return;
    least = total;
    best = { panels, kernel: { ...kernel, buffers: buffersOf([product]), nests: [product] } };
  });
  if (best === undefined) return undefined;
  copies.expect(readsIn(best.panels), bytesOf(best.panels));
  return [best.panels.kernel, best.kernel];
};

const readsIn = ({ kernel }: Panels): LoopBuffer[] => kernel.nests.flatMap(readsOf);

const bytesOf = ({ copy }: Panels): number => 4 * copy.shape.reduce((n, d) => n * d, 1);

/** Cycles of the micro-kernel alone. */
const stepsOf = ({ rows, columns, depth }: Problem): number =>
  (rows.size / TILE_ROWS) * (columns.size / TILE_COLUMNS) * depth * STEP;
