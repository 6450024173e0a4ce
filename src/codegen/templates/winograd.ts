/**
 * Convolutions of 3 x 3 windows with stride 1 by Winograd's algorithm (Lavin and Gray, 2015): tiles of 2 x 2 or 4 x 4
 * results cost 16 or 36 products of a channel and a row instead of 36 or 144; with 5 x 5 windows 2 x 2 cost 36, not 100.
 * Weights and tiles of the input are transformed straight into panels of the micro-kernel, products into an image that
 * the stores read.
 *
 * Invariants: a workgroup owns whole units (stripes of an image, or several images) and a block of rows; what it
 * transforms fits its memory; sums are taken channel by channel, in order.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import type { NestPlan } from '../plan.ts';
import { elapsed, leastElapsed, START, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { apart, doublings } from './cuts.ts';
import { type Shifts, sizesOf } from './shifted-geometry.ts';
import { Shortlist } from './shortlist.ts';
import { emitWinograd } from './winograd-emit.ts';
import { type Parts, type ReadyWeights, readyWeights } from './winograd-kept.ts';
import type { TileSize } from './winograd-lines.ts';
import { type Taps, tapsOf } from './winograd-taps.ts';

/** The tiles of a unit, and how their input and their results lie in memory. */
export interface Layout {
  readonly tile: TileSize;
  /** Inputs along a line of a tile. */
  readonly reach: number;
  /** Tiles along both windows. */
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly images: number;
  /** Parts of an image; 1 where a unit has several. */
  readonly stripes: number;
  /** Tiles of a unit, and in whole panels. */
  readonly tiles: number;
  readonly columns: number;
  /** Of a channel of the input, with zeros around it: a line, and an image. */
  readonly pitch: number;
  readonly plane: number;
  /** Of a row of the results. */
  readonly resultPitch: number;
  readonly resultPlane: number;
}

/** How the work is cut. */
export interface WinogradCut {
  readonly layout: Layout;
  /** Of a workgroup. */
  readonly rows: number;
  readonly rowBlocks: number;
  readonly units: number;
  readonly allUnits: number;
  /** Channels that are transformed at a time. */
  readonly channels: number;
  readonly chunks: number;
  readonly slices: Slices;
  readonly grid: number;
  readonly cycles: number;
}

/** Elements of one of the tile's products: of weights, inputs and sums. */
export interface Slices {
  readonly rows: number;
  readonly columns: number;
  readonly sums: number;
}

/** Cycles to transform weights of a row and a channel, a tile of a channel, a tile of results; by taps and size. */
export const COSTS = {
  3: { 2: { weight: 14, input: 28, result: 8 }, 4: { weight: 20, input: 58, result: 13 } },
  5: { 2: { weight: 40, input: 58, result: 11 } },
} as const;
/** Cycles to fetch an element of weights that lie ready. */
const FETCH = 0.25;
const TURN = 30;
/** Cycles an element: clearing four at a time, and storing a result. */
const CLEAR = 0.3;
const FINISH = 0.4;
/** Fewest channels whose transforms pay, and fewest in a part of them. */
export const FEWEST_CHANNELS = 12;
const LEAST_PART = 32;

const layoutOf = (
  g: Shifts,
  side: number,
  tile: TileSize,
  tileRows: number,
  images: number,
): Layout => {
  const reach = tile + side - 1;
  const [high, wide] = g.windows.map((w) => Math.ceil(w.n.extent / tile)) as [number, number];
  const tiles = images * tileRows * wide;
  // lines of six are read in whole vectors
  const pitch = tile * wide + (reach > 4 ? 8 - tile : 4);
  // two results of a tile are stored with two more, which its neighbour overwrites
  const resultPitch = tile * wide + (tile === 2 ? 2 : 0);
  return {
    tile,
    reach,
    tileRows,
    tileColumns: wide,
    images,
    stripes: Math.ceil(high / tileRows),
    tiles,
    columns: Math.ceil(tiles / TILE_COLUMNS) * TILE_COLUMNS,
    pitch,
    plane: (tile * tileRows + side - 1) * pitch + 4,
    resultPitch,
    resultPlane: tile * tileRows * resultPitch,
  };
};

