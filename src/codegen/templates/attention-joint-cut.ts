/**
 * How gradients of an attention that are computed together are cut, and whether the one to queries is among them.
 *
 * Invariants: the choice depends on sizes and caps alone. Costs are rough cycles of one core with 128-bit vectors.
 */
import type { Caps } from '../caps.ts';
import type { JointProblem, Result } from './attention-joint.ts';
import { elapsed, roundUp, START, STEP, TILE_COLUMNS, TILE_ROWS } from './contraction.ts';

export interface JointCut {
  /** Queries and keys of a block: multiples of eight. */
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

const ROWS = [32, 64];
const SUMMED = [64, 128];
/** Cycles a pair takes beside its products. */
const WEIGH = 5;
/** Cycles to start and leave a tile of sums. */
const TILE = 24;
/** What the second-level cache holds; work on more of it takes longer. */
const NEAR_BYTES = 448 * 1024;
const FAR = 1.08;

export const columnsOf = ({ width }: Result): number => roundUp(width, TILE_COLUMNS);

/** Numbers of each buffer of a workgroup. */
export const jointMemory = (
  { blocks, scores, query, key, value }: JointProblem,
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
    querySums: query === undefined ? 0 : roundUp(blocks.rows.extent, TILE_ROWS) * columnsOf(query),
    keySums: summed * columnsOf(key),
    valueSums: summed * columnsOf(value),
  };
};

/** The best cut by estimate; `undefined` if scratch memory does not hold even the smallest. */
export const jointCut = (p: JointProblem, caps: Caps): JointCut | undefined => {
  let best: JointCut | undefined;
  const { rows: along, summed: over } = p.blocks;
  for (const most of ROWS)
    for (const wide of SUMMED) {
      const rows = Math.min(most, roundUp(along.extent, TILE_COLUMNS));
      const summed = Math.min(wide, roundUp(over.extent, TILE_COLUMNS));
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
  { blocks, scores, query, key, value }: JointProblem,
  { rows, summed }: Pick<JointCut, 'rows' | 'summed'>,
): number => {
  const along = blocks.rows.extent;
  const pairs = along * summed * (blocks.bounds.length > 0 ? 0.55 : 1);
  const tile = TILE_ROWS * TILE_COLUMNS;
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  const products = (depth * STEP + scores.length * TILE) / tile;
  const sums = (result: Result | undefined, length: number): number =>
    result === undefined ? 0 : (columnsOf(result) * (STEP + TILE / length)) / tile;
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
