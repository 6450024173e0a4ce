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
import { leastCycles } from './blocking.ts';
import {
  LEAST_COST,
  type Problem,
  problems,
  READING,
  TALL_ROWS,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
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

/** The launch that packs `bytes` of what it `reads`, and the product of them. */
interface Packed {
  readonly panels: Panels;
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
  const ways = problems(c);
  if (ways[0]!.batches > 1) return undefined;
  const multiplying = leastRead(ways, caps);
  const k = c.k.filter((a) => a.extent !== 1);
  let best: Packed | undefined;
  for (const [side, { columns, columnAxes, depth }] of ways.entries()) {
    const { size } = columns;
    if (size % TILE_COLUMNS !== 0) continue;
    const packed = side === 0 ? c.b : c.a;
    const reads = loadedBy([packed]);
    const bytes = 4 * size * depth;
    const rounds = copies.rounds(reads, bytes);
    const gain = copies.keeps(reads, bytes) ? KEPT_GAIN : rounds > 1 ? LOOP_GAIN : GAIN;
    const most = Math.min(best?.cycles ?? whole, gain * whole);
    const packing = (cycles: number): number => (cycles / caps.parallelism + LAUNCH) / rounds;
    // what cannot pay is not built
    if (packing(LEAST_COST * size * depth) + multiplying >= most) continue;
    const panels = panelsOf(packed, columnAxes, k, `${kernel.name}_panels`);
    if (panels === undefined || packing(panels.cycles) + multiplying >= most) continue;
    const operands = side === 0 ? { b: panels.expr } : { a: panels.expr };
    const product = { ...nest, contract: { ...c, ...operands } };
    const multiplied = productCycles(product, caps) ?? Number.POSITIVE_INFINITY;
    const cycles = packing(panels.cycles) + multiplied;
    if (cycles < most) best = { panels, product, reads, bytes, cycles };
  }
  if (best === undefined) return undefined;
  const { panels, product, reads, bytes } = best;
  copies.expect(reads, bytes);
  return [panels.kernel, { ...kernel, buffers: buffersOf([product]), nests: [product] }];
};

/** What no product gets below, however its operands are read. */
const leastRead = (ways: readonly Problem[], caps: Caps): number => {
  const tileRows = caps.fusedMultiplyAdd ? TALL_ROWS : TILE_ROWS;
  const least = ways.map((p) => {
    const [rows, columns] = [p.rows, p.columns].map((side) => ({ ...side, cost: READING }));
    return leastCycles({ ...p, tileRows, rows: rows!, columns: columns! }, caps);
  });
  return Math.min(...least);
};