const layoutsOf = (g: Shifts, side: number, tile: TileSize): Layout[] => {
  const high = Math.ceil(g.windows[0]!.n.extent / tile);
  const parts = [...new Set([1, 2, 3, 4, 7, 8, 14].map((n) => Math.ceil(high / n)))];
  const images = pointsOf(g.images);
  return [
    ...parts.map((tileRows) => layoutOf(g, side, tile, tileRows, 1)),
    ...[2, 4, 8].filter((n) => n <= images).map((n) => layoutOf(g, side, tile, high, n)),
  ];
};

const elementsOf = (layout: Layout, rows: number, slices: Slices): number => {
  const products = layout.reach * layout.reach;
  return (
    products * (slices.rows + slices.columns + slices.sums + 4) +
    layout.images * layout.plane +
    rows * layout.images * layout.resultPlane +
    2 * layout.columns
  );
};

/** The best few cuts of less than `below` cycles. */
const cutsOf = (
  g: Shifts,
  taps: Taps,
  ready: Partial<Parts> | undefined,
  caps: Caps,
  sizes: readonly TileSize[],
  count: number,
  below: number,
): readonly WinogradCut[] => {
  const images = pointsOf(g.images);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const best = new Shortlist<WinogradCut>(count, below);
  for (const layout of sizes.flatMap((tile) => layoutsOf(g, taps.side, tile))) {
    const products = layout.reach * layout.reach;
    const costs = taps.side === 5 ? COSTS[5][2] : COSTS[3][layout.tile];
    const allUnits = layout.stripes * Math.ceil(images / layout.images);
    for (const parts of doublings(rowTiles)) {
      const tiles = Math.ceil(rowTiles / parts);
      const rowBlocks = Math.ceil(rowTiles / tiles);
      const rows = tiles * TILE_ROWS;
      for (const chunks of [1, 2, 4, 8, 16]) {
        const channels = Math.ceil(g.depth / chunks);
        if (chunks > 1 && channels < LEAST_PART) break;
        if (
          ready !== undefined &&
          !suits(ready, { tile: layout.tile, rowBlocks: parts, chunks }, g)
        )
          continue;
        const each = ready === undefined ? taps.cost + costs.weight : FETCH * products;
        const weights = rows * g.depth * each;
        const panels = (layout.columns / TILE_COLUMNS) * tiles * products;
        const one =
          layout.images * g.depth * layout.plane * (CLEAR + g.columns.cost) +
          g.depth * layout.columns * costs.input +
          panels * (g.depth * STEP + chunks * TURN) +
          rows * layout.columns * costs.result +
          rows * layout.images * layout.resultPlane * FINISH +
          (chunks > 1 ? weights : 0);
        if (!best.takes(leastElapsed(rowBlocks * allUnits, one, caps))) continue;
        const slices: Slices = {
          rows: apart(rows * channels),
          columns: apart(layout.columns * channels),
          sums: apart(rows * (chunks > 1 ? layout.columns : TILE_COLUMNS)),
        };
        if (4 * elementsOf(layout, rows, slices) > caps.sharedBytes) continue;
        for (const blocks of doublings(allUnits)) {
          const units = Math.ceil(allUnits / blocks);
          const grid = rowBlocks * Math.ceil(allUnits / units);
          const cycles = elapsed(grid, START + (chunks > 1 ? 0 : weights) + units * one, caps);
          if (!best.takes(cycles)) continue;
          const shares = { rows, rowBlocks, units, allUnits, channels, chunks };
          best.add({ layout, ...shares, slices, grid, cycles });
        }
      }
    }
  }
  return best.items;
};

