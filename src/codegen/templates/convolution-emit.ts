/**
 * The code of a convolution straight from the input: rows are packed, then stripe by stripe the input is copied with zeros
 * around it, multiplied, and the sums stored.
 *
 * Invariant: sums are taken tap by tap within a block of channels, in order; what is stored of them has been summed whole.
 */
import { type Axis, type Idx, idxAdd, idxAxis, idxConst, idxScale } from '../../ir/dim.ts';
import type { LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { Cut, Layout } from './convolution.ts';
import { type Finish, finishImage, finishOf } from './convolution-finish.ts';
import type { Geometry } from './convolution-geometry.ts';
import { accumulate, inRegisters } from './micro.ts';
import { pack } from './pack.ts';
import { clear, copyPlane, reachOf } from './planes.ts';
import { type Share, shareOf } from './share.ts';
import { tileAt } from './slots.ts';

/** Memory of a workgroup. */
export interface Scratch {
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

export class ConvolutionTemplate {
  private readonly g: Geometry;
  private readonly cut: Cut;
  private readonly layout: Layout;
  private readonly scratch: Scratch;
  private readonly finish: Finish;
  private readonly em: Emitter;

  constructor(
    g: Geometry,
    cut: Cut,
    scratch: Scratch,
    nest: Nest,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.g = g;
    this.cut = cut;
    this.layout = cut.layout;
    this.scratch = scratch;
    const { slots } = cut.layout;
    this.finish = finishOf(g, nest.stores, { slots, each: slots.tiles * TILE_COLUMNS });
    this.em = new Emitter({ lanes: 4, resolve });
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, g, cut, layout, scratch } = this;
    const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
    const rest = em.name('rest', operate('floordiv', workgroup, i32(cut.rowBlocks)));
    const unitBlock = em.name('unitBlock', operate('mod', rest, i32(cut.unitBlocks)));
    bindAll(em, positionOf(em, g.batch, operate('floordiv', rest, i32(cut.unitBlocks))));
    const size = { size: g.rows.size, each: cut.rows, tile: TILE_ROWS };
    const rows = shareOf(em, 'row', rowBlock, size);
    const whole: Channels = { from: i32(0), length: i32(cut.channels) };
    if (cut.chunks === 1) this.packRows(rows, whole);
    // what lies around the input stays zero as long as all images lie alike
    if (layout.stripes === 1) clear(em, scratch.image);
    const from = em.name('unitStart', mul(unitBlock, i32(cut.units)));
    const to = operate('min', add(from, i32(cut.units)), i32(cut.allUnits));
    em.loop('unit', from, em.name('unitEnd', to), 1, (unit) => {
      const image = em.name('image', operate('floordiv', unit, i32(layout.stripes)));
      bindAll(em, positionOf(em, g.images, image));
      const stripe = this.stripeOf(operate('mod', unit, i32(layout.stripes)));
      if (cut.chunks === 1) {
        this.copy(stripe, whole);
        this.products(rows, whole, true);
      } else this.inChunks(rows, stripe);
      finishImage(em, this.finish, { sums: scratch.sums, pitch: layout.pitch, rows, stripe });
    });
    return em.body;
  }

  private stripeOf(number: TExpr): Stripe {
    const { em, layout } = this;
    const { extent } = this.g.windows[0]!.position;
    if (layout.stripes === 1) return { from: i32(0), to: i32(extent) };
    const from = em.name('stripe', mul(number, i32(layout.stripe)));
    const to = operate('min', add(from, i32(layout.stripe)), i32(extent));
    return { from, to: em.name('stripeEnd', to) };
  }

  private inChunks(rows: Share, stripe: Stripe): void {
    const { em, g, cut, layout, scratch } = this;
    clear(em, scratch.sums, mul(rows.tiles, i32(TILE_ROWS * layout.pitch)));
    em.loop('chunk', i32(0), i32(cut.chunks), 1, (chunk) => {
      const from = em.name('channelStart', mul(chunk, i32(cut.channels)));
      const left = operate('sub', i32(g.depth), from);
      const length = em.name('channels', operate('min', left, i32(cut.channels)));
      this.packRows(rows, { from, length });
      this.copy(stripe, { from, length });
      this.products(rows, { from, length }, false);
    });
  }

  /** Visits the taps of the bound phases, innermost last, with the place of their weights. */
  private overTaps(visit: (slot: TExpr) => void): void {
    const { em, g } = this;
    const walk = (i: number, slot: Idx): void => {
      const window = g.windows[i];
      if (window === undefined) {
        visit(em.index(slot));
        return;
      }
      const { end, slots, slot: own } = g.taps[i]!;
      em.loop(window.tap.name, i32(0), em.index(end), 1, (tap) => {
        em.bind(window.tap, tap);
        walk(i + 1, idxAdd(idxScale(slot, slots), own));
      });
    };
    walk(0, idxConst(0));
  }

  private overPhases(visit: () => void): void {
    const walk = (phases: readonly Axis[]): void => {
      const [phase, ...deeper] = phases;
      if (phase === undefined) visit();
      else this.em.axisLoop(phase, () => walk(deeper));
    };
    walk(this.g.taps.map((t) => t.phase));
  }

  private packRows(rows: Share, { from, length }: Channels): void {
    const { em, g, cut, scratch } = this;
    const first = g.channels[0]?.extent ?? 1;
    const inner = cut.chunks === 1 ? g.depth / first : 1;
    const block = {
      blocks: { inner, depth: cut.channels },
      from,
      length: cut.chunks === 1 ? i32(first) : length,
    };
    this.overPhases(() =>
      this.overTaps((slot) => {
        const offset = em.name('panels', mul(slot, i32(cut.rows * cut.channels)));
        const { start, tiles: count } = rows;
        pack(em, g.rows, { buffer: scratch.rows, offset, width: TILE_ROWS, start, count }, block);
      }),
    );
  }

  private copy(stripe: Stripe, { from, length }: Channels): void {
    const { em, g, layout, scratch } = this;
    if (layout.stripes > 1) clear(em, scratch.image, mul(length, i32(layout.plane)));
    em.loop('channel', i32(0), length, 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, em.name('channelAt', add(from, channel))));
      const at = em.name('planeAt', mul(channel, i32(layout.plane)));
      const whole = { buffer: scratch.image, at };
      const target = layout.stripes > 1 ? { ...whole, from: stripe.from } : whole;
      copyPlane(em, g.input, layout.planes, target);
    });
  }

  /** Adds to the sums what these channels give; `only`: there is nothing in them yet. */
  private products(rows: Share, { length }: Channels, only: boolean): void {
    const { em, g, cut, layout, scratch } = this;
    const { slots, planes, pitch } = layout;
    const each = slots.tiles * TILE_COLUMNS;
    em.loop('columnTile', i32(0), i32(slots.tiles), 1, (tile) => {
      const { left, right } = tileAt(em, slots, planes, tile);
      const slot = em.name('slot', mul(tile, i32(TILE_COLUMNS)));
      em.loop('rowTile', i32(0), rows.tiles, 1, (rowTile) => {
        const panel = em.name('panel', mul(rowTile, i32(TILE_ROWS * cut.channels)));
        this.overPhases(() => {
          const phase = g.taps.reduce(
            (n: Idx, { phase }) => idxAdd(idxScale(n, phase.extent), idxAxis(phase)),
            idxConst(0),
          );
          const own = add(mul(em.index(phase), i32(each)), slot);
          const base = em.name('sumAt', add(mul(rowTile, i32(TILE_ROWS * pitch)), own));
          const at = (row: number, half: 0 | 1): TExpr => add(base, i32(row * pitch + 4 * half));
          inRegisters(em, { buffer: scratch.sums, at, begun: !only }, (accumulators) =>
            this.overTaps((tap) => {
              const reach = em.index(reachOf(planes));
              const panels = mul(tap, i32(cut.rows * cut.channels));
              accumulate(em, accumulators, {
                rows: scratch.rows,
                rowPanel: em.name('rowPanel', add(panels, panel)),
                columns: scratch.image,
                columnPanel: em.name('columnPanel', add(left, reach)),
                ...(right === undefined
                  ? {}
                  : { rightPanel: em.name('rightPanel', add(right, reach)) }),
                columnStep: layout.plane,
                depth: length,
              });
            }),
          );
        });
      });
    });
  }
}
