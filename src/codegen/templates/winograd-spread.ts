/**
 * Convolutions whose result is larger than their input (gradients of inputs of windows without padding) by Winograd's
 * algorithm seen from the input, the transpose of the usual one: a tile of 2 x 2 inputs with windows of 5 x 5, or of 4 x 4
 * with 3 x 3, is transformed once and adds to 6 x 6 results. There are as many tiles as the smaller side has.
 *
 * Invariants: a workgroup owns whole images, four at a time, one in each lane, and a block of rows; images that fill up
 * lanes are never stored; sums are taken channel by channel, then tile by tile, in order.
 */
import { type Axis, pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
import { Emitter } from '../emit/emitter.ts';
import type { NestPlan } from '../plan.ts';
import {
  elapsed,
  leastElapsed,
  roundUp,
  START,
  STEP,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { apart, doublings } from './cuts.ts';
import { type Shift, type Shifts, sizesOf } from './shifted-geometry.ts';
import { Shortlist } from './shortlist.ts';
import { COSTS, FEWEST_CHANNELS, type Slices } from './winograd.ts';
import type { TileSize } from './winograd-lines.ts';
import { emitSpread } from './winograd-spread-emit.ts';
import { type Taps, tapsOf } from './winograd-taps.ts';
import { LANES } from './winograd-transforms.ts';

/** Images of a unit. */
const IMAGES = LANES;
/** Results that a tile meets along a line. */
const REACH = 6;
const PRODUCTS = REACH * REACH;

/** How tiles, their input and their results lie in memory. */
export interface SpreadLayout {
  readonly tile: TileSize;
  readonly reach: typeof REACH;
  /** Tiles along both windows, and lines of them that are taken at a time. */
  readonly high: number;
  readonly wide: number;
  readonly tileRows: number;
  /** Of an image: a line of a channel, and all that is taken at a time. */
  readonly pitch: number;
  readonly plane: number;
  /** Positions of the result that tiles reach and more, from `low` on; where the first tile begins. */
  readonly windows: readonly {
    readonly n: Axis;
    readonly low: number;
    readonly length: number;
    readonly first: number;
  }[];
  readonly resultPitch: number;
  readonly resultPlane: number;
}

/** How the work is cut. */
export interface SpreadCut {
  readonly layout: SpreadLayout;
  /** Of a workgroup. */
  readonly rows: number;
  readonly rowBlocks: number;
  readonly units: number;
  readonly allUnits: number;
  /** All of them, in one part. */
  readonly channels: number;
  readonly chunks: 1;
  readonly slices: Slices;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles of four images: to transform a tile of a channel and the products of a row; to add up eight products. */
const INPUT = { 2: 75, 4: 110 } as const;
const RESULT = 90;
const TURN = 30;
/** Cycles an element: clearing four at a time, and storing a result. */
const CLEAR = 0.3;
const FINISH = 1;

const windowOf = ({ n, shift, sign, k }: Shift, tiles: number, tile: TileSize) => {
  const at = shift - (sign > 0 ? k.extent - 1 : 0);
  const low = Math.min(0, at);
  const length = Math.max(n.extent - low, at - low + tiles * tile + k.extent - 1);
  return { n, low, length, first: at - low };
};

const layoutOf = (g: Shifts, tile: TileSize, tileRows: number): SpreadLayout => {
  const [down, along] = g.windows as readonly [Shift, Shift];
  const [high, wide] = [Math.ceil(down.u.extent / tile), Math.ceil(along.u.extent / tile)];
  // lines of two are read in whole vectors
  const pitch = tile * wide + 4 - tile;
  // the last part may have fewer lines of tiles: there is room for all
  const all = Math.ceil(high / tileRows) * tileRows;
  const windows = [windowOf(down, all, tile), windowOf(along, wide, tile)];
  const [rows, resultPitch] = windows.map((w) => w.length) as [number, number];
  return {
    tile,
    reach: REACH,
    high,
    wide,
    tileRows,
    pitch,
    plane: tile * tileRows * pitch + 4,
    windows,
    resultPitch,
    resultPlane: roundUp(rows * resultPitch, 4),
  };
};

const elementsOf = (
  { plane, resultPlane, tileRows, wide }: SpreadLayout,
  rows: number,
  s: Slices,
) =>
  PRODUCTS * (s.rows + s.columns + s.sums + 4) +
  IMAGES * (plane + (rows + 1) * resultPlane) +
  4 * (tileRows * wide + 1);

/** The best few cuts of less than `below` cycles. */
const cutsOf = (
  g: Shifts,
  taps: Taps,
  tile: TileSize,
  caps: Caps,
  count: number,
  below: number,
): readonly SpreadCut[] => {
  const allUnits = Math.ceil(pointsOf(g.images) / IMAGES);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const best = new Shortlist<SpreadCut>(count, below);
  const weight = taps.cost + (taps.side === 5 ? COSTS[5][2] : COSTS[3][4]).weight;
  const inputs = pointsOf(g.windows.map((w) => w.u));
  const lines = Math.ceil(g.windows[0]!.u.extent / tile);
  for (const part of new Set([1, 2, 4, lines].map((n) => Math.ceil(lines / n)))) {
    const layout = layoutOf(g, tile, part);
    const { high, wide, tileRows, resultPlane } = layout;
    const columns = roundUp(tileRows * wide * IMAGES, TILE_COLUMNS);
    for (const blocks of doublings(rowTiles)) {
      const tiles = Math.ceil(rowTiles / blocks);
      const rowBlocks = Math.ceil(rowTiles / tiles);
      const rows = tiles * TILE_ROWS;
      const panels = (Math.ceil(high / tileRows) * columns) / TILE_COLUMNS;
      const one =
        IMAGES * inputs * g.depth * (g.columns.cost + CLEAR) +
        high * wide * (g.depth * INPUT[tile] + rows * RESULT) +
        panels * tiles * PRODUCTS * (g.depth * STEP + TURN) +
        IMAGES * rows * resultPlane * (FINISH + CLEAR);
      if (!best.takes(leastElapsed(rowBlocks * allUnits, one, caps))) continue;
      const slices: Slices = {
        rows: apart(rows * g.depth),
        columns: apart(columns * g.depth),
        sums: apart(rows * TILE_COLUMNS),
      };
      if (4 * elementsOf(layout, rows, slices) > caps.sharedBytes) continue;
      for (const share of doublings(allUnits)) {
        const units = Math.ceil(allUnits / share);
        const grid = rowBlocks * Math.ceil(allUnits / units);
        const cycles = elapsed(grid, START + rows * g.depth * weight + units * one, caps);
        if (!best.takes(cycles)) continue;
        const shares = { rows, rowBlocks, units, allUnits, channels: g.depth, chunks: 1 } as const;
        best.add({ layout, ...shares, slices, grid, cycles });
      }
    }
  }
  return best.items;
};

/** The best few schedules of less than `below` cycles, for a convolution whose result has more tiles than its input. */
export const planSpread = (
  nest: Nest,
  g: Shifts,
  caps: Caps,
  most: number,
  below: number = Number.POSITIVE_INFINITY,
): readonly ImagePlan[] => {
  const usual = tapsOf(g);
  if (!caps.winograd || usual === undefined || g.depth < FEWEST_CHANNELS) return [];
  const tile = usual.side === 5 ? 2 : 4;
  const tiles = (axis: 'n' | 'u'): number =>
    g.windows.reduce((n, w) => n * Math.ceil(w[axis].extent / tile), 1);
  if (tiles('u') >= tiles('n')) return [];
  // taps are numbered by where they meet the result
  const taps: Taps = { ...usual, order: usual.order.toReversed() };
  return cutsOf(g, taps, tile, caps, most, below).map((cut) => planOf(nest, g, taps, cut));
};

const planOf = (nest: Nest, g: Shifts, taps: Taps, cut: SpreadCut): ImagePlan => {
  const { layout, rows, slices } = cut;
  const { tileRows, wide, plane, resultPlane } = layout;
  const shared = (name: string, elements: number) => sharedBuffer(name, 'float32', elements);
  const scratch = {
    rows: shared('weights', PRODUCTS * slices.rows),
    columns: shared('tiles', PRODUCTS * slices.columns),
    products: shared('products', PRODUCTS * slices.sums),
    images: shared('images', IMAGES * plane),
    sums: shared('sums', IMAGES * rows * resultPlane),
    row: shared('row', IMAGES * resultPlane),
    lines: shared('lines', IMAGES * PRODUCTS),
    inputs: sharedBuffer('inputAt', 'int32', tileRows * wide),
    results: sharedBuffer('resultAt', 'int32', tileRows * wide),
  };
  const { images, inputs, bytes } = sizesOf(g);
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: Object.values(scratch),
    cost: { flops: images * g.offsets * g.rows.size * inputs * g.depth, bytes },
    notes: [
      `convolution by Winograd F(${layout.tile} x ${layout.tile}, ${taps.side} x ${taps.side}) from the input of ${g.rows.size} x ${inputs} x ${g.depth}, for ${images} images`,
      `workgroups ${Math.ceil(cut.allUnits / cut.units)} x ${cut.rowBlocks} of ${cut.units} x ${IMAGES} images x ${rows} rows, ${tileRows * wide} tiles at a time`,
    ],
    emit: ({ workgroup }, buffer) => {
      const em = new Emitter({ lanes: 4, resolve: buffer });
      return emitSpread({ em, g, taps, cut, scratch }, nest, workgroup);
    },
  };
  return { plan, cycles: cut.cycles };
};
