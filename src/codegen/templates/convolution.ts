/**
 * Convolutions of any stride, and gradients of their inputs, straight from the input: an image (or a stripe of one) is
 * copied with zeros around it, and the micro-kernel reads eight neighbours of it for each tap and channel. No window is
 * packed.
 *
 * Invariants: a workgroup owns whole stripes and a block of rows; sums are taken tap by tap within a block of channels, in
 * order, so that results do not depend on how the work is cut but for those blocks.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
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
import { ConvolutionTemplate } from './convolution-emit.ts';
import type { Geometry } from './convolution-geometry.ts';
import { doublings } from './cuts.ts';
import { copyCost, type Planes, planeLength, planesOf } from './planes.ts';
import { Shortlist } from './shortlist.ts';
import { type Slots, slotsOf } from './slots.ts';
import type { Window } from './windows.ts';

/** How a stripe of an image lies in memory. */
export interface Layout {
  /** Result positions along the first window. */
  readonly stripe: number;
  readonly stripes: number;
  readonly planes: Planes;
  readonly slots: Slots;
  /** Elements of a channel, and of a row of sums, all phases. */
  readonly plane: number;
  readonly pitch: number;
}

/** How the work is cut. */
export interface Cut {
  readonly layout: Layout;
  /** Of a workgroup. */
  readonly rows: number;
  readonly rowBlocks: number;
  /** Stripes of a workgroup, and of all images. */
  readonly units: number;
  readonly unitBlocks: number;
  readonly allUnits: number;
  /** Channels that are summed at a time. */
  readonly channels: number;
  readonly chunks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** A schedule that takes images one by one, and its estimated cycles. */
export interface ImagePlan {
  readonly plan: NestPlan;
  readonly cycles: number;
}

/** Cycles to begin a run of steps, and to end a tile. */
const RUN = 3;
const TILE = 20;
/** Steps of a tile whose columns stay in the first-level cache. */
const MOST_STEPS = 640;
/** Cycles an element: clearing four at a time, and storing a result. */
const CLEAR = 0.3;
const FINISH = 1.5;

export const tapsOf = (g: Geometry): { readonly count: number; readonly slots: number } => ({
  count: g.taps.reduce((n, t) => n * t.count, 1),
  slots: g.taps.reduce((n, t) => n * t.slots, 1),
});

const phasesOf = (g: Geometry): number => pointsOf(g.taps.map((t) => t.phase));

const layoutOf = (g: Geometry, stripe: number): Layout => {
  const planes = planesOf(g.windows, stripe);
  const slots = slotsOf(planes);
  const reads = slots.span + planes.farthest + TILE_COLUMNS;
  return {
    stripe,
    stripes: Math.ceil(g.windows[0]!.position.extent / stripe),
    planes,
    slots,
    plane: planeLength(Math.max(planes.volume, reads)),
    pitch: phasesOf(g) * slots.tiles * TILE_COLUMNS,
  };
};

/** Positions of the first window that are taken at a time: all, or some of them. */
export const stripesOf = (windows: readonly Window[]): number[] => {
  const { extent } = windows[0]!.position;
  const parts = [1, 2, 3, 4, 6, 8, 12, 16];
  const found = parts.map((n) =>
    windows.length > 1 ? Math.ceil(extent / n) : roundUp(Math.ceil(extent / n), TILE_COLUMNS),
  );
  const least = windows.length > 1 ? 4 : 64;
  return [...new Set(found)]
    .map((n) => Math.min(n, extent))
    .filter((n) => n >= least || n === extent);
};

/** The best few cuts of less than `below` cycles. */
const cutsOf = (g: Geometry, caps: Caps, most: number, below: number): readonly Cut[] => {
  const [images, batches] = [pointsOf(g.images), pointsOf(g.batch)];
  const { count, slots } = tapsOf(g);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const best = new Shortlist<Cut>(most, below);
  const positions = pointsOf(g.windows.map((w) => w.position));
  const multiplying = rowTiles * (positions / TILE_COLUMNS) * count * g.depth * STEP;
  if (!best.takes(leastElapsed(batches * images, multiplying, caps))) return best.items;
  const deepest = Math.max(1, Math.floor(MOST_STEPS / slots));
  const chunks = g.channels.length === 1 ? Math.ceil(g.depth / deepest) : 1;
  const channels = Math.ceil(g.depth / chunks);
  const copied = g.windows.reduce((n, w) => n * w.u.extent, 1);
  const copying = copyCost(g.input, g.windows);
  const steps = count * (g.depth * STEP + chunks * RUN) + phasesOf(g) * chunks * TILE;
  for (const stripe of stripesOf(g.windows)) {
    const layout = layoutOf(g, stripe);
    const { stripes, plane, pitch } = layout;
    const allUnits = images * stripes;
    const overlap = Math.min(copied, plane);
    for (const parts of doublings(rowTiles)) {
      const tiles = Math.ceil(rowTiles / parts);
      const rowBlocks = Math.ceil(rowTiles / tiles);
      const rows = tiles * TILE_ROWS;
      const packing = rows * g.depth * slots * g.rows.cost;
      const one =
        g.depth * (overlap * copying + (stripes > 1 ? plane * CLEAR : 0)) +
        tiles * layout.slots.tiles * steps +
        rows * pitch * FINISH +
        (chunks > 1 ? packing : 0);
      if (!best.takes(leastElapsed(batches * rowBlocks * allUnits, one, caps))) continue;
      const packed = rows * channels * slots;
      if (4 * (packed + channels * plane + rows * pitch + 4) > caps.sharedBytes) continue;
      for (const blocks of doublings(allUnits)) {
        const units = Math.ceil(allUnits / blocks);
        const unitBlocks = Math.ceil(allUnits / units);
        const grid = batches * rowBlocks * unitBlocks;
        const cycles = elapsed(grid, START + (chunks > 1 ? 0 : packing) + units * one, caps);
        if (!best.takes(cycles)) continue;
        const shares = { rows, rowBlocks, units, unitBlocks, allUnits };
        best.add({ layout, ...shares, channels, chunks, grid, cycles });
      }
    }
  }
  return best.items;
};

/** Schedules straight from the input, for a convolution of this geometry: the best few of less than `below` cycles. */
export const planConvolution = (
  nest: Nest,
  g: Geometry,
  caps: Caps,
  most: number,
  below: number = Number.POSITIVE_INFINITY,
): readonly ImagePlan[] => cutsOf(g, caps, most, below).map((cut) => planOf(nest, g, cut));

const planOf = (nest: Nest, g: Geometry, cut: Cut): ImagePlan => {
  const { layout, rows, channels } = cut;
  const { count, slots } = tapsOf(g);
  const scratch = {
    rows: sharedBuffer('packedRows', 'float32', rows * channels * slots),
    image: sharedBuffer('image', 'float32', channels * layout.plane),
    // woven phases are read in whole vectors
    sums: sharedBuffer('sums', 'float32', rows * layout.pitch + 4),
  };
  const images = pointsOf(g.batch) * pointsOf(g.images);
  const inputs = g.windows.reduce((n, w) => n * w.u.extent, 1);
  const results = pointsOf(g.windows.map((w) => w.position));
  const size = g.rows.size;
  const stored = phasesOf(g) * results;
  const weights = pointsOf(g.batch) * size * g.depth * slots;
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.rows, scratch.image, scratch.sums],
    cost: {
      flops: images * count * size * results * g.depth,
      bytes: 4 * (images * (g.depth * inputs + size * stored) + weights),
    },
    notes: [
      `convolution in place by ${count} taps of ${size} x ${results} x ${g.depth}, for ${images} images`,
      `workgroups ${cut.unitBlocks} x ${cut.rowBlocks} of ${cut.units} stripes of ${layout.stripe} x ${rows} rows, ${channels} channels at a time`,
    ],
    emit: ({ workgroup }, buffer) =>
      new ConvolutionTemplate(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};
