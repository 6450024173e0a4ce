/**
 * Which blocks an attention is cut into for warpgroups: of those that fit, the fastest by the model.
 *
 * Sizes are of the kind that FlashAttention-3 found best for the H100 (Shah et al. 2024; `tile_size.h` of its code): two
 * warpgroups where rows have 128 features and more, three where they have fewer, and as many elements of the sum as
 * registers and shared memory let them have.
 * Invariant: the choice depends on the problem, the caps and the number of threads alone.
 */
import { TILE_ROWS, WARPGROUP } from '../../../../ir/thread/bulk.ts';
import type { Caps } from '../../../caps.ts';
import type { Problem } from '../../attention/problem.ts';
import { type Cut, cutOf, REGISTERS, type Refused } from './cut.ts';
import { cyclesOf } from './model.ts';

/** Warpgroups that multiply. */
const GROUPS = [2, 3, 1];
const SUMMED = [192, 176, 160, 144, 128, 112, 96, 80, 64, 48, 32];
/** Registers of a thread besides sums, scores and weights: as few as the assembler was seen to get by with. */
const OWN_REGISTERS = 32;
/** What every score but the first needs besides. */
const MORE_REGISTERS = 36;

/** The best way to cut a problem, or why there is none. */
export const bestCut = (
  problem: Problem,
  inputs: Cut['inputs'],
  caps: Caps,
  threads: number | undefined,
): Cut | Refused => {
  let best: { readonly cut: Cut; readonly cycles: number } | undefined;
  let why = 'no block of warpgroups is as small as this';
  for (const groups of GROUPS) {
    if (threads !== undefined && (1 + groups) * WARPGROUP !== threads) continue;
    for (const summed of SUMMED) {
      if (isWaste(problem, groups * TILE_ROWS, summed)) continue;
      if (registersOf(problem, summed) > REGISTERS[groups]!) continue;
      const cut = cutOf(problem, inputs, caps, groups, summed);
      if ('refused' in cut) {
        why = cut.refused;
        continue;
      }
      const cycles = cyclesOf(cut, caps);
      if (best === undefined || cycles < best.cycles) best = { cut, cycles };
    }
  }
  return best?.cut ?? { refused: why };
};

/** More than twice what there is to do is waste under any model. */
const isWaste = ({ rows, summed: { extent } }: Problem, block: number, summed: number): boolean =>
  block >= 2 * rows.extent || (summed > SUMMED.at(-1)! && summed >= 2 * extent);

/** Sums, scores, weights as they become an operand, and what else a thread needs. */
const registersOf = ({ scores, value }: Problem, summed: number): number =>
  OWN_REGISTERS +
  MORE_REGISTERS * (scores.length - 1) +
  4 * Math.ceil((value?.feature.extent ?? 0) / 8) +
  (scores.length * summed) / 2 +
  (value === undefined ? 0 : summed / 4);