/** Whether work may be cut so with weights that lie ready, or are to. */
const suits = ({ rowBlocks, chunks }: Partial<Parts>, parts: Parts, g: Shifts): boolean =>
  rowBlocks === undefined
    ? g.rows.size % (TILE_ROWS * parts.rowBlocks) === 0 && g.depth % parts.chunks === 0
    : rowBlocks === parts.rowBlocks && chunks === parts.chunks;

/** How weights should lie for a convolution with tiles of a size, so that it takes least: so many cycles. */
export const partsFor = (
  g: Shifts,
  tile: TileSize,
  caps: Caps,
): (Parts & { readonly cycles: number }) | undefined => {
  const taps = tapsOf(g);
  if (!caps.winograd || taps?.side !== 3 || g.depth < FEWEST_CHANNELS) return undefined;
  const [cut] = cutsOf(g, taps, {}, caps, [tile], 1, Number.POSITIVE_INFINITY);
  return cut && { tile, rowBlocks: cut.rowBlocks, chunks: cut.chunks, cycles: cut.cycles };
};

/** The best few schedules of less than `below` cycles, for a convolution of this geometry; `sizes`: the tiles that may be used. */
export const planWinograd = (
  nest: Nest,
  g: Shifts,
  caps: Caps,
  most: number,
  sizes: readonly TileSize[] = [4, 2],
  below: number = Number.POSITIVE_INFINITY,
): readonly ImagePlan[] => {
  const taps = tapsOf(g);
  if (!caps.winograd || taps === undefined || g.depth < FEWEST_CHANNELS) return [];
  const ready = readyWeights(nest, g);
  const tiles = ready === undefined ? sizes : [ready.tile];
  const cuts = cutsOf(g, taps, ready, caps, taps.side === 5 ? [2] : tiles, most, below);
  return cuts.map((cut) => planOf(nest, g, taps, ready, cut));
};

const planOf = (
  nest: Nest,
  g: Shifts,
  taps: Taps,
  ready: ReadyWeights | undefined,
  cut: WinogradCut,
): ImagePlan => {
  const { layout, rows, slices } = cut;
  const products = layout.reach * layout.reach;
  const weights = sharedBuffer('weights', 'float32', products * slices.rows);
  const scratch = {
    columns: sharedBuffer('tiles', 'float32', products * slices.columns),
    products: sharedBuffer('products', 'float32', products * slices.sums),
    image: sharedBuffer('image', 'float32', layout.images * layout.plane),
    sums: sharedBuffer('sums', 'float32', rows * layout.images * layout.resultPlane),
    lines: sharedBuffer('lines', 'float32', 4 * products),
    inputs: sharedBuffer('inputAt', 'int32', layout.columns),
    results: sharedBuffer('resultAt', 'int32', layout.columns),
  };
  const { images, results, bytes } = sizesOf(g);
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: ready === undefined ? [weights, ...Object.values(scratch)] : Object.values(scratch),
    cost: {
      flops: images * g.offsets * g.rows.size * results * g.depth,
      bytes,
    },
    notes: [
      `convolution by Winograd F(${layout.tile} x ${layout.tile}, ${taps.side} x ${taps.side}) of ${g.rows.size} x ${results} x ${g.depth}, for ${images} images${ready === undefined ? '' : ', weights transformed before'}`,
      `workgroups ${Math.ceil(cut.allUnits / cut.units)} x ${cut.rowBlocks} of ${cut.units} x ${layout.tiles} tiles x ${rows} rows, ${cut.channels} channels at a time`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: 4, resolve: buffer });
      const rows = ready === undefined ? weights : buffer(ready.buffer);
      const work = { em, g, taps, cut, ready: ready !== undefined, scratch: { ...scratch, rows } };
      return emitWinograd(work, nest, workgroup);
    },
  };
  return { plan, cycles: cut.cycles };
};
