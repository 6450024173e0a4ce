/**
 * Sums, extremes and products of views and scaled values, said with less work.
 *
 * Invariant: a reduction or `dot` never reads a transposed copy that its own axes could name, nor repeats of one value
 * that could be counted instead.
 */
import { isNarrowFloat } from '../ir/dtype.ts';
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node, Op } from '../ir/graph/graph.ts';
import { otherAxes, sizeOf } from '../ir/graph/ops/define.ts';
import { type DotAttrs, dot } from '../ir/graph/ops/dot.ts';
import type { BroadcastAttrs, TransposeAttrs } from '../ir/graph/ops/view.ts';
import { roundTo } from '../ir/rounding.ts';
import { sameShape } from '../ir/type.ts';
import type { GraphPass } from './pass.ts';
import { isOp, type Rule, type RuleTable, rewrite, uniform } from './rewrite.ts';

export const simplifyReductions: GraphPass = {
  name: 'reductions',
  run: (graph) => rewrite(graph, reductionRules),
};

const axesOf = (attrs: { readonly [name: string]: unknown }): readonly number[] =>
  attrs['axes'] as readonly number[];
const ascending = (axes: readonly number[]): number[] => axes.slice().sort((a, b) => a - b);

/** Folding axes of size 1 changes the shape only; folding nothing changes nothing. */
const dropSingles: Rule = ({ op, inputs: [x], attrs }, b) => {
  const axes = axesOf(attrs);
  const { shape } = x!.type;
  if (axes.length === 0) return x;
  if (!axes.some((a) => shape[a] === 1)) return undefined;
  const kept = shape.flatMap((d, i) => (axes.includes(i) && d === 1 ? [] : [i]));
  const rest = axes.filter((a) => shape[a] !== 1).map((a) => kept.indexOf(a));
  const smaller = b.reshape(
    x!,
    kept.map((i) => shape[i]!),
  );
  return rest.length === 0 ? smaller : b.emit(op, [smaller], { axes: rest });
};

/** A fold of folds of the same kind is one fold. */
const mergeFolds: Rule = ({ op, inputs: [x], attrs }, b) => {
  if (!isOp(x!, op.name)) return undefined;
  const source = x!.inputs[0]!;
  const inner = axesOf(x!.attrs);
  const left = otherAxes(source.type.shape.length, inner);
  const axes = ascending([...inner, ...axesOf(attrs).map((a) => left[a]!)]);
  return b.emit(op, [source], { axes });
};

/** Which axes of a transposed array are folded can be said before transposing; less is left to transpose. */
const foldBeforeTranspose: Rule = ({ op, inputs: [x], attrs }, b) => {
  if (!isOp(x!, 'transpose')) return undefined;
  const order = (x!.attrs as TransposeAttrs).axes;
  const folded = axesOf(attrs);
  const axes = ascending(folded.map((a) => order[a]!));
  const left = otherAxes(order.length, axes);
  const kept = otherAxes(order.length, folded).map((a) => left.indexOf(order[a]!));
  return b.transpose(b.emit(op, [x!.inputs[0]!], { axes }), kept);
};

/** Axes of size 1 that a reshape adds or removes around the folded ones only change the result's shape. */
const foldBeforeReshape: Rule = ({ op, inputs: [x], attrs }, b) => {
  if (!isOp(x!, 'reshape')) return undefined;
  const source = x!.inputs[0]!;
  const [from, to] = [source.type.shape, x!.type.shape];
  const large = (shape: readonly number[]): number[] =>
    shape.flatMap((d, i) => (d === 1 ? [] : [i]));
  const [before, after] = [large(from), large(to)];
  if (
    !sameShape(
      before.map((i) => from[i]!),
      after.map((i) => to[i]!),
    )
  )
    return undefined;
  const axes = axesOf(attrs).map((a) => before[after.indexOf(a)]!);
  const shape = otherAxes(to.length, axesOf(attrs)).map((a) => to[a]!);
  return b.reshape(b.emit(op, [source], { axes }), shape);
};

