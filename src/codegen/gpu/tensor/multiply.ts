/**
 * The inner product of a warp: what is staged of both operands, as fragments, multiplied into its sums.
 *
 * Places of fragments are those of ir/thread/fragments.ts. A tile whose lines follow the sum gives them as its rows lie;
 * one whose lines follow rows (or columns) gives them transposed; of float32, which cannot be transposed, number by number.
 * Invariant: a thread's place in a tile is found once: from it, products further along a line are an exclusive or away,
 * those some lines on a sum (lines are whole multiples of what the permutation of swizzle.ts looks at).
 */
import {
  add,
  bitsOf,
  constantOf,
  fragmentsOf,
  get,
  i32,
  laneOf,
  loadFrom,
  mmaOf,
  mul,
  operate,
  regType,
  vec4,
} from '../../../ir/thread/build.ts';
import { type MmaInputs, WARP } from '../../../ir/thread/tensor.ts';
import type { Register, TExpr, ThreadBuffer } from '../../../ir/thread/thread.ts';
import type { Emitter } from '../../emit/emitter.ts';
import { placeIn } from './swizzle.ts';
import { type Cut, type Stage, summandsOf, type Tile } from './tile.ts';

/** The thread's place: in its warp, and its warp's in the workgroup. */
export interface Seat {
  readonly lane: TExpr;
  /** First row and column of the warp in the tile. */
  readonly row: TExpr;
  readonly column: TExpr;
  /** Which of the warps along rows it is. */
  readonly warpRow: TExpr;
}

export const seatOf = (em: Emitter, { tile }: Cut, local: TExpr): Seat => {
  const down = tile.rows / tile.warpRows;
  const warp = em.name('warp', operate('floordiv', local, i32(WARP)));
  const warpRow = em.name('warpRow', operate('mod', warp, i32(down)));
  const warpColumn = operate('floordiv', warp, i32(down));
  return {
    lane: em.name('lane', operate('mod', local, i32(WARP))),
    row: em.name('ownRow', mul(warpRow, i32(tile.warpRows))),
    column: em.name('ownColumn', mul(warpColumn, i32(tile.warpColumns))),
    warpRow,
  };
};

/** Sums of a warp: by sixteen rows, then by eight columns. */
export type Accumulators = readonly (readonly Register[])[];

export const zeroAccumulators = (em: Emitter, { warpRows, warpColumns }: Tile): Accumulators =>
  Array.from({ length: warpRows / 16 }, () =>
    Array.from({ length: warpColumns / 8 }, () =>
      em.variable('c', constantOf(0, regType('f32', 4))),
    ),
  );

/** An operand as a warp reads it. */
export interface Reader {
  /** Four words of sixteen rows (or columns) from the `index`-th sixteen on, for product `round` of the step at `base`. */
  words(index: number, round: number, base: TExpr): TExpr;
}

export interface Readers {
  readonly rows: Reader;
  readonly columns: Reader;
}

/** Which words of four go where: rows have their second eight rows second, columns the second half of the sum. */
type Side = 'rows' | 'columns';

export const readersFor = (
  em: Emitter,
  cut: Cut,
  seat: Seat,
  memory: { readonly rows: ThreadBuffer; readonly columns: ThreadBuffer },
): Readers => ({
  rows: readerOf(em, cut.inputs, cut.rows, 'rows', memory.rows, seat.row, seat.lane),
  columns: readerOf(em, cut.inputs, cut.columns, 'columns', memory.columns, seat.column, seat.lane),
});

/** How a warp reads a tile of which it has rows (or columns) from `first` on. */
export const readerOf = (
  em: Emitter,
  inputs: MmaInputs,
  stage: Stage,
  side: Side,
  memory: ThreadBuffer,
  first: TExpr,
  lane: TExpr,
): Reader => {
  const { swizzle, panel } = stage;
  const summands = summandsOf(inputs);
  const single = inputs === 'tfloat32' && panel.layout === 'free';
  if (single) return singles(em, stage, side, memory, first, lane, summands);
  // matrices follow each other by eights of rows first, or by halves of the sum first
  const low = operate('mod', lane, i32(8));
  const eighth = operate('floordiv', lane, i32(8));
  const [second, third] = [operate('mod', eighth, i32(2)), operate('floordiv', eighth, i32(2))];
  const [row, half] = side === 'rows' ? [second, third] : [third, second];
  const depthLayout = panel.layout === 'depth';
  // of lines along the sum a thread names a row, of lines along rows an element of the sum
  const line = depthLayout ? add(first, add(low, mul(row, i32(8)))) : add(low, mul(half, i32(8)));
  const place = depthLayout ? mul(half, i32(swizzle.piece)) : add(first, mul(row, i32(8)));
  const at = em.name(
    'at',
    placeIn(swizzle, em.name('flat', add(mul(line, i32(swizzle.line)), place))),
  );
  return {
    words: (index, round, base) => {
      const [along, lines] = depthLayout
        ? [round * summands, index * 16]
        : [index * 16, round * summands];
      const here = along === 0 ? at : em.name('here', operate('xor', at, i32(along)));
      const words = em.fresh(side === 'rows' ? 'a' : 'b', regType('u32', 4));
      const from = add(add(base, here), i32(lines * swizzle.line));
      em.push(fragmentsOf(words, memory, from, !depthLayout));
      return get(words);
    },
  };
};

/** Float32 of lines across the sum: four numbers, read one by one. */
const singles = (
  em: Emitter,
  { swizzle }: Stage,
  side: Side,
  memory: ThreadBuffer,
  first: TExpr,
  lane: TExpr,
  summands: number,
): Reader => {
  const line = operate('mod', lane, i32(4));
  const place = add(first, operate('floordiv', lane, i32(4)));
  const at = em.name(
    'at',
    placeIn(swizzle, em.name('flat', add(mul(line, i32(swizzle.line)), place))),
  );
  return {
    words: (index, round, base) => {
      const word = (row: 0 | 1, half: 0 | 1): TExpr => {
        const along = index * 16 + row * 8;
        const here = along === 0 ? at : em.name('here', operate('xor', at, i32(along)));
        const lines = round * summands + half * 4;
        const from = add(add(base, here), i32(lines * swizzle.line));
        return em.name('x', bitsOf('float32', loadFrom(memory, from)));
      };
      return side === 'rows'
        ? vec4(word(0, 0), word(1, 0), word(0, 1), word(1, 1))
        : vec4(word(0, 0), word(0, 1), word(1, 0), word(1, 1));
    },
  };
};

/** Adds one step of the sum, whose tiles start at `base`. */
export const multiply = (
  em: Emitter,
  { tile, inputs }: Cut,
  readers: Readers,
  base: { readonly rows: TExpr; readonly columns: TExpr },
  accumulators: Accumulators,
): void => {
  for (let round = 0; round < tile.depth / summandsOf(inputs); round++) {
    const a = accumulators.map((_, i) => em.name('a', readers.rows.words(i, round, base.rows)));
    const b = Array.from({ length: tile.warpColumns / 16 }, (_, j) =>
      readers.columns.words(j, round, base.columns),
    );
    accumulators.forEach((sums, i) => {
      sums.forEach((sum, j) => {
        const words = b[j >> 1]!;
        const [low, high] = j % 2 === 0 ? ([0, 1] as const) : ([2, 3] as const);
        em.push(mmaOf(inputs, sum, a[i]!, [laneOf(words, low), laneOf(words, high)]));
      });
    });
  }
};
