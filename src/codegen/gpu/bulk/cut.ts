/**
 * How a product is cut for warpgroups: the tile of a workgroup, the stages it passes through, and what that takes.
 *
 * Invariant: a cut fits into shared memory and registers, and its numbers follow from the problem and the tile.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import { LINE, TILE_ROWS, WARPGROUP } from '../../../ir/thread/bulk.ts';
import type { Caps } from '../../caps.ts';
import type { Problem } from '../contraction/problem.ts';
import { type Source, sourceOf } from './operand.ts';

/** Elements of the sum in one step: a line. */
export const DEPTH: number = LINE;

export interface Tile {
  /** 64 for each warpgroup that multiplies. */
  readonly rows: number;
  /** A multiple of 8, at most 256. */
  readonly columns: number;
  /** Steps in shared memory at a time, at most. */
  readonly stages: number;
}

/** An operand in shared memory. */
export interface Stage {
  readonly source: Source;
  /** Rows (or columns) of the tile. */
  readonly extent: number;
  /** Boxes that bring it, and the elements of one. */
  readonly boxes: number;
  readonly box: number;
  /** Elements of one step. */
  readonly elements: number;
}

export interface Cut {
  readonly problem: Problem;
  readonly inputs: 'bfloat16' | 'float16';
  readonly tile: Tile;
  readonly rows: Stage;
  readonly columns: Stage;
  readonly stages: number;
  /** Warpgroups that multiply. */
  readonly groups: number;
  readonly threads: number;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly tiles: number;
  /** Workgroups: each does one tile after the other. */
  readonly grid: number;
  readonly steps: number;
}

/** Shared memory for gates, and what is lost before the next array begins. */
const GATES_BYTES = 1280;
/** Statements of what is stored, about, that are written out at most. */
const MOST_STORING = 2000;

const stageOf = (source: Source, extent: number): Stage => {
  if (source.along === 'depth')
    return { source, extent, boxes: 1, box: extent * LINE, elements: extent * LINE };
  const boxes = Math.ceil(extent / LINE);
  return { source, extent, boxes, box: LINE * DEPTH, elements: boxes * LINE * DEPTH };
};

/** Statements that store a tile from registers, about. */
export const storingStatements = ({ results }: Problem, columns: number): number =>
  (columns / 8) * (results.quads ? 1 : 4) * (6 + 2 * results.outputs.length + results.cost);

export const cutOf = (
  problem: Problem,
  tile: Tile,
  inputs: Cut['inputs'],
  caps: Caps,
): Cut | { readonly refused: string } => {
  const left = sourceOf(problem.rows, problem.batch, inputs);
  const right = sourceOf(problem.columns, problem.batch, inputs);
  if ('refused' in left) return left;
  if ('refused' in right) return right;
  const rows = stageOf(left, tile.rows);
  const columns = stageOf(right, tile.columns);
  const bytes = bytesOf(inputs) * (rows.elements + columns.elements);
  const stages = Math.min(tile.stages, Math.floor((caps.sharedBytes - GATES_BYTES) / bytes));
  if (stages < 2) return { refused: `two stages of ${bytes} bytes do not fit` };
  if (storingStatements(problem, tile.columns) > MOST_STORING)
    return { refused: 'too much is computed of each result' };
  const groups = tile.rows / TILE_ROWS;
  const rowBlocks = Math.ceil(problem.rows.size / tile.rows);
  const columnBlocks = Math.ceil(problem.columns.size / tile.columns);
  const tiles = rowBlocks * columnBlocks * problem.batches;
  return {
    problem,
    inputs,
    tile,
    rows,
    columns,
    stages,
    groups,
    threads: (1 + groups) * WARPGROUP,
    rowBlocks,
    columnBlocks,
    tiles,
    grid: Math.min(tiles, caps.processors),
    steps: Math.ceil(problem.depth / DEPTH),
  };
};