/** Folds of repeated values: `repeated` says what `count` repeats come to. */
const foldRepeats =
  (repeated: (x: Node, count: number, b: GraphBuilder) => Node): Rule =>
  ({ op, inputs: [x], attrs }, b) => {
    if (!isOp(x!, 'broadcast')) return undefined;
    const { shape, axes } = x!.attrs as BroadcastAttrs;
    const folded = axesOf(attrs);
    const count = sizeOf(folded.filter((a) => !axes.includes(a)).map((a) => shape[a]!));
    if (folded.every((a) => axes.includes(a)) || count === 0) return undefined;
    const source = x!.inputs[0]!;
    const inner = axes.flatMap((a, i) => (folded.includes(a) ? [i] : []));
    const partial = inner.length === 0 ? source : b.emit(op as Op, [source], { axes: inner });
    const left = otherAxes(shape.length, folded);
    return b.broadcast(
      repeated(partial, count, b),
      left.map((a) => shape[a]!),
      axes.filter((a) => !folded.includes(a)).map((a) => left.indexOf(a)),
    );
  };

/** Not in floats of 16 bits, which cannot hold the count of a large sum. */
const countRepeats: Rule = (candidate, b) =>
  isNarrowFloat(candidate.inputs[0]!.type.dtype) ? undefined : sumRepeats(candidate, b);
const sumRepeats = foldRepeats((x, count, b) =>
  b.op('mul', x, b.lit(roundTo(x.type.dtype, count), x)),
);

/** `Σ c x = c Σ x`; not in floats of 16 bits: the sum alone may overflow, or be rounded once more. */
const scaleAfter: Rule = ({ inputs: [x], attrs }, b) => {
  const axes = axesOf(attrs);
  const scaled = isOp(x!, 'mul') || isOp(x!, 'div');
  if (isOp(x!, 'neg')) return b.op('neg', b.sum(x!.inputs[0]!, axes));
  const factor = scaled ? uniform(x!.inputs[1]) : undefined;
  if (factor === undefined || isNarrowFloat(x!.type.dtype)) return undefined;
  const total = b.sum(x!.inputs[0]!, axes);
  return b.op(isOp(x!, 'mul') ? 'mul' : 'div', total, b.lit(factor, total));
};

const foldConstantSum: Rule = ({ inputs: [x], attrs }, b) => {
  const value = uniform(x);
  if (value === undefined || isNarrowFloat(x!.type.dtype)) return undefined;
  const { dtype, shape } = x!.type;
  const count = sizeOf(axesOf(attrs).map((a) => shape[a]!));
  const left = otherAxes(shape.length, axesOf(attrs)).map((a) => shape[a]!);
  if (count === 0) return b.full(0, dtype, left);
  const total = b.full(value, dtype, left);
  return b.op('mul', total, b.lit(roundTo(dtype, count), total));
};

const foldConstantExtreme: Rule = ({ inputs: [x], attrs }, b) => {
  const value = uniform(x);
  if (value === undefined || x!.type.size === 0) return undefined;
  const left = otherAxes(x!.type.shape.length, axesOf(attrs)).map((a) => x!.type.shape[a]!);
  return b.full(value, x!.type.dtype, left);
};

/** Operand order and axes of `dot` can name any transposed operand whose free axes keep their order. */
const nameTransposedAxes: Rule = ({ inputs, attrs }, b) => {
  const named = attrs as DotAttrs;
  const through = (x: Node, lists: readonly (readonly number[])[]): number[][] | undefined => {
    if (!isOp(x, 'transpose')) return undefined;
    const order = (x.attrs as TransposeAttrs).axes;
    const free = otherAxes(order.length, lists.flat()).map((a) => order[a]!);
    if (free.some((a, i) => i > 0 && a < free[i - 1]!)) return undefined;
    return lists.map((list) => list.map((a) => order[a]!));
  };
  const [x, y] = inputs as [Node, Node];
  const a = through(x, [named.aBatch, named.aContract]);
  if (a !== undefined)
    return b.emit(dot, [x.inputs[0]!, y], { ...named, aBatch: a[0]!, aContract: a[1]! });
  const c = through(y, [named.bBatch, named.bContract]);
  if (c !== undefined)
    return b.emit(dot, [x, y.inputs[0]!], { ...named, bBatch: c[0]!, bContract: c[1]! });
  return undefined;
};

