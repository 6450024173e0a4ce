/**
 * What a contraction looks like to the GPU schedule: two operands as matrices, and what is done with their product.
 *
 * Invariants: rows, columns and the sum are each one number, enumerated row-major over their axes; both operands
 * enumerate the sum alike, however their axes were merged.
 */
import { type Axis, pointsOf } from '../../../ir/dim.ts';
import type { Contraction, Expr, Nest, Store } from '../../../ir/loop/loop.ts';
import { registerOf } from '../../../ir/thread/thread.ts';
import { evaluationCost, idxFree, offsetOf, stepAlong, visitLoads } from '../../analysis.ts';
import type { Caps } from '../../caps.ts';
import { inVectors, type Output, outputsOf } from '../../stores.ts';
import { foldBatch, mergeAxes } from '../../templates/merge.ts';

/** A direction through an operand: across rows (or columns), or down the sum. */
export type Direction = 'free' | 'depth';

export interface Operand {
  readonly expr: Expr;
  /** Merged, without axes of one element; outermost first. */
  readonly axes: Readonly<Record<Direction, readonly Axis[]>>;
  /** How many rows (or columns). */
  readonly size: number;
  /** Along what neighbours in memory lie. */
  readonly contiguous: Direction;
  /** Four from a multiple of four on are neighbours on the last axis. */
  readonly quads: Readonly<Record<Direction, boolean>>;
  /** Guards in it that depend on the place along the last axis of a direction. */
  readonly guards: Readonly<Record<Direction, number>>;
  /** Guards in it. */
  readonly guarded: number;
  /** Arithmetic of one element. */
  readonly cost: number;
}

/** What happens to each element of the product. */
export interface Results {
  readonly rows: readonly Axis[];
  readonly columns: readonly Axis[];
  readonly outputs: readonly Output[];
  /** Four columns from a multiple of four on can be computed and stored together. */
  readonly quads: boolean;
  /** All outputs have neighbouring columns next to each other. */
  readonly contiguous: boolean;
  /** Arithmetic of one element. */
  readonly cost: number;
}

export interface Problem {
  readonly batch: readonly Axis[];
  readonly batches: number;
  readonly rows: Operand;
  readonly columns: Operand;
  readonly depth: number;
  readonly results: Results;
}

/** Fewer rows or columns are matrix times vector: nothing that is read is used often enough to be worth keeping. */
const FEWEST = 4;
/** Sums shorter than this cost less than staging them. */
const SHORTEST = 4;
/** Products with fewer multiply-adds are done by one round of threads. */
const SMALLEST = 4096;

/** Why a nest is left to other schedules. */
export const refusal = (nest: Nest, c: Contraction, caps: Caps): string | undefined => {
  if (caps.lanes !== 4) return 'the tiled schedule needs vectors of four lanes';
  if (registerOf(c.a.dtype) !== 'f32' || registerOf(c.b.dtype) !== 'f32')
    return 'the tiled schedule sums in float32';
  if (nest.stores.some((s) => s.mode !== 'set' || s.over.length > 0))
    return 'the tiled schedule does not scatter';
  if (nest.stores.some((s) => nest.axes.some((a) => a.extent > 1 && !s.axes.includes(a))))
    return 'a store takes part in outer axes only';
  const { m, n } = foldBatch(c);
  const [rows, columns, depth] = [pointsOf(m), pointsOf(n), pointsOf(c.k)];
  if (Math.min(rows, columns) < FEWEST)
    return 'fewer than four rows: nothing is used often enough to be staged';
  if (depth < SHORTEST) return `a sum of ${depth} is no work for tiles`;
  if (rows * columns * depth < SMALLEST) return 'too small for tiles';
  return undefined;
};

/** Both ways to assign the operands to rows and columns. */
export const problems = (nest: Nest, c: Contraction): readonly Problem[] => {
  const { batch, m, n } = foldBatch(c);
  const k = c.k.filter((axis) => axis.extent !== 1);
  const [a, b] = [operandOf(c.a, m, k), operandOf(c.b, n, k)];
  const shared = { batch, batches: pointsOf(batch), depth: pointsOf(k) };
  return [
    { ...shared, rows: a, columns: b, results: resultsOf(nest.stores, m, n) },
    { ...shared, rows: b, columns: a, results: resultsOf(nest.stores, n, m) },
  ];
};

/** An operand over free axes and summed ones. */
export const operandOf = (e: Expr, axes: readonly Axis[], k: readonly Axis[]): Operand => {
  const free = mergeAxes(axes, [e]);
  const depth = mergeAxes(k, free.exprs);
  const expr = depth.exprs[0]!;
  const last = { free: free.axes.at(-1), depth: depth.axes.at(-1) };
  const guards = { free: 0, depth: 0 };
  let guarded = 0;
  const unit = { free: 0, depth: 0 };
  visitLoads(expr, (load, bounds) => {
    if (bounds.length > 0) guarded++;
    for (const direction of ['free', 'depth'] as const) {
      const axis = last[direction];
      if (axis === undefined) continue;
      if (stepAlong(offsetOf(load), axis) === 1) unit[direction] += axis.extent;
      if (bounds.some((b) => idxFree(b.idx).has(axis))) guards[direction]++;
    }
  });
  return {
    expr,
    axes: { free: free.axes, depth: depth.axes },
    size: pointsOf(free.axes),
    contiguous: unit.depth > unit.free ? 'depth' : 'free',
    quads: { free: inQuads(last.free), depth: inQuads(last.depth) },
    guards,
    guarded,
    cost: evaluationCost(expr),
  };
};

const inQuads = (axis: Axis | undefined): boolean => axis !== undefined && axis.extent % 4 === 0;

const resultsOf = (
  stores: readonly Store[],
  rowAxes: readonly Axis[],
  columnAxes: readonly Axis[],
): Results => {
  const raw = outputsOf(stores);
  const byColumn = mergeAxes(
    columnAxes,
    raw.map((o) => o.value),
    raw.map((o) => o.offset),
  );
  const merged = mergeAxes(rowAxes, byColumn.exprs, byColumn.indices);
  const outputs = raw.map(
    ({ buffer }, i): Output => ({
      buffer,
      value: merged.exprs[i]!,
      offset: merged.indices[i]!,
    }),
  );
  const last = byColumn.axes.at(-1);
  return {
    rows: merged.axes,
    columns: byColumn.axes,
    outputs,
    quads: inQuads(last) && inVectors(outputs, last),
    contiguous: last !== undefined && outputs.every((o) => stepAlong(o.offset, last) === 1),
    cost: merged.exprs.reduce((sum, e) => sum + evaluationCost(e), 0),
  };
};
