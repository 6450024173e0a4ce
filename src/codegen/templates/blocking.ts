/**
 * How a contraction is cut: into workgroups, and each of them into blocks that stay in the caches.
 *
 * Invariant: the cut depends on the problem and the caps alone; costs are rough cycles of one core with 128-bit vectors.
 */
import type { Caps } from '../caps.ts';
import {
  type DepthBlocks,
  elapsed,
  leastElapsed,
  type Operand,
  type Problem,
  roundUp,
  START,
  stepOf,
  TILE_COLUMNS,
  TILE_ROWS,
  WIDE_ROWS,
} from './contraction.ts';
import { Shortlist } from './shortlist.ts';

/** How a problem is cut into workgroups, and workgroups into cache blocks. */
export interface Blocking {
  readonly k: DepthBlocks;
  /** Of one workgroup. */
  readonly rows: number;
  readonly columns: number;
  readonly batches: number;
  /** Rows packed at a time. */
  readonly packedRows: number;
  /** The last tile of rows has two, done for 16 columns at a time. */
  readonly wide: boolean;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly batchBlocks: number;
  readonly grid: number;
  /** Estimated cycles until the last workgroup is done, on as many cores as the device allows for. */
  readonly cycles: number;
}

/**
 * Packing waits for operands, which lie in the third-level cache or beyond: the larger a workgroup's part, the fewer read
 * them again. Packed rows and columns stay in the second-level cache; partial sums are streamed through it.
 */
const PACKED_ROWS = 64;
const PACKED_COLUMN_BYTES = 512 * 1024;
const PARTIAL_BYTES = 544 * 1024;
/**
 * Cycles to fetch an element of rows a page apart, as a multiple of tiles of columns and two: 1024 x 1024 x 1024 takes 3 %
 * longer in place than packed, 32 columns 10 % less, 4 columns 20 % longer.
 */
const CROWDED = 0.07;

/**
 * Of two matrices that a second-level cache does not hold together, what is needed comes from the third, or from memory
 * where others push it out in the milliseconds until somebody comes back: an element takes so many cycles, packed or in
 * place. Panels are read in their order; those that are no larger than that cache are found there.
 */
export const SECOND_LEVEL_BYTES: number = 1 << 20;
const FAR = 1.6;
const FAR_PANELS = 0.6;

/** Cycles for an element of an operand. */
export const costOf = (
  operand: Operand,
  { rows, columns, depth, k, outerK, batches }: Problem,
): number => {
  const isMatrix = outerK.length === 0 && k.inner === 1 && batches === 1;
  const [a, b] = [4 * depth * rows.size, 4 * depth * columns.size];
  if (!isMatrix || 2 * Math.min(a, b) < SECOND_LEVEL_BYTES || a + b <= SECOND_LEVEL_BYTES)
    return operand.cost;
  if (operand.panels === undefined) return Math.max(FAR, operand.cost);
  return b > SECOND_LEVEL_BYTES ? FAR_PANELS : operand.cost;
};

/**
 * What no cut into so many blocks of rows and of columns, or more, gets below: what is packed is packed once for each
 * block that it meets, all cores are busy, nothing is filled up.
 */
export const leastCycles = (p: Problem, caps: Caps, rowBlocks = 1, columnBlocks = 1): number => {
  const { rows, columns, k, depth, batches } = p;
  const wide = roundUp(columns.size, TILE_COLUMNS);
  const steps = depth * stepOf(p) + k.count * 20;
  const compute = (rows.size / p.tileRows) * (wide / TILE_COLUMNS) * steps;
  const pack =
    depth * (rows.size * costOf(rows, p) * columnBlocks + wide * costOf(columns, p) * rowBlocks);
  const all = batches * (compute + pack + rows.size * wide) + START * rowBlocks * columnBlocks;
  return leastElapsed(1, all, caps);
};

/** The best blockings by estimate; none if the scratch memory does not even hold the smallest blocks. */
export const blockings = (
  p: Problem,
  caps: Caps,
  most: number = 1,
  below: number = Number.POSITIVE_INFINITY,
): readonly Blocking[] => {
  const best = new Shortlist<Blocking>(most, below);
  for (const given of batchCounts(p.batches, caps.parallelism))
    cutBatches(p, caps, Math.ceil(p.batches / given), best);
  return best.items;
};

