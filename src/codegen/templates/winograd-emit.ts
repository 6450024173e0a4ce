/**
 * The code of a convolution by Winograd's algorithm: weights are transformed, then unit by unit tiles of the input;
 * panels are multiplied, and what the products become is stored.
 *
 * Invariant: sums of a product are taken channel by channel, in order, whatever the parts that channels are taken in.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { add, i32, mul, operate } from '../../ir/thread/build.ts';
import type { TExpr, TStmt } from '../../ir/thread/thread.ts';
import { bindAll, positionOf } from '../emit/position.ts';
import { outputsOf } from '../stores.ts';
import { TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { finishImage } from './image.ts';
import { accumulateInto } from './micro.ts';
import { clear } from './planes.ts';
import type { WinogradCut } from './winograd.ts';
import {
  type Channels,
  LANES,
  placeTiles,
  transformProducts,
  transformTiles,
  transformWeights,
  type Unit,
  type WinogradScratch,
  type Work,
} from './winograd-transforms.ts';

export const emitWinograd = (work: Work, nest: Nest, workgroup: TExpr): TStmt[] => {
  const { em, g, cut, scratch } = work;
  const rowBlock = em.name('rowBlock', operate('mod', workgroup, i32(cut.rowBlocks)));
  const unitBlock = em.name('unitBlock', operate('floordiv', workgroup, i32(cut.rowBlocks)));
  const start = em.name('rowStart', mul(rowBlock, i32(cut.rows)));
  const most = cut.rows / TILE_ROWS;
  const all = Math.ceil(g.rows.size / TILE_ROWS);
  const left = operate('sub', i32(all), mul(rowBlock, i32(most)));
  const rows = all % most === 0 ? i32(most) : em.name('tiles', operate('min', left, i32(most)));
  const panels = cut.layout.columns / TILE_COLUMNS;
  const overPanels = (visit: (panel: TExpr, block: TExpr) => void): void =>
    em.loop('panel', i32(0), i32(panels), 1, (panel) => {
      const block = cut.chunks === 1 ? i32(0) : mul(panel, i32(cut.rows * TILE_COLUMNS));
      visit(panel, em.name('block', block));
    });
  const whole: Channels = { from: i32(0), length: i32(g.depth) };
  const panelsOf = (chunk: TExpr): WeightPanels => {
    const tile = TILE_ROWS * cut.channels;
    if (!work.ready) return { at: i32(0), slice: cut.slices.rows, tile };
    const slice = most * tile;
    const part = add(mul(rowBlock, i32(cut.chunks)), chunk);
    return { at: em.name('panelsAt', mul(part, i32(cut.layout.reach ** 2 * slice))), slice, tile };
  };
  const transform = (channels: Channels): void => {
    if (!work.ready) transformWeights(work, start, rows, channels);
  };
  placeTiles(work);
  // what lies around the input stays zero as long as all images lie alike
  if (cut.layout.stripes === 1) clear(em, scratch.image);
  if (cut.chunks === 1) transform(whole);
  const from = em.name('unitStart', mul(unitBlock, i32(cut.units)));
  const to = operate('min', add(from, i32(cut.units)), i32(cut.allUnits));
  em.loop('unit', from, em.name('unitEnd', to), 1, (number) => {
    const unit = unitOf(work, number);
    if (cut.chunks === 1) {
      transformTiles(work, unit, whole);
      overPanels((panel, block) => {
        multiply(work, panel, block, rows, whole.length, panelsOf(i32(0)));
        transformProducts(work, panel, block, rows);
      });
    } else {
      clear(em, scratch.products);
      em.loop('chunk', i32(0), i32(cut.chunks), 1, (chunk) => {
        const first = em.name('channelStart', mul(chunk, i32(cut.channels)));
        const rest = operate('sub', i32(g.depth), first);
        const length = em.name('channels', operate('min', rest, i32(cut.channels)));
        const channels: Channels = { from: first, length };
        transform(channels);
        transformTiles(work, unit, channels);
        const weights = panelsOf(chunk);
        overPanels((panel, block) => multiply(work, panel, block, rows, length, weights));
      });
      overPanels((panel, block) => transformProducts(work, panel, block, rows));
    }
    finish(work, nest, unit, start);
  });
  return em.body;
};

const unitOf = ({ em, g, cut: { layout } }: Work, number: TExpr): Unit => {
  if (layout.stripes === 1) {
    const image = em.name('image', mul(number, i32(layout.images)));
    const left = operate('sub', i32(pointsOf(g.images)), image);
    return { image, images: em.name('images', operate('min', left, i32(layout.images))) };
  }
  const { extent } = g.windows[0]!.n;
  const image = em.name('image', operate('floordiv', number, i32(layout.stripes)));
  const length = i32(layout.tile * layout.tileRows);
  const from = em.name('stripe', mul(operate('mod', number, i32(layout.stripes)), length));
  const to = em.name('stripeEnd', operate('min', add(from, length), i32(extent)));
  return { image, images: i32(1), stripe: { from, to } };
};

/** Where panels of the weights are: the first, from one of the tile's products to the next, from four rows to the next. */
export interface WeightPanels {
  readonly at: TExpr;
  readonly slice: number;
  readonly tile: number;
}

