/**
 * The end of a tile: the contraction's stores, on four lanes where columns allow it, lane by lane at borders.
 *
 * Invariant: every element inside the result is stored once; values are computed before any of them is stored.
 */

import type { Axis } from '../../ir/dim.ts';
import type { Store } from '../../ir/loop/loop.ts';
import { add, get, i32, loadFrom, mul, operate, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer } from '../../ir/thread/thread.ts';
import { evaluationCost, stepAlong } from '../analysis.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { inVectors, type Output, outputsOf, storeScalars, storeVectors } from '../stores.ts';
import { type Problem, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { mergeAxes } from './merge.ts';
import { type Accumulators, eachAccumulator } from './micro.ts';
import { transposed } from './pack.ts';

export interface Epilogue {
  readonly rows: readonly Axis[];
  readonly columns: readonly Axis[];
  readonly rowCount: number;
  /** Rows of a tile, but for those at the border. */
  readonly tileRows: number;
  readonly columnCount: number;
  readonly outputs: readonly Output[];
  /** Columns can be stored four at a time, at least inside a row of the last axis. */
  readonly vector: boolean;
  /** Four columns are neighbours in all results. */
  readonly unit: boolean;
  /**
   * Sums go through memory: twelve of them stay in registers as long as what comes after uses them in their order (see
   * `wasm/crowded.ts`), which is so where it does no more than store them.
   */
  readonly through: boolean;
  /** The four rows of a tile are neighbours in memory, and columns are not: they are stored column by column. */
  readonly upright: boolean;
  /** Arithmetic of one element. */
  readonly cost: number;
  /** Rough cycles to store one element. */
  readonly storeCycles: number;
}

/** Epilogues up to this cost are written out for all eight vectors; others run in a loop over the tile's memory. */
const CHEAP = 12;

const HALVES = [0, 1] as const;

/** The rows and columns of a result. */
type Result = Pick<Problem, 'rowAxes' | 'columnAxes'> & {
  readonly tileRows?: number;
  readonly rows: { readonly size: number };
  readonly columns: { readonly size: number };
};

/** `whole`: tiles begin at multiples of four rows. */
export const epilogueOf = (p: Result, stores: readonly Store[], whole = false): Epilogue => {
  const { tileRows = TILE_ROWS } = p;
  const raw = outputsOf(stores);
  const byColumn = mergeAxes(
    p.columnAxes,
    raw.map((o) => o.value),
    raw.map((o) => o.offset),
  );
  const merged = mergeAxes(p.rowAxes, byColumn.exprs, byColumn.indices);
  const outputs = raw.map(
    ({ buffer }, i): Output => ({
      buffer,
      value: merged.exprs[i]!,
      offset: merged.indices[i]!,
    }),
  );
  const last = byColumn.axes.at(-1);
  const vector = inVectors(outputs, last);
  const unit = vector && outputs.every((o) => stepAlong(o.offset, last) === 1);
  const cost = merged.exprs.reduce((sum, e) => sum + evaluationCost(e), 0);
  const lastRow = merged.axes.at(-1);
  const upright =
    whole &&
    tileRows === TILE_ROWS &&
    !unit &&
    cost <= CHEAP &&
    inVectors(outputs, lastRow) &&
    lastRow.extent % TILE_ROWS === 0 &&
    outputs.every((o) => stepAlong(o.offset, lastRow) === 1);
  const through = tileRows !== TILE_ROWS && outputs.some((o) => o.value.kind !== 'acc');
  const storing = (unit ? 0.5 : upright ? 2.3 : 3) + (through ? 1 : 0);
  return {
    rows: merged.axes,
    columns: byColumn.axes,
    rowCount: p.rows.size,
    tileRows,
    columnCount: p.columns.size,
    outputs,
    vector,
    unit,
    through,
    upright,
    cost,
    storeCycles: stores.length * storing + cost / (vector || upright ? 4 : 1),
  };
};

/** A finished tile: its accumulators, the memory it may be put into, and where it stands in the result. */
export interface Tile {
  readonly accumulators: Accumulators;
  readonly memory: ThreadBuffer;
  readonly slot: TExpr;
  readonly row: TExpr;
  readonly column: TExpr;
}

export const finishTile = (em: Emitter, e: Epilogue, tile: Tile): void => {
  const general = (): void => {
    if (!e.through) spill(em, tile);
    throughMemory(em, e, tile);
  };
  if (e.upright) {
    byColumns(em, e, tile);
    return;
  }
  if (!e.vector || e.cost > CHEAP) {
    spill(em, tile);
    throughMemory(em, e, tile);
    return;
  }
  if (e.through) spill(em, tile);
  const conditions: TExpr[] = [];
  if (e.rowCount % e.tileRows !== 0)
    conditions.push(operate('le', tile.row, i32(e.rowCount - tile.accumulators.length)));
  if (e.columnCount % TILE_COLUMNS !== 0)
    conditions.push(operate('le', tile.column, i32(e.columnCount - TILE_COLUMNS)));
  const last = e.columns.at(-1)!;
  if (last.extent % 4 !== 0 && last.extent !== e.columnCount)
    for (const half of [0, 4]) conditions.push(unbroken(em, e, add(tile.column, i32(half))));
  if (conditions.length === 0) fromRegisters(em, e, tile);
  else
    em.branch(
      conditions.reduce((x, y) => operate('and', x, y)),
      () => fromRegisters(em, e, tile),
      general,
    );
};

/** Four columns from `column` on are inside the result, and neighbours on its last axis. */
const unbroken = (em: Emitter, e: Epilogue, column: TExpr): TExpr => {
  const last = e.columns.at(-1)!;
  const [, value] = positionOf(em, e.columns, column)[0]!;
  return operate(
    'and',
    operate('le', value, i32(last.extent - 4)),
    operate('le', column, i32(e.columnCount - 4)),
  );
};

/**
 * Half by half, so that what columns have in common is computed once for all rows; sums that fill the registers row by
 * row, as the micro-kernel adds to them (see `wasm/crowded.ts`).
 */
const fromRegisters = (em: Emitter, e: Epilogue, tile: Tile): void => {
  const store = (r: number, half: 0 | 1): void => {
    const at = add(tile.slot, i32(r * TILE_COLUMNS + 4 * half));
    const sum = e.through
      ? em.name('sum', loadFrom(tile.memory, at, 4))
      : get(tile.accumulators[r]![half]);
    em.setAccumulator(sum);
    storeVectors(em, e.outputs, e.columns.at(-1)!);
  };
  const within = (axes: readonly Axis[], at: TExpr, then: () => void): void => {
    em.scope('same', () => {
      bindAll(em, positionOf(em, axes, at));
      then();
    });
  };
  const atRow = (r: number, then: () => void): void => within(e.rows, add(tile.row, i32(r)), then);
  const atHalf = (half: 0 | 1, then: () => void): void =>
    within(e.columns, add(tile.column, i32(4 * half)), then);
  const rows = tile.accumulators.map((_, r) => r);
  if (e.tileRows === TILE_ROWS)
    for (const half of HALVES)
      atHalf(half, () => {
        for (const r of rows) atRow(r, () => store(r, half));
      });
  else
    for (const r of rows)
      atRow(r, () => {
        for (const half of HALVES) atHalf(half, () => store(r, half));
      });
};

/** Vectors of four rows each, for the columns that are inside. */
const byColumns = (em: Emitter, e: Epilogue, tile: Tile): void => {
  em.scope('same', () => {
    bindAll(em, positionOf(em, e.rows, tile.row));
    for (const half of [0, 1] as const) {
      const [a, b, c, d] = tile.accumulators.map((pair) => get(pair[half]));
      transposed(em, [a!, b!, c!, d!]).forEach((rows, i) => {
        const column = add(tile.column, i32(4 * half + i));
        const store = (): void => {
          bindAll(em, positionOf(em, e.columns, em.name('column', column)));
          em.setAccumulator(em.name('sums', rows));
          storeVectors(em, e.outputs, e.rows.at(-1)!);
        };
        if (e.columnCount % TILE_COLUMNS === 0) em.scope('same', store);
        else em.branch(operate('lt', column, i32(e.columnCount)), store);
      });
    }
  });
};

/** Leaves the tile in memory, row by row. */
export const spill = (em: Emitter, tile: Tile): void =>
  eachAccumulator(tile.accumulators, (register, row, half) => {
    const at = add(tile.slot, i32(row * TILE_COLUMNS + 4 * half));
    em.push(storeTo(tile.memory, at, get(register)));
  });

const throughMemory = (em: Emitter, e: Epilogue, tile: Tile): void => {
  const rows =
    e.rowCount % e.tileRows === 0
      ? i32(e.tileRows)
      : em.name('rows', operate('min', i32(e.tileRows), operate('sub', i32(e.rowCount), tile.row)));
  const overRows = (at: TExpr, lanes: 1 | 4, store: () => void): void =>
    em.loop('r', i32(0), rows, 1, (r) => {
      bindAll(em, positionOf(em, e.rows, em.name('row', add(tile.row, r))));
      const value = loadFrom(tile.memory, add(at, mul(r, i32(TILE_COLUMNS))), lanes);
      em.setAccumulator(em.name('sum', value));
      store();
    });
  em.loop('half', i32(0), i32(TILE_COLUMNS), 4, (half) => {
    const column = em.name('column', add(tile.column, half));
    const at = em.name('at', add(tile.slot, half));
    const vectors = (): void => {
      bindAll(em, positionOf(em, e.columns, column));
      overRows(at, 4, () => storeVectors(em, e.outputs, e.columns.at(-1)!));
    };
    const scalars = (): void => {
      const count = operate('min', i32(4), operate('sub', i32(e.columnCount), column));
      em.loop('lane', i32(0), em.name('lanes', count), 1, (lane) => {
        bindAll(em, positionOf(em, e.columns, em.name('column', add(column, lane))));
        overRows(em.name('at', add(at, lane)), 1, () => storeScalars(em, e.outputs));
      });
    };
    const last = e.columns.at(-1);
    if (!e.vector || last === undefined) scalars();
    else if (last.extent % 4 !== 0) em.branch(unbroken(em, e, column), vectors, scalars);
    else if (e.columnCount % TILE_COLUMNS === 0) vectors();
    else em.branch(operate('lt', column, i32(e.columnCount)), vectors);
  });
};
