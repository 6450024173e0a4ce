/**
 * Views of views become one view, and views that change nothing disappear.
 *
 * Invariant: only index arithmetic changes. Preferred forms: reshape over transpose where only axes of size 1 move,
 * repeats outermost (`broadcast` after `reshape` and `transpose`), and no operand of a broadcast with axes of size 1.
 */
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { concat as concatOp } from '../ir/graph/ops/concat.ts';
import { inversePermutation } from '../ir/graph/ops/define.ts';
import { type PadAttrs, pad as padOp, type SliceAttrs, sliceAxis } from '../ir/graph/ops/slice.ts';
import type { BroadcastAttrs, ReshapeAttrs, TransposeAttrs } from '../ir/graph/ops/view.ts';
import { type Shape, sameShape } from '../ir/type.ts';
import type { GraphPass } from './pass.ts';
import { isOp, type Rule, type RuleTable, rewrite } from './rewrite.ts';

export const mergeViews: GraphPass = {
  name: 'views',
  run: (graph) => rewrite(graph, viewRules),
};

const squeezed = (shape: Shape): number[] => shape.filter((d) => d !== 1);

const reshape: Rule = ({ inputs: [x], attrs }, b) => {
  const { shape } = attrs as ReshapeAttrs;
  if (sameShape(x!.type.shape, shape)) return x;
  if (isOp(x!, 'reshape')) return b.reshape(x!.inputs[0]!, shape);
  if (isOp(x!, 'broadcast')) return reshapeOfBroadcast(x!, shape, b);
  return undefined;
};

/** Inserting and removing axes of size 1 moves the places where a broadcast puts its operand's axes. */
const reshapeOfBroadcast = (x: Node, shape: Shape, b: GraphBuilder): Node | undefined => {
  const { axes } = x.attrs as BroadcastAttrs;
  const from = x.type.shape;
  if (axes.some((a) => from[a] === 1) || !sameShape(squeezed(from), squeezed(shape)))
    return undefined;
  const large = shape.flatMap((d, i) => (d === 1 ? [] : [i]));
  const rank = from.map((_, a) => squeezed(from.slice(0, a)).length);
  return b.broadcast(
    x.inputs[0]!,
    shape,
    axes.map((a) => large[rank[a]!]!),
  );
};

const transpose: Rule = ({ inputs: [x], attrs }, b) => {
  const { axes } = attrs as TransposeAttrs;
  if (axes.every((a, i) => a === i)) return x;
  if (isOp(x!, 'transpose')) {
    const inner = (x!.attrs as TransposeAttrs).axes;
    return b.transpose(
      x!.inputs[0]!,
      axes.map((a) => inner[a]!),
    );
  }
  const shape = x!.type.shape;
  const large = axes.filter((a) => shape[a] !== 1);
  if (large.every((a, i) => i === 0 || a > large[i - 1]!))
    return b.reshape(
      x!,
      axes.map((a) => shape[a]!),
    );
  if (isOp(x!, 'broadcast')) {
    const spread = x!.attrs as BroadcastAttrs;
    const to = inversePermutation(axes);
    const places = spread.axes.map((a, i) => ({ at: to[a]!, i })).sort((p, q) => p.at - q.at);
    const source = b.transpose(
      x!.inputs[0]!,
      places.map((p) => p.i),
    );
    return b.broadcast(
      source,
      axes.map((a) => shape[a]!),
      places.map((p) => p.at),
    );
  }
  return undefined;
};

const broadcast: Rule = ({ inputs: [x], attrs }, b) => {
  const { shape, axes } = attrs as BroadcastAttrs;
  const from = x!.type.shape;
  if (sameShape(from, shape)) return x;
  if (from.includes(1)) {
    const kept = axes.filter((_, i) => from[i] !== 1);
    return b.broadcast(b.reshape(x!, squeezed(from)), shape, kept);
  }
  if (isOp(x!, 'broadcast')) {
    const inner = (x!.attrs as BroadcastAttrs).axes;
    return b.broadcast(
      x!.inputs[0]!,
      shape,
      inner.map((a) => axes[a]!),
    );
  }
  return undefined;
};

/** First element, count and step of a slice along each axis. */
const rangesOf = (x: Node): { begin: number; count: number; step: number }[] => {
  const { begin, step } = x.attrs as SliceAttrs;
  return x.type.shape.map((count, i) => ({ begin: begin[i]!, count, step: step[i]! }));
};

/** The end of `count` elements from `begin`: what slicing wants, also where it runs backwards off the start. */
const endOf = (begin: number, count: number, step: number): number =>
  begin + (count - 1) * step + Math.sign(step);

const slice: Rule = ({ op, inputs: [x], attrs }, b) => {
  const { begin, step } = attrs as SliceAttrs;
  const { shape } = op.type([x!.type], attrs);
  if (shape.includes(0)) return undefined;
  if (sameShape(shape, x!.type.shape) && step.every((s, i) => s === 1 || shape[i] === 1)) return x;
  switch (x!.op.name) {
    case 'slice': {
      const inner = rangesOf(x!);
      const first = inner.map((r, i) => r.begin + begin[i]! * r.step);
      const by = inner.map((r, i) => (shape[i] === 1 ? 1 : r.step * step[i]!));
      const ends = first.map((at, i) => endOf(at, shape[i]!, by[i]!));
      return b.slice(x!.inputs[0]!, first, ends, by);
    }
    case 'pad':
      return sliceOfPad(x!, shape, begin, step, b);
    case 'concat':
      return sliceOfConcat(x!, shape, begin, step, b);
    case 'broadcast':
      return sliceOfBroadcast(x!, shape, attrs as SliceAttrs, b);
    default:
      return undefined;
  }
};

