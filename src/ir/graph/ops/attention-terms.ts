/**
 * The scores of attention, in the two ways that ops need them: as nodes and as loops.
 *
 * Invariant: all of it is float32, whatever the dtype of the operands (written out, float64 is computed in itself); what may not be attended to scores `ABSENT`, and
 * its share is 0.
 */

import {
  type Axis,
  type Bound,
  type Idx,
  idxAdd,
  idxAxis,
  idxFlatten,
  idxScale,
} from '../../dim.ts';
import { summedIn } from '../../dtype.ts';
import { cast, constant, guard, indexValue, scalar, scoreValues } from '../../loop/expr.ts';
import { ABSENT, type Attention, type Expr, type Score } from '../../loop/loop.ts';
import { stridesOf } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { LowerContext, Node } from '../graph.ts';
import {
  type AttentionAttrs,
  type PartName,
  type Parts,
  sizesOf,
  typesOf,
} from './attention-operands.ts';
import { otherAxes } from './define.ts';
import { dot } from './dot.ts';
import { dropOut } from './draws.ts';
import { iota } from './leaf.ts';

// ---- as nodes -----------------------------------------------------------------------------------------------------

const single = (b: GraphBuilder, x: Node): Node => b.cast(x, summedIn(x.type.dtype));

/** The product of matrices in float32 (of float64 in itself) over these axes (0 or 1) of each. */
export const product = (b: GraphBuilder, x: Node, over: 0 | 1, y: Node, with_: 0 | 1): Node => {
  const rank = x.type.shape.length;
  const batch = Array.from({ length: rank - 2 }, (_, i) => i);
  return b.emit(dot, [single(b, x), single(b, y)], {
    aBatch: batch,
    bBatch: batch,
    aContract: [rank - 2 + over],
    bContract: [rank - 2 + with_],
  });
};

/** True where a query may attend to a key; `undefined` where all may. */
const allowed = (
  b: GraphBuilder,
  { q, k, mask }: Parts<Node>,
  { causal }: AttentionAttrs,
): Node | undefined => {
  if (!causal) return mask;
  const { lead, queries, keys } = sizesOf({ q: q.type, k: k.type });
  const shape = [...lead, queries, keys];
  const place = (axis: number): Node => b.emit(iota, [], { axis, dtype: 'int32', shape });
  const past = b.op('ge', place(lead.length), place(lead.length + 1));
  return mask === undefined ? past : b.op('and', mask, past);
};

/** All scores, [..., Tq, Tk]. */
export const scoreNodes = (b: GraphBuilder, parts: Parts<Node>, attrs: AttentionAttrs): Node => {
  const raw = product(b, parts.q, 1, parts.k, 1);
  const scaled = b.op('mul', raw, b.lit(attrs.scale, raw));
  const { bias } = parts;
  const open = bias === undefined ? scaled : b.op('add', scaled, bias);
  const may = allowed(b, parts, attrs);
  return may === undefined ? open : b.op('select', may, open, b.lit(attrs.fill, open));
};

/** What is left of shares, or of gradients to those that are left, after dropout. */
export const leftOf = (b: GraphBuilder, x: Node, parts: Parts<Node>): Node => {
  const { low, high, draw, rate } = parts;
  if (rate === undefined) return x;
  const { shape, dtype } = x.type;
  return dropOut(
    { b, low: low!, high: high!, draw: draw!, elements: shape, shape, dtype },
    x,
    rate,
  );
};

/** Slopes where scores are what a mask puts there are 0, as they are where nothing takes part. */
export const onlyScored = (
  b: GraphBuilder,
  slopes: Node,
  { mask }: Parts<Node>,
  { fill }: AttentionAttrs,
): Node =>
  mask === undefined || fill === ABSENT ? slopes : b.op('select', mask, slopes, b.lit(0, slopes));

/** One number for each query, repeated along the keys of `scores`. */
export const alongKeys = (b: GraphBuilder, x: Node, scores: Node): Node => {
  const { shape } = scores.type;
  return b.broadcast(x, shape, otherAxes(shape.length, [shape.length - 1]));
};

/** Without what may not be attended to: a query that may attend to nothing would share among all keys. */
export const onlyAllowed = (
  b: GraphBuilder,
  shares: Node,
  scores: Node,
  { mask }: Parts<Node>,
  { fill }: AttentionAttrs,
): Node =>
  mask === undefined || fill !== ABSENT
    ? shares
    : b.op('select', b.op('le', scores, b.lit(ABSENT, scores)), b.lit(0, shares), shares);

// ---- as loops -----------------------------------------------------------------------------------------------------

