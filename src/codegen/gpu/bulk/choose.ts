/**
 * Which tiles a product is cut into: of those that fit, the fastest by the model.
 *
 * Invariant: the choice depends on the problem and the caps alone.
 */
import type { Caps } from '../../caps.ts';
import type { Problem } from '../contraction/problem.ts';
import { type Cut, cutOf, type Tile } from './cut.ts';
import { cyclesOf } from './model.ts';

const ROWS = [128, 64];
const COLUMNS = [256, 224, 192, 160, 128, 96, 64, 32, 16];
/** More than these are no better: memory is behind by less. */
const MOST_STAGES = 8;

/** All tiles, the largest first. */
export const tilesOfAll = (): readonly Tile[] =>
  ROWS.flatMap((rows) => COLUMNS.map((columns) => ({ rows, columns, stages: MOST_STAGES })));

/** More than twice what there is to do is waste under any model. */
const isWaste = ({ rows, columns }: Problem, tile: Tile): boolean =>
  (tile.rows > 64 && tile.rows >= 2 * rows.size) ||
  (tile.columns > 16 && tile.columns >= 2 * columns.size);

/** The best way to cut a problem, or why there is none. */
export const bestCut = (
  problems: readonly Problem[],
  inputs: Cut['inputs'],
  caps: Caps,
  threads: number | undefined,
): Cut | { readonly refused: string } => {
  let best: { readonly cut: Cut; readonly cycles: number } | undefined;
  let why = 'no tile of warpgroups is as small as this';
  for (const tile of tilesOfAll())
    for (const problem of problems) {
      if (isWaste(problem, tile)) continue;
      const cut = cutOf(problem, tile, inputs, caps);
      if ('refused' in cut) {
        why = cut.refused;
        continue;
      }
      if (threads !== undefined && cut.threads !== threads) {
        why = `no tile of warpgroups fits ${threads} threads`;
        continue;
      }
      const cycles = cyclesOf(cut, caps);
      if (best === undefined || cycles < best.cycles) best = { cut, cycles };
    }
  return best?.cut ?? { refused: why };
};
