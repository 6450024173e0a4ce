/**
 * The code of a weight's gradient by Winograd's algorithm: unit by unit, tiles of the input and of the gradient are
 * transformed, channels in lanes, and multiplied; the sums are transformed back and stored at the end.
 *
 * Invariant: lanes that fill up a panel are the last channel or row again, and never stored.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Expr, Nest } from '../../ir/loop/loop.ts';
import { add, i32, loadFrom, mul, operate, storeTo } from '../../ir/thread/build.ts';
import type { TExpr, ThreadBuffer, TStmt } from '../../ir/thread/thread.ts';
import type { Emitter } from '../emit/emitter.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { outputsOf, storeScalars } from '../stores.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { GradientGeometry } from './gradient.ts';
import { accumulateInto } from './micro.ts';
import { clear, type Planes } from './planes.ts';
import { copyRows } from './rows.ts';
import { type Share, shareOf } from './share.ts';
import {
  PRODUCTS,
  QUAD,
  REACH,
  tilePlanes,
  type WinogradGradientCut,
} from './winograd-gradient-cut.ts';
import { gradientLineOf, type LineTransform } from './winograd-lines.ts';
import { inputLine, square } from './winograd-transforms.ts';

/** Memory of a workgroup. */
export interface GradientScratch {
  /** By product: panels of gradients, of inputs, and their sums. */
  readonly rows: ThreadBuffer;
  readonly columns: ThreadBuffer;
  readonly sums: ThreadBuffer;
  /** Four channels, or rows, with zeros around them. */
  readonly planes: ThreadBuffer;
  readonly lines: ThreadBuffer;
  /** Where tiles begin in a plane of the input, and of the gradient. */
  readonly inputs: ThreadBuffer;
  readonly gradients: ThreadBuffer;
}

export interface GradientWork {
  readonly em: Emitter;
  readonly g: GradientGeometry;
  readonly cut: WinogradGradientCut;
  readonly scratch: GradientScratch;
}

export const emitWinogradGradient = (work: GradientWork, nest: Nest, workgroup: TExpr): TStmt[] => {
  const { em, g, cut, scratch } = work;
  const { layout } = cut;
  const planes = tilePlanes(g, layout);
  const line = gradientLineOf(layout.side);
  const blocks = cut.rowBlocks * cut.channelBlocks;
  bindAll(em, positionOf(em, g.batch, operate('floordiv', workgroup, i32(blocks))));
  const block = em.name('block', operate('mod', workgroup, i32(blocks)));
  const share = (name: string, number: TExpr, axes: readonly Axis[], each: number, tile: number) =>
    shareOf(em, name, number, { size: pointsOf(axes), each, tile });
  const rowBlock = operate('floordiv', block, i32(cut.channelBlocks));
  const rows = share('row', rowBlock, g.rowAxes, cut.rows, TILE_ROWS);
  const channelBlock = operate('mod', block, i32(cut.channelBlocks));
  const channels = share('channel', channelBlock, g.channels, cut.channels, TILE_COLUMNS);
  placeTiles(work, planes);
  clear(em, scratch.sums);
  em.loop('unit', i32(0), i32(cut.units), 1, (unit) => {
    const number = operate('floordiv', unit, i32(layout.stripes));
    const first = em.name('firstImage', mul(number, i32(layout.images)));
    const left = operate('sub', i32(pointsOf(g.images)), first);
    const images = em.name('images', operate('min', left, i32(layout.images)));
    const stripe = mul(
      operate('mod', unit, i32(layout.stripes)),
      i32(layout.tile * layout.tileRows),
    );
    const from = layout.stripes === 1 ? undefined : em.name('stripe', stripe);
    em.loop('image', i32(0), images, 1, (image) => {
      bindAll(em, positionOf(em, g.images, em.name('imageAt', add(first, image))));
      const tile = em.name('tile', mul(image, i32(layout.each)));
      const at = { from, tile };
      transform(work, channels, at, {
        axes: g.channels,
        expr: g.input,
        planes: planes.input,
        table: scratch.inputs,
        line: line.input,
        lines: REACH,
        panels: scratch.columns,
        slice: cut.slices.columns,
        width: TILE_COLUMNS,
      });
      transform(work, rows, at, {
        axes: g.rowAxes,
        expr: g.gradient,
        planes: planes.gradient,
        table: scratch.gradients,
        line: line.gradient,
        lines: layout.tile,
        panels: scratch.rows,
        slice: cut.slices.rows,
        width: TILE_ROWS,
      });
    });
    const depth = em.name('depth', mul(images, i32(layout.each)));
    multiply(work, rows, channels, depth);
  });
  finish(work, nest, rows, channels);
  return em.body;
};

/** Where each tile of an image, or of a stripe of one, begins. */
const placeTiles = (
  { em, cut: { layout }, scratch }: GradientWork,
  planes: ReturnType<typeof tilePlanes>,
): void =>
  em.loop('at', i32(0), i32(layout.each), 1, (at) => {
    const y = em.name('y', operate('floordiv', at, i32(layout.tileColumns)));
    const x = em.name('x', mul(operate('mod', at, i32(layout.tileColumns)), i32(layout.tile)));
    const place = ({ sides }: Planes): TExpr => add(mul(y, i32(layout.tile * sides[0]!.pitch)), x);
    em.push(storeTo(scratch.inputs, at, place(planes.input)));
    em.push(storeTo(scratch.gradients, at, place(planes.gradient)));
  });

/** One of the operands, and how its tiles are transformed. */
interface Side {
  readonly axes: readonly Axis[];
  readonly expr: Expr;
  readonly planes: Planes;
  readonly table: ThreadBuffer;
  readonly line: LineTransform;
  readonly lines: number;
  readonly panels: ThreadBuffer;
  readonly slice: number;
  readonly width: number;
}

