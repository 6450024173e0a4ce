/**
 * The code of a weight's gradient image by image: both operands are packed, then multiplied once for each window offset
 * and added to the sums, which are stored at the end.
 *
 * Invariant: sums are taken image by image, in order; lanes that fill up a panel are never stored.
 */
import { idxAxis, pointsOf } from '../../ir/dim.ts';
import type { LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  get,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { type Output, outputsOf, storeScalars } from '../stores.ts';
import { type Operand, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { GradientCut, GradientGeometry } from './gradient.ts';
import { accumulate, eachAccumulator, zeroAccumulators } from './micro.ts';
import { pack } from './pack.ts';

/** Memory of a workgroup. */
export interface GradientScratch {
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  /** By offset, row and channel. */
  readonly sums: ThreadBuffer;
}

/** The part of an operand that a workgroup has. */
interface Part {
  readonly start: TExpr;
  readonly tiles: TExpr;
}

export class GradientTemplate {
  private readonly g: GradientGeometry;
  private readonly cut: GradientCut;
  private readonly scratch: GradientScratch;
  private readonly outputs: readonly Output[];
  private readonly em: Emitter;

  constructor(
    g: GradientGeometry,
    cut: GradientCut,
    scratch: GradientScratch,
    nest: Nest,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.g = g;
    this.cut = cut;
    this.scratch = scratch;
    this.outputs = outputsOf(nest.stores);
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, g, cut, scratch } = this;
    const blocks = cut.rowBlocks * cut.columnBlocks;
    const batch = em.name('batch', operate('floordiv', workgroup, i32(blocks)));
    const block = em.name('block', operate('mod', workgroup, i32(blocks)));
    bindAll(em, positionOf(em, g.batch, batch));
    const rowBlock = operate('floordiv', block, i32(cut.columnBlocks));
    const columnBlock = operate('mod', block, i32(cut.columnBlocks));
    const rows = this.part('row', rowBlock, g.rows.size, cut.rows, TILE_ROWS);
    const columns = this.part('column', columnBlock, g.columns.size, cut.columns, TILE_COLUMNS);
    const zero = constantOf(0, regType('f32', 4));
    em.loop('clear', i32(0), i32(scratch.sums.elements), 4, (at) =>
      em.push(storeTo(scratch.sums, at, zero)),
    );
    em.loop('image', i32(0), i32(pointsOf(g.images)), 1, (image) => {
      bindAll(em, positionOf(em, g.images, image));
      this.pack(g.rows, scratch.rows, TILE_ROWS, rows, g.rowFirst, g.rowDepth);
      this.pack(g.columns, scratch.columns, TILE_COLUMNS, columns, g.columnFirst, g.columnDepth);
      this.products(rows, columns);
    });
    this.finish(rows, columns);
    return em.body;
  }

  private part(name: string, block: TExpr, size: number, each: number, tile: number): Part {
    const { em } = this;
    const start = em.name(`${name}Start`, mul(block, i32(each)));
    const left = operate('sub', i32(Math.ceil(size / tile) * tile), start);
    const tiles = operate('floordiv', operate('min', left, i32(each)), i32(tile));
    return { start, tiles: em.name(`${name}Tiles`, tiles) };
  }

  private pack(
    operand: Operand,
    buffer: ThreadBuffer,
    width: number,
    { start, tiles }: Part,
    first: number,
    depth: number,
  ): void {
    const panels = { buffer, offset: i32(0), width, start, count: tiles };
    const blocks = { inner: depth / first, depth };
    pack(this.em, operand, panels, { blocks, from: i32(0), length: i32(first) });
  }

  /** Visits the window offsets with their number and how far they move what is read. */
  private overOffsets(visit: (number: TExpr, reach: TExpr) => void): void {
    const { em, g } = this;
    const walk = (i: number, number: TExpr, reach: TExpr): void => {
      const offset = g.offsets[i];
      if (offset === undefined) {
        visit(number, reach);
        return;
      }
      const { axis, pitch } = offset;
      em.axisLoop(axis, () => {
        const at = em.index(idxAxis(axis));
        walk(i + 1, add(mul(number, i32(axis.extent)), at), add(reach, mul(at, i32(pitch))));
      });
    };
    walk(0, i32(0), i32(0));
  }

  /** Where the sums of a row and a channel are. */
  private place(number: TExpr, row: TExpr, column: TExpr): TExpr {
    const { cut } = this;
    return add(mul(add(mul(number, i32(cut.rows)), row), i32(cut.columns)), column);
  }

  private products(rows: Part, columns: Part): void {
    const { em, g, cut, scratch } = this;
    em.loop('columnTile', i32(0), columns.tiles, 1, (columnTile) => {
      const panel = em.name('panel', mul(columnTile, i32(TILE_COLUMNS * g.columnDepth)));
      em.loop('rowTile', i32(0), rows.tiles, 1, (rowTile) => {
        const rowPanel = em.name('rowPanel', mul(rowTile, i32(TILE_ROWS * g.rowDepth)));
        this.overOffsets((number, reach) => {
          const [row, column] = [mul(rowTile, i32(TILE_ROWS)), mul(columnTile, i32(TILE_COLUMNS))];
          const base = em.name('sumAt', this.place(number, row, column));
          const at = (r: number, half: 0 | 1): TExpr => add(base, i32(r * cut.columns + 4 * half));
          const accumulators = zeroAccumulators(em);
          eachAccumulator(accumulators, (register, r, half) => {
            em.set(register, loadFrom(scratch.sums, at(r, half), 4));
          });
          accumulate(em, accumulators, {
            rows: scratch.rows,
            rowPanel,
            columns: scratch.columns,
            columnPanel: em.name('columnPanel', add(panel, mul(reach, i32(TILE_COLUMNS)))),
            depth: i32(g.depth),
          });
          eachAccumulator(accumulators, (register, r, half) => {
            em.push(storeTo(scratch.sums, at(r, half), get(register)));
          });
        });
      });
    });
  }

  private finish(rows: Part, columns: Part): void {
    const { em, g, cut, scratch } = this;
    const end = (size: number, each: number, { start }: Part): TExpr =>
      operate('min', i32(each), operate('sub', i32(size), start));
    em.loop('row', i32(0), em.name('rowEnd', end(g.rows.size, cut.rows, rows)), 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
      const channels = em.name('channelEnd', end(g.columns.size, cut.columns, columns));
      em.loop('channel', i32(0), channels, 1, (channel) => {
        const at = em.name('channelAt', add(columns.start, channel));
        bindAll(em, positionOf(em, g.channels, at));
        this.overOffsets((number) => {
          const sum = loadFrom(scratch.sums, this.place(number, row, channel));
          em.setAccumulator(em.name('sum', sum));
          storeScalars(em, this.outputs);
        });
      });
    });
  }
}
