/**
 * How the gradient of 3 x 3 and 5 x 5 weights is cut for Winograd's algorithm: tiles of the images, blocks of rows and of channels.
 *
 * Invariant: what a workgroup has at a time fits its memory; only estimates decide between cuts that do.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Caps } from '../caps.ts';
import { elapsed, leastElapsed, START, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { apart } from './cuts.ts';
import type { GradientGeometry } from './gradient.ts';
import { copyCost, type Planes, planesOf } from './planes.ts';
import { Shortlist } from './shortlist.ts';

/** Inputs that a tile meets along a line. */
export const REACH = 6;
export const PRODUCTS: number = REACH * REACH;
/** Planes that are there at a time: their vectors are transformed lane by lane. */
export const QUAD = 4;

/** The tiles of a unit: stripes of an image, or several images. */
export interface GradientTiles {
  /** Along a line: taps of a window, and results of a tile. */
  readonly side: number;
  readonly tile: number;
  readonly tileRows: number;
  readonly tileColumns: number;
  readonly stripes: number;
  readonly images: number;
  /** Of an image's stripe, and of a unit. */
  readonly each: number;
  readonly tiles: number;
  /** Elements of a plane of the input and of one of the gradient. */
  readonly input: number;
  readonly gradient: number;
}

export interface WinogradGradientCut {
  readonly layout: GradientTiles;
  readonly rows: number;
  readonly rowBlocks: number;
  readonly channels: number;
  readonly channelBlocks: number;
  readonly units: number;
  /** Elements of one of the tile's products: of gradients, inputs and sums. */
  readonly slices: { readonly rows: number; readonly columns: number; readonly sums: number };
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to transform a tile of the input and of the gradient, and the sums of a row and a channel; to take sums on. */
const INPUT = 34;
const GRADIENT = { 3: 26, 5: 18 } as const;
const FINISH = { 3: 40, 5: 90 } as const;
const TURN = 25;
const CLEAR = 0.3;
/** Fewest rows and channels whose transforms pay. */
const FEWEST = 12;
const BLOCKS = [1, 2, 3, 4, 6, 8];

/** Lines and their lengths, with room for whole tiles. */
const roomOf = (side: number, rows: number, columns: number) =>
  ({
    input: [rows + side - 1, columns + 2 * QUAD - (REACH - side + 1)],
    gradient: [rows, columns],
  }) as const;

const layoutOf = (g: GradientGeometry, tileRows: number, images: number): GradientTiles => {
  const side = sideOf(g);
  const tile = REACH - side + 1;
  const [high, wide] = g.windows.map((w) => Math.ceil(w.position.extent / tile)) as [
    number,
    number,
  ];
  const { input, gradient } = roomOf(side, tile * tileRows, tile * wide);
  const each = tileRows * wide;
  return {
    side,
    tile,
    tileRows,
    tileColumns: wide,
    stripes: Math.ceil(high / tileRows),
    images,
    each,
    tiles: images * each,
    input: input[0] * input[1],
    gradient: gradient[0] * gradient[1],
  };
};

/** How the input and the gradient lie in memory. */
export const tilePlanes = (
  g: GradientGeometry,
  { side, tile, tileRows, tileColumns }: GradientTiles,
): { readonly input: Planes; readonly gradient: Planes } => {
  const rows = tile * tileRows;
  const room = roomOf(side, rows, tile * tileColumns);
  const results = planesOf(
    g.windows.map((w) => ({ ...w, u: w.position, lo: 0 })),
    rows,
  );
  const unpadded = results.sides.map((s) => ({ ...s, pad: 0 }));
  return {
    input: roomy(planesOf(g.windows, rows), room.input),
    gradient: roomy({ ...results, sides: unpadded }, room.gradient),
  };
};

/** Planes with room for whole tiles. */
const roomy = (planes: Planes, [high, wide]: readonly [number, number]): Planes => {
  const [down, along] = planes.sides;
  return {
    ...planes,
    sides: [
      { ...down!, length: high, pitch: wide, remainders: 1, remainderPitch: 0 },
      { ...along!, length: wide, pitch: 1, remainders: 1, remainderPitch: 0 },
    ],
    volume: high * wide,
  };
};

/** Taps of a window along a line. */
const sideOf = (g: GradientGeometry): 3 | 5 => (g.windows[0]!.tap.extent === 5 ? 5 : 3);

const layoutsOf = (g: GradientGeometry): GradientTiles[] => {
  const high = Math.ceil(g.windows[0]!.position.extent / (REACH - sideOf(g) + 1));
  const images = pointsOf(g.images);
  const parts = [...new Set([1, 2, 4, 7, 8, 14].map((n) => Math.ceil(high / n)))];
  return [
    ...parts.map((tileRows) => layoutOf(g, tileRows, 1)),
    ...[2, 4, 8, 16].filter((n) => n <= images).map((n) => layoutOf(g, high, n)),
  ];
};

/** Whether a gradient is one of 3 x 3 or 5 x 5 windows with stride 1, of rows and channels enough. */
export const isFitting = (g: GradientGeometry): boolean =>
  g.windows.length === 2 &&
  g.windows.every(
    (w) =>
      w.stride === 1 && w.dilation === 1 && w.tap.extent === sideOf(g) && w.base.terms.length === 0,
  ) &&
  Math.min(pointsOf(g.rowAxes), pointsOf(g.channels)) >= FEWEST;

/** The best few cuts of less than `below` cycles. */
export const cutsOf = (
  g: GradientGeometry,
  caps: Caps,
  most: number,
  below: number,
): readonly WinogradGradientCut[] => {
  const [images, batches] = [pointsOf(g.images), pointsOf(g.batch)];
  const rowTiles = Math.ceil(pointsOf(g.rowAxes) / TILE_ROWS);
  const columnTiles = Math.ceil(pointsOf(g.channels) / TILE_COLUMNS);
  const side = sideOf(g);
  const copying = copyCost(g.input, g.windows);
  const ofResults = g.windows.map((w) => ({ ...w, u: w.position }));
  const reading = copyCost(g.gradient, ofResults);
  const best = new Shortlist<WinogradGradientCut>(most, below);
  for (const layout of layoutsOf(g)) {
    const { tiles, input, gradient } = layout;
    const units = layout.stripes * Math.ceil(images / layout.images);
    for (const down of BLOCKS) {
      if (down > rowTiles) break;
      const rows = Math.ceil(rowTiles / down) * TILE_ROWS;
      const rowBlocks = Math.ceil((rowTiles * TILE_ROWS) / rows);
      for (const across of BLOCKS) {
        if (across > columnTiles) break;
        const channels = Math.ceil(columnTiles / across) * TILE_COLUMNS;
        const channelBlocks = Math.ceil((columnTiles * TILE_COLUMNS) / channels);
        const panels = (rows / TILE_ROWS) * (channels / TILE_COLUMNS) * PRODUCTS;
        const unit =
          tiles * (channels * INPUT + rows * GRADIENT[side]) +
          layout.images * channels * input * (copying + CLEAR) +
          layout.images * rows * gradient * (reading + CLEAR) +
          panels * (tiles * STEP + TURN);
        const one = START + units * unit + rows * channels * FINISH[side];
        const grid = batches * rowBlocks * channelBlocks;
        if (!best.takes(leastElapsed(grid, one, caps))) continue;
        const cycles = elapsed(grid, one, caps);
        if (!best.takes(cycles)) continue;
        const slices = {
          rows: apart(rows * tiles),
          columns: apart(channels * tiles),
          sums: apart(rows * channels),
        };
        if (4 * memoryOf({ layout, slices }).reduce((n, x) => n + x, 0) > caps.sharedBytes)
          continue;
        const blocks = { rows, rowBlocks, channels, channelBlocks };
        best.add({ layout, ...blocks, units, slices, grid, cycles });
      }
    }
  }
  return best.items;
};

/** Elements of the memory of a workgroup, in the order of its buffers. */
export const memoryOf = ({
  layout,
  slices,
}: Pick<WinogradGradientCut, 'layout' | 'slices'>): readonly number[] => [
  PRODUCTS * slices.rows,
  PRODUCTS * slices.columns,
  PRODUCTS * slices.sums,
  QUAD * (Math.max(layout.input, layout.gradient) + 2 * QUAD),
  PRODUCTS * QUAD,
  layout.each,
  layout.each,
];

/** Estimated cycles for a gradient, if it is one for this and they are less than `below`. */
export const winogradGradientCycles = (
  g: GradientGeometry,
  caps: Caps,
  below: number,
): number | undefined =>
  caps.winograd && isFitting(g) ? cutsOf(g, caps, 1, below)[0]?.cycles : undefined;