/** The panels of the bound image's tiles, four channels at a time. */
const transform = (
  { em, cut: { layout }, scratch }: GradientWork,
  share: Share,
  at: { readonly from: TExpr | undefined; readonly tile: TExpr },
  side: Side,
): void => {
  const { planes, width } = side;
  const pitch = planes.volume + QUAD;
  const size = pointsOf(side.axes);
  em.loop('quad', i32(0), mul(share.tiles, i32(width)), QUAD, (quad) => {
    clear(em, scratch.planes, i32(QUAD * pitch));
    em.loop('lane', i32(0), i32(QUAD), 1, (lane) => {
      const number = add(add(share.start, quad), lane);
      const within = em.name('number', operate('min', number, i32(size - 1)));
      bindAll(em, positionOf(em, side.axes, within));
      const target = { buffer: scratch.planes, at: em.name('plane', mul(lane, i32(pitch))) };
      copyRows(
        em,
        side.expr,
        planes,
        at.from === undefined ? target : { ...target, from: at.from },
      );
    });
    const panel = operate('floordiv', quad, i32(width));
    const half = operate('mod', quad, i32(width));
    const first = add(mul(panel, i32(width * layout.tiles)), half);
    em.loop('tile', i32(0), i32(layout.each), 1, (tile) => {
      const origin = em.name('origin', loadFrom(side.table, tile));
      const lanes = [0, 1, 2, 3].map((lane) => em.name('at', add(origin, i32(lane * pitch))));
      const to = em.name('to', add(first, mul(add(at.tile, tile), i32(width))));
      square(
        em,
        scratch.lines,
        { lines: side.lines, results: REACH },
        side.line,
        (y) => {
          const line = em.name('lineAt', mul(y, i32(planes.sides[0]!.pitch)));
          return inputLine(em, scratch.planes, lanes, line, side.lines);
        },
        (x, values) => {
          const column = em.name('column', add(to, mul(x, i32(side.slice))));
          values.forEach((v, y) => {
            em.push(storeTo(side.panels, add(column, i32(y * REACH * side.slice)), v));
          });
        },
      );
    });
  });
};

/** Adds the products of a unit's tiles to the sums. */
const multiply = (
  { em, cut, scratch }: GradientWork,
  rows: Share,
  channels: Share,
  depth: TExpr,
): void => {
  const { slices, layout } = cut;
  em.loop('product', i32(0), i32(PRODUCTS), 1, (product) => {
    const sums = em.name('sums', mul(product, i32(slices.sums)));
    const left = em.name('gradientsAt', mul(product, i32(slices.rows)));
    const right = em.name('tilesAt', mul(product, i32(slices.columns)));
    em.loop('columnTile', i32(0), channels.tiles, 1, (columnTile) => {
      const panel = mul(columnTile, i32(TILE_COLUMNS * layout.tiles));
      const columnPanel = em.name('columnPanel', add(right, panel));
      const column = em.name('column', add(sums, mul(columnTile, i32(TILE_COLUMNS))));
      em.loop('rowTile', i32(0), rows.tiles, 1, (rowTile) => {
        const base = em.name('sumAt', add(column, mul(rowTile, i32(TILE_ROWS * cut.channels))));
        const at = (r: number, half: 0 | 1): TExpr =>
          add(base, i32(r * cut.channels + QUAD * half));
        const rowAt = add(left, mul(rowTile, i32(TILE_ROWS * layout.tiles)));
        accumulateInto(
          em,
          { buffer: scratch.sums, at, begun: true },
          {
            rows: scratch.rows,
            rowPanel: em.name('rowPanel', rowAt),
            columns: scratch.columns,
            columnPanel,
            depth,
          },
        );
      });
    });
  });
};

/** The stores: of what the sums of each row and four channels become. */
const finish = (
  { em, g, cut, scratch }: GradientWork,
  nest: Nest,
  rows: Share,
  channels: Share,
): void => {
  const { side } = cut.layout;
  const line = gradientLineOf(side);
  const outputs = outputsOf(nest.stores);
  const [down, along] = g.windows.map((w) => w.tap) as [Axis, Axis];
  em.loop('row', i32(0), rows.count, 1, (row) => {
    bindAll(em, positionOf(em, g.rowAxes, em.name('rowAt', add(rows.start, row))));
    em.loop('quad', i32(0), channels.count, QUAD, (quad) => {
      const from = em.name('from', add(mul(row, i32(cut.channels)), quad));
      square(
        em,
        scratch.lines,
        { lines: REACH, results: side },
        line.weight,
        (x) => {
          const column = em.name('column', add(from, mul(x, i32(cut.slices.sums))));
          return Array.from({ length: REACH }, (_, y) =>
            loadFrom(scratch.sums, add(column, i32(y * REACH * cut.slices.sums)), QUAD),
          );
        },
        (y, values) => {
          values.forEach((v, x) => {
            const to = add(mul(y, i32(side)), i32(x));
            em.push(storeTo(scratch.planes, mul(to, i32(QUAD)), v));
          });
        },
      );
      const left = operate('sub', channels.count, quad);
      em.loop('lane', i32(0), em.name('lanes', operate('min', left, i32(QUAD))), 1, (lane) => {
        const channel = add(add(channels.start, quad), lane);
        bindAll(em, positionOf(em, g.channels, em.name('channelAt', channel)));
        em.axisLoop(down, () =>
          em.axisLoop(along, () => {
            const tap = add(mul(em.axisValue(down), i32(side)), em.axisValue(along));
            const sum = loadFrom(scratch.planes, add(mul(tap, i32(QUAD)), lane));
            em.setAccumulator(em.name('sum', sum));
            storeScalars(em, outputs);
          }),
        );
      });
    });
  });
};
