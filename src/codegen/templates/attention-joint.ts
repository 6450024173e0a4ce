/**
 * Gradients of one attention that are computed together, so that scores are computed once for all of them (Dao 2023,
 * "FlashAttention-2", algorithm 2).
 *
 * Nests belong together by what they compute, not by what they are called: the same scores, of which one nest's rows are
 * what the others sum over, and the same weights.
 * Invariant: what is written here over the axes of one nest means the same as over the nests' own.
 */
import { type Axis, type Idx, idxAxis, pointsOf } from '../../ir/dim.ts';
import { scalar } from '../../ir/loop/expr.ts';
import type { Attention, Expr, Nest, Score, Store } from '../../ir/loop/loop.ts';
import type { Caps } from '../caps.ts';
import { type Problem as Blocks, boundedBy, ofColumns, refusal } from '../gpu/attention/problem.ts';
import { rewriter } from '../rewrite.ts';
import { absorbed } from './attention-cut.ts';
import {
  type Operand,
  operandOf,
  type Problem as Product,
  TALL_ROWS,
  TILE_ROWS,
} from './contraction.ts';
import { type Epilogue, epilogueOf } from './epilogue.ts';

/** The gradients of one attention. */
export interface Gradients {
  readonly query: Nest | undefined;
  readonly key: Nest;
  readonly value: Nest;
}

/** A gradient: what its weights are multiplied with, and what becomes of it. */
export interface Result {
  readonly operand: Operand;
  readonly width: number;
  readonly epilogue: Epilogue;
}

export interface JointProblem {
  readonly batch: readonly Axis[];
  readonly batches: number;
  /** Rows of a tile. */
  readonly tileRows: Product['tileRows'];
  /** Rows are queries, and keys are summed over. */
  readonly blocks: Pick<Blocks, 'rows' | 'summed' | 'bounds'>;
  /** The two products that are scores: of queries and keys, of gradients and values. */
  readonly scores: readonly {
    readonly left: Operand;
    readonly right: Operand;
    readonly depth: number;
  }[];
  /** Shares weigh gradients, slopes weigh keys and queries: those of any pair, and of one within all bounds. */
  readonly share: Weights;
  readonly slope: Weights;
  readonly query: Result | undefined;
  readonly key: Result;
  readonly value: Result;
}

interface Weights {
  readonly any: Expr;
  readonly inside: Expr;
}

/** Something over the axes of another nest. */
interface View {
  readonly attend: Attention;
  expr(e: Expr): Expr;
  stores(): Store[];
}

/** A nest's attention over other axes. */
const viewOf = ({ stores }: Nest, attend: Attention, axes: ReadonlyMap<Axis, Axis>): View => {
  const axis = (a: Axis): Idx | undefined => {
    const to = axes.get(a);
    return to && idxAxis(to);
  };
  const { expr, idx } = rewriter({ axis });
  return {
    attend,
    expr,
    stores: () => stores.map((s) => ({ ...s, index: s.index.map(idx), value: expr(s.value) })),
  };
};

/** Pairs of axes, or nothing where they are not as many or not as long. */
const paired = (
  ...lists: readonly (readonly [readonly Axis[], readonly Axis[]])[]
): Map<Axis, Axis> | undefined => {
  const pairs = new Map<Axis, Axis>();
  for (const [from, to] of lists) {
    if (from.length !== to.length) return undefined;
    for (const [i, axis] of from.entries()) {
      if (axis.extent !== to[i]!.extent) return undefined;
      pairs.set(axis, to[i]!);
    }
  }
  return pairs;
};

/** The nest over the axes of `of`; `turned`: its rows are what `of` sums over. */
const seenFrom = (
  nest: Nest,
  of: Attention,
  depths: readonly Axis[],
  turned: boolean,
): View | undefined => {
  const { attend } = nest;
  if (attend === undefined) return undefined;
  const { batch, m, k, scores } = attend;
  const axes = paired(
    [batch, of.batch],
    [m, turned ? of.k : of.m],
    [k, turned ? of.m : of.k],
    [scores.map((s) => s.depth[0]!), depths],
  );
  return axes && viewOf(nest, attend, axes);
};

