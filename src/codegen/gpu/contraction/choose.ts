/**
 * Which tiles a contraction is cut into: of those that fit, the fastest by the model.
 *
 * Invariant: the choice depends on the problem, the caps and the number of threads alone.
 */
import type { Caps } from '../../caps.ts';
import { cyclesOf, leastCycles } from './model.ts';
import type { Problem } from './problem.ts';
import { type Cut, cutOf, isWaste, type Tile } from './tile.ts';

/** Sizes of workgroups to choose from. */
const TEAMS = [64, 128, 256];
const ACROSS = [4, 8, 16, 32];
const SLICES = [1, 2, 4, 8];
const ROWS = [2, 4, 8];
const COLUMNS = [4, 8];
const DEPTHS = [8, 16, 32, 64];

export interface Choice {
  readonly cut: Cut;
  /** Estimated time until all is done. */
  readonly cycles: number;
}

/**
 * The best way to cut a problem, with workgroups of `threads` where that is given: a short one where there is one.
 * `undefined` if no tile fits.
 */
export const bestCut = (
  problems: readonly Problem[],
  caps: Caps,
  threads: number | undefined,
): Choice | undefined => {
  const teams = threads === undefined ? teamsOf(caps) : [threads];
  let best: Choice | undefined;
  for (const team of teams)
    for (const tile of tilesOf(team))
      for (const problem of problems) {
        const most = best?.cut.short === true ? best.cycles : Number.POSITIVE_INFINITY;
        if (isWaste(problem, tile) || leastCycles(problem, tile) >= most) continue;
        const cut = cutOf(problem, tile, caps);
        if (cut === undefined) continue;
        const choice = { cut, cycles: cyclesOf(cut) };
        if (best === undefined || isBetter(choice, best)) best = choice;
      }
  return best;
};

const isBetter = (a: Choice, b: Choice): boolean =>
  a.cut.short === b.cut.short ? a.cycles < b.cycles : a.cut.short;

const teamsOf = (caps: Caps): readonly number[] => {
  const possible = TEAMS.filter((n) => n <= caps.threads);
  return possible.length > 0 ? possible : [caps.threads];
};

/** All tiles for workgroups of `team` threads. */
export function* tilesOf(team: number): Generator<Tile> {
  for (const across of ACROSS)
    for (const slices of SLICES) {
      if (team % (across * slices) !== 0) continue;
      const down = team / (across * slices);
      for (const depth of DEPTHS) {
        if (depth % (4 * slices) !== 0) continue;
        for (const rows of ROWS)
          for (const columns of COLUMNS) yield { across, down, slices, rows, columns, depth };
      }
    }
}
