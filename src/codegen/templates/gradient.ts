/**
 * Gradients of a convolution's weight with stride 1, image by image: input and gradient are packed once, with zeros around
 * and between their rows, so that each window offset is a product of the same panels, one of them read further on.
 *
 * Invariants: positions are numbered as if the gradient were as wide as the padded input; numbers beyond a row's end are
 * zero in the gradient's panels, and the input's panels are written as far as they are read. A workgroup owns a block of
 * rows and of channels; sums are taken image by image, in order.
 */
import { type Axis, type Idx, idxAxis, idxOffset, newAxis, pointsOf } from '../../ir/dim.ts';
import { constant, guard } from '../../ir/loop/expr.ts';
import type { Contraction, Expr, Nest } from '../../ir/loop/loop.ts';
import { visitExpr } from '../../ir/loop/visit.ts';
import { sharedBuffer } from '../../ir/thread/build.ts';
import { freeAxes, idxFree } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import type { NestPlan } from '../plan.ts';
import { rewriter } from '../rewrite.ts';
import {
  elapsed,
  type Operand,
  operandOf,
  START,
  STEP,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
import type { ImagePlan } from './convolution.ts';
import { GradientTemplate } from './gradient-emit.ts';
import { foldBatch } from './merge.ts';
import { windowsOf } from './windows.ts';

export interface GradientGeometry {
  readonly batch: readonly Axis[];
  readonly rowAxes: readonly Axis[];
  readonly channels: readonly Axis[];
  readonly images: readonly Axis[];
  /** Each with the distance of its offsets in the input's numbering. */
  readonly offsets: readonly { readonly axis: Axis; readonly pitch: number }[];
  /** Of the gradient: rows by positions. */
  readonly rows: Operand;
  /** Of the input: channels by padded positions. */
  readonly columns: Operand;
  /** Positions of the sum, and of a panel of rows and of columns. */
  readonly depth: number;
  readonly rowDepth: number;
  readonly columnDepth: number;
  /** First summed axis of rows and columns: the others are inside of it. */
  readonly rowFirst: number;
  readonly columnFirst: number;
}

/** What a contraction is as the gradient of a weight; `undefined` where it is none. */
export const gradientOf = (c: Contraction): GradientGeometry | undefined => {
  const { a, b } = c;
  const { batch, m, n } = foldBatch(c);
  const first = c.k.findIndex((k) => k.extent > 1 && slides(b, k, n));
  const positions = first < 0 ? [] : c.k.slice(first);
  const found = windowsOf(b, { positions, taps: n, phases: [] });
  if (found === undefined || positions.length === 0) return undefined;
  // n: an offset of the window; k: a position of the gradient
  const windows = found.windows.map(({ tap, position, base, lo, u, ...w }) => {
    const isPlain = w.stride === 1 && w.dilation === 1;
    return { n: tap, k: position, shift: lo - base.constant, u, isPlain };
  });
  if (windows.some((w) => !w.isPlain)) return undefined;
  const offsets = windows.map((w) => w.n);
  if (offsets.some((x) => freeAxes(a).has(x))) return undefined;
  const padded = windows.map((w) => newAxis(w.u.name, w.k.extent + w.n.extent - 1, 'red'));
  const input = rewriter({
    axis: (x) => {
      const i = windows.findIndex((w) => w.u === x);
      return i < 0 ? undefined : idxOffset(idxAxis(padded[i]!), -windows[i]!.shift);
    },
  }).expr(found.input);
  const bounds = windows.map((w, i) => ({
    idx: idxOffset(idxAxis(padded[i]!), -w.shift),
    lo: 0,
    hi: w.u.extent,
  }));

  const last = windows.at(-1)!;
  const wide = newAxis(last.k.name, padded.at(-1)!.extent, 'red');
  const moved = rewriter({ axis: (x) => (x === last.k ? idxAxis(wide) : undefined) }).expr(a);
  const inside = [{ idx: idxAxis(wide), lo: 0, hi: last.k.extent }];
  const summed = [...positions.slice(0, -1), wide];

  const rowAxes = m.filter((x) => x.extent > 1);
  const channels = n.filter((x) => x.extent > 1 && !offsets.includes(x));
  const pitches = padded.map((_, i) => pointsOf(padded.slice(i + 1)));
  const reach = windows.reduce((sum, w, i) => sum + (w.n.extent - 1) * pitches[i]!, 0);
  return {
    batch,
    rowAxes,
    channels,
    images: c.k.filter((x) => x.extent > 1 && !positions.includes(x)),
    offsets: windows.map((w, i) => ({ axis: w.n, pitch: pitches[i]! })),
    rows: operandOf(guard(inside, moved, constant(0, moved.dtype)), rowAxes, summed),
    columns: operandOf(guard(bounds, input, constant(0, input.dtype)), channels, padded),
    depth: pointsOf(padded) - reach,
    rowDepth: pointsOf(summed),
    columnDepth: pointsOf(padded),
    rowFirst: summed[0]!.extent,
    columnFirst: padded[0]!.extent,
  };
};

/** Whether some index moves with an axis and with one of others. */
const slides = (e: Expr, axis: Axis, others: readonly Axis[]): boolean => {
  let found = false;
  const index = (idx: Idx): void => {
    const free = idxFree(idx);
    found ||= free.has(axis) && others.some((x) => free.has(x));
  };
  visitExpr(e, { index });
  return found;
};

/** Rows and channels of a workgroup. */
export interface GradientCut {
  readonly rows: number;
  readonly rowBlocks: number;
  readonly columns: number;
  readonly columnBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** Cycles to take eight vectors of the result out of memory and back, and to store an element. */
const TURN = 45;
const FINISH = 4;
/** Blocks of rows and of channels that are tried. */
const BLOCKS = [1, 2, 4, 8];

const cutOf = (g: GradientGeometry, caps: Caps): GradientCut | undefined => {
  const offsets = pointsOf(g.offsets.map((o) => o.axis));
  const images = pointsOf(g.images);
  const [rowTiles, columnTiles] = [
    Math.ceil(g.rows.size / TILE_ROWS),
    Math.ceil(g.columns.size / TILE_COLUMNS),
  ];
  let best: GradientCut | undefined;
  for (const rowBlocks of BLOCKS.filter((n) => n <= rowTiles))
    for (const columnBlocks of BLOCKS.filter((n) => n <= columnTiles)) {
      const tiles = [Math.ceil(rowTiles / rowBlocks), Math.ceil(columnTiles / columnBlocks)];
      const [rows, columns] = [tiles[0]! * TILE_ROWS, tiles[1]! * TILE_COLUMNS];
      const elements = rows * g.rowDepth + columns * g.columnDepth + offsets * rows * columns;
      if (4 * elements > caps.sharedBytes) continue;
      const image =
        rows * g.rowDepth * g.rows.cost +
        columns * g.columnDepth * g.columns.cost +
        offsets * tiles[0]! * tiles[1]! * (g.depth * STEP + TURN);
      const one = START + images * image + FINISH * offsets * rows * columns;
      const counts = {
        rowBlocks: Math.ceil(rowTiles / tiles[0]!),
        columnBlocks: Math.ceil(columnTiles / tiles[1]!),
      };
      const grid = pointsOf(g.batch) * counts.rowBlocks * counts.columnBlocks;
      const cycles = elapsed(grid, one, caps);
      if (best === undefined || cycles < best.cycles)
        best = { rows, columns, ...counts, grid, cycles };
    }
  return best;
};

/** Estimated cycles of the schedule, if a contraction is such a gradient. */
export const gradientCycles = (c: Contraction, caps: Caps): number | undefined => {
  const g = gradientOf(c);
  return g === undefined ? undefined : cutOf(g, caps)?.cycles;
};

/** The schedule, for a gradient of this geometry. */
export const planGradient = (
  nest: Nest,
  g: GradientGeometry,
  caps: Caps,
): ImagePlan | undefined => {
  const cut = cutOf(g, caps);
  if (cut === undefined) return undefined;
  const offsets = pointsOf(g.offsets.map((o) => o.axis));
  const scratch = {
    rows: sharedBuffer('packedRows', 'float32', cut.rows * g.rowDepth),
    columns: sharedBuffer('packedColumns', 'float32', cut.columns * g.columnDepth),
    sums: sharedBuffer('sums', 'float32', offsets * cut.rows * cut.columns),
  };
  const [parts, images] = [pointsOf(g.batch), pointsOf(g.images)];
  const [rows, columns] = [g.rows.size, g.columns.size];
  const plan: NestPlan = {
    grid: cut.grid,
    threads: 1,
    shared: [scratch.rows, scratch.columns, scratch.sums],
    cost: {
      flops: parts * images * offsets * rows * columns * g.depth,
      bytes: 4 * parts * (images * g.depth * (rows + columns) + offsets * rows * columns),
    },
    notes: [
      `gradient of ${offsets} offsets of ${rows} x ${columns} x ${g.depth}, for ${images} images`,
      `workgroups ${parts} x ${cut.rowBlocks} x ${cut.columnBlocks} of ${cut.rows} rows x ${cut.columns} channels`,
    ],
    emit: ({ workgroup }, buffer) =>
      new GradientTemplate(g, cut, scratch, nest, buffer).emit(workgroup),
  };
  return { plan, cycles: cut.cycles };
};
