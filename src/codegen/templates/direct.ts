/**
 * Convolutions with stride 1, straight from the input: an image (or a stripe of one) is copied with zeros around it, and
 * the micro-kernel reads eight neighbours of it for each window offset and channel. No window is packed.
 *
 * Invariants: positions of the result are numbered as if it were as wide as the padded input, so that one step of the sum
 * moves all eight by the same distance; sums at numbers beyond a row's end are computed and never stored. A workgroup owns
 * whole stripes and a block of rows; sums are taken offset by offset within a block of channels, in order.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan } from '../plan.ts';
import { elapsed, START, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import { DirectTemplate } from './direct-emit.ts';
import { type PaddedWindow, paddingOf } from './padded.ts';
import type { ImagePlan } from './shifted.ts';
import type { Geometry } from './shifted-geometry.ts';

/** How a stripe of an image lies in memory. */
export interface Layout {
  /** Result positions along the first window. */
  readonly stripe: number;
  readonly stripes: number;
  readonly windows: readonly PaddedWindow[];
  /** Numbers that positions of the result have, in tiles of eight. */
  readonly tiles: number;
  /** Elements of a channel. */
  readonly plane: number;
}

/** How the work is cut. */
export interface DirectCut {
  readonly layout: Layout;
  /** Of a workgroup. */
  readonly rows: number;
  readonly rowBlocks: number;
  /** Stripes of a workgroup, and of all images. */
  readonly units: number;
  readonly allUnits: number;
  /** Channels that are summed at a time. */
  readonly channels: number;
  readonly chunks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles of a step of the micro-kernel on strided columns, to begin a run of steps, and to end a tile. */
const STEP = 4.6;
const RUN = 8;
const TILE = 20;
/** Steps of a tile whose columns stay in the first-level cache. */
const MOST_STEPS = 640;
/** Cycles an element: clearing four at a time, and storing a result. */
const CLEAR = 0.3;
const FINISH = 1.5;

const layoutOf = (g: Geometry, stripe: number): Layout => {
  const lengths = g.windows.map(
    ({ n, k }, i) => (i === 0 && g.windows.length > 1 ? stripe : n.extent) + k.extent - 1,
  );
  const pitchOf = (i: number): number => lengths.slice(i + 1).reduce((a, b) => a * b, 1);
  const first = g.windows[0]!.n.extent;
  const windows = g.windows.map((window, i) => ({
    window,
    length: lengths[i]!,
    pad: paddingOf(window),
    pitch: pitchOf(i),
  }));
  const numbers = windows.reduce((sum, { window, length, pitch }) => {
    return sum + (length - window.k.extent) * pitch;
  }, 1);
  const tiles = Math.ceil(numbers / TILE_COLUMNS);
  const reach = windows.reduce((sum, { window, pitch }) => sum + (window.k.extent - 1) * pitch, 0);
  const volume = lengths.reduce((a, b) => a * b, 1);
  // an odd number of cache lines: channels at a power of two would share one set
  const lines = Math.ceil(Math.max(volume, tiles * TILE_COLUMNS + reach) / 16) | 1;
  return { stripe, stripes: Math.ceil(first / stripe), windows, tiles, plane: 16 * lines };
};

const stripesOf = (g: Geometry): number[] => {
  const { extent } = g.windows[0]!.n;
  if (g.windows.length === 1) return [extent];
  const found = [1, 2, 3, 4, 6, 8].map((parts) => Math.ceil(extent / parts));
  return [...new Set(found)].filter((stripe) => stripe >= 4 || stripe === extent);
};

/** 1, 2, 4, ... and `most`. */
const doublings = (most: number): number[] => {
  const counts = [most];
  for (let n = 1; n < most; n *= 2) counts.push(n);
  return counts;
};

const cutOf = (g: Geometry, caps: Caps): DirectCut | undefined => {
  const images = pointsOf(g.images);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const most = Math.max(1, Math.floor(MOST_STEPS / g.offsets));
  const chunks = g.channels.length === 1 ? Math.ceil(g.depth / most) : 1;
  const channels = Math.ceil(g.depth / chunks);
  let best: DirectCut | undefined;
  for (const stripe of stripesOf(g)) {
    const layout = layoutOf(g, stripe);
    const allUnits = images * layout.stripes;
    for (const rowBlocks of doublings(rowTiles)) {
      const tiles = Math.ceil(rowTiles / rowBlocks);
      const rows = tiles * TILE_ROWS;
      const packed = rows * channels * g.offsets;
      const sums = rows * layout.tiles * TILE_COLUMNS;
      if (4 * (packed + channels * layout.plane + sums) > caps.sharedBytes) continue;
      for (const blocks of doublings(allUnits)) {
        const units = Math.ceil(allUnits / blocks);
        const steps = g.offsets * (g.depth * STEP + chunks * RUN) + chunks * TILE;
        const packing = rows * g.depth * g.offsets * g.rows.cost;
        const one =
          g.depth * layout.plane * (CLEAR + g.columns.cost) +
          tiles * layout.tiles * steps +
          sums * FINISH +
          (chunks > 1 ? packing : 0);
        const grid = Math.ceil(rowTiles / tiles) * Math.ceil(allUnits / units);
        const cycles = elapsed(grid, START + (chunks > 1 ? 0 : packing) + units * one, caps);
        if (best !== undefined && best.cycles <= cycles) continue;
        const cut = { layout, rows, units, allUnits, channels, chunks, grid, cycles };
        best = { ...cut, rowBlocks: Math.ceil(rowTiles / tiles) };
      }
    }
  }
  return best;
};

/** The schedule straight from the input, for a convolution of this geometry. */
export const planDirect = (nest: Nest, g: Geometry, caps: Caps): ImagePlan | undefined => {
  const cut = cutOf(g, caps);
  if (cut === undefined) return undefined;
  const { layout, rows, channels } = cut;
  const scratch = {
    rows: sharedBuffer('packedRows', 'float32', rows * channels * g.offsets),
    image: sharedBuffer('image', 'float32', channels * layout.plane),
    sums: sharedBuffer('sums', 'float32', rows * layout.tiles * TILE_COLUMNS),
  };
  const images = pointsOf(g.images);
  const inputs = g.windows.reduce((size, w) => size * w.u.extent, 1);
  const results = g.windows.reduce((size, w) => size * w.n.extent, 1);
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.rows, scratch.image, scratch.sums],
    cost: {
      flops: images * g.offsets * g.rows.size * results * g.depth,
      bytes:
        4 *
        (images * (g.depth * inputs + g.rows.size * results) + g.rows.size * g.depth * g.offsets),
    },
    notes: [
      `convolution in place by ${g.offsets} offsets of ${g.rows.size} x ${results} x ${g.depth}, for ${images} images`,
      `workgroups ${Math.ceil(cut.allUnits / cut.units)} x ${cut.rowBlocks} of ${cut.units} stripes of ${layout.stripe} x ${rows} rows, ${channels} channels at a time`,
    ],
    emit: ({ workgroup }, buffer) =>
      new DirectTemplate(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};
