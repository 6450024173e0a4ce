/**
 * Recognizes well-known combinations written out by hand, and writes composites out again.
 *
 * Invariant: what is recognized equals the composite up to rounding, except that exponentials no longer overflow where
 * the composite subtracts a maximum that the user left out. `decomposeComposites` leaves only ops that can be lowered.
 */
import type { GraphBuilder } from '../ir/graph/builder.ts';
import type { Node } from '../ir/graph/graph.ts';
import { type LayerNormAttrs, layerNorm, logSoftmax, softmax } from '../ir/graph/ops/composite.ts';
import { otherAxes } from '../ir/graph/ops/define.ts';
import type { BroadcastAttrs } from '../ir/graph/ops/view.ts';
import { sameShape } from '../ir/type.ts';
import { rulesFor } from './canonicalize.ts';
import type { GraphPass } from './pass.ts';
import { RewritingBuilder, type Rule, type RuleTable, rebuild, uniform } from './rewrite.ts';

export const recognize: GraphPass = {
  name: 'recognize',
  run: (graph, context) =>
    rebuild(graph, new RewritingBuilder(...rulesFor(context), recognizeRules)),
};

/** Replaces composites by what they mean, and drops what only differentiation needed. */
export const decomposeComposites: GraphPass = {
  name: 'decompose',
  run: (graph, context) =>
    rebuild(graph, new RewritingBuilder({ any: writeOut }, ...rulesFor(context))),
};

const writeOut: Rule = ({ op, inputs, attrs }, b) => {
  if (op.name === 'stopGradient') return inputs[0];
  return op.kind === 'composite' ? op.decompose?.(b, inputs, attrs) : undefined;
};

/** The operands of a node of this op. */
const partsOf = (node: Node | undefined, name: string): readonly Node[] | undefined =>
  node?.op.name === name ? node.inputs : undefined;

/** A value that is the same along one axis: that axis, and the value without it. */
interface Spread {
  readonly axis: number;
  readonly value: Node;
}

const spreadOf = (node: Node): Spread | undefined => {
  if (node.op.name !== 'broadcast') return undefined;
  const { shape, axes } = node.attrs as BroadcastAttrs;
  const repeated = otherAxes(shape.length, axes).filter((a) => shape[a] !== 1);
  if (repeated.length !== 1) return undefined;
  const axis = repeated[0]!;
  const value = node.inputs[0]!;
  // Axes of size 1 may have been taken away before repeating.
  const inner = partsOf(value, 'reshape')?.[0];
  const expected = otherAxes(shape.length, [axis]).map((a) => shape[a]!);
  return {
    axis,
    value: inner !== undefined && sameShape(inner.type.shape, expected) ? inner : value,
  };
};

/** The operand of a reduction along exactly this axis. */
const foldedAlong = (node: Node | undefined, name: string, axis: number): Node | undefined => {
  const axes = node?.op.name === name ? (node.attrs['axes'] as readonly number[]) : undefined;
  return axes?.length === 1 && axes[0] === axis ? node!.inputs[0] : undefined;
};

/** `x` of `x - max(x)` along `axis`; any other value is its own. */
const unshifted = (node: Node, axis: number): Node => {
  const [x, top] = partsOf(node, 'sub') ?? [];
  const spread = top === undefined ? undefined : spreadOf(partsOf(top, 'stopGradient')?.[0] ?? top);
  if (spread?.axis !== axis) return node;
  const value = partsOf(spread.value, 'stopGradient')?.[0] ?? spread.value;
  return foldedAlong(value, 'reduceMax', axis) === x ? x! : node;
};

/** `x` of `log(sum(exp(x)))` along `axis`. */
const logSumExp = (node: Node, axis: number): Node | undefined => {
  const total = partsOf(node, 'log')?.[0];
  return partsOf(foldedAlong(total, 'sum', axis), 'exp')?.[0];
};

/** `exp(z) / sum(exp(z))`. */
const softmaxOfQuotient: Rule = ({ inputs: [powers, total] }, b) => {
  const z = partsOf(powers, 'exp')?.[0];
  const spread = spreadOf(total!);
  if (z === undefined || spread === undefined) return undefined;
  if (foldedAlong(spread.value, 'sum', spread.axis) !== powers) return undefined;
  return b.emit(softmax, [unshifted(z, spread.axis)], { axis: spread.axis });
};

/** `exp(z) * (1 / sum(exp(z)))`. */
const softmaxOfProduct: Rule = ({ inputs: [x, y] }, b) => {
  for (const [powers, factor] of [
    [x!, y!],
    [y!, x!],
  ] as const) {
    const z = partsOf(powers, 'exp')?.[0];
    const spread = spreadOf(factor);
    const [one, total] = partsOf(spread?.value, 'div') ?? [];
    if (z === undefined || spread === undefined || uniform(one) !== 1) continue;
    if (foldedAlong(total, 'sum', spread.axis) !== powers) continue;
    return b.emit(softmax, [unshifted(z, spread.axis)], { axis: spread.axis });
  }
  return undefined;
};

/** `z - log(sum(exp(z)))`, and `x - (max(x) + log(sum(exp(x - max(x)))))`. */
const logSoftmaxOfDifference: Rule = ({ inputs: [z, total] }, b) => {
  const spread = spreadOf(total!);
  if (spread === undefined) return undefined;
  const { axis, value } = spread;
  if (logSumExp(value, axis) === z) return b.emit(logSoftmax, [unshifted(z!, axis)], { axis });
  for (const [i, part] of (partsOf(value, 'add') ?? []).entries()) {
    const shifted = logSumExp(part, axis);
    const top = value.inputs[1 - i]!;
    if (shifted === undefined || foldedAlong(top, 'reduceMax', axis) !== z) continue;
    if (unshifted(shifted, axis) === z) return b.emit(logSoftmax, [z!], { axis });
  }
  return undefined;
};

