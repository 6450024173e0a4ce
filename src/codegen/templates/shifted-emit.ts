/**
 * The code of a convolution by shifts: rows are packed once a workgroup, then image by image the input is packed,
 * multiplied for each window offset and added into the result at its place.
 *
 * Invariant: sums are taken offset by offset, in order; columns that fill up a vector are zero or land in memory that no
 * result is read from.
 */
import { idxAxis, pointsOf } from '../../ir/dim.ts';
import type { LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { type Output, outputsOf } from '../stores.ts';
import { roundUp, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { finishImage } from './image.ts';
import { accumulateInto } from './micro.ts';
import { pack } from './pack.ts';
import { clear } from './planes.ts';
import { shareOf } from './share.ts';
import type { Shifts } from './shifted-geometry.ts';

/** Rows of a workgroup, and its images: what the code needs of how the work is cut. */
export interface Share {
  readonly rows: number;
  readonly rowBlocks: number;
  readonly images: number;
}

/** Memory of a workgroup. */
export interface Scratch {
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly sums: ThreadBuffer;
}

export class ShiftedTemplate {
  private readonly g: Shifts;
  private readonly cut: Share;
  private readonly scratch: Scratch;
  private readonly outputs: readonly Output[];
  private readonly em: Emitter;

  constructor(
    g: Shifts,
    cut: Share,
    scratch: Scratch,
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
    const { em, g, cut } = this;
    const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
    const imageBlock = em.name('imageBlock', operate('floordiv', workgroup, i32(cut.rowBlocks)));
    const size = { size: g.rows.size, each: cut.rows, tile: TILE_ROWS };
    const { start, tiles } = shareOf(em, 'row', rowBlock, size);
    this.packRows(start, tiles);
    const from = em.name('imageStart', mul(imageBlock, i32(cut.images)));
    const to = operate('min', add(from, i32(cut.images)), i32(pointsOf(g.images)));
    em.loop('image', from, em.name('imageEnd', to), 1, (image) => {
      bindAll(em, positionOf(em, g.images, image));
      clear(em, this.scratch.sums, mul(tiles, i32(TILE_ROWS * g.pitch)));
      this.packColumns();
      this.products(tiles);
      this.finish(start);
    });
    return em.body;
  }

  private depthBlock(): Parameters<typeof pack>[3] {
    const { channels, depth } = this.g;
    const first = channels[0]?.extent ?? 1;
    return { blocks: { inner: depth / first, depth }, from: i32(0), length: i32(first) };
  }

  /** Position of the bound window offsets among all of them. */
  private offset(): TExpr {
    const { em, g } = this;
    return g.windows.reduce(
      (sum: TExpr, w) => add(mul(sum, i32(w.k.extent)), em.index(idxAxis(w.k))),
      i32(0),
    );
  }

  private overOffsets(fill: () => void): void {
    const walk = (i: number): void => {
      if (i === this.g.windows.length) fill();
      else this.em.axisLoop(this.g.windows[i]!.k, () => walk(i + 1));
    };
    walk(0);
  }

  private packRows(start: TExpr, count: TExpr): void {
    const { em, g, cut, scratch } = this;
    this.overOffsets(() => {
      const offset = em.name('panels', mul(this.offset(), i32(cut.rows * g.depth)));
      const panels = { buffer: scratch.rows, offset, width: TILE_ROWS, start, count };
      pack(em, g.rows, panels, this.depthBlock());
    });
  }

  private packColumns(): void {
    const { em, g, scratch } = this;
    const count = i32(Math.ceil(g.columns.size / TILE_COLUMNS));
    const panels = {
      buffer: scratch.columns,
      offset: i32(0),
      width: TILE_COLUMNS,
      start: i32(0),
      count,
    };
    pack(em, g.columns, panels, this.depthBlock());
  }

  /** Where four inputs from `column` on go in a row of sums, at the bound offsets. */
  private target(column: TExpr): TExpr {
    const { em, g } = this;
    const widths = g.windows.map((w, i) =>
      i + 1 === g.windows.length ? roundUp(w.u.extent, 4) : w.u.extent,
    );
    const axes = g.windows.map((w, i) => ({ ...w.u, extent: widths[i]! }));
    const position = new Map(positionOf(em, axes, column));
    const at = g.windows.reduce((sum: TExpr, w, i) => {
      const moved = mul(em.index(idxAxis(w.k)), i32(-w.sign));
      const n = add(add(position.get(axes[i]!)!, moved), i32(w.shift - w.low));
      return add(mul(sum, i32(w.length)), n);
    }, i32(0));
    const whole = g.columns.size % TILE_COLUMNS === 0;
    const beyond = operate('ge', column, i32(g.columns.size));
    return em.name('target', whole ? at : operate('select', beyond, i32(g.pitch - 4), at));
  }

  private products(tiles: TExpr): void {
    const { em, g, cut, scratch } = this;
    this.overOffsets(() => {
      const panels = em.name('panels', mul(this.offset(), i32(cut.rows * g.depth)));
      const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
      em.loop('columnTile', i32(0), i32(columnTiles), 1, (columnTile) => {
        const column = em.name('column', mul(columnTile, i32(TILE_COLUMNS)));
        const targets = [this.target(column), this.target(add(column, i32(4)))];
        em.loop('rowTile', i32(0), tiles, 1, (rowTile) => {
          const row = em.name('row', mul(rowTile, i32(TILE_ROWS * g.pitch)));
          const at = (r: number, half: 0 | 1): TExpr =>
            add(add(row, targets[half]!), i32(r * g.pitch));
          accumulateInto(
            em,
            { buffer: scratch.sums, at, begun: true },
            {
              rows: scratch.rows,
              rowPanel: em.name('rowPanel', add(panels, mul(rowTile, i32(TILE_ROWS * g.depth)))),
              columns: scratch.columns,
              columnPanel: em.name('columnPanel', mul(columnTile, i32(TILE_COLUMNS * g.depth))),
              depth: i32(g.depth),
            },
          );
        });
      });
    });
  }

  private finish(start: TExpr): void {
    const { em, g, cut, scratch, outputs } = this;
    const [rows, sums] = [cut.rows, scratch.sums];
    finishImage(em, { g, windows: g.windows, pitch: g.pitch, rows, sums, outputs, start });
  }
}
