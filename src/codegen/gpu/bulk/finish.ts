/**
 * The end of a tile: the contraction's stores, from the registers of the warpgroup that summed them.
 *
 * Invariant: every element inside the result is stored once; exchanges stand where all threads of a warp pass.
 */
import { add, i32, laneOf, mul, operate } from '../../../ir/thread/build.ts';
import { TILE_ROWS } from '../../../ir/thread/bulk.ts';
import { WARP } from '../../../ir/thread/tensor.ts';
import type { Register, TExpr } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import { storeScalars, storeVectors } from '../../stores.ts';
import { type Corner, columnParts, inside } from '../contraction/finish.ts';
import { exchanged, quadOf } from '../tensor/finish.ts';
import type { Cut } from './cut.ts';

/** Rows of the tile that a warp has. */
const WARP_ROWS = 16;

/** Who a thread is: its warpgroup among those that multiply, and its place in it. */
export interface Seat {
  readonly group: TExpr;
  readonly place: TExpr;
}

export const finish = (
  em: Emitter,
  { problem, tile }: Cut,
  { group, place }: Seat,
  corner: Corner,
  accumulators: readonly Register[],
): void => {
  const { results, rows, columns } = problem;
  const quad = quadOf(em, { lane: em.name('lane', operate('mod', place, i32(WARP))) });
  const warp = operate('floordiv', place, i32(WARP));
  const own = add(add(mul(group, i32(TILE_ROWS)), mul(warp, i32(WARP_ROWS))), quad.row);
  const row = em.name('row', add(corner.row, own));
  const first = em.name('firstOwn', add(corner.column, quad.column));
  accumulators.forEach((sums, j) => {
    const values = exchanged(em, quad, sums);
    const column = em.name('column', add(first, i32(8 * j)));
    const store = (at: TExpr, emit: () => void): void =>
      inside(em, at, columns.size, tile.columns, () =>
        inside(em, row, rows.size, tile.rows, () => {
          bindAll(em, positionOf(em, results.columns, at));
          bindAll(em, positionOf(em, results.rows, row));
          emit();
        }),
      );
    if (results.quads) {
      const last = results.columns.at(-1)!;
      store(column, () => {
        for (const e of columnParts(results)) em.vector(e, last);
        em.setAccumulator(values);
        storeVectors(em, results.outputs, last);
      });
      return;
    }
    for (const lane of LANES)
      store(em.name('column', add(column, i32(lane))), () => {
        em.setAccumulator(em.name('sum', laneOf(values, lane)));
        storeScalars(em, results.outputs);
      });
  });
};
