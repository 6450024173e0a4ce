/**
 * The code of a convolution straight from the input: rows are packed, then stripe by stripe the input is copied with zeros
 * around it, multiplied, and the sums stored.
 *
 * Invariant: sums are taken offset by offset within a block of channels, in order; everything read of the copy has been
 * written or cleared for this stripe, or belongs to sums that are never stored.
 */
import { idxAxis } from '../../ir/dim.ts';
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
import { type Output, outputsOf } from '../stores.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { DirectCut, Layout } from './direct.ts';
import { finishImage } from './image.ts';
import { accumulate, eachAccumulator, zeroAccumulators } from './micro.ts';
import { pack } from './pack.ts';
import { copyPadded } from './padded.ts';
import type { Geometry } from './shifted-geometry.ts';

/** Memory of a workgroup. */
export interface DirectScratch {
  readonly rows: ThreadBuffer;
  readonly image: ThreadBuffer;
  readonly sums: ThreadBuffer;
}

/** The part of the first window that a stripe has. */
interface Stripe {
  readonly from: TExpr;
  readonly to: TExpr;
}

/** Channels `from` to `from + length`. */
interface Channels {
  readonly from: TExpr;
  readonly length: TExpr;
}

export class DirectTemplate {
  private readonly g: Geometry;
  private readonly cut: DirectCut;
  private readonly layout: Layout;
  private readonly scratch: DirectScratch;
  private readonly outputs: readonly Output[];
  private readonly em: Emitter;