const logOfSoftmax: Rule = ({ inputs: [x] }, b) => {
  const parts = partsOf(x, 'softmax');
  return parts === undefined
    ? undefined
    : b.emit(logSoftmax, parts, { axis: x!.attrs['axis'] as number });
};

const expOfLogSoftmax: Rule = ({ inputs: [x] }, b) => {
  const parts = partsOf(x, 'logSoftmax');
  return parts === undefined
    ? undefined
    : b.emit(softmax, parts, { axis: x!.attrs['axis'] as number });
};

/** `1 / (1 + exp(-x))`. */
const sigmoidOfQuotient: Rule = ({ inputs: [one, sum] }, b) => {
  const [power, more] = partsOf(sum, 'add') ?? [];
  const x = partsOf(partsOf(power, 'exp')?.[0], 'neg')?.[0];
  return uniform(one) === 1 && uniform(more) === 1 && x !== undefined
    ? b.op('sigmoid', x)
    : undefined;
};

/** The operand whose mean along `axis` this is: its sum, divided by or multiplied with what makes it a mean. */
const meanAlong = (node: Node | undefined, axis: number): Node | undefined => {
  const [total, factor] = partsOf(node, 'mul') ?? partsOf(node, 'div') ?? [];
  const x = foldedAlong(total, 'sum', axis);
  const value = uniform(factor);
  if (x === undefined || value === undefined) return undefined;
  const count = node!.op.name === 'mul' ? 1 / value : value;
  const digits = x.type.dtype === 'float64' ? 1e-14 : 1e-6;
  return Math.abs(count / x.type.shape[axis]! - 1) < digits ? x : undefined;
};

/** `x` of `x - mean(x)`. */
const centered = (node: Node, axis: number): Node | undefined => {
  const [x, mean] = partsOf(node, 'sub') ?? [];
  const spread = mean === undefined ? undefined : spreadOf(mean);
  return spread?.axis === axis && meanAlong(spread.value, axis) === x ? x : undefined;
};

/** True when `node` is the variance of `x`, as a mean of squares about the mean or as `mean(x²) - mean(x)²`. */
const isVariance = (node: Node, deviation: Node, x: Node, axis: number): boolean => {
  const isSquare = (square: Node | undefined, of: Node): boolean => {
    const [left, right] = partsOf(square, 'mul') ?? [];
    return left === of && right === of;
  };
  if (isSquare(meanAlong(node, axis), deviation)) return true;
  const [squares, square] = partsOf(node, 'sub') ?? [];
  const mean = partsOf(square, 'mul')?.[0];
  return (
    mean !== undefined &&
    isSquare(square, mean) &&
    meanAlong(mean, axis) === x &&
    isSquare(meanAlong(squares, axis), x)
  );
};

/** `(x - mean) / sqrt(variance + eps)`, given the deviation and the root (of which `inverse` or not). */
const standardized = (
  deviation: Node,
  scale: Node,
  root: 'sqrt' | 'rsqrt',
  b: GraphBuilder,
): Node | undefined => {
  const spread = spreadOf(scale);
  const under = partsOf(spread?.value, root)?.[0];
  if (spread === undefined || under === undefined) return undefined;
  const { axis } = spread;
  const x = centered(deviation, axis);
  const offset = under.op.name === 'add' ? uniform(under.inputs[1]) : undefined;
  const variance = offset === undefined ? under : under.inputs[0]!;
  const eps = offset ?? 0;
  if (x === undefined || eps < 0 || !isVariance(variance, deviation, x, axis)) return undefined;
  const { dtype, shape } = x.type;
  const size = [shape[axis]!];
  return b.emit(layerNorm, [x, b.full(1, dtype, size), b.full(0, dtype, size)], { axis, eps });
};

const layerNormOfQuotient: Rule = ({ inputs: [deviation, scale] }, b) =>
  standardized(deviation!, scale!, 'sqrt', b);

const layerNormOfProduct: Rule = ({ inputs: [x, y] }, b) =>
  standardized(x!, y!, 'rsqrt', b) ?? standardized(y!, x!, 'rsqrt', b);

/** The values along `axis` that `node` repeats along all others. */
const weightAlong = (node: Node, axis: number): Node | undefined => {
  if (node.type.shape.length === 1) return node;
  const axes = node.op.name === 'broadcast' ? (node.attrs as BroadcastAttrs).axes : [];
  return axes.length === 1 && axes[0] === axis ? node.inputs[0] : undefined;
};

/** A weight per element of the axis, multiplied with or added to a norm that has none yet, becomes its own. */
const absorbWeight =
  (place: 1 | 2, neutral: number): Rule =>
  ({ inputs: [x, y] }, b) => {
    for (const [norm, other] of [
      [x!, y!],
      [y!, x!],
    ] as const) {
      if (norm.op.name !== 'layerNorm') continue;
      const attrs = norm.attrs as LayerNormAttrs;
      const weight = weightAlong(other, attrs.axis);
      const free = uniform(norm.inputs[place]) === neutral && uniform(norm.inputs[2]) === 0;
      if (!free || weight === undefined) continue;
      return b.emit(layerNorm, norm.inputs.with(place, weight), attrs);
    }
    return undefined;
  };

const recognizeRules: RuleTable = {
  div: [softmaxOfQuotient, sigmoidOfQuotient, layerNormOfQuotient],
  mul: [softmaxOfProduct, layerNormOfProduct, absorbWeight(1, 1)],
  sub: logSoftmaxOfDifference,
  log: logOfSoftmax,
  exp: expOfLogSoftmax,
  add: absorbWeight(2, 0),
};
