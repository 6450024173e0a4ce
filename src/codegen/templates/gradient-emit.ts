/**
 * The code of a weight's gradient image by image: both operands are copied, then multiplied and summed along their
 * positions for each tap and channel; sums are stored at the end.
 *
 * Invariant: sums are taken group by group of images, in order; lanes that fill up a tile are never stored.
 */
import { idxAxis, pointsOf } from '../../ir/dim.ts';
import type { LoopBuffer, Nest } from '../../ir/loop/loop.ts';
import {
  add,
  constantOf,
  i32,
  loadFrom,
  mul,
  operate,
  regType,
  storeTo,
} from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import { offsetOf } from '../analysis.ts';
import { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { type Output, outputsOf, storeScalars } from '../stores.ts';
import { TILE_ROWS } from './contraction.ts';
import { accumulateDots, type Dotted, dotsOf, restOf } from './dots.ts';
import type { GradientCut, GradientGeometry, GradientLayout } from './gradient.ts';
import { zeroAccumulators } from './micro.ts';
import { clear, copyPlane, type Planes, reachOf, type Side, type Target } from './planes.ts';
import { type Share, shareOf } from './share.ts';

/** Memory of a workgroup. */
export interface GradientScratch {
  /** By stripe and channel. */
  readonly image: ThreadBuffer;
  /** By stripe and row. */
  readonly gradient: ThreadBuffer;
  /** By four rows, column and row. */
  readonly sums: ThreadBuffer;
  /** Where the columns, which are channels by taps, begin in the image. */
  readonly table: ThreadBuffer;
}

/** Stripes of a group. */
interface Units {
  readonly first: TExpr;
  readonly count: TExpr;
  /** Lanes of the last vector of their sums. */
  readonly rest: TExpr | undefined;
}

export class GradientTemplate {
  private readonly g: GradientGeometry;
  private readonly cut: GradientCut;
  private readonly layout: GradientLayout;
  private readonly scratch: GradientScratch;
  private readonly outputs: readonly Output[];
  private readonly em: Emitter;
  /** The gradient as planes are copied, without anything between its rows. */
  private readonly lines: Planes;
  private readonly taps: number;
  /** Of four rows, all columns. */
  private readonly tile: number;

  constructor(
    g: GradientGeometry,
    cut: GradientCut,
    scratch: GradientScratch,
    nest: Nest,
    resolve: (b: LoopBuffer) => ThreadBuffer,
  ) {
    this.g = g;
    this.cut = cut;
    this.layout = cut.layout;
    this.scratch = scratch;
    this.outputs = outputsOf(nest.stores);
    this.em = new Emitter({ lanes: 4, resolve });
    let pitch = 1;
    const sides = cut.layout.planes.sides.toReversed().map((s): Side => {
      const window = { ...s.window, stride: 1, u: s.window.position };
      const own = { ...s, window, length: s.positions, remainders: 1, step: 1, pad: 0, pitch };
      pitch *= s.positions;
      return own;
    });
    this.lines = { ...cut.layout.planes, sides: sides.reverse() };
    this.taps = pointsOf(g.windows.map((w) => w.tap));
    this.tile = (scratch.sums.elements / cut.rows) * TILE_ROWS;
  }

  emit(workgroup: TExpr): TStmt[] {
    const { em, g, cut, layout, scratch } = this;
    const blocks = cut.rowBlocks * cut.channelBlocks;
    const block = em.name('block', operate('mod', workgroup, i32(blocks)));
    bindAll(em, positionOf(em, g.batch, operate('floordiv', workgroup, i32(blocks))));
    const rows = shareOf(em, 'row', operate('floordiv', block, i32(cut.channelBlocks)), {
      size: pointsOf(g.rowAxes),
      each: cut.rows,
      tile: TILE_ROWS,
    });
    const channels = shareOf(em, 'channel', operate('mod', block, i32(cut.channelBlocks)), {
      size: pointsOf(g.channels),
      each: cut.channels,
      tile: 1,
    });
    clear(em, scratch.sums);
    this.tabulate();
    // what lies around the input stays zero as long as all stripes lie alike
    if (layout.stripes === 1) this.clearOperands();
    const rest = restOf(em, layout.depth);
    em.loop('group', i32(0), i32(cut.allUnits), cut.units, (first) => {
      const left = operate('sub', i32(cut.allUnits), first);
      const all = cut.allUnits % cut.units === 0;
      const count = all ? i32(cut.units) : em.name('units', operate('min', left, i32(cut.units)));
      if (layout.stripes > 1) this.clearOperands();
      em.loop('unit', i32(0), count, 1, (unit) =>
        this.copy(unit, add(first, unit), rows, channels),
      );
      this.products(rows, channels, { first, count, rest });
    });
    this.finish(rows, channels);
    return em.body;
  }

  private clearOperands(): void {
    const { em, scratch } = this;
    clear(em, scratch.image);
    if (!this.layout.inPlace) clear(em, scratch.gradient);
  }

  /** Visits the taps of all windows, innermost last, with their number. */
  private overTaps(visit: (number: TExpr) => void): void {
    const { em, g } = this;
    const walk = (i: number, number: TExpr): void => {
      const axis = g.windows[i]?.tap;
      if (axis === undefined) visit(number);
      else
        em.axisLoop(axis, () =>
          walk(i + 1, add(mul(number, i32(axis.extent)), em.index(idxAxis(axis)))),
        );
    };
    walk(0, i32(0));
  }

  private tabulate(): void {
    const { em, cut, layout, scratch, taps } = this;
    const none = constantOf(0, regType('i32'));
    em.push(storeTo(scratch.table, i32(scratch.table.elements - 1), none));
    const columns = cut.channels * taps;
    if (columns % 2 === 1) em.push(storeTo(scratch.table, i32(columns), none));
    em.loop('channel', i32(0), i32(cut.channels), 1, (channel) =>
      this.overTaps((tap) => {
        const at = add(mul(channel, i32(taps)), tap);
        const place = add(mul(channel, i32(layout.plane)), em.index(reachOf(layout.planes)));
        em.push(storeTo(scratch.table, at, place));
      }),
    );
  }

  /** Stripe number `number` as the `unit`th of its group. */
  private copy(unit: TExpr, number: TExpr, rows: Share, channels: Share): void {
    const { em, g, cut, layout, scratch } = this;
    const image = em.name('image', operate('floordiv', number, i32(layout.stripes)));
    bindAll(em, positionOf(em, g.images, image));
    const stripe = operate('mod', number, i32(layout.stripes));
    const from =
      layout.stripes > 1 ? em.name('stripe', mul(stripe, i32(layout.stripe))) : undefined;
    const target = (buffer: ThreadBuffer, at: TExpr): Target => ({
      buffer,
      at: em.name('planeAt', at),
      ...(from === undefined ? {} : { from }),
    });
    em.loop('channel', i32(0), channels.count, 1, (channel) => {
      bindAll(em, positionOf(em, g.channels, em.name('channelAt', add(channels.start, channel))));
      const at = mul(add(mul(unit, i32(cut.channels)), channel), i32(layout.plane));
      copyPlane(em, g.input, layout.planes, target(scratch.image, at));
    });
    if (layout.inPlace) return;
    em.loop('row', i32(0), rows.count, 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
      const at = mul(add(mul(unit, i32(cut.rows)), row), i32(layout.line));
      copyPlane(em, g.gradient, this.lines, target(scratch.gradient, at));
    });
  }

  private products(rows: Share, channels: Share, units: Units): void {
    const { em, cut, layout, scratch, taps, tile } = this;
    const columns = mul(channels.count, i32(taps));
    em.loop('rowTile', i32(0), rows.tiles, 1, (rowTile) =>
      em.loop('column', i32(0), em.name('columns', columns), 2, (column) => {
        const sums = zeroAccumulators(em);
        const [left, right] = [0, 1].map((i) =>
          em.name('columnAt', loadFrom(scratch.table, add(column, i32(i)))),
        );
        em.loop('unit', i32(0), units.count, 1, (unit) => {
          const image = mul(unit, i32(cut.channels * layout.plane));
          const line = this.rowsAt(rows, rowTile, unit, add(units.first, unit));
          em.loop('run', i32(0), i32(layout.runs), 1, (run) => {
            const at = em.name('runAt', add(image, mul(run, i32(layout.runPitch))));
            accumulateDots(em, sums, {
              ...line,
              row: em.name('row', add(line.row, mul(run, i32(layout.depth)))),
              columns: scratch.image,
              column: [em.name('left', add(left!, at)), em.name('right', add(right!, at))],
              depth: layout.depth,
              rest: units.rest,
            });
          });
        });
        const at = em.name('sumAt', add(mul(rowTile, i32(tile)), mul(column, i32(TILE_ROWS))));
        dotsOf(em, sums).forEach((sum, half) => {
          const place = add(at, i32(half * TILE_ROWS));
          const before = loadFrom(scratch.sums, place, 4);
          em.push(storeTo(scratch.sums, place, operate('add', before, sum)));
        });
      }),
    );
  }

  /** Four rows of the gradient, of stripe number `number`. */
  private rowsAt(
    rows: Share,
    rowTile: TExpr,
    unit: TExpr,
    number: TExpr,
  ): Pick<Dotted, 'rows' | 'row' | 'rowPitch'> {
    const { em, g, cut, layout, scratch } = this;
    const row = mul(rowTile, i32(TILE_ROWS));
    if (!layout.inPlace || g.inPlace === undefined) {
      const line = add(mul(unit, i32(cut.rows)), row);
      const at = em.name('row', mul(line, i32(layout.line)));
      return { rows: scratch.gradient, row: at, rowPitch: layout.line };
    }
    const { load, pitch } = g.inPlace;
    const image = em.name('image', operate('floordiv', number, i32(layout.stripes)));
    bindAll(em, positionOf(em, g.images, image));
    bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
    g.windows.forEach(({ position }, i) => {
      const stripe = operate('mod', number, i32(layout.stripes));
      em.bind(position, i === 0 ? mul(stripe, i32(layout.stripe)) : i32(0));
    });
    const at = em.name('row', em.index(offsetOf(load)));
    return { rows: em.resolve(load.buffer), row: at, rowPitch: pitch };
  }

  private finish(rows: Share, channels: Share): void {
    const { em, g, scratch, taps, tile } = this;
    em.loop('row', i32(0), rows.count, 1, (row) => {
      bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
      const inTile = operate('and', row, i32(TILE_ROWS - 1));
      const before = em.name('tile', add(mul(operate('shr', row, i32(2)), i32(tile)), inTile));
      em.loop('channel', i32(0), channels.count, 1, (channel) => {
        const at = em.name('channelAt', add(channels.start, channel));
        bindAll(em, positionOf(em, g.channels, at));
        this.overTaps((tap) => {
          const column = add(mul(channel, i32(taps)), tap);
          const sum = loadFrom(scratch.sums, add(before, mul(column, i32(TILE_ROWS))));
          em.setAccumulator(em.name('sum', sum));
          storeScalars(em, this.outputs);
        });
      });
    });
  }
}
