/**
 * How long a cut takes on warpgroups' matrix units: a closed form, by which tiles are chosen.
 *
 * A processor multiplies, reads its shared memory and gets bytes from the cache behind it, all at the same time: a step
 * takes as long as the slowest of the three, and a little for the others; steps follow each other without a gap, the
 * stores of a tile are in nobody's shadow.
 * Invariant: cycles depend on the cut and the number of processors alone.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import { WARP } from '../../../ir/thread/tensor.ts';
import type { Caps } from '../../caps.ts';
import { PARTS, SHARED_BYTES, WARPGROUP_UNITS } from '../chip.ts';
import { type Cut, DEPTH } from './cut.ts';

const PRODUCTS = WARPGROUP_UNITS.products.narrow;
const CACHE_BYTES = WARPGROUP_UNITS.cacheBytes;
/** What is faster than the slowest costs this share of its time: of tiles that keep all busy alike, larger ones win. */
export const SHADOW: number = 1 / 4;
/** From asking for the first tile to having it, and what a launch begins with. */
const FILL = 2000;
/** From the end of a tile's sum to its stores, and back to the first product. */
const TURN = 400;

/** Estimated cycles until all of a cut is done. */
export const cyclesOf = (cut: Cut, caps: Caps): number => {
  const { tile, inputs, groups, rows, columns, steps, tiles, problem } = cut;
  const bytes = bytesOf(inputs);
  const products = (tile.rows * tile.columns * DEPTH) / PRODUCTS;
  const read = bytes * DEPTH * (tile.rows + groups * tile.columns);
  const fetched = bytes * (rows.elements + columns.elements);
  const parts = [products, read / SHARED_BYTES, fetched / CACHE_BYTES];
  const slowest = Math.max(...parts);
  const step = slowest + SHADOW * (parts.reduce((sum, part) => sum + part, 0) - slowest);
  const { results } = problem;
  const elements = tile.rows * tile.columns;
  const arithmetic = (elements * (results.cost + 3)) / (PARTS * WARP);
  // what is not contiguous fetches and writes whole sectors of 32 bytes
  const stored = elements * results.outputs.length * (results.contiguous ? 4 : 32);
  const turn = TURN + Math.max(arithmetic, stored / CACHE_BYTES);
  return FILL + Math.ceil(tiles / caps.processors) * (steps * step + turn);
};
