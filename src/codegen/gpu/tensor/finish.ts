/**
 * The end of a tile: the contraction's stores, from registers where they are short, else through shared memory.
 *
 * Two threads next to each other have two columns of two rows each: they exchange, so that each has four columns of one.
 * Invariant: every element inside the result is stored once; exchanges stand where all threads pass.
 */
import {
  add,
  barrier,
  exchangeOf,
  get,
  i32,
  laneOf,
  loadFrom,
  mul,
  operate,
  regType,
  storeTo,
  vec4,
} from '../../../ir/thread/build.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { bindAll, positionOf } from '../../emit/position.ts';
import { storeScalars, storeVectors } from '../../stores.ts';
import { type Corner, columnParts, inside } from '../contraction/finish.ts';
import type { Accumulators, Seat } from './multiply.ts';
import { type Cut, passedLines, passedPitch } from './tile.ts';

export const finish = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer | undefined,
  seat: Seat,
  corner: Corner,
  local: TExpr,
  accumulators: Accumulators,
): void => {
  const own = quadOf(em, seat);
  if (memory === undefined) fromRegisters(em, cut, seat, own, corner, accumulators);
  else throughMemory(em, cut, memory, seat, own, corner, local, accumulators);
};

/** The row of sixteen and the first column of eight that the thread stores, and whether it is the second of two. */
export interface Quad {
  readonly odd: TExpr;
  readonly row: TExpr;
  readonly column: TExpr;
}

export const quadOf = (em: Emitter, { lane }: Pick<Seat, 'lane'>): Quad => {
  const odd = em.name('odd', operate('mod', lane, i32(2)));
  const group = operate('floordiv', lane, i32(4));
  const pair = operate('floordiv', operate('mod', lane, i32(4)), i32(2));
  return {
    odd: em.name('isOdd', operate('eq', odd, i32(1))),
    row: em.name('inRows', add(group, mul(odd, i32(8)))),
    column: em.name('inColumns', mul(pair, i32(4))),
  };
};

/** Four columns of the thread's row, from its two columns of two rows. */
export const exchanged = (em: Emitter, quad: Quad, sums: Register): TExpr =>
  exchangedValue(em, quad, get(sums));

/** The same for sums that something was done with. */
export const exchangedValue = (em: Emitter, { odd }: Quad, all: TExpr): TExpr => {
  const met = ([0, 1] as const).map((i) => {
    const given = operate('select', odd, laneOf(all, i), laneOf(all, i === 0 ? 2 : 3));
    const register = em.fresh('met', regType('f32'));
    em.push(exchangeOf(register, given, 1));
    return get(register);
  });
  const [first, second] = met as [TExpr, TExpr];
  const pick = (x: TExpr, y: TExpr): TExpr => operate('select', odd, x, y);
  const quad = vec4(
    pick(first, laneOf(all, 0)),
    pick(second, laneOf(all, 1)),
    pick(laneOf(all, 2), first),
    pick(laneOf(all, 3), second),
  );
  return em.name('quad', quad);
};

const fromRegisters = (
  em: Emitter,
  { problem, tile }: Cut,
  seat: Seat,
  own: Quad,
  corner: Corner,
  accumulators: Accumulators,
): void => {
  const { results, rows, columns } = problem;
  const last = results.columns.at(-1)!;
  const firstRow = em.name('firstOwn', add(add(corner.row, seat.row), own.row));
  const firstColumn = em.name('firstOwn', add(add(corner.column, seat.column), own.column));
  accumulators[0]!.forEach((_, j) => {
    const quads = accumulators.map((sums) => exchanged(em, own, sums[j]!));
    const column = em.name('column', add(firstColumn, i32(8 * j)));
    inside(em, column, columns.size, tile.columns, () => {
      bindAll(em, positionOf(em, results.columns, column));
      for (const e of columnParts(results)) em.vector(e, last);
      quads.forEach((quad, i) => {
        const row = em.name('row', add(firstRow, i32(16 * i)));
        inside(em, row, rows.size, tile.rows, () => {
          bindAll(em, positionOf(em, results.rows, row));
          em.setAccumulator(quad);
          storeVectors(em, results.outputs, last);
        });
      });
    });
  });
};

/** Sixteen rows of all warps at a time: written by those that summed them, stored by all, column after column. */
const throughMemory = (
  em: Emitter,
  cut: Cut,
  memory: ThreadBuffer,
  seat: Seat,
  own: Quad,
  corner: Corner,
  local: TExpr,
  accumulators: Accumulators,
): void => {
  const pitch = passedPitch(cut.tile);
  const line = add(mul(seat.warpRow, i32(16)), own.row);
  const put = em.name('put', add(mul(line, i32(pitch)), add(seat.column, own.column)));
  const quads = accumulators.map((sums) => sums.map((sum) => exchanged(em, own, sum)));
  em.loop('pass', i32(0), i32(accumulators.length), 1, (pass) => {
    em.push(barrier);
    quads.forEach((groups, i) => {
      em.branch(operate('eq', pass, i32(i)), () => {
        groups.forEach((quad, j) => {
          em.push(storeTo(memory, add(put, i32(8 * j)), quad));
        });
      });
    });
    em.push(barrier);
    storeLines(em, cut, memory, corner, local, pass);
  });
};

const storeLines = (
  em: Emitter,
  { problem, tile, threads }: Cut,
  memory: ThreadBuffer,
  corner: Corner,
  local: TExpr,
  pass: TExpr,
): void => {
  const { results, rows, columns } = problem;
  const lanes = results.quads ? 4 : 1;
  const inLine = tile.columns / lanes;
  em.loop('item', local, i32(passedLines(tile) * inLine), threads, (item) => {
    const place = em.name('place', mul(operate('mod', item, i32(inLine)), i32(lanes)));
    const line = em.name('line', operate('floordiv', item, i32(inLine)));
    const column = em.name('column', add(corner.column, place));
    const warp = mul(operate('floordiv', line, i32(16)), i32(tile.warpRows));
    const inTile = add(add(warp, mul(pass, i32(16))), operate('mod', line, i32(16)));
    const row = em.name('row', add(corner.row, inTile));
    inside(em, column, columns.size, tile.columns, () =>
      inside(em, row, rows.size, tile.rows, () => {
        bindAll(em, positionOf(em, results.columns, column));
        bindAll(em, positionOf(em, results.rows, row));
        const from = add(mul(line, i32(passedPitch(tile))), place);
        em.setAccumulator(em.name('sum', loadFrom(memory, from, lanes)));
        if (lanes === 4) storeVectors(em, results.outputs, results.columns.at(-1)!);
        else storeScalars(em, results.outputs);
      }),
    );
  });
};
