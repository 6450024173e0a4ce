import type { TensorType } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import { type AxisAttrs, checkAxis, checkFloat, defineOp, otherAxes, ruleFor } from './define.ts';
import { reduceMax } from './reduce.ts';

/** A value without `axis`, repeated along it again. */
const along = (builder: GraphBuilder, reduced: Node, x: Node, axis: number): Node =>
  builder.broadcast(reduced, x.type.shape, otherAxes(x.type.shape.length, [axis]));

const sumAlong = (builder: GraphBuilder, x: Node, axis: number): Node =>
  along(builder, builder.sum(x, [axis]), x, axis);

const meanAlong = (builder: GraphBuilder, x: Node, axis: number): Node => {
  const total = builder.sum(x, [axis]);
  return along(
    builder,
    builder.op('mul', total, builder.lit(1 / x.type.shape[axis]!, total)),
    x,
    axis,
  );
};

/** `x` minus its maximum: exponentials of it never overflow. */
const shifted = (builder: GraphBuilder, x: Node, axis: number): Node => {
  const top = builder.emit(reduceMax, [x], { axes: [axis] });
  return builder.op('sub', x, along(builder, top, x, axis));
};

const axisType =
  (name: string) =>
  (inputs: readonly TensorType[], { axis }: AxisAttrs): TensorType => {
    const rule = ruleFor(name, inputs, ['x']);
    const [x] = inputs;
    checkFloat(rule, x!.dtype);
    checkAxis(rule, axis, x!.shape.length);
    rule.check(
      x!.shape[axis]! > 0,
      `axis ${axis} has no elements`,
      'normalize along an axis that has some',
    );
    return x!;
  };

/** `exp(x) / sum(exp(x))` along `axis`. */
export const softmax: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'softmax',
  kind: 'composite',
  schema: { axis: { kind: 'int' } },
  type: axisType('softmax'),
  decompose: (builder, [x], { axis }) => {
    const powers = builder.op('exp', shifted(builder, x!, axis));
    // One division a row and a product an element: divisions are the dearest arithmetic there is.
    const total = builder.sum(powers, [axis]);
    const share = builder.op('div', builder.lit(1, total), total);
    return builder.op('mul', powers, along(builder, share, x!, axis));
  },
  gradient: (builder, node, dy) => {
    const { axis } = node.attrs;
    const mean = sumAlong(builder, builder.op('mul', dy, node), axis);
    return [builder.op('mul', node, builder.op('sub', dy, mean))];
  },
});

/** `x - log(sum(exp(x)))` along `axis`. */
export const logSoftmax: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'logSoftmax',
  kind: 'composite',
  schema: { axis: { kind: 'int' } },
  type: axisType('logSoftmax'),
  decompose: (builder, [x], { axis }) => {
    const centered = shifted(builder, x!, axis);
    const total = builder.sum(builder.op('exp', centered), [axis]);
    return builder.op('sub', centered, along(builder, builder.op('log', total), x!, axis));
  },
  gradient: (builder, node, dy) => {
    const { axis } = node.attrs;
    const share = builder.op('mul', builder.op('exp', node), sumAlong(builder, dy, axis));
    return [builder.op('sub', dy, share)];
  },
});

export type LayerNormAttrs = { readonly axis: number; readonly eps: number };

/** `(x - mean) / sqrt(variance + eps)` along an axis, and the factor `1 / sqrt(variance + eps)`. */
const standardize = (
  builder: GraphBuilder,
  x: Node,
  { axis, eps }: LayerNormAttrs,
): { readonly normal: Node; readonly scale: Node } => {
  const centered = builder.op('sub', x, meanAlong(builder, x, axis));
  const square = builder.op('mul', centered, centered);
  const total = builder.sum(square, [axis]);
  const variance = builder.op('mul', total, builder.lit(1 / x.type.shape[axis]!, total));
  const factor = builder.op('rsqrt', builder.op('add', variance, builder.lit(eps, variance)));
  const scale = along(builder, factor, x, axis);
  return { normal: builder.op('mul', centered, scale), scale };
};

const repeatTo = (builder: GraphBuilder, weight: Node, x: Node, axis: number): Node =>
  builder.broadcast(weight, x.type.shape, [axis]);

/** `(x - mean) / sqrt(variance + eps) * gamma + beta`, with mean and variance along `axis`. */
export const layerNorm: Op<LayerNormAttrs> = defineOp<LayerNormAttrs>({
  name: 'layerNorm',
  kind: 'composite',
  schema: { axis: { kind: 'int' }, eps: { kind: 'number', default: 1e-5 } },
  type: (inputs, { axis, eps }) => {
    const rule = ruleFor('layerNorm', inputs, ['x', 'gamma', 'beta']);
    const [x, gamma, beta] = inputs;
    checkFloat(rule, x!.dtype);
    checkAxis(rule, axis, x!.shape.length);
    rule.check(x!.shape[axis]! > 0, `axis ${axis} has no elements`, 'normalize an axis with some');
    rule.check(
      eps >= 0,
      `eps must not be negative: ${eps}`,
      'use a small number like 1e-5',
      'value',
    );
    for (const [name, t] of [
      ['gamma', gamma!],
      ['beta', beta!],
    ] as const) {
      rule.check(
        t.shape.length === 1 && t.shape[0] === x!.shape[axis],
        `${name} must have shape [${x!.shape[axis]}]`,
        `give one ${name} per element of axis ${axis}`,
      );
      rule.check(
        t.dtype === x!.dtype,
        `${name} is ${t.dtype} but x is ${x!.dtype}`,
        'convert them to one dtype with .astype(...)',
        'dtype',
      );
    }
    return x!;
  },
  decompose: (builder, inputs, attrs) => {
    const [x, gamma, beta] = inputs as [Node, Node, Node];
    const { normal } = standardize(builder, x, attrs);
    const scaled = builder.op('mul', normal, repeatTo(builder, gamma, x, attrs.axis));
    return builder.op('add', scaled, repeatTo(builder, beta, x, attrs.axis));
  },
  gradient: (builder, { inputs, attrs }, dy) => {
    const [x, gamma] = inputs as [Node, Node, Node];
    const { axis } = attrs;
    const { normal, scale } = standardize(builder, x, attrs);
    const others = otherAxes(x.type.shape.length, [axis]);
    const weighted = builder.op('mul', dy, repeatTo(builder, gamma, x, axis));
    const mean = meanAlong(builder, weighted, axis);
    const slope = meanAlong(builder, builder.op('mul', weighted, normal), axis);
    const straight = builder.op('sub', weighted, mean);
    const free = builder.op('sub', straight, builder.op('mul', normal, slope));
    return [
      builder.op('mul', free, scale),
      builder.sum(builder.op('mul', dy, normal), others),
      builder.sum(dy, others),
    ];
  },
});