  constructor(
    g: Geometry,
    cut: DirectCut,
    scratch: DirectScratch,
    nest: Nest,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.g = g;
    this.cut = cut;
    this.layout = cut.layout;
    this.scratch = scratch;
    this.outputs = outputsOf(nest.stores);
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, g, cut, layout } = this;
    const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
    const unitBlock = em.name('unitBlock', operate('floordiv', workgroup, i32(cut.rowBlocks)));
    const start = em.name('rowStart', mul(rowBlock, i32(cut.rows)));
    const most = cut.rows / TILE_ROWS;
    const all = Math.ceil(g.rows.size / TILE_ROWS);
    const left = operate('sub', i32(all), mul(rowBlock, i32(most)));
    const tiles = all % most === 0 ? i32(most) : em.name('tiles', operate('min', left, i32(most)));
    const whole: Channels = { from: i32(0), length: i32(cut.channels) };
    if (cut.chunks === 1) this.packRows(start, tiles, whole);
    const from = em.name('unitStart', mul(unitBlock, i32(cut.units)));
    const to = operate('min', add(from, i32(cut.units)), i32(cut.allUnits));
    em.loop('unit', from, em.name('unitEnd', to), 1, (unit) => {
      const image = em.name('image', operate('floordiv', unit, i32(layout.stripes)));
      bindAll(em, positionOf(em, g.images, image));
      const stripe = this.stripeOf(operate('mod', unit, i32(layout.stripes)));
      if (cut.chunks === 1) {
        this.copy(stripe, whole);
        this.products(tiles, whole, true);
      } else this.inChunks(start, tiles, stripe);
      finishImage(em, {
        g,
        windows: layout.windows.map(({ window, length }) => ({ n: window.n, low: 0, length })),
        pitch: layout.tiles * TILE_COLUMNS,
        rows: cut.rows,
        sums: this.scratch.sums,
        outputs: this.outputs,
        start,
        stripe,
      });
    });
    return em.body;
  }

  private stripeOf(number: TExpr): Stripe {
    const { em, layout } = this;
    const { extent } = layout.windows[0]!.window.n;
    if (layout.stripes === 1) return { from: i32(0), to: i32(extent) };
    const from = em.name('stripe', mul(number, i32(layout.stripe)));
    const to = operate('min', add(from, i32(layout.stripe)), i32(extent));
    return { from, to: em.name('stripeEnd', to) };
  }

  private inChunks(start: TExpr, tiles: TExpr, stripe: Stripe): void {
    const { em, g, cut, layout, scratch } = this;
    this.clear(scratch.sums, mul(tiles, i32(TILE_ROWS * layout.tiles * TILE_COLUMNS)));
    em.loop('chunk', i32(0), i32(cut.chunks), 1, (chunk) => {
      const from = em.name('channelStart', mul(chunk, i32(cut.channels)));
      const left = operate('sub', i32(g.depth), from);
      const length = em.name('channels', operate('min', left, i32(cut.channels)));
      this.packRows(start, tiles, { from, length });
      this.copy(stripe, { from, length });
      this.products(tiles, { from, length }, false);
    });
  }

  private clear(buffer: ThreadBuffer, end: TExpr): void {
    const zero = constantOf(0, regType('f32', 4));
    this.em.loop('clear', i32(0), end, 4, (at) => this.em.push(storeTo(buffer, at, zero)));
  }

  /** Visits the window offsets, innermost last; `offset` counts them. */
  private overOffsets(visit: (offset: TExpr) => void): void {
    const { em, g } = this;
    const walk = (i: number, before: TExpr): void => {
      const axis = g.windows[i]?.k;
      if (axis === undefined) visit(before);
      else
        em.axisLoop(axis, () =>
          walk(i + 1, add(mul(before, i32(axis.extent)), em.index(idxAxis(axis)))),
        );
    };
    walk(0, i32(0));
  }

  private packRows(start: TExpr, count: TExpr, { from, length }: Channels): void {
    const { em, g, cut, scratch } = this;
    const first = g.channels[0]?.extent ?? 1;
    const inner = cut.chunks === 1 ? g.depth / first : 1;
    const block = {
      blocks: { inner, depth: cut.channels },
      from,
      length: cut.chunks === 1 ? i32(first) : length,
    };
    this.overOffsets((number) => {
      const offset = em.name('panels', mul(number, i32(cut.rows * cut.channels)));
      const panels = { buffer: scratch.rows, offset, width: TILE_ROWS, start, count };
      pack(em, g.rows, panels, block);
    });
  }

  /** The input of a stripe, with zeros around it. */
  private copy(stripe: Stripe, { from, length }: Channels): void {
    const { em, g, layout, scratch } = this;
    this.clear(scratch.image, mul(length, i32(layout.plane)));
    em.loop('channel', i32(0), length, 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, em.name('channelAt', add(from, channel))));
      const at = em.name('planeAt', mul(channel, i32(layout.plane)));
      const first = layout.stripes > 1 ? stripe.from : undefined;
      copyPadded(em, g.input, layout.windows, scratch.image, at, first);
    });
  }

  /** How far the bound window offsets move what is read. */
  private reach(): TExpr {
    const { em, layout } = this;
    return layout.windows.reduce((sum: TExpr, { window, pitch }) => {
      const { k, sign } = window;
      const at = em.index(idxAxis(k));
      const steps = sign > 0 ? at : operate('sub', i32(k.extent - 1), at);
      return add(sum, mul(steps, i32(pitch)));
    }, i32(0));
  }

  /** Adds to the sums what these channels give; `only`: there is nothing in them yet. */
  private products(tiles: TExpr, { length }: Channels, only: boolean): void {
    const { em, cut, layout, scratch } = this;
    const pitch = layout.tiles * TILE_COLUMNS;
    em.loop('columnTile', i32(0), i32(layout.tiles), 1, (columnTile) => {
      const column = em.name('column', mul(columnTile, i32(TILE_COLUMNS)));
      em.loop('rowTile', i32(0), tiles, 1, (rowTile) => {
        const accumulators = zeroAccumulators(em);
        const base = em.name('sumAt', add(mul(rowTile, i32(TILE_ROWS * pitch)), column));
        const at = (row: number, half: 0 | 1): TExpr => add(base, i32(row * pitch + 4 * half));
        if (!only)
          eachAccumulator(accumulators, (register, row, half) => {
            em.set(register, loadFrom(scratch.sums, at(row, half), 4));
          });
        const panel = em.name('panel', mul(rowTile, i32(TILE_ROWS * cut.channels)));
        this.overOffsets((number) => {
          const panels = mul(number, i32(cut.rows * cut.channels));
          accumulate(em, accumulators, {
            rows: scratch.rows,
            rowPanel: em.name('rowPanel', add(panels, panel)),
            columns: scratch.image,
            columnPanel: em.name('columnPanel', add(column, this.reach())),
            columnStep: layout.plane,
            depth: length,
          });
        });
        eachAccumulator(accumulators, (register, row, half) => {
          em.push(storeTo(scratch.sums, at(row, half), get(register)));
        });
      });
    });
  }
}