/** A slice that leaves all padding out is a slice of what was padded. */
const sliceOfPad = (
  x: Node,
  shape: Shape,
  begin: readonly number[],
  step: readonly number[],
  b: GraphBuilder,
): Node | undefined => {
  const { low, interior } = x.attrs as PadAttrs;
  const source = x.inputs[0]!;
  const first = begin.map((at, i) => (at - low[i]!) / (interior[i]! + 1));
  const by = step.map((s, i) => (shape[i] === 1 ? 1 : s / (interior[i]! + 1)));
  const inside = shape.every((count, i) => {
    const last = first[i]! + (count - 1) * by[i]!;
    const size = source.type.shape[i]!;
    return (
      [first[i]!, by[i]!].every(Number.isInteger) &&
      Math.min(first[i]!, last) >= 0 &&
      Math.max(first[i]!, last) < size
    );
  });
  if (!inside) return undefined;
  const ends = first.map((at, i) => endOf(at, shape[i]!, by[i]!));
  return b.slice(source, first, ends, by);
};

/** A slice of one part of a concatenation is a slice of that part. */
const sliceOfConcat = (
  x: Node,
  shape: Shape,
  begin: readonly number[],
  step: readonly number[],
  b: GraphBuilder,
): Node | undefined => {
  const axis = x.attrs['axis'] as number;
  const last = begin[axis]! + (shape[axis]! - 1) * step[axis]!;
  const [low, high] = [Math.min(begin[axis]!, last), Math.max(begin[axis]!, last)];
  let start = 0;
  for (const part of x.inputs) {
    const end = start + part.type.shape[axis]!;
    if (low >= start && high < end) {
      const first = begin.map((at, i) => (i === axis ? at - start : at));
      const ends = first.map((at, i) => endOf(at, shape[i]!, step[i]!));
      return b.slice(part, first, ends, step);
    }
    start = end;
  }
  return undefined;
};

const sliceOfBroadcast = (
  x: Node,
  shape: Shape,
  { begin, end, step }: SliceAttrs,
  b: GraphBuilder,
): Node => {
  const { axes } = x.attrs as BroadcastAttrs;
  const at = (list: readonly number[]): number[] => axes.map((a) => list[a]!);
  return b.broadcast(b.slice(x.inputs[0]!, at(begin), at(end), at(step)), shape, axes);
};

const pad: Rule = ({ inputs: [x], attrs }, b) => {
  const { low, high, interior, value } = attrs as PadAttrs;
  const shape = x!.type.shape;
  const nothing = (amounts: readonly number[]): boolean => amounts.every((n) => n === 0);
  // Where there is at most one element there is no room between elements.
  if (nothing(low) && nothing(high) && interior.every((n, i) => n === 0 || shape[i]! <= 1))
    return x;
  if (!isOp(x!, 'pad') || !nothing(interior)) return undefined;
  const inner = x!.attrs as PadAttrs;
  if (!Object.is(inner.value, value)) return undefined;
  return b.emit(padOp, [x!.inputs[0]!], {
    low: low.map((n, i) => n + inner.low[i]!),
    high: high.map((n, i) => n + inner.high[i]!),
    interior: inner.interior,
    value,
  });
};

const concat: Rule = ({ inputs, attrs }, b) => {
  const axis = attrs['axis'] as number;
  if (inputs.length === 1) return inputs[0];
  const rank = inputs[0]!.type.shape.length;
  const isSame = (x: Node): boolean => isOp(x, 'concat') && x.attrs['axis'] === axis;
  if (inputs.some(isSame))
    return b.emit(
      concatOp,
      inputs.flatMap((x) => (isSame(x) ? x.inputs : [x])),
      { axis },
    );
  const full = inputs.filter((x) => x.type.shape[axis] !== 0);
  if (full.length > 0 && full.length < inputs.length) return b.emit(concatOp, full, { axis });
  return rejoin(inputs, axis, rank, b);
};

/** Neighbouring slices of one array, put together again. */
const rejoin = (
  inputs: readonly Node[],
  axis: number,
  rank: number,
  b: GraphBuilder,
): Node | undefined => {
  const source = inputs[0]!.inputs[0];
  if (source === undefined || source.type.shape.length !== rank) return undefined;
  let next: number | undefined;
  for (const x of inputs) {
    if (!isOp(x, 'slice') || x.inputs[0] !== source) return undefined;
    const ranges = rangesOf(x);
    const whole = ranges.every(
      (r, i) => r.step === 1 && (i === axis || r.count === source.type.shape[i]),
    );
    const { begin, count } = ranges[axis]!;
    if (!whole || (next !== undefined && begin !== next)) return undefined;
    next = begin + count;
  }
  const begin = rangesOf(inputs[0]!)[axis]!.begin;
  return sliceAxis(b, source, axis, begin, next!);
};

/** Stopped gradients move outward, so that views meet. */
const viewBeforeStop: Rule = ({ op, inputs: [x], attrs }, b) =>
  isOp(x!, 'stopGradient')
    ? b.emit(x!.op, [b.emit(op, [x!.inputs[0]!], attrs)], x!.attrs)
    : undefined;

export const viewRules: RuleTable = {
  reshape: [reshape, viewBeforeStop],
  transpose: [transpose, viewBeforeStop],
  broadcast: [broadcast, viewBeforeStop],
  slice: [slice, viewBeforeStop],
  pad,
  concat,
};