const isSame = (view: View, score: Score, other: Score, turned: boolean): boolean =>
  view.expr(score.a) === (turned ? other.b : other.a) &&
  view.expr(score.b) === (turned ? other.a : other.b);

/** The problem of gradients that belong together. */
export const jointProblem = (
  { query, key, value }: Gradients,
  caps: Caps,
): JointProblem | undefined => {
  for (const nest of [query, key, value]) {
    if (nest === undefined) continue;
    const { attend } = nest;
    if (attend?.fold !== 'sum' || refusal(nest, attend, caps) !== undefined) return undefined;
    if (attend.n.length !== 1 || !nest.stores.every((s) => ofColumns(s, attend.n[0])))
      return undefined;
  }
  const [of, keyOf] = [value.attend!, key.attend!];
  const [first, second] = keyOf.scores;
  if (of.scores.length !== 1 || second === undefined) return undefined;
  const depths = [of.scores[0]!.depth[0]!, second.depth[0]!];
  const ofKey = seenFrom(key, of, depths, false);
  if (ofKey === undefined || !isSame(ofKey, first!, of.scores[0]!, false)) return undefined;
  const turned = { depth: second.depth, a: ofKey.expr(second.a), b: ofKey.expr(second.b) };
  const slope = ofKey.expr(keyOf.weight);
  const ofQuery = query && seenFrom(query, of, depths, true);
  if (query !== undefined) {
    const attend = query.attend!;
    const [one, two] = attend.scores;
    if (ofQuery === undefined || two === undefined) return undefined;
    if (!isSame(ofQuery, one!, of.scores[0]!, true) || !isSame(ofQuery, two, turned, true))
      return undefined;
    if (ofQuery.expr(attend.weight) !== slope) return undefined;
  }
  const [rows, summed] = [of.k[0]!, of.m[0]!];
  const [shares, slopes] = [of.weight, slope].map((weight) => boundedBy(weight, 0));
  const { weights, factors } = absorbed(
    [shares!, slopes!].flatMap(({ weight, within }) => [weight, within?.weight ?? weight]),
  );
  const scores = [of.scores[0]!, turned].map(({ a, b }, i) => ({
    left: operandOf(
      factors[i] === undefined ? b : scalar('mul', b, factors[i]),
      [rows],
      [depths[i]!],
    ),
    right: operandOf(a, [summed], [depths[i]!]),
    depth: depths[i]!.extent,
  }));
  const tileRows = caps.fusedMultiplyAdd ? TALL_ROWS : TILE_ROWS;
  const resultOf = (view: View, [own, over]: readonly [Axis, Axis]): Result => {
    const { n } = view.attend;
    const operand = operandOf(view.expr(view.attend.value), n, [over]);
    const result = { rows: { size: own.extent }, columns: operand, rowAxes: [own], columnAxes: n };
    const epilogue = epilogueOf({ ...result, tileRows }, view.stores());
    return { operand, width: n[0]!.extent, epilogue };
  };
  const batch = of.batch.filter((a) => a.extent > 1);
  return {
    batch,
    batches: pointsOf(batch),
    tileRows,
    blocks: { rows, summed, bounds: slopes!.bounds },
    scores,
    share: { any: weights[0]!, inside: weights[1]! },
    slope: { any: weights[2]!, inside: weights[3]! },
    query: ofQuery && resultOf(ofQuery, [rows, summed]),
    key: resultOf(ofKey, [summed, rows]),
    value: resultOf(viewOf(value, of, new Map()), [summed, rows]),
  };
};

/** Which of these nests are gradients of one attention. */
export const gradientsIn = (nests: readonly Nest[], caps: Caps): readonly Gradients[] => {
  const free = new Set(nests.filter((n) => n.attend?.fold === 'sum'));
  const found: Gradients[] = [];
  for (const value of free) {
    if (value.attend!.scores.length !== 1) continue;
    const others = [...free].filter((n) => n.attend!.scores.length === 2);
    const key = others.find((n) => jointProblem({ query: undefined, key: n, value }, caps));
    if (key === undefined) continue;
    const query = others.find((n) => n !== key && jointProblem({ query: n, key, value }, caps));
    for (const nest of [value, key, query]) if (nest !== undefined) free.delete(nest);
    found.push({ query, key, value });
  }
  return found;
};