/** Where a weight stands: the query and the key it is for. */
export interface WeightPlace {
  readonly query: Axis;
  readonly key: Axis;
  /** A number that each query has one of. */
  ofQuery(x: Node): Expr;
  /** The score, scaled. */
  readonly score: Expr;
  /** What is left of a share, or of the gradient to what is left, after dropout. */
  left(x: Expr): Expr;
}

export interface AttentionLoops {
  /** What each row of the result belongs to; the sum runs over the others. */
  readonly rows: 'queries' | 'keys';
  /** Operands whose products are scores: of the row, and of what is summed over. */
  readonly scores: readonly (readonly [PartName, PartName])[];
  /** What is summed, by the weights; its features are the columns of the result. */
  readonly value: PartName | undefined;
  readonly fold: Attention['fold'];
  weight(place: WeightPlace): Expr;
  /** The weight of what may not be attended to. */
  otherwise(place: WeightPlace): Expr;
}

/** The attention with these loops, over `parts`. */
export const attentionOf = (
  context: LowerContext,
  parts: Parts<Node>,
  { scale, causal }: AttentionAttrs,
  loops: AttentionLoops,
): Attention => {
  const sizes = sizesOf(typesOf(parts));
  const batch = sizes.lead.map((d) => context.parallel('batch', d));
  const byQuery = loops.rows === 'queries';
  const m = context.parallel('m', byQuery ? sizes.queries : sizes.keys);
  const k = context.axis(byQuery ? 'key' : 'query', byQuery ? sizes.keys : sizes.queries);
  const [query, key] = byQuery ? [m, k] : [k, m];
  const at = (...places: readonly Axis[]): Idx[] => [...batch, ...places].map(idxAxis);
  const element = (name: PartName, ...places: readonly Axis[]): Expr =>
    cast(context.at(parts[name]!, at(...places)), 'float32');
  const widthOf = (name: PartName): number => parts[name]!.type.shape.at(-1)!;
  const scores = loops.scores.map(([own, other]): Score => {
    const d = context.axis('d', widthOf(own));
    return { depth: [d], a: element(own, m, d), b: element(other, k, d) };
  });
  const n = loops.value === undefined ? [] : [context.parallel('n', widthOf(loops.value))];
  const { mask, bias } = parts;
  const scaled = scalar('mul', scoreValues[0]!, constant(scale, 'float32'));
  const factor = keptFactor(context, parts, [...batch, query], key);
  const place: WeightPlace = {
    query,
    key,
    ofQuery: (x) => context.at(x, at(query)),
    score: bias === undefined ? scaled : scalar('add', scaled, context.at(bias, at(query, key))),
    left: (x) => (factor === undefined ? x : scalar('mul', x, factor)),
  };
  const none = loops.otherwise(place);
  const plain = loops.weight(place);
  const shown =
    mask === undefined ? plain : scalar('select', context.at(mask, at(query, key)), plain, none);
  const past: Bound = {
    idx: idxAdd(idxAxis(query), idxScale(idxAxis(key), -1)),
    lo: 0,
    hi: Math.max(1, query.extent),
  };
  return {
    batch,
    m: [m],
    n,
    k: [k],
    fold: loops.fold,
    scores,
    weight: causal ? guard([past], shown, none) : shown,
    ...(loops.fold === 'softmax' && n.length > 0 && factor !== undefined ? { kept: factor } : {}),
    value: loops.value === undefined ? constant(1, 'float32') : element(loops.value, k, ...n),
    index: at(m, ...n),
  };
};

/** What a share is multiplied with in dropout: the draw is that of its place among all, in row-major order. */
const keptFactor = (
  context: LowerContext,
  { k, low, high, draw, rate }: Parts<Node>,
  rows: readonly Axis[],
  key: Axis,
): Expr | undefined => {
  if (rate === undefined) return undefined;
  const word = (n: number): Expr => constant(n, 'uint32');
  const row = idxFlatten(rows.map(idxAxis), stridesOf(rows.map((a) => a.extent)));
  // as words: there may be more pairs than an index counts
  const first = scalar('mul', cast(indexValue(row), 'uint32'), word(k.type.shape.at(-2)!));
  const index = scalar('add', first, cast(indexValue(idxAxis(key)), 'uint32'));
  const [k0, k1, c1, share] = [low!, high!, draw!, rate].map((x) => context.at(x, []));
  const drawn = scalar('shr', scalar('threefry', k0!, k1!, index, c1!), word(8));
  const one = constant(1, 'float32');
  const unit = scalar('mul', cast(drawn, 'float32'), constant(2 ** -24, 'float32'));
  return scalar(
    'select',
    scalar('ge', unit, share!),
    scalar('div', one, scalar('sub', one, share!)),
    constant(0, 'float32'),
  );
};
