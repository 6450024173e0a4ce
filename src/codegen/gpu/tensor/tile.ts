/**
 * How a product is cut for matrix units: the tile of a workgroup, the part of each warp, and what that takes.
 *
 * Invariants: sizes are powers of two; a cut fits into shared memory, and its numbers follow from the problem and the tile.
 */
import { bytesOf } from '../../../ir/dtype.ts';
import type { MmaInputs } from '../../../ir/thread/tensor.ts';
import { WARP } from '../../../ir/thread/tensor.ts';
import type { Caps } from '../../caps.ts';
import { type Panel, panelOf } from '../contraction/panel.ts';
import type { Operand, Problem } from '../contraction/problem.ts';
import { copyUnit, type Plain, plainRead, stagedAs } from './operand.ts';
import { PIECE, type Swizzle, swizzleOf } from './swizzle.ts';

export interface Tile {
  /** Rows and columns of a workgroup. */
  readonly rows: number;
  readonly columns: number;
  /** Elements of the sum in one step. */
  readonly depth: number;
  /** Rows and columns of a warp. */
  readonly warpRows: number;
  readonly warpColumns: number;
  /** Steps that are in shared memory at a time. */
  readonly stages: number;
}

export const warpsOf = (t: Tile): number => (t.rows / t.warpRows) * (t.columns / t.warpColumns);

/** An operand in shared memory. */
export interface Stage {
  readonly panel: Panel;
  readonly swizzle: Swizzle;
  /** Elements of one step. */
  readonly elements: number;
  /** Copied past the registers, so many elements at a time; else through registers. */
  readonly copied: { readonly plain: Plain; readonly unit: number } | undefined;
}

export interface Cut {
  readonly problem: Problem;
  readonly inputs: MmaInputs;
  readonly tile: Tile;
  readonly threads: number;
  readonly rows: Stage;
  readonly columns: Stage;
  readonly rowBlocks: number;
  readonly columnBlocks: number;
  readonly grid: number;
  readonly steps: number;
  /** Numbers of float32 that results pass through on their way; 0 when they are stored from registers. */
  readonly passed: number;
  readonly sharedBytes: number;
}

/** Results that pass through shared memory together: sixteen rows of each warp, lines apart by some banks. */
export const passedLines = (t: Tile): number => (t.rows / t.warpRows) * 16;
export const passedPitch = (t: Tile): number => t.columns + 4;

/** Elements of the sum that one product takes. */
export const summandsOf = (inputs: MmaInputs): number => (inputs === 'tfloat32' ? 8 : 16);

/** Groups of four that a thread brings of one operand through registers at most: they wait there for a step. */
const MOST_HELD = 8;
/** Epilogues above this cost are not written out for each group of four columns. */
const CHEAP = 24;

/** More than twice what there is to do is waste under any model. */
export const isWaste = (
  { rows, columns, depth }: Problem,
  tile: Tile,
  inputs: MmaInputs,
): boolean =>
  (tile.rows > 16 && tile.rows >= 2 * rows.size) ||
  (tile.columns > 16 && tile.columns >= 2 * columns.size) ||
  (tile.depth > summandsOf(inputs) && tile.depth >= 2 * depth);

/** What of an operand can be copied as it lies, found once: tiles do not change it. */
const found = new WeakMap<Operand, Map<string, Stage['copied']>>();

const copiedOf = (operand: Operand, dtype: 'bfloat16' | 'float16' | 'float32'): Stage['copied'] => {
  const known = found.get(operand) ?? new Map<string, Stage['copied']>();
  found.set(operand, known);
  if (!known.has(dtype)) {
    const plain = plainRead(operand.expr, dtype);
    const unit = plain && copyUnit(operand, plain, operand.contiguous, bytesOf(dtype));
    known.set(dtype, plain && unit ? { plain, unit } : undefined);
  }
  return known.get(dtype);
};

/** A tile of an operand: `extent` rows (or columns) by `depth` elements of the sum; `undefined` where lines are too short. */
export const stageOf = (
  operand: Operand,
  extent: number,
  depth: number,
  threads: number,
  inputs: MmaInputs,
): Stage | undefined => {
  const dtype = stagedAs(inputs);
  const bytes = bytesOf(dtype);
  const layout = operand.contiguous;
  const line = layout === 'depth' ? depth : extent;
  if (line * bytes < 2 * PIECE) return undefined;
  return {
    panel: { ...panelOf(operand, layout, extent, depth, threads), pitch: line },
    swizzle: swizzleOf(line, bytes, inputs === 'tfloat32' && layout === 'free'),
    elements: extent * depth,
    copied: copiedOf(operand, dtype),
  };
};

const waitsInRegisters = ({ copied, panel }: Stage): number =>
  copied === undefined ? panel.rounds : 0;

export const cutOf = (
  problem: Problem,
  tile: Tile,
  inputs: MmaInputs,
  caps: Caps,
): Cut | undefined => {
  const { results, batches } = problem;
  const threads = WARP * warpsOf(tile);
  const rows = stageOf(problem.rows, tile.rows, tile.depth, threads, inputs);
  const columns = stageOf(problem.columns, tile.columns, tile.depth, threads, inputs);
  if (rows === undefined || columns === undefined) return undefined;
  if (Math.max(...[rows, columns].map(waitsInRegisters)) > MOST_HELD) return undefined;
  // what waits in registers is one step ahead
  const ahead = rows.copied !== undefined || columns.copied !== undefined;
  if (!ahead && tile.stages > 2) return undefined;
  const direct = results.quads && results.cost <= CHEAP;
  const passed = direct ? 0 : passedLines(tile) * passedPitch(tile);
  const staged = tile.stages * (rows.elements + columns.elements) * bytesOf(stagedAs(inputs));
  const sharedBytes = staged + 4 * passed;
  if (sharedBytes > caps.sharedBytes) return undefined;
  const rowBlocks = Math.ceil(problem.rows.size / tile.rows);
  const columnBlocks = Math.ceil(problem.columns.size / tile.columns);
  return {
    problem,
    inputs,
    tile,
    threads,
    rows,
    columns,
    rowBlocks,
    columnBlocks,
    grid: rowBlocks * columnBlocks * batches,
    steps: Math.ceil(problem.depth / tile.depth),
    passed,
    sharedBytes,
  };
};
