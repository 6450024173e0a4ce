/**
 * How a contraction is cut: the tile of a workgroup, what of it a thread has, and what that takes.
 *
 * Invariant: a cut fits into shared memory, and its numbers follow from the problem and the tile.
 */
import type { Caps } from '../../caps.ts';
import { bringingStatements, type Panel, panelOf, rowLayout } from './panel.ts';
import type { Problem } from './problem.ts';

export interface Tile {
  /** Threads along columns, along rows, and how many such grids divide the sum of a step among them. */
  readonly across: number;
  readonly down: number;
  readonly slices: number;
  /** Accumulators of a thread. */
  readonly rows: number;
  readonly columns: number;
  /** Elements of the sum in one step. */
  readonly depth: number;
}

export const tileRows = (t: Tile): number => t.down * t.rows;
export const tileColumns = (t: Tile): number => t.across * t.columns;
export const threadsOf = (t: Tile): number => t.across * t.down * t.slices;

/** Elements of the sum in one round of the inner loop: enough to keep it busy, in not too much code. */
export const stepsTogether = ({ rows, columns }: Tile): 2 | 4 =>
  rows * columns + rows + columns <= 40 ? 4 : 2;

/** A problem cut into tiles. */
export interface Cut {
  readonly problem: Problem;
  readonly tile: Tile;
  readonly threads: number;
  readonly panels: { readonly rows: Panel; readonly columns: Panel };
  /** Blocks of rows and columns. */
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly grid: number;
  /** Steps of the sum. */
  readonly steps: number;
  /** Shared memory, in numbers. */
  readonly shared: number;
  /** Results go through shared memory this many rows of a thread at a time; 0 when they are stored from registers. */
  readonly passed: number;
  /** Its code is no longer than drivers compile in good time; operands and stores may be too long whatever the tile. */
  readonly short: boolean;
}

/** Groups that a thread brings of one operand. */
const MOST_ROUNDS = 4;
/** Results are stored from registers where that takes no more statements than this. */
const MOST_STORING = 128;
/** Statements that a kernel should have at most: drivers take more than twice as long for code twice as long. */
const MOST_STATEMENTS = 240;

/** Twice what there is to do is waste under any model. */
export const isWaste = ({ rows, columns, depth }: Problem, tile: Tile): boolean => {
  const [m, n] = [tileRows(tile), tileColumns(tile)];
  return (
    (m > 8 && m >= 2 * rows.size) ||
    (n > 16 && n >= 2 * columns.size) ||
    (tile.depth > 8 * tile.slices && tile.depth >= 2 * depth)
  );
};

export const cutOf = (problem: Problem, tile: Tile, caps: Caps): Cut | undefined => {
  const { rows, columns, batches, depth, results } = problem;
  const threads = threadsOf(tile);
  const [m, n] = [tileRows(tile), tileColumns(tile)];
  const panels = {
    rows: panelOf(rows, rowLayout(rows, tile.rows), m, tile.depth, threads),
    columns: panelOf(columns, 'free', n, tile.depth, threads),
  };
  if (Math.max(panels.rows.rounds, panels.columns.rounds) > MOST_ROUNDS) return undefined;
  const staged = panels.rows.elements + panels.columns.elements;
  const direct =
    tile.slices === 1 && results.quads && storingStatements(problem, tile) <= MOST_STORING;
  const passed = direct ? 0 : passedRows(tile, staged);
  const shared = Math.max(staged, passed * tile.slices * tile.down * n);
  if (4 * shared > caps.sharedBytes) return undefined;
  const rowBlocks = Math.ceil(rows.size / m);
  const columnBlocks = Math.ceil(columns.size / n);
  const cut = {
    problem,
    tile,
    threads,
    panels,
    rowBlocks,
    columnBlocks,
    grid: rowBlocks * columnBlocks * batches,
    steps: Math.ceil(depth / tile.depth),
    shared,
    passed,
  };
  return { ...cut, short: statements(cut) <= MOST_STATEMENTS };
};

/** As many rows of a thread as the memory for staging holds. */
const passedRows = (tile: Tile, staged: number): number => {
  const one = tile.slices * tile.down * tileColumns(tile);
  let rows = 1;
  while (2 * rows <= Math.min(4, tile.rows) && 2 * rows * one <= staged) rows *= 2;
  return rows;
};

/** Statements of a kernel, about. */
const statements = ({ tile, panels, problem, passed }: Omit<Cut, 'short'>): number => {
  const groups = tile.columns / 4;
  const sums = tile.rows * groups;
  const staging = bringingStatements(panels.rows) + bringingStatements(panels.columns);
  const product =
    panels.rows.layout === 'depth'
      ? 4 * groups + 5 * tile.rows + sums
      : stepsTogether(tile) * (tile.rows / 4 + groups + tile.rows + sums);
  const storing =
    passed === 0 ? storingStatements(problem, tile) : 25 + sums + problem.results.cost;
  return 30 + sums + staging + product + storing;
};

/** Statements that store a tile from registers. */
const storingStatements = ({ results }: Problem, tile: Tile): number =>
  ((tile.rows * tile.columns) / 4) * (1 + 2 * results.outputs.length + results.cost / 2);
