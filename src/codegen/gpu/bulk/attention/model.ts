/**
 * How long blocks of attention take on warpgroups' matrix units: a closed form, by which sizes are chosen.
 *
 * A processor multiplies, computes exponentials, reads its shared memory and gets bytes from the cache, at the same time
 * where several warpgroups take turns: a block takes as long as the slowest of these, and a little for the others; one
 * warpgroup alone waits for its products before it weighs them.
 * Invariant: cycles depend on the cut and the number of processors alone.
 */
import { bytesOf } from '../../../../ir/dtype.ts';
import { WARP } from '../../../../ir/thread/tensor.ts';
import type { Caps } from '../../../caps.ts';
import { PARTS, SHARED_BYTES, WARPGROUP_UNITS } from '../../chip.ts';
import { SHADOW } from '../model.ts';
import type { Cut } from './cut.ts';

/** Instructions for one score, besides its weight. */
const SOFTMAX = 12;
const SUM = 4;
/** Waits of a block, and what begins and ends a workgroup. */
const BLOCK = 150;
const ENDS = 2500;

/** Estimated cycles until all of a cut is done. */
export const cyclesOf = (cut: Cut, caps: Caps): number => {
  const { problem, rows, summed, groups, left, rings, value, inputs } = cut;
  const sixteens = (n: number): number => 16 * Math.ceil(n / 16);
  const width = value === undefined ? 0 : sixteens(problem.value!.feature.extent);
  const depth = left.reduce((sum, part) => sum + sixteens(part.features), 0);
  const bytes = bytesOf(inputs);
  const products = (rows * summed * (depth + width)) / WARPGROUP_UNITS.products.narrow;
  const weighing = summed * ((problem.softmax ? SOFTMAX : SUM) + 2) + width;
  const instructions = (rows * weighing) / (PARTS * WARP);
  const fetched = bytes * rings.reduce((sum, ring) => sum + ring.elements, 0);
  const read = bytes * (rows * depth + groups * summed * (depth + width)) + fetched;
  const parts = [products, instructions, read / SHARED_BYTES, fetched / WARPGROUP_UNITS.cacheBytes];
  const slowest = Math.max(...parts);
  const others = parts.reduce((sum, part) => sum + part, 0) - slowest;
  const busy = slowest + SHADOW * others;
  const block = BLOCK + (groups > 1 ? busy : Math.max(busy, products + instructions));
  const { extent } = problem.summed;
  // bounds leave about half, and what blocks on the edge have of the other half
  const met = problem.bounds.length > 0 ? Math.min(extent, (extent + rows + summed) / 2) : extent;
  const blocks = Math.ceil(met / summed);
  return Math.ceil(cut.grid / caps.processors) * (blocks * block + ENDS);
};