/** The cuts of workgroups with so many batches each; more blocks than cannot be among the best are not looked at. */
const cutBatches = (p: Problem, caps: Caps, batches: number, best: Shortlist<Blocking>): void => {
  const { k, tileRows } = p;
  const rowTiles = Math.ceil(p.rows.size / tileRows);
  const columnTiles = Math.ceil(p.columns.size / TILE_COLUMNS);
  const batchBlocks = Math.ceil(p.batches / batches);
  const columnCounts = blockCounts(columnTiles);
  for (const down of blockCounts(rowTiles)) {
    const rows = Math.ceil(rowTiles / down) * tileRows;
    const rowBlocks = Math.ceil((rowTiles * tileRows) / rows);
    if (!best.takes(leastCycles(p, caps, rowBlocks))) break;
    for (const across of columnCounts) {
      const columns = Math.ceil(columnTiles / across) * TILE_COLUMNS;
      const columnBlocks = Math.ceil((columnTiles * TILE_COLUMNS) / columns);
      if (!best.takes(leastCycles(p, caps, rowBlocks, columnBlocks))) break;
      const packedRows = fitted(p, rows, columns, caps);
      if (packedRows === undefined) continue;
      const wide =
        rowBlocks === 1 &&
        packedRows === rows &&
        columns > TILE_COLUMNS &&
        tileRows === TILE_ROWS &&
        p.rows.size % TILE_ROWS === WIDE_ROWS;
      const grid = rowBlocks * columnBlocks * batchBlocks;
      const one = batches * blockCycles(p, k, { rows, columns, wide }) + START;
      if (!best.takes(leastElapsed(grid, one, caps))) continue;
      const cycles = elapsed(grid, one, caps);
      if (!best.takes(cycles)) continue;
      const cell = { rows, columns, packedRows, wide, rowBlocks, columnBlocks };
      best.add({ ...cell, k, batches, batchBlocks, grid, cycles });
    }
  }
};

/** Memory of so many packed rows: what is stored by fours reaches beyond the last panel of six. */
export const packedElements = (p: Problem, rows: number): number =>
  rows * p.k.depth + (p.tileRows % 4);

const batchCounts = (batches: number, parallelism: number): number[] =>
  [
    ...new Set([1, parallelism, 2 * parallelism, 4 * parallelism, 16 * parallelism, batches]),
  ].filter((n) => n <= batches);

/** 1, 2, 3, 4, 6, 8, 12, ... up to `tiles`. */
const blockCounts = (tiles: number): number[] => {
  const counts: number[] = [];
  for (let n = 1; n <= tiles; n *= 2) {
    counts.push(n);
    if (n >= 2 && 1.5 * n <= tiles) counts.push(1.5 * n);
  }
  return counts;
};

/** Rows to pack at a time, if such a block fits. */
const fitted = (p: Problem, rows: number, columns: number, caps: Caps): number | undefined => {
  const { k } = p;
  const packedColumns = p.columns.panels === undefined ? columns * k.depth * 4 : 0;
  const partial = k.count > 1 ? rows * columns * 4 : 0;
  if (packedColumns > PACKED_COLUMN_BYTES && columns > TILE_COLUMNS) return undefined;
  if (partial > PARTIAL_BYTES && rows * columns > p.tileRows * TILE_COLUMNS) return undefined;
  const packedRows = Math.min(rows, PACKED_ROWS);
  const parts = Math.ceil(rows / packedRows);
  const even = roundUp(Math.ceil(rows / parts), p.tileRows);
  const packed = p.rows.inPlace === undefined ? 4 * packedElements(p, even) : 0;
  const waiting = Math.max(128, partial - (caps.keptBytes ?? 0));
  const bytes = packedColumns + waiting + packed;
  return bytes <= caps.sharedBytes ? even : undefined;
};

const blockCycles = (
  p: Problem,
  k: DepthBlocks,
  { rows, columns, wide }: Pick<Blocking, 'rows' | 'columns' | 'wide'>,
): number => {
  const rowTiles = wide
    ? p.rows.size / TILE_ROWS
    : Math.ceil(Math.min(rows, p.rows.size) / p.tileRows);
  const compute = rowTiles * (columns / TILE_COLUMNS) * (p.depth * stepOf(p) + k.count * 20);
  const crowd = p.rows.inPlace?.crowded === true ? CROWDED * (columns / TILE_COLUMNS + 2) : 0;
  const pack = p.depth * (rows * (costOf(p.rows, p) + crowd) + columns * costOf(p.columns, p));
  return compute + pack + rows * columns;
};
