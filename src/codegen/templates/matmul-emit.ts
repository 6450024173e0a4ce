/**
 * The code of a contraction on packed panels: blocks of the sum one after the other, tiles of the result within each.
 *
 * Invariants: sums are taken in a fixed order; the epilogue sees each element once, after its last partial sum; tiles
 * that stick out compute values that are never stored.
 */
import { idxAxis } from '../../ir/dim.ts';
import type { LoopBuffer } from '../../ir/loop/loop.ts';
import { add, constantOf, i32, loadFrom, mul, operate, regType } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { offsetOf } from '../analysis.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import type { Blocking } from './blocking.ts';
import { type Problem, TILE_COLUMNS, WIDE_ROWS } from './contraction.ts';
import { type Epilogue, finishTile, spill, type Tile } from './epilogue.ts';
import {
  accumulate,
  accumulateWide,
  eachAccumulator,
  type PanelPair,
  zeroAccumulators,
} from './micro.ts';
import { type DepthBlock, pack } from './pack.ts';

/** Memory of a workgroup: panels of what is packed by each of them, and tiles that wait for the rest of their sums. */
export interface Scratch {
  readonly rows: ThreadBuffer | undefined;
  readonly columns: ThreadBuffer | undefined;
  readonly tiles: ThreadBuffer;
}

export interface Schedule {
  readonly problem: Problem;
  readonly blocking: Blocking;
  readonly epilogue: Epilogue;
  readonly cycles: number;
}

/** What a workgroup owns. */
interface Share {
  readonly rowStart: TExpr;
  readonly rowTiles: TExpr;
  readonly columnStart: TExpr;
  readonly columnTiles: TExpr;
}

/** The block of the sum that tiles are computed for. */
interface Block {
  readonly share: Share;
  readonly depth: DepthBlock;
  readonly first: TExpr;
  readonly last: TExpr;
  /** Row tiles packed and done before. */
  readonly done: TExpr;
}

export class MatmulTemplate {
  private readonly p: Problem;
  private readonly b: Blocking;
  private readonly epilogue: Epilogue;
  private readonly scratch: Scratch;
  private readonly em: Emitter;

