/**
 * In which order workgroups take the tiles of a product: those at work together share what they read.
 *
 * Invariant: every number of a tile below the count is one tile; tiles of some rows of blocks are done column by column.
 */
import { add, i32, mul, operate } from '../../../ir/thread/build.ts';
import type { TExpr } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import type { Corner } from '../contraction/finish.ts';
import type { Cut } from './cut.ts';

const TOGETHER = [1, 2, 4, 8, 16, 32];

/** Rows of blocks that are done together: so that the blocks at work at one time read the least. */
export const rowsTogether = ({ tile, grid, rowBlocks }: Cut): number => {
  const possible = TOGETHER.filter((n) => n <= rowBlocks);
  const read = (n: number): number => n * tile.rows + Math.ceil(grid / n) * tile.columns;
  return possible.reduce((best, n) => (read(n) < read(best) ? n : best), 1);
};

/** Binds the batch of tile `id` and finds its first row and column. */
export const cornerOf = (em: Emitter, cut: Cut, id: TExpr): Corner => {
  const { tile, problem, rowBlocks, columnBlocks } = cut;
  const blocks = rowBlocks * columnBlocks;
  let block = id;
  if (problem.batches > 1) {
    bindAll(
      em,
      positionOf(em, problem.batch, em.name('batch', operate('floordiv', id, i32(blocks)))),
    );
    block = em.name('block', operate('mod', id, i32(blocks)));
  }
  const together = rowsTogether(cut);
  const wide = together * columnBlocks;
  const first = em.name('first', mul(operate('floordiv', block, i32(wide)), i32(together)));
  const rest = operate('sub', i32(rowBlocks), first);
  const count =
    rowBlocks % together === 0
      ? i32(together)
      : em.name('count', operate('min', rest, i32(together)));
  const within = em.name('within', operate('mod', block, i32(wide)));
  const row = em.name('rowBlock', add(first, operate('mod', within, count)));
  const column = em.name('columnBlock', operate('floordiv', within, count));
  return {
    row: em.name('firstRow', mul(row, i32(tile.rows))),
    column: em.name('firstColumn', mul(column, i32(tile.columns))),
  };
};
