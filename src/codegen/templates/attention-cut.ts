/**
 * What an attention looks like to one thread of four lanes, and how it is cut: blocks of rows against blocks of what is
 * summed, of which a strip of four rows is weighed at a time.
 *
 * Invariants: all a workgroup holds grows with the lengths of features and blocks, never with those of both sequences;
 * the choice depends on sizes and caps alone. Costs are rough cycles of one core with 128-bit vectors.
 */
import { scalar, scoreValues } from '../../ir/loop/expr.ts';
import type { Attention, Expr, Nest, Store } from '../../ir/loop/loop.ts';
import { operandsOf, visitExpr } from '../../ir/loop/visit.ts';
import type { Caps } from '../caps.ts';
import { type Problem as Blocks, ofColumns, problemOf } from '../gpu/attention/problem.ts';
import { rewriter } from '../rewrite.ts';
import {
  elapsed,
  type Operand,
  operandOf,
  roundUp,
  START,
  STEP,
  TILE_COLUMNS,
  TILE_ROWS,
} from './contraction.ts';
import { type Epilogue, epilogueOf } from './epilogue.ts';

/** One product of rows with what is summed. */
export interface ScoreOperands {
  readonly left: Operand;
  readonly right: Operand;
  readonly depth: number;
}

export interface Problem {
  readonly blocks: Blocks;
  /** The weight of any pair, and of one within all bounds. */
  readonly weight: Expr;
  readonly inside: Expr;
  readonly scores: readonly ScoreOperands[];
  /** What is summed by the weights; its columns are those of the result. */
  readonly value: Operand | undefined;
  readonly width: number;
  readonly epilogue: Epilogue | undefined;
}

export interface Cut {
  /** Rows of a workgroup, a multiple of four, and elements of the sum that are weighed at a time, of eight. */
  readonly rows: number;
  readonly summed: number;
  readonly rowBlocks: number;
  readonly grid: number;
  readonly cycles: number;
}

/** The problem of a nest with an attention, or why it is left to products and a softmax. */
export const laneProblem = (nest: Nest, caps: Caps): Problem | { readonly refused: string } => {
  const { attend } = nest;
  const blocks = problemOf(nest, caps);
  if ('refused' in blocks) return blocks;
  if (attend === undefined) return { refused: 'no attention' };
  const { weights, factors } = absorbed([blocks.weight, blocks.within?.weight ?? blocks.weight]);
  return {
    blocks,
    weight: weights[0]!,
    inside: weights[1]!,
    scores: attend.scores.map(({ depth, a, b }, i) => ({
      left: operandOf(
        factors[i] === undefined ? a : scalar('mul', a, factors[i]),
        [blocks.rows],
        depth,
      ),
      right: operandOf(b, [blocks.summed], depth),
      depth: depth[0]!.extent,
    })),
    ...columnsOf(
      attend,
      blocks,
      nest.stores.filter((s) => ofColumns(s, attend.n[0])),
    ),
  };
};

/** Weights that take scores multiplied with a constant, with scores that are multiplied already, and by what. */
export const absorbed = (
  weights: readonly Expr[],
): { readonly weights: readonly Expr[]; readonly factors: readonly (Expr | undefined)[] } => {
  const users = new Map<Expr, Set<Expr>>(scoreValues.map((s) => [s, new Set<Expr>()]));
  for (const weight of weights)
    visitExpr(weight, {
      expr: (e) => {
        for (const operand of operandsOf(e)) users.get(operand)?.add(e);
      },
    });
  const scaled = scoreValues.map((score) => {
    const [user, ...others] = users.get(score)!;
    if (user?.kind !== 'op' || user.op !== 'mul' || others.length > 0) return undefined;
    const factor = user.args.find((e) => e.kind === 'const');
    return factor && { user, factor };
  });
  const { expr } = rewriter({
    replace: (e) => scoreValues.find((_, i) => scaled[i]?.user === e),
  });
  return { weights: weights.map(expr), factors: scaled.map((s) => s?.factor) };
};

const columnsOf = (
  { n, value }: Attention,
  { rows, summed }: Blocks,
  stores: readonly Store[],
): Pick<Problem, 'value' | 'width' | 'epilogue'> => {
  if (n.length === 0) return { value: undefined, width: 0, epilogue: undefined };
  const operand = operandOf(value, n, [summed]);
  const epilogue = epilogueOf(
    { rows: { size: rows.extent }, columns: operand, rowAxes: [rows], columnAxes: n },
    stores,
  );
  return { value: operand, width: n[0]!.extent, epilogue };
};

/** Rows of a workgroup and elements of the sum that are tried. */
const ROWS = [16, 32, 64, 96, 128, 192, 256];
const SUMMED = [32, 64, 128];
/** What the second-level cache holds of packed operands beside the rows they meet. */
const NEAR_BYTES = 192 * 1024;
/** Cycles a pair takes beside its products: its weight, and where there is a softmax its exponential. */
const WEIGH = 1.2;
const POWER = 2.6;
/** Cycles to start, scale and leave a tile of sums. */
const TILE = 24;

/** The best cut by estimate; `undefined` if scratch memory does not hold even the smallest. */
export const laneCut = (p: Problem, caps: Caps): Cut | undefined => {
  let best: Cut | undefined;
  for (const most of ROWS)
    for (const wide of SUMMED) {
      const { rows: along, summed: over, batches } = p.blocks;
      const rows = Math.min(most, roundUp(along.extent, TILE_ROWS));
      const summed = Math.min(wide, roundUp(over.extent, TILE_COLUMNS));
      if (
        4 * Object.values(memoryOf(p, { rows, summed })).reduce((a, b) => a + b) >
        caps.sharedBytes
      )
        continue;
      const rowBlocks = Math.ceil(along.extent / rows);
      const grid = batches * rowBlocks;
      const cycles = elapsed(grid, blockCycles(p, rows, summed) + START, caps);
      if (best === undefined || cycles < best.cycles)
        best = { rows, summed, rowBlocks, grid, cycles };
    }
  return best;
};

/** Numbers of each buffer of a workgroup. */
export const memoryOf = (
  { scores, width }: Problem,
  { rows, summed }: Pick<Cut, 'rows' | 'summed'>,
): Readonly<Record<'left' | 'right' | 'values' | 'sums' | 'strips' | 'state', number>> => {
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  const columns = roundUp(width, TILE_COLUMNS);
  return {
    left: rows * depth,
    right: summed * depth,
    values: summed * columns,
    sums: rows * columns,
    strips: TILE_ROWS * summed * scores.length,
    state: 2 * rows + TILE_ROWS,
  };
};

const blockCycles = (
  { blocks, scores, value, width }: Problem,
  rows: number,
  summed: number,
): number => {
  const over = blocks.summed.extent;
  const depth = scores.reduce((sum, s) => sum + s.depth, 0);
  const columns = roundUp(width, TILE_COLUMNS);
  const pairs = rows * over * (blocks.bounds.length > 0 ? 0.55 : 1);
  const tile = TILE_ROWS * TILE_COLUMNS;
  const products = (depth * STEP + scores.length * TILE) / tile;
  const values = (columns / TILE_COLUMNS) * ((STEP + TILE / summed) / TILE_ROWS);
  const weights = WEIGH * scores.length + POWER;
  const far = 4 * summed * (depth + columns) > NEAR_BYTES ? 1.08 : 1;
  const packed =
    scores.reduce((sum, s) => sum + s.depth * (over * s.right.cost + rows * s.left.cost), 0) +
    over * width * (value?.cost ?? 0);
  return pairs * ((products + values) * far + weights) + packed + rows * width;
};
