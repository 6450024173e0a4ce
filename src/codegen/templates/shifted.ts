/**
 * Convolutions whose windows reach over the border, by shifting: one small product for each window offset, added into
 * the result at its place. Nothing is multiplied by padding, and inputs are packed once, not once for each offset.
 *
 * Invariants: a workgroup owns whole images and a block of rows; sums are taken offset by offset, in order; columns that
 * fill up a vector are zero or land in memory that no result is read from.
 */
import { pointsOf } from '../../ir/dim.ts';
import type { Nest } from '../../ir/loop/loop.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan } from '../plan.ts';
import { elapsed, leastElapsed, START, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { type Scratch, type Share, ShiftedTemplate } from './shifted-emit.ts';
import { type Shifts, sizesOf } from './shifted-geometry.ts';
import { Shortlist } from './shortlist.ts';

interface Cut extends Share {
  readonly imageBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to take eight vectors of the result out of memory and back. */
const TURN = 45;

/** The best cut, if it takes less than `below` cycles. */
const cutOf = (g: Shifts, caps: Caps, below: number): Cut | undefined => {
  const images = pointsOf(g.images);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
  const best = new Shortlist<Cut>(1, below);
  const panel = g.offsets * columnTiles * (g.depth * STEP + TURN);
  if (!best.takes(leastElapsed(images, rowTiles * panel, caps))) return undefined;
  for (let parts = 1; parts <= rowTiles; parts *= 2) {
    const rows = Math.ceil(rowTiles / parts) * TILE_ROWS;
    const rowBlocks = Math.ceil(rowTiles / (rows / TILE_ROWS));
    const packed = rows * g.depth * g.offsets;
    const elements = packed + columnTiles * TILE_COLUMNS * g.depth + rows * g.pitch;
    if (4 * elements > caps.sharedBytes) continue;
    const perImage =
      g.offsets * (rows / TILE_ROWS) * columnTiles * (g.depth * STEP + TURN) +
      g.columns.size * g.depth * g.columns.cost +
      1.5 * rows * g.pitch;
    for (
      let blocks = 1;
      blocks <= images;
      blocks = blocks < images ? Math.min(2 * blocks, images) : images + 1
    ) {
      const each = Math.ceil(images / blocks);
      const imageBlocks = Math.ceil(images / each);
      const grid = rowBlocks * imageBlocks;
      const cycles = elapsed(grid, START + packed * g.rows.cost + each * perImage, caps);
      if (best.takes(cycles))
        best.add({ rows, rowBlocks, images: each, imageBlocks, grid, cycles });
    }
  }
  return best.items[0];
};

/** The schedule by shifts, for a convolution of this geometry, if it takes less than `below` cycles. */
export const planShifted = (
  nest: Nest,
  g: Shifts,
  caps: Caps,
  below: number = Number.POSITIVE_INFINITY,
): ImagePlan | undefined => {
  const cut = cutOf(g, caps, below);
  if (cut === undefined) return undefined;
  const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
  const scratch: Scratch = {
    rows: sharedBuffer('packedRows', 'float32', cut.rows * g.depth * g.offsets),
    columns: sharedBuffer('packedColumns', 'float32', columnTiles * TILE_COLUMNS * g.depth),
    sums: sharedBuffer('sums', 'float32', cut.rows * g.pitch),
  };
  const { images, inputs, bytes } = sizesOf(g);
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.rows, scratch.columns, scratch.sums],
    cost: {
      flops: images * g.offsets * g.rows.size * inputs * g.depth,
      bytes,
    },
    notes: [
      `convolution by ${g.offsets} shifts of ${g.rows.size} x ${inputs} x ${g.depth}, for ${images} images`,
      `workgroups ${cut.imageBlocks} x ${cut.rowBlocks} of ${cut.images} images x ${cut.rows} rows`,
    ],
    emit: ({ workgroup }, buffer) =>
      new ShiftedTemplate(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};
