/**
 * What a contraction looks like to the schedule: two operands over merged axes, how each is packed, how it is blocked.
 *
 * Invariants: rows and columns are enumerated row-major over the operand's free axes; blocks of rows are multiples of
 * `TILE_ROWS`, blocks of columns of `TILE_COLUMNS`; costs are rough cycles of one core with 128-bit vectors.
 */

import { type Axis, type Idx, pointsOf } from '../../ir/dim.ts';
import type { Contraction, Expr, LoadExpr, LoopBuffer } from '../../ir/loop/loop.ts';
import { evaluationCost, offsetOf, stepAlong, visitLoads } from '../analysis.ts';
import type { Caps } from '../caps.ts';
import { foldBatch, mergeAxes, splitAxes, splitSums } from './merge.ts';

/** The micro-kernel: 4 x 8 accumulators are eight vectors; more would spill. */
export const TILE_ROWS = 4;
export const TILE_COLUMNS = 8;
/**
 * Where the engine multiplies and adds in one instruction: 6 x 8 sums are twelve vectors, two of columns and one of a row
 * fill its registers (see `wasm/crowded.ts`).
 */
export const TALL_ROWS = 6;
/** Left-over rows that are multiplied with two column panels at a time. */
export const WIDE_ROWS = 2;

/** Along what packing reads vectors: the operand's last free axis, the last summed axis (transposing), or nothing. */
export type Packing = 'free' | 'summed' | 'scalar';

export interface Operand {
  readonly expr: Expr;
  /** Merged, without axes of one element; outermost first. */
  readonly free: readonly Axis[];
  readonly size: number;
  /** The summed axes from the chunked one on, merged where this operand allows it. */
  readonly summed: readonly Axis[];
  readonly packing: Packing;
  /** Rough cycles to pack one element. */
  readonly cost: number;
  /** Rows that are read where they are. */
  readonly inPlace?: InPlace;
  /** Where columns lie that were packed before, for all workgroups. */
  readonly panels?: LoopBuffer;
}

/** Rows of float32 whose sum runs along memory, at equal distances from each other. */
export interface InPlace {
  readonly load: LoadExpr;
  readonly free: Axis;
  readonly summed: Axis;
  readonly pitch: number;
  /** Rows a page or half of one apart fall into the same sets of the caches: each tile of columns fetches them anew. */
  readonly crowded: boolean;
}

/** Of float32. */
const HALF_PAGE = 512;

/** Cycles to bring an element that is read in place from beyond the first-level cache, for each block. */
export const READING = 0.15;

/** An operand as rows: nothing is packed where the micro-kernel can broadcast from memory as well. */
export const asRows = (operand: Operand): Operand => {
  const { expr, free, summed, size } = operand;
  const [row, k] = [free[0], summed[0]];
  if (expr.kind !== 'load' || expr.dtype !== 'float32' || row === undefined || k === undefined)
    return operand;
  if (free.length > 1 || summed.length > 1 || size % TILE_ROWS !== 0) return operand;
  const offset = offsetOf(expr);
  const pitch = stepAlong(offset, row);
  if (pitch === undefined || pitch <= 0 || stepAlong(offset, k) !== 1) return operand;
  const crowded = pitch % HALF_PAGE === 0;
  return {
    ...operand,
    cost: READING,
    inPlace: { load: expr, free: row, summed: k, pitch, crowded },
  };
};

export interface Problem {
  readonly batch: readonly Axis[];
  readonly batches: number;
  readonly rows: Operand;
  readonly columns: Operand;
  /** Summed axes before the chunked one. */
  readonly outerK: readonly Axis[];
  readonly k: DepthBlocks;
  readonly depth: number;
  /** Rows of a tile. */
  readonly tileRows: typeof TILE_ROWS | typeof TALL_ROWS;
  /** Axes that rows and columns enumerate, as the stores know them. */
  readonly rowAxes: readonly Axis[];
  readonly columnAxes: readonly Axis[];
}

/** What an expression reads: where, and whether under a guard. */
interface Reads {
  readonly offsets: readonly Idx[];
  readonly guarded: boolean;
}

const reads = new WeakMap<Expr, Reads>();

const readsOf = (e: Expr): Reads => {
  const before = reads.get(e);
  if (before !== undefined) return before;
  const offsets = new Set<Idx>();
  let guarded = false;
  visitLoads(e, (l, bounds) => {
    offsets.add(offsetOf(l));
    guarded ||= bounds.length > 0;
  });
  const found = { offsets: [...offsets], guarded };
  reads.set(e, found);
  return found;
};

/** True when a vector along `axis` is read by vector loads and broadcasts alone. */
export const readsVectors = (e: Expr, axis: Axis | undefined): boolean => {
  if (axis === undefined || axis.extent < 4) return false;
  let moves = false;
  for (const offset of readsOf(e).offsets) {
    const step = stepAlong(offset, axis);
    if (step !== 0 && step !== 1) return false;
    moves ||= step === 1;
  }
  return moves;
};

/** Cycles to pack an element, as measured on windows over borders and on matrices. */
const COSTS = {
  plain: { free: 0.7, summed: 0.8, scalar: 3 },
  guarded: { free: 2.8, summed: 2.8, scalar: 4.5 },
} as const;

