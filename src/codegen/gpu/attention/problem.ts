/**
 * What an attention looks like to the GPU schedule: blocks of rows against blocks of what they attend to.
 *
 * Invariants: there is one axis of rows, one that is summed over and at most one of columns; a weight outside of the
 * bounds is what takes no part, so blocks that lie outside of them need not be visited.
 */
import { type Axis, type Bound, type Idx, idxAxis, idxOpaque, pointsOf } from '../../../ir/dim.ts';
import { constant, indexValue, scalar } from '../../../ir/loop/expr.ts';
import { ABSENT, type Attention, type Expr, type Nest, type Store } from '../../../ir/loop/loop.ts';
import {
  accumulatorsIn,
  evaluationCost,
  isSafe,
  offsetOf,
  stepAlong,
  visitLoads,
} from '../../analysis.ts';
import type { Caps } from '../../caps.ts';
import { rewriter } from '../../rewrite.ts';
import { inVectors, type Output, outputsOf } from '../../stores.ts';

/** A matrix that is staged block by block: four features of a row at a time. */
export interface Operand {
  readonly expr: Expr;
  readonly row: Axis;
  readonly feature: Axis;
  /** Four features from a multiple of four on are computed together. */
  readonly quads: boolean;
  /** Whether neighbours in memory are features of one row. */
  readonly along: boolean;
  readonly cost: number;
}

export interface Problem {
  readonly batch: readonly Axis[];
  readonly batches: number;
  readonly rows: Axis;
  readonly summed: Axis;
  readonly softmax: boolean;
  readonly scores: readonly { readonly left: Operand; readonly right: Operand }[];
  /** Where it may be read for rows beyond the last, those of the last are. */
  readonly weight: Expr;
  /** The weight where it is not that of what takes no part, and where that is; `undefined` where nothing is left out. */
  readonly within: { readonly weight: Expr; readonly holds: Expr } | undefined;
  /** Where pairs of row and summed element must lie. */
  readonly bounds: readonly Bound[];
  /** The weight of what takes no part. */
  readonly absent: number;
  readonly value: Operand | undefined;
  /** What weights of values are multiplied with besides; it may be read where the weight may. */
  readonly kept: Expr | undefined;
  /** What is stored for each column, and for each row. */
  readonly outputs: readonly Output[];
  readonly rowOutputs: readonly Output[];
  /** Four columns from a multiple of four on are computed and stored together. */
  readonly columnQuads: boolean;
  readonly outputCost: number;
}

/** Attention with fewer multiply-adds is done by a few threads: products and softmax need no shared memory then. */
const SMALLEST = 4096;

/** The problem of a nest with an attention, or why it is left to other schedules. */
export const problemOf = (nest: Nest, caps: Caps): Problem | { readonly refused: string } => {
  const { attend } = nest;
  if (attend === undefined) return { refused: 'no attention' };
  const refused = refusal(nest, attend, caps);
  if (refused !== undefined) return { refused };
  const [rows, summed] = [attend.m[0]!, attend.k[0]!];
  const softmax = attend.fold === 'softmax';
  const columns = attend.n[0];
  const [outputs, rowOutputs] = [true, false].map((each) =>
    outputsOf(nest.stores.filter((s) => ofColumns(s, columns) === each)),
  ) as [Output[], Output[]];
  const { weight, within, bounds } = boundedBy(attend.weight, softmax ? ABSENT : 0);
  const readable = (e: Expr): Expr => (rows.extent % 4 === 0 ? e : readingWithin(e, rows));
  const batch = attend.batch.filter((a) => a.extent > 1);
  return {
    batch,
    batches: pointsOf(batch),
    rows,
    summed,
    softmax,
    scores: attend.scores.map(({ depth: [d], a, b }) => ({
      left: operandOf(a, rows, d!),
      right: operandOf(b, summed, d!),
    })),
    weight: readable(weight),
    within: within && { weight: readable(within.weight), holds: within.holds },
    bounds,
    absent: softmax ? ABSENT : 0,
    value: columns === undefined ? undefined : operandOf(attend.value, summed, columns),
    kept: attend.kept && readable(attend.kept),
    outputs,
    rowOutputs,
    columnQuads: columns !== undefined && columns.extent % 4 === 0 && inVectors(outputs, columns),
    outputCost: outputs.reduce((sum, o) => sum + evaluationCost(o.value), 0),
  };
};