/** A transposed product whose free axes trade places is the product of the operands the other way round. */
const swapProduct: Rule = ({ inputs: [x], attrs }, b) => {
  if (!isOp(x!, 'dot')) return undefined;
  const { aBatch, bBatch, aContract, bContract } = x!.attrs as DotAttrs;
  const [left, right] = x!.inputs as [Node, Node];
  const batches = aBatch.length;
  const fromA = left.type.shape.length - batches - aContract.length;
  const rank = x!.type.shape.length;
  const places = Array.from({ length: rank }, (_, i) => i);
  const swapped = [
    ...places.slice(0, batches),
    ...places.slice(batches + fromA),
    ...places.slice(batches, batches + fromA),
  ];
  const { axes } = attrs as TransposeAttrs;
  if (!axes.every((a, i) => a === swapped[i])) return undefined;
  return b.emit(dot, [right, left], {
    aBatch: bBatch,
    bBatch: aBatch,
    aContract: bContract,
    bContract: aContract,
  });
};

/** Contracted pairs in the order of the first operand's axes: one spelling for one product. */
const sortPairs: Rule = ({ inputs, attrs }, b) => {
  const named = attrs as DotAttrs;
  const { aContract } = named;
  if (aContract.every((a, i) => i === 0 || a > aContract[i - 1]!)) return undefined;
  const sorted = aContract.map((a, i) => [a, named.bContract[i]!] as const);
  sorted.sort((p, q) => p[0] - q[0]);
  return b.emit(dot, inputs, {
    ...named,
    aContract: sorted.map((p) => p[0]),
    bContract: sorted.map((p) => p[1]),
  });
};

/** A product that sums nothing is a map, and computed with what is made of it: gradients of weights at batch 1. */
const outerProduct: Rule = ({ inputs: [x, y], attrs }, b) => {
  const { aBatch, bBatch, aContract, bContract } = attrs as DotAttrs;
  if (aContract.some((a) => x!.type.shape[a] !== 1)) return undefined;
  const free = (node: Node, named: readonly number[]): readonly number[] =>
    otherAxes(node.type.shape.length, named);
  const [inX, inY] = [free(x!, [...aBatch, ...aContract]), free(y!, [...bBatch, ...bContract])];
  const sizes = (node: Node, axes: readonly number[]): number[] =>
    axes.map((a) => node.type.shape[a]!);
  const shape = [...sizes(x!, [...aBatch, ...inX]), ...sizes(y!, inY)];
  const spread = (node: Node, axes: readonly number[], places: readonly number[]): Node => {
    const kept = ascending(axes);
    const turned = b.transpose(
      b.reshape(node, sizes(node, kept)),
      axes.map((a) => kept.indexOf(a)),
    );
    return b.broadcast(turned, shape, places);
  };
  const batches = aBatch.map((_, i) => i);
  return b.op(
    'mul',
    spread(x!, [...aBatch, ...inX], [...batches, ...inX.map((_, i) => batches.length + i)]),
    spread(
      y!,
      [...bBatch, ...inY],
      [...batches, ...inY.map((_, i) => batches.length + inX.length + i)],
    ),
  );
};

const common: readonly Rule[] = [dropSingles, mergeFolds, foldBeforeTranspose, foldBeforeReshape];
const extreme: readonly Rule[] = [...common, foldConstantExtreme, foldRepeats((x) => x)];

export const reductionRules: RuleTable = {
  sum: [...common, foldConstantSum, countRepeats, scaleAfter],
  prod: common,
  reduceMax: extreme,
  reduceMin: extreme,
  dot: [nameTransposedAxes, sortPairs, outerProduct],
  transpose: swapProduct,
};
