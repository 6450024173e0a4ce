/**
 * The end of a tile: the contraction's stores, from registers where they are short, else through shared memory.
 *
 * Invariants: every element inside the result is stored once, after all slices were added in their order; threads that
 * follow each other store neighbouring columns.
 */
import type { Axis } from '../../../ir/dim.ts';
import type { Expr } from '../../../ir/loop/loop.ts';
import { operandsOf } from '../../../ir/loop/visit.ts';
import {
  add,
  barrier,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  storeTo,
} from '../../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import { freeAxes, isSafe, usesAccumulator, visitLoads } from '../../analysis.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import { storeScalars, storeVectors } from '../../stores.ts';
import { type Accumulators, columnOf, rowOf, type Seat } from './multiply.ts';
import { type Cut, tileColumns, tileRows } from './tile.ts';

/** The first row and column of a workgroup. */
export interface Corner {
  readonly row: TExpr;
  readonly column: TExpr;
}

export const finish = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  corner: Corner,
  local: TExpr,
  accumulators: Accumulators,
): void => {
  if (cut.passed === 0) fromRegisters(em, cut, seat, corner, accumulators);
  else throughMemory(em, cut, memory, seat, corner, local, accumulators);
};

/** Runs `emit` unless `at` is beyond the last of `size`, which tiles of `tile` may reach. */
export const inside = (
  em: Emitter,
  at: TExpr,
  size: number,
  tile: number,
  emit: () => void,
): void => {
  if (size % tile === 0) em.scope('same', emit);
  else em.branch(operate('lt', at, i32(size)), emit);
};

const fromRegisters = (
  em: Emitter,
  { problem, tile }: Cut,
  seat: Seat,
  corner: Corner,
  accumulators: Accumulators,
): void => {
  const { results, rows, columns } = problem;
  const last = results.columns.at(-1)!;
  accumulators[0]!.forEach((_, group) => {
    const column = em.name('column', add(corner.column, columnOf(tile, seat.across, group)));
    inside(em, column, columns.size, tileColumns(tile), () => {
      bindAll(em, positionOf(em, results.columns, column));
      for (const e of columnParts(results)) em.vector(e, last);
      accumulators.forEach((sums, index) => {
        const row = em.name('row', add(corner.row, rowOf(tile, seat.down, index)));
        inside(em, row, rows.size, tileRows(tile), () => {
          bindAll(em, positionOf(em, results.rows, row));
          em.setAccumulator(get(sums[group]!));
          storeVectors(em, results.outputs, last);
        });
      });
    });
  });
};

/** What is read for a column whatever the row: before the branches of the rows, so that it is read once. */
export const columnParts = ({ rows, outputs }: Cut['problem']['results']): Expr[] => {
  const varies = new Set<Axis>(rows);
  const written = new Set(outputs.map((o) => o.buffer));
  const parts = new Set<Expr>();
  const isPart = (e: Expr): boolean => {
    if (usesAccumulator(e) || [...freeAxes(e)].some((a) => varies.has(a)) || !isSafe(e))
      return false;
    let reads = 0;
    let unsafe = 0;
    visitLoads(e, (l) => {
      reads++;
      if (written.has(l.buffer)) unsafe++;
    });
    return reads > 0 && unsafe === 0;
  };
  const walk = (e: Expr): void => {
    if (isPart(e)) parts.add(e);
    else operandsOf(e).forEach(walk);
  };
  for (const o of outputs) walk(o.value);
  return [...parts];
};

/**
 * Rows of all threads, a few at a time: written by those that summed them, one slice beside the other, then added and
 * stored by all threads, column after column. The code that stores is there once, however many rows there are.
 */
const throughMemory = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  corner: Corner,
  local: TExpr,
  accumulators: Accumulators,
): void => {
  const { tile, passed } = cut;
  const width = tileColumns(tile);
  const part = passed * tile.down * width;
  const own = em.name('own', add(mul(seat.slice, i32(part)), mul(seat.down, i32(passed * width))));
  const write = (first: number): void => {
    for (let i = 0; i < passed; i++)
      accumulators[first + i]!.forEach((sum, group) => {
        const at = add(add(own, i32(i * width)), columnOf(tile, seat.across, group));
        em.push(storeTo(memory, at, get(sum)));
      });
  };
  em.loop('pass', i32(0), i32(tile.rows / passed), 1, (pass) => {
    em.push(barrier);
    for (let first = 0; first < tile.rows; first += passed)
      em.branch(operate('eq', pass, i32(first / passed)), () => write(first));
    em.push(barrier);
    collect(em, cut, memory, corner, local, pass);
  });
};

/** Adds up the slices and stores the rows that are in memory. */
const collect = (
  em: Emitter,
  { problem, tile, threads, passed }: Cut,
  memory: ThreadBuffer,
  corner: Corner,
  local: TExpr,
  pass: TExpr,
): void => {
  const { results, rows, columns } = problem;
  const width = tileColumns(tile);
  const part = passed * tile.down * width;
  const lanes = results.quads ? 4 : 1;
  const line = width / lanes;
  em.loop('item', local, i32(part / lanes), threads, (item) => {
    const inLine = em.name('inLine', mul(operate('mod', item, i32(line)), i32(lanes)));
    const at = em.name('line', operate('floordiv', item, i32(line)));
    const column = em.name('column', add(corner.column, inLine));
    const seat = passed === 1 ? at : em.name('seat', operate('floordiv', at, i32(passed)));
    const index = add(mul(pass, i32(passed)), operate('mod', at, i32(passed)));
    const row = em.name('row', add(corner.row, rowAt(tile, seat, em.name('index', index))));
    inside(em, column, columns.size, width, () =>
      inside(em, row, rows.size, tileRows(tile), () => {
        bindAll(em, positionOf(em, results.columns, column));
        bindAll(em, positionOf(em, results.rows, row));
        const from = em.name('from', add(mul(at, i32(width)), operate('and', inLine, i32(-4))));
        let sum = em.name('sum', loadFrom(memory, from, 4));
        for (let slice = 1; slice < tile.slices; slice++)
          sum = operate('add', sum, loadFrom(memory, add(from, i32(slice * part)), 4));
        const total = em.name('sum', sum);
        em.setAccumulator(lanes === 4 ? total : em.name('sum', chosen(total, inLine)));
        if (lanes === 4) storeVectors(em, results.outputs, results.columns.at(-1)!);
        else storeScalars(em, results.outputs);
      }),
    );
  });
};

/** `rowOf` where the index is only known when it runs. */
const rowAt = ({ rows, down }: Cut['tile'], seat: TExpr, index: TExpr): TExpr => {
  if (rows % 4 !== 0) return add(mul(seat, i32(rows)), index);
  const group = mul(operate('shr', index, i32(2)), i32(4 * down));
  return add(add(mul(seat, i32(4)), group), operate('and', index, i32(3)));
};

/** The lane at `place` modulo four: memory that is written in vectors is read in vectors. */
const chosen = (vector: TExpr, place: TExpr): TExpr => {
  const lane = operate('and', place, i32(3));
  const pick = (at: 0 | 1 | 2, otherwise: TExpr): TExpr =>
    operate('select', operate('eq', lane, i32(at)), laneOf(vector, at), otherwise);
  return pick(0, pick(1, pick(2, laneOf(vector, 3))));
};