  constructor(schedule: Schedule, scratch: Scratch, resolve: (b: LoopBuffer) => ThreadBuffer) {
    this.p = schedule.problem;
    this.b = schedule.blocking;
    this.epilogue = schedule.epilogue;
    this.scratch = scratch;
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, b, p } = this;
    const column = em.name('columnBlock', operate('mod', workgroup, i32(b.columnBlocks)));
    const rest = em.name('rest', operate('floordiv', workgroup, i32(b.columnBlocks)));
    const row = em.name('rowBlock', operate('mod', rest, i32(b.rowBlocks)));
    const batch = em.name('batchBlock', operate('floordiv', rest, i32(b.rowBlocks)));
    const share: Share = {
      rowStart: em.name('rowStart', mul(row, i32(b.rows))),
      rowTiles: this.tilesOf('rowTiles', p.rows.size, p.tileRows, row, b.rows),
      columnStart: em.name('columnStart', mul(column, i32(b.columns))),
      columnTiles: this.tilesOf('columnTiles', p.columns.size, TILE_COLUMNS, column, b.columns),
    };
    const from = em.name('batchStart', mul(batch, i32(b.batches)));
    const end = add(from, i32(b.batches));
    const to = p.batches % b.batches === 0 ? end : operate('min', end, i32(p.batches));
    const perBatch = (at: TExpr): void => {
      bindAll(em, positionOf(em, p.batch, at));
      this.sumBlocks(share);
    };
    if (b.batches === 1) em.scope('same', () => perBatch(from));
    else em.loop('batch', from, em.name('batchEnd', to), 1, perBatch);
    return em.body;
  }

  /** Tiles of a block, of which the last may be smaller. */
  private tilesOf(name: string, size: number, tile: number, block: TExpr, length: number): TExpr {
    const [all, most] = [Math.ceil(size / tile), length / tile];
    if (all % most === 0) return i32(most);
    const left = operate('sub', i32(all), mul(block, i32(most)));
    return this.em.name(name, operate('min', left, i32(most)));
  }

  private sumBlocks(share: Share): void {
    const { em, p } = this;
    const { k } = p;
    const conjunction = (terms: readonly TExpr[]): TExpr =>
      terms.reduce((x, y) => operate('and', x, y), constantOf(1, regType('bool')));
    const chunked = (): void =>
      em.loop('kStart', i32(0), i32(k.extent), k.chunk, (from) => {
        const left = operate('sub', i32(k.extent), from);
        const length =
          k.extent % k.chunk === 0
            ? i32(k.chunk)
            : em.name('kLength', operate('min', left, i32(k.chunk)));
        const outer = p.outerK.map((a) => em.index(idxAxis(a)));
        const first = conjunction([
          operate('eq', from, i32(0)),
          ...outer.map((v) => operate('eq', v, i32(0))),
        ]);
        const last = conjunction([
          operate('ge', from, i32(k.extent - k.chunk)),
          ...outer.map((v, i) => operate('eq', v, i32(p.outerK[i]!.extent - 1))),
        ]);
        this.block(
          share,
          { blocks: k, from, length },
          em.name('isFirst', first),
          em.name('isLast', last),
        );
      });
    const walk = (i: number): void => {
      if (i === p.outerK.length) chunked();
      else em.axisLoop(p.outerK[i]!, () => walk(i + 1));
    };
    walk(0);
  }

  private block(share: Share, depth: DepthBlock, first: TExpr, last: TExpr): void {
    const { em, p, b, scratch } = this;
    if (scratch.columns !== undefined)
      pack(
        em,
        p.columns,
        {
          buffer: scratch.columns,
          offset: i32(0),
          width: TILE_COLUMNS,
          start: share.columnStart,
          count: share.columnTiles,
        },
        depth,
      );
    const step = b.packedRows / p.tileRows;
    em.loop('rowsDone', i32(0), share.rowTiles, step, (done) => {
      const tiles = this.tilesFrom(done, share.rowTiles, step);
      const start = em.name('rowsFrom', add(share.rowStart, mul(done, i32(p.tileRows))));
      if (scratch.rows !== undefined)
        pack(
          em,
          p.rows,
          {
            buffer: scratch.rows,
            offset: i32(0),
            width: p.tileRows,
            start,
            count: tiles,
          },
          depth,
        );
      const tile = (columnTile: TExpr, rowTile: TExpr): void =>
        this.tiles([columnTile], rowTile, p.tileRows, { share, depth, first, last, done });
      const { wide } = b;
      em.loop('columnTile', i32(0), share.columnTiles, 1, (columnTile) =>
        em.loop('rowTile', i32(0), wide ? add(tiles, i32(-1)) : tiles, 1, (rowTile) =>
          tile(columnTile, rowTile),
        ),
      );
      if (!wide) return;
      // two rows are left: over two column panels at a time they keep as many sums busy as four over one
      const tail = add(tiles, i32(-1));
      const even = em.name('even', operate('and', share.columnTiles, i32(-2)));
      em.loop('columnPair', i32(0), even, 2, (columnTile) =>
        this.tiles([columnTile, add(columnTile, i32(1))], tail, WIDE_ROWS, {
          share,
          depth,
          first,
          last,
          done,
        }),
      );
      em.loop('columnTile', even, share.columnTiles, 1, (columnTile) => tile(columnTile, tail));
    });
  }

  /** Tiles that are packed together, of those that are left. */
  private tilesFrom(done: TExpr, all: TExpr, step: number): TExpr {
    if (all.kind === 'const' && all.value <= step) return all;
    if (all.kind === 'const' && all.value % step === 0) return i32(step);
    return this.em.name('tiles', operate('min', operate('sub', all, done), i32(step)));
  }

  /** Where the rows of a tile are: packed, or in the operand itself. */
  private rowsFor(
    rowTile: TExpr,
    row: TExpr,
    depth: DepthBlock,
  ): Pick<PanelPair, 'rows' | 'rowPanel' | 'rowSteps'> {
    const { em, p, scratch } = this;
    if (scratch.rows !== undefined) {
      const rowPanel = em.name('rowPanel', mul(rowTile, i32(p.tileRows * p.k.depth)));
      return { rows: scratch.rows, rowPanel, rowSteps: { step: p.tileRows, row: 1 } };
    }
    const { load, free, summed, pitch } = p.rows.inPlace!;
    let rowPanel: TExpr = i32(0);
    em.scope('same', () => {
      em.bind(free, row);
      em.bind(summed, mul(depth.from, i32(p.k.inner)));
      rowPanel = em.name('rowPanel', em.index(offsetOf(load)));
    });
    return { rows: em.resolve(load.buffer), rowPanel, rowSteps: { step: 1, row: pitch } };
  }

  /** Where the columns of a tile are: packed by this workgroup, or by a launch before, all of the sum in one panel. */
  private columnsFor(
    columnTile: TExpr,
    column: TExpr,
    depth: DepthBlock,
  ): Pick<PanelPair, 'columns' | 'columnPanel'> & { readonly pitch: number } {
    const { em, p, scratch } = this;
    if (scratch.columns !== undefined) {
      const pitch = TILE_COLUMNS * p.k.depth;
      const columnPanel = em.name('columnPanel', mul(columnTile, i32(pitch)));
      return { columns: scratch.columns, columnPanel, pitch };
    }
    const before = p.outerK.reduce<TExpr>(
      (at, axis) => add(mul(at, i32(axis.extent)), em.index(idxAxis(axis))),
      i32(0),
    );
    const from = mul(add(mul(before, i32(p.k.extent)), depth.from), i32(p.k.inner * TILE_COLUMNS));
    return {
      columns: em.resolve(p.columns.panels!),
      columnPanel: em.name('columnPanel', add(mul(column, i32(p.depth)), from)),
      pitch: TILE_COLUMNS * p.depth,
    };
  }

  /** Neighbouring tiles of the result, for one block of the sum. */
  private tiles(columns: readonly TExpr[], rowTile: TExpr, rows: number, at: Block): void {
    const { em, b, p, epilogue, scratch } = this;
    const { k } = p;
    const tileRow = add(at.done, rowTile);
    const tiles = columns.map((columnTile): Tile => {
      // tiles wait in the order in which they are gone through: so they are fetched before they are needed
      const place = add(mul(columnTile, i32(b.rows / p.tileRows)), tileRow);
      const column = add(at.share.columnStart, mul(columnTile, i32(TILE_COLUMNS)));
      return {
        accumulators: zeroAccumulators(em, rows),
        memory: scratch.tiles,
        slot: k.count > 1 ? em.name('slot', mul(place, i32(p.tileRows * TILE_COLUMNS))) : i32(0),
        row: em.name('row', add(at.share.rowStart, mul(tileRow, i32(p.tileRows)))),
        column: em.name('column', column),
      };
    });
    em.branch(operate('not', at.first), () => {
      for (const tile of tiles)
        eachAccumulator(tile.accumulators, (register, row, half) => {
          const from = add(tile.slot, i32(row * TILE_COLUMNS + 4 * half));
          em.set(register, loadFrom(scratch.tiles, from, 4));
        });
    });
    const { pitch, ...place } = this.columnsFor(columns[0]!, tiles[0]!.column, at.depth);
    const panels: PanelPair = {
      ...this.rowsFor(rowTile, tiles[0]!.row, at.depth),
      ...place,
      depth: em.name('depth', mul(at.depth.length, i32(k.inner))),
    };
    const [single, second] = tiles;
    if (second === undefined) accumulate(em, single!.accumulators, panels);
    else
      accumulateWide(
        em,
        tiles.map((t) => t.accumulators),
        panels,
        pitch,
      );
    em.branch(
      at.last,
      () => {
        for (const tile of tiles) finishTile(em, epilogue, tile);
      },
      () => {
        for (const tile of tiles) spill(em, tile);
      },
    );
  }
}
