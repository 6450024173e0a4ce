/**
 * Which tiles a product on matrix units is cut into: of those that fit, the fastest by the model.
 *
 * Invariant: the choice depends on the problem, the caps and the number of threads alone.
 */
import { type MmaInputs, WARP } from '../../../ir/thread/tensor.ts';
import type { Caps } from '../../caps.ts';
import type { Problem } from '../contraction/problem.ts';
import { cyclesOf, leastCycles } from './model.ts';
import { type Cut, cutOf, isWaste, summandsOf, type Tile, warpsOf } from './tile.ts';

const ROWS = [16, 32, 64, 128, 256];
const COLUMNS = [16, 32, 64, 128, 256];
const WARP_ROWS = [16, 32, 64];
const WARP_COLUMNS = [16, 32, 64];
/** Elements of the sum in a step, in products. */
const DEPTHS = [1, 2, 4];
/** The first of those that take equally long. */
const STAGES = [3, 4, 2];
/** Sums of a workgroup, and warps, at most. */
const MOST = 128 * 256;
const MOST_WARPS = 8;

export interface Choice {
  readonly cut: Cut;
  /** Estimated time until all is done. */
  readonly cycles: number;
}

/** All tiles, for workgroups of `threads` where that is given. */
export function* tilesFor(
  inputs: MmaInputs,
  caps: Caps,
  threads: number | undefined,
): Generator<Tile> {
  const most = Math.min(MOST_WARPS, Math.floor(caps.threads / WARP));
  for (const rows of ROWS)
    for (const columns of COLUMNS)
      for (const warpRows of WARP_ROWS)
        for (const warpColumns of WARP_COLUMNS) {
          if (rows % warpRows !== 0 || columns % warpColumns !== 0) continue;
          if (rows * columns > MOST) continue;
          const shape = { rows, columns, warpRows, warpColumns };
          const warps = warpsOf({ ...shape, depth: 1, stages: 1 });
          if (threads === undefined ? warps > most : warps * WARP !== threads) continue;
          for (const products of DEPTHS)
            for (const stages of STAGES)
              yield { ...shape, depth: products * summandsOf(inputs), stages };
        }
}

/** Listed once: there are hundreds, and a program asks for each of its products. */
const lists = new Map<string, readonly Tile[]>();
const tilesOf = (inputs: MmaInputs, caps: Caps, threads: number | undefined): readonly Tile[] => {
  const key = `${inputs} ${caps.threads} ${threads}`;
  const known = lists.get(key) ?? [...tilesFor(inputs, caps, threads)];
  lists.set(key, known);
  return known;
};

/** The best way to cut a problem, with workgroups of `threads` where that is given; `undefined` if no tile fits. */
export const bestCut = (
  problems: readonly Problem[],
  inputs: MmaInputs,
  caps: Caps,
  threads: number | undefined,
): Choice | undefined => {
  let best: Choice | undefined;
  for (const tile of tilesOf(inputs, caps, threads))
    for (const problem of problems) {
      // so many threads may have no tile that is not waste
      if (threads === undefined && isWaste(problem, tile, inputs)) continue;
      if (best !== undefined && leastCycles(problem, tile, inputs, caps) >= best.cycles) continue;
      const cut = cutOf(problem, tile, inputs, caps);
      if (cut === undefined) continue;
      const cycles = cyclesOf(cut, caps);
      if (Number.isFinite(cycles) && (best === undefined || cycles < best.cycles))
        best = { cut, cycles };
    }
  return best;
};