/** Whether a store of a nest with an attention is one for each column, rather than for each row. */
export const ofColumns = (s: Store, columns: Axis | undefined): boolean =>
  [...accumulatorsIn(s.value)].some((e) => e.kind === 'acc' && e.name === 'acc') ||
  (columns !== undefined && columns.extent > 1 && s.axes.includes(columns));

/** Why a nest with an attention has no blockwise schedule. */
export const refusal = (nest: Nest, attend: Attention, caps: Caps): string | undefined => {
  const { m, n, k, scores } = attend;
  if (caps.lanes !== 4) return 'the tiled schedule needs vectors of four lanes';
  if (m.length !== 1 || k.length !== 1 || n.length > 1 || scores.some((s) => s.depth.length !== 1))
    return 'the tiled schedule is for one axis of rows, of columns and of what is summed';
  if (pointsOf([...nest.axes, ...k, ...scores.flatMap((s) => s.depth)]) === 0)
    return 'there is nothing to do';
  const depth = [...n, ...scores.flatMap((s) => s.depth)].reduce((sum, a) => sum + a.extent, 0);
  if (pointsOf([...attend.batch, ...m, ...k]) * depth < SMALLEST) return 'too small for blocks';
  if (nest.stores.some((s) => s.mode !== 'set' || s.over.length > 0))
    return 'the tiled schedule does not scatter';
  const rowAxes = [...attend.batch, ...m].filter((a) => a.extent > 1);
  if (nest.stores.some((s) => rowAxes.some((a) => !s.axes.includes(a))))
    return 'a store takes part in outer axes only';
  if (nest.stores.some((s) => accumulatorsIn(s.value).size > 1))
    return 'a store uses a row and its norm';
  return undefined;
};

const operandOf = (expr: Expr, row: Axis, feature: Axis): Operand => {
  let [features, rows] = [0, 0];
  visitLoads(expr, (load) => {
    if (stepAlong(offsetOf(load), feature) === 1) features++;
    else if (stepAlong(offsetOf(load), row) === 1) rows++;
  });
  return {
    expr,
    row,
    feature,
    quads: feature.extent % 4 === 0,
    along: features >= rows,
    cost: evaluationCost(expr),
  };
};

/** The same value, except that what is read for rows beyond the last is that of the last. */
const readingWithin = (e: Expr, rows: Axis): Expr => {
  const last = scalar('min', indexValue(idxAxis(rows)), constant(rows.extent - 1, 'int32'));
  const at = idxOpaque(last, 0, rows.extent - 1);
  const within = rewriter({ axis: (a) => (a === rows ? at : undefined) });
  return rewriter({ replace: (x) => (x.kind === 'load' ? within.expr(x) : undefined) }).expr(e);
};

/** A weight that is `absent` outside of bounds, as the same weight without branches, its parts, and the bounds. */
export const boundedBy = (
  weight: Expr,
  absent: number,
): Pick<Problem, 'weight' | 'within' | 'bounds'> => {
  const whole = { weight, within: undefined, bounds: [] };
  if (weight.kind !== 'guard' || weight.otherwise.kind !== 'const') return whole;
  const { bounds, then, otherwise } = weight;
  if (!isSafe(then) || otherwise.kind !== 'const') return whole;
  const inside = bounds
    .flatMap(({ idx, lo, hi }) => {
      const at = indexValue(idx);
      const within = (op: 'ge' | 'lt', limit: number): Expr =>
        scalar(op, at, constant(limit, 'int32'));
      return [
        ...(idx.lo < lo ? [within('ge', lo)] : []),
        ...(idx.hi >= hi ? [within('lt', hi)] : []),
      ];
    })
    .reduce((x, y) => scalar('and', x, y));
  const isAbsent = otherwise.value === absent;
  return {
    weight: scalar('select', inside, then, otherwise),
    within: isAbsent ? { weight: then, holds: inside } : undefined,
    bounds: isAbsent ? bounds : [],
  };
};

/** What an index is as `row · rows + sum · summed + rest`; `undefined` where it is something else too. */
export const linear = (
  idx: Idx,
  { rows, summed }: Pick<Problem, 'rows' | 'summed'>,
): { readonly row: number; readonly sum: number; readonly rest: number } | undefined => {
  for (const { atom } of idx.terms)
    if (atom.kind !== 'axis' || (atom.axis !== rows && atom.axis !== summed)) return undefined;
  return {
    row: stepAlong(idx, rows) ?? 0,
    sum: stepAlong(idx, summed) ?? 0,
    rest: idx.constant,
  };
};
