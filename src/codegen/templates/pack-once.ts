/**
 * Two launches for a product: one packs the columns for all workgroups, the other multiplies. Where workgroups that share
 * columns would each pack them again, or a loop in each of its rounds, that is less work; where columns are weights that
 * stay the same from call to call, next to none.
 *
 * Invariant: results are the same numbers, summed in an order that depends on sizes and caps alone.
 */

import { buffersOf, loadedBy } from '../../ir/loop/access.ts';
import type { LoopBuffer, LoopKernel, Nest } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import type { Copies } from '../copies.ts';
import { costOf, SECOND_LEVEL_BYTES } from './blocking.ts';
import {
  leastElapsed,
  type Problem,
  problems,
  STEP,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
import { cyclesOf, productCycles } from './matmul.ts';
import { splitSums } from './merge.ts';
import { copyOf, inPanels, panelsOf, waysOf } from './panels.ts';

/** Cycles that a launch and its barrier take of all cores together, over as many as there may be. */
const LAUNCH = 2500;
/** Two launches have to save this share of the time: squares of 1024 are not a percent faster for 4 percent less work. */
const GAIN = 0.95;
/** Panels that stay in the second-level cache keep what they promise, in products of so many cycles. */
const NEAR_GAIN = 0.985;
const LONG = 1e6;
/** Before a loop it is less work in each round. */
const LOOP_GAIN = 0.98;
/** What is kept for later calls takes memory, and panels that were packed long ago are farther away. */
const KEPT_GAIN = 0.97;

/** The launch that packs `bytes` of what it `reads`, and the product of them. */
interface Packed {
  readonly launch: LoopKernel;
  readonly product: Nest;
  readonly reads: readonly LoopBuffer[];
  readonly bytes: number;
  readonly cycles: number;
}

/** The launch that packs and the product of what it packed; `undefined` where one launch is as fast. */
export const packOnce = (
  kernel: LoopKernel,
  caps: Caps,
  copies: Copies,
): readonly LoopKernel[] | undefined => {
  const [nest] = kernel.nests;
  if (nest?.contract === undefined || kernel.nests.length !== 1) return undefined;
  const whole = productCycles(nest, caps);
  if (whole === undefined) return undefined;
  const c = splitSums(nest.contract);
  const k = c.k.filter((a) => a.extent !== 1);
  let best: Packed | undefined;
  for (const [side, p] of problems(c).entries()) {
    const { columns, columnAxes, depth } = p;
    if (p.batches > 1 || columns.size % TILE_COLUMNS !== 0) continue;
    const packed = side === 0 ? c.b : c.a;
    const reads = loadedBy([packed]);
    const bytes = 4 * columns.size * depth;
    const rounds = copies.rounds(reads, bytes);
    const packing =
      ((columns.size * depth * costOf(columns, p)) / caps.parallelism + LAUNCH) / rounds;
    const isNear = bytes <= SECOND_LEVEL_BYTES && k.length <= 1 && whole >= LONG;
    const once = isNear ? NEAR_GAIN : GAIN;
    const gain = copies.keeps(reads, bytes) ? KEPT_GAIN : rounds > 1 ? LOOP_GAIN : once;
    const most = Math.min(best?.cycles ?? whole, gain * whole);
    const copy = copyOf(columns.size, depth, `${kernel.name}_panels`);
    const ready = { ...p, columns: inPanels(columns, copy) };
    // with one axis to sum along it is a matrix product; what is packed for others may suit convolutions too
    const least =
      k.length > 1
        ? leastInPlace(p, caps)
        : cyclesOf(nest, waysOf(ready, caps), caps, most - packing);
    if (least === undefined || packing + least >= most) continue;
    const panels = panelsOf(packed, columnAxes, k, copy);
    if (panels === undefined) continue;
    const contract = { ...c, ...(side === 0 ? { b: panels.expr } : { a: panels.expr }) };
    const product = { ...nest, contract };
    const cycles = packing + (productCycles(product, caps) ?? Number.POSITIVE_INFINITY);
    if (cycles < most) best = { launch: panels.kernel, product, reads, bytes, cycles };
  }
  if (best === undefined) return undefined;
  const { launch, product, reads, bytes } = best;
  copies.expect(reads, bytes);
  return [launch, { ...kernel, buffers: buffersOf([product]), nests: [product] }];
};

/** Cycles of the micro-kernel alone: what no convolution in place gets below. */
const leastInPlace = ({ rows, columns, depth }: Problem, caps: Caps): number =>
  leastElapsed(1, (rows.size / TILE_ROWS) * (columns.size / TILE_COLUMNS) * depth * STEP, caps);
