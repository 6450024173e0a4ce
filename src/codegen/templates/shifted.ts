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
import { elapsed, START, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { type Scratch, type Share, ShiftedTemplate } from './shifted-emit.ts';
import { type Shifts, sizesOf } from './shifted-geometry.ts';

interface Cut extends Share {
  readonly imageBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to take eight vectors of the result out of memory and back. */
const TURN = 45;

const cutOf = (g: Shifts, caps: Caps): Cut | undefined => {
  const images = pointsOf(g.images);
  const rowTiles = Math.ceil(g.rows.size / TILE_ROWS);
  const columnTiles = Math.ceil(g.columns.size / TILE_COLUMNS);
  let best: Cut | undefined;
  for (let rowBlocks = 1; rowBlocks <= rowTiles; rowBlocks *= 2)
    for (
      let blocks = 1;
      blocks <= images;
      blocks = blocks < images ? Math.min(2 * blocks, images) : images + 1
    ) {
      const rows = Math.ceil(rowTiles / rowBlocks) * TILE_ROWS;
      const packed = rows * g.depth * g.offsets;
      const elements = packed + columnTiles * TILE_COLUMNS * g.depth + rows * g.pitch;
      if (4 * elements > caps.sharedBytes) continue;
      const each = Math.ceil(images / blocks);
      const perImage =
        g.offsets * (rows / TILE_ROWS) * columnTiles * (g.depth * STEP + TURN) +
        g.columns.size * g.depth * g.columns.cost +
        1.5 * rows * g.pitch;
      const grid = Math.ceil(rowTiles / (rows / TILE_ROWS)) * Math.ceil(images / each);
      const one = START + packed * g.rows.cost + each * perImage;
      const cycles = elapsed(grid, one, caps);
      if (best === undefined || cycles < best.cycles)
        best = {
          rows,
          rowBlocks: Math.ceil(rowTiles / (rows / TILE_ROWS)),
          images: each,
          imageBlocks: Math.ceil(images / each),
          grid,
          cycles,
        };
    }
  return best;
};

/** The schedule by shifts, for a convolution of this geometry. */
export const planShifted = (nest: Nest, g: Shifts, caps: Caps): ImagePlan | undefined => {
  const cut = cutOf(g, caps);
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
