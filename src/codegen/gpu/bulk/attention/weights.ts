/**
 * What the scores of a block weigh, for the two rows of a thread: bounds are looked at only where a block crosses them.
 *
 * Invariant: what takes no part, or lies beyond the last element of the sum, has the weight of what is absent.
 */
import { scoreValues } from '../../../../ir/loop/expr.ts';
import { add, f32, get, i32, laneOf, mul, operate } from '../../../../ir/thread/build.ts';
import { TILE_ROWS } from '../../../../ir/thread/bulk.ts';
import type { Register, TExpr } from '../../../../ir/thread/thread.ts';
import type { Emitter } from '../../../emit/emitter.ts';
import { LANES } from '../../../emit/mode.ts';
import { linear } from '../../attention/problem.ts';
import type { Row, Tiles } from '../../tensor/attention/scores.ts';
import type { Cut } from './cut.ts';

/** Where a thread is. */
export interface Seat {
  /** The first row of its warpgroup. */
  readonly firstRow: TExpr;
  /** Its first column of eight. */
  readonly pair: TExpr;
  readonly rows: readonly Row[];
}

/** Weights of the block whose first element of the sum is `from`: by eight columns, four of a thread. */
export const weightsOf = (
  em: Emitter,
  cut: Cut,
  { firstRow, pair, rows }: Seat,
  from: TExpr,
  scores: readonly (readonly Register[])[],
): Tiles<readonly TExpr[]> => {
  const { summed, absent, within } = cut.problem;
  const isRagged = summed.extent % cut.summed !== 0;
  const first = em.name('at', add(from, pair));
  const eights = Array.from({ length: cut.summed / 8 }, (_, j) => j);
  const columnOf = (j: number, lane: number): TExpr =>
    em.name('at', add(first, i32(8 * j + (lane & 1))));
  const weights = eights.map((j) =>
    LANES.map((lane) => {
      const row = rows[lane >> 1]!;
      let weight: TExpr = f32(0);
      em.scope('same', () => {
        const at = columnOf(j, lane);
        const last = i32(summed.extent - 1);
        em.bind(summed, isRagged ? em.name('inside', operate('min', at, last)) : at);
        scores.forEach((tiles, s) => {
          em.setAccumulator(laneOf(get(tiles[j]!), lane), scoreValues[s]!);
        });
        weight = em.name('weight', em.scalar(row.within?.weight ?? row.weight));
      });
      return weight;
    }),
  );
  if (within === undefined && !isRagged) return [weights];
  const changing = weights.map((four) => four.map((weight) => em.variable('weight', weight)));
  em.branch(crosses(em, cut, firstRow, from), () => {
    for (const j of eights)
      for (const lane of LANES)
        em.scope('same', () => {
          const at = columnOf(j, lane);
          em.bind(summed, at);
          const holds = rows[lane >> 1]!.within?.holds;
          const conditions = [
            ...(holds === undefined ? [] : [em.scalar(holds)]),
            ...(isRagged ? [operate('lt', at, i32(summed.extent))] : []),
          ];
          const takesPart = conditions.reduce((x, y) => operate('and', x, y));
          const own = changing[j]![lane]!;
          em.set(own, operate('select', takesPart, get(own), f32(absent)));
        });
  });
  return [changing.map((four) => four.map((register) => get(register)))];
};

/** Whether some of a block takes no part, for some row of the warpgroup. */
const crosses = (em: Emitter, { problem, summed }: Cut, firstRow: TExpr, from: TExpr): TExpr => {
  const conditions: TExpr[] = [];
  const { extent } = problem.summed;
  if (extent % summed !== 0) conditions.push(operate('gt', from, i32(extent - summed)));
  for (const { idx, lo, hi } of problem.bounds) {
    const line = linear(idx, problem);
    if (line === undefined) return operate('ge', from, i32(0));
    // row · r + sum · s + rest, least and most over the rows and elements of the block
    const at = add(add(mul(firstRow, i32(line.row)), mul(from, i32(line.sum))), i32(line.rest));
    const reach = (sign: 1 | -1): number =>
      [line.row * (TILE_ROWS - 1), line.sum * (summed - 1)].reduce(
        (sum, n) => sum + (sign * n > 0 ? n : 0),
        0,
      );
    const base = em.name('line', at);
    conditions.push(operate('lt', add(base, i32(reach(-1))), i32(lo)));
    conditions.push(operate('ge', add(base, i32(reach(1))), i32(hi)));
  }
  return em.name(
    'crosses',
    conditions.reduce((x, y) => operate('or', x, y)),
  );
};