export const operandOf = (e: Expr, axes: readonly Axis[], k: readonly Axis[]): Operand => {
  const { axes: free, exprs } = mergeAxes(axes, [e]);
  const {
    axes: summed,
    exprs: [merged],
  } = mergeAxes(k, exprs);
  const expr = merged!;
  const packing: Packing = readsVectors(expr, free.at(-1))
    ? 'free'
    : readsVectors(expr, summed.at(-1))
      ? 'summed'
      : 'scalar';
  const map = Math.max(0, evaluationCost(expr) - 1);
  const perElement = COSTS[readsOf(expr).guarded ? 'guarded' : 'plain'][packing];
  const vector = packing === 'scalar' ? 1 : 4;
  const cost = perElement + map / vector;
  return { expr, free, size: pointsOf(free), summed, packing, cost };
};

/** An operand whose free axes nobody but itself goes along. */
const freeOperand = (e: Expr, axes: readonly Axis[], k: readonly Axis[]): Operand => {
  const split = splitAxes(axes, [e]);
  return operandOf(split.exprs[0]!, split.axes, k);
};

const known = new WeakMap<Contraction, readonly Problem[]>();

/** Both ways to assign the operands to rows and columns; many ask, so it is found once. */
export const problems = (c: Contraction): readonly Problem[] => {
  let found = known.get(c);
  if (found === undefined) {
    found = bothWays(c);
    known.set(c, found);
  }
  return found;
};

const bothWays = (given: Contraction): readonly Problem[] => {
  const c = splitSums(given);
  const { batch, m, n } = foldBatch(c);
  const axes = c.k.filter((axis) => axis.extent !== 1);
  const k = depthBlocks(axes);
  const inside = axes.slice(k.axis);
  const [a, b] = [freeOperand(c.a, m, inside), freeOperand(c.b, n, inside)];
  const shared = {
    batch,
    batches: pointsOf(batch),
    outerK: axes.slice(0, k.axis),
    k,
    depth: pointsOf(axes),
    tileRows: TILE_ROWS,
  } as const;
  return [
    { ...shared, rows: a, columns: b, rowAxes: m, columnAxes: n },
    { ...shared, rows: b, columns: a, rowAxes: n, columnAxes: m },
  ];
};

/** The sum is taken in blocks: all axes after `axis` whole, `axis` in chunks, axes before it one value at a time. */
export interface DepthBlocks {
  /** Position of the chunked axis among the summed axes. */
  readonly axis: number;
  readonly extent: number;
  readonly chunk: number;
  /** Elements of the axes after it. */
  readonly inner: number;
  /** Most elements of a block. */
  readonly depth: number;
  readonly count: number;
}

/** Packed columns of this depth stay in the first-level cache while rows stream past; two blocks for a sum of 1024. */
const MOST_DEPTH = 512;

const depthBlocks = (k: readonly Axis[]): DepthBlocks => {
  let axis = Math.max(0, k.length - 1);
  let inner = 1;
  while (axis > 0 && inner * k[axis]!.extent <= MOST_DEPTH) inner *= k[axis--]!.extent;
  const extent = k[axis]?.extent ?? 1;
  const most = Math.max(1, Math.floor(MOST_DEPTH / inner));
  const parts = Math.ceil(extent / most);
  const even = Math.ceil(extent / parts);
  const chunk = parts > 1 && inner % 4 !== 0 ? Math.min(most, Math.ceil(even / 4) * 4) : even;
  const outer = pointsOf(k.slice(0, axis));
  return {
    axis,
    extent,
    chunk,
    inner,
    depth: chunk * inner,
    count: outer * Math.ceil(extent / chunk),
  };
};

/** Cycles to start a workgroup, and of one step of the micro-kernel. */
export const START = 1500;
export const STEP = 4.4;
const TALL_STEP = 6.25;

/** Cycles of a step of the micro-kernel, by the rows of its tile. */
export const stepOf = ({ tileRows }: Pick<Problem, 'tileRows'>): number =>
  tileRows === TALL_ROWS ? TALL_STEP : STEP;

/** `n` up to whole pieces of `to`. */
export const roundUp = (n: number, to: number): number => Math.ceil(n / to) * to;

/** Estimates a hair above each other may be rounded the other way. */
const ROUNDED = 1 - 1e-9;

/** What `elapsed` does not get below: all cores are busy. */
export const leastElapsed = (grid: number, one: number, caps: Caps): number =>
  (ROUNDED * grid * one) / caps.parallelism;

/**
 * Cycles until the last of `grid` equal workgroups is done. The device may have fewer cores than it allows for: the
 * mean over 1, 2, 4, ... cores, each as if it had all of them busy, weighs doubled packing against idle cores.
 */
export const elapsed = (grid: number, one: number, caps: Caps): number => {
  let sum = 0;
  let counted = 0;
  for (let cores = 1; cores <= caps.parallelism; cores *= 2) {
    sum += Math.ceil(grid / cores) * one * cores;
    counted++;
  }
  return sum / counted / caps.parallelism;
};
