/**
 * How gradients of an attention that are computed together are cut, and whether the one to queries is among them.
 *
 * Invariants: the choice depends on sizes and caps alone. Costs are rough cycles of one core with 128-bit vectors.
 */
import type { Caps } from '../caps.ts';
import type { JointProblem, Result } from './attention-joint.ts';
import { panelOf } from './attention-panels.ts';
import {
  elapsed,
  roundUp,
  START,
  stepOf,
  TALL_ROWS,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';

export interface JointCut {
  /** Queries and keys of a block: whole panels of rows, and of columns and tiles. */
  readonly rows: number;
  readonly summed: number;
  /** Whether a workgroup takes all blocks of keys, so that it has the gradients to queries; else it takes one. */
  readonly whole: boolean;
  readonly keyBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/**
 * Memory of a workgroup: rows and columns of scores; weights of a block; what they are multiplied with; and what becomes of
 * that.
 */
export type JointBuffer =
  | 'left'
  | 'right'
  | 'shares'
  | 'slopes'
  | 'keys'
  | 'queries'
  | 'gradients'
  | 'querySums'
  | 'keySums'
  | 'valueSums';

const ROWS = { [TILE_ROWS]: [32, 64], [TALL_ROWS]: [24, 48, 72] };
const SUMMED = { [TILE_ROWS]: [64, 128], [TALL_ROWS]: [72, 96, 120] };
/** Cycles a pair takes beside its products. */
const WEIGH = 5;
/** Cycles to start and leave a tile of sums. */
const TILE = 24;
/** What the second-level cache holds; work on more of it takes longer. */
const NEAR_BYTES = 448 * 1024;
const FAR = 1.08;

/** What keys of a block are multiples of: rows of sums and columns of scores. */
export const keyUnit = ({ tileRows }: Pick<JointProblem, 'tileRows'>): number =>
  tileRows === TALL_ROWS ? 3 * TILE_COLUMNS : TILE_COLUMNS;

export const columnsOf = ({ width }: Result): number => roundUp(width, TILE_COLUMNS);

/** Numbers of each buffer of a workgroup. */
export const jointMemory = (
  { tileRows, blocks, scores, query, key, value }: JointProblem,
  { rows, summed }: Pick<JointCut, 'rows' | 'summed'>,
): Readonly<Record<JointBuffer, number>> => {
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  return {
    left: rows * depth,
    right: summed * depth,
    shares: rows * summed,
    slopes: rows * summed,
    keys: query === undefined ? 0 : summed * columnsOf(query),
    queries: rows * columnsOf(key),
    gradients: rows * columnsOf(value),
    querySums: query === undefined ? 0 : roundUp(blocks.rows.extent, tileRows) * columnsOf(query),
    keySums: summed * columnsOf(key),
    valueSums: summed * columnsOf(value),
  };
};

/** The best cut by estimate; `undefined` if scratch memory does not hold even the smallest. */
export const jointCut = (p: JointProblem, caps: Caps): JointCut | undefined => {
  let best: JointCut | undefined;
  const { rows: along, summed: over } = p.blocks;
  for (const most of ROWS[p.tileRows])
    for (const wide of SUMMED[p.tileRows]) {
      const rows = Math.min(most, roundUp(along.extent, panelOf(p.tileRows)));
      const summed = Math.min(wide, roundUp(over.extent, keyUnit(p)));
      const { querySums, ...near } = jointMemory(p, { rows, summed });
      const bytes = 4 * Object.values(near).reduce((a, b) => a + b);
      // the gradients of queries are met once for each block of keys
      if (bytes > caps.sharedBytes || 4 * querySums > (caps.keptBytes ?? 0)) continue;
      const whole = p.query !== undefined;
      const keyBlocks = Math.ceil(over.extent / summed);
      const grid = whole ? p.batches : p.batches * keyBlocks;
      const one = (whole ? keyBlocks : 1) * blockCycles(p, { rows, summed });
      const cycles = elapsed(grid, one * (bytes > NEAR_BYTES ? FAR : 1) + START, caps);
      if (best === undefined || cycles < best.cycles)
        best = { rows, summed, whole, keyBlocks, grid, cycles };
    }
  return best;
};

/** Of one block of keys. */
const blockCycles = (
  { tileRows, blocks, scores, query, key, value }: JointProblem,
  { rows, summed }: Pick<JointCut, 'rows' | 'summed'>,
): number => {
  const along = blocks.rows.extent;
  const pairs = along * summed * (blocks.bounds.length > 0 ? 0.55 : 1);
  const tile = tileRows * TILE_COLUMNS;
  const step = stepOf({ tileRows });
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  const products = (depth * step + scores.length * TILE) / tile;
  const sums = (result: Result | undefined, length: number): number =>
    result === undefined ? 0 : (columnsOf(result) * (step + TILE / length)) / tile;
  const packedRows =
    scores.reduce((sum, s) => sum + s.depth * s.left.cost, 0) +
    key.width * key.operand.cost +
    value.width * value.operand.cost;
  const packedColumns =
    scores.reduce((sum, s) => sum + s.depth * s.right.cost, 0) +
    (query === undefined ? 0 : query.width * query.operand.cost);
  const each = products + sums(query, summed) + sums(key, rows) + sums(value, rows) + WEIGH;
  return pairs * each + along * packedRows + summed * (packedColumns + key.width + value.width);
};
