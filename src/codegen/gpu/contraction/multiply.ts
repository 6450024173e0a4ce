/**
 * The inner product: what is staged of both operands, multiplied into the accumulators of a thread.
 *
 * Invariant: rows and columns of a thread come in groups of four that lie apart by what the other threads have, so that
 * neighbouring threads read neighbouring memory, and groups are read as vectors.
 */
import {
  add,
  constantOf,
  fma,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  regType,
  splat,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { LANES } from '../../emit/mode.ts';
import type { Panel } from './panel.ts';
import { type Cut, stepsTogether, type Tile } from './tile.ts';

/** The thread's place in its workgroup. */
export interface Seat {
  readonly across: TExpr;
  readonly down: TExpr;
  /** Which part of each step it sums. */
  readonly slice: TExpr;
}

/** Sums of a row, in groups of four columns. */
export type Accumulators = readonly (readonly Register[])[];

export const zeroAccumulators = (em: Emitter, { rows, columns }: Tile): Accumulators =>
  Array.from({ length: rows }, () =>
    Array.from({ length: columns / 4 }, () => em.variable('c', constantOf(0, regType('f32', 4)))),
  );

/** The `index`-th row of the thread at `down`, from the first row of the tile. */
export const rowOf = ({ rows, down }: Tile, seat: TExpr, index: number): TExpr =>
  rows % 4 === 0
    ? add(mul(seat, i32(4)), i32((index >> 2) * 4 * down + (index & 3)))
    : add(mul(seat, i32(rows)), i32(index));

/** The first column of the thread's `group`-th group of four. */
export const columnOf = ({ across }: Tile, seat: TExpr, group: number): TExpr =>
  add(mul(seat, i32(4)), i32(4 * across * group));

/** Adds one step of the sum. */
export const multiply = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  accumulators: Accumulators,
): void => {
  const { tile, panels } = cut;
  const own = tile.depth / tile.slices;
  const from = em.name('from', mul(seat.slice, i32(own)));
  const { layout } = panels.rows;
  const together = layout === 'depth' ? 4 : stepsTogether(tile);
  const base = panels.rows.elements;
  const columnsAt = (k: TExpr): TExpr[] =>
    accumulators[0]!.map((_, group) => {
      const at = add(mul(k, i32(panels.columns.pitch)), columnOf(tile, seat.across, group));
      return em.name('b', loadFrom(memory, add(at, i32(base)), 4));
    });
  em.loop('kk', i32(0), i32(own), together, (kk) => {
    const k = add(from, kk);
    if (layout === 'depth') {
      const columns = LANES.map((lane) => columnsAt(add(k, i32(lane))));
      accumulators.forEach((sums, row) => {
        const at = add(mul(rowOf(tile, seat.down, row), i32(panels.rows.pitch)), k);
        const a = em.name('a', loadFrom(memory, at, 4));
        sums.forEach((sum, group) => {
          const total = LANES.reduce<TExpr>(
            (s, lane) => fma(splat(laneOf(a, lane)), columns[lane]![group]!, s),
            get(sum),
          );
          em.set(sum, total);
        });
      });
      return;
    }
    for (let i = 0; i < together; i++) {
      const here = add(k, i32(i));
      const rows = rowsAt(em, cut, panels.rows, memory, seat, here);
      const columns = columnsAt(here);
      accumulators.forEach((sums, row) => {
        const a = splat(laneOf(rows[row >> 2]!, LANES[row & 3]!));
        sums.forEach((sum, group) => {
          em.set(sum, fma(a, columns[group]!, get(sum)));
        });
      });
    }
  });
};

const rowsAt = (
  em: Emitter,
  { tile }: Cut,
  panel: Panel,
  memory: ThreadBuffer,
  seat: Seat,
  k: TExpr,
): TExpr[] => {
  const line = mul(k, i32(panel.pitch));
  return Array.from({ length: tile.rows / 4 }, (_, group) =>
    em.name('a', loadFrom(memory, add(line, rowOf(tile, seat.down, 4 * group)), 4)),
  );
};