/** What products of panels need to know. */
export interface ProductWork extends Pick<Work, 'em'> {
  readonly cut: Pick<WinogradCut, 'channels' | 'chunks' | 'slices'> & {
    readonly layout: Pick<WinogradCut['layout'], 'reach'>;
  };
  readonly scratch: Pick<WinogradScratch, 'rows' | 'columns' | 'products'>;
}

/** The products of one panel of tiles, added to what other parts of the channels gave. */
export const multiply = (
  { em, cut, scratch }: ProductWork,
  panel: TExpr,
  block: TExpr,
  rows: TExpr,
  depth: TExpr,
  panels: WeightPanels,
): void => {
  const { layout, slices } = cut;
  const panelAt = em.name('panelAt', mul(panel, i32(TILE_COLUMNS * cut.channels)));
  em.loop('product', i32(0), i32(layout.reach ** 2), 1, (product) => {
    const sums = em.name('sums', add(block, mul(product, i32(slices.sums))));
    const weights = em.name('weightsAt', add(panels.at, mul(product, i32(panels.slice))));
    const columnPanel = em.name('columnPanel', add(panelAt, mul(product, i32(slices.columns))));
    em.loop('rowTile', i32(0), rows, 1, (rowTile) => {
      const base = em.name('sumAt', add(sums, mul(rowTile, i32(TILE_ROWS * TILE_COLUMNS))));
      const at = (row: number, half: 0 | 1): TExpr =>
        add(base, i32(row * TILE_COLUMNS + half * LANES));
      const rowAt = add(weights, mul(rowTile, i32(panels.tile)));
      accumulateInto(
        em,
        { buffer: scratch.products, at, begun: cut.chunks > 1 },
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
};

const finish = (
  { em, g, cut: { layout, rows }, scratch }: Work,
  nest: Nest,
  { image, images, stripe }: Unit,
  start: TExpr,
): void => {
  const lengths = [layout.tile * layout.tileRows, layout.resultPitch];
  em.loop('finishedImage', i32(0), images, 1, (number) => {
    bindAll(em, positionOf(em, g.images, em.name('imageAt', add(image, number))));
    finishImage(em, {
      g,
      windows: g.windows.map(({ n }, i) => ({ n, low: 0, length: lengths[i]! })),
      pitch: layout.images * layout.resultPlane,
      rows,
      sums: scratch.sums,
      outputs: outputsOf(nest.stores),
      start,
      origin: em.name('origin', mul(number, i32(layout.resultPlane))),
      ...(stripe === undefined ? {} : { stripe }),
    });
  });
};
