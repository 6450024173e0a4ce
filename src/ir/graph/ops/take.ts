/**
 * Indexing by arrays: reads at loaded positions, and their adjoints, which add up what each position received.
 *
 * Invariant: positions are int32 and clamped to the axis, so no data can read or write out of bounds.
 */
import { type Idx, idxAxis } from '../../dim.ts';
import { type Shape, sameShape, type TensorType, tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import {
  type AxisAttrs,
  checkAxis,
  checkIndices,
  checkInts,
  defineOp,
  type Rule,
  ruleFor,
} from './define.ts';
import { iota } from './leaf.ts';
import { clampedIndex } from './opaque.ts';

export type GradAttrs = { readonly axis: number; readonly size: number };

export const replaced = (shape: Shape, axis: number, by: Shape): number[] => [
  ...shape.slice(0, axis),
  ...by,
  ...shape.slice(axis + 1),
];

const checkNotEmpty = (rule: Rule, size: number, idx: TensorType): void =>
  rule.check(
    size > 0 || idx.size === 0,
    'there is nothing to take from an axis of size 0',
    'index an axis that has elements',
  );

/** Slices of `x` along `axis` at the positions in `idx`, whose axes replace it (`np.take`). */
export const take: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'take',
  kind: 'gather',
  schema: { axis: { kind: 'int' } },
  type: (inputs, { axis }) => {
    const rule = ruleFor('take', inputs, ['x', 'idx']);
    const [x, idx] = inputs;
    checkAxis(rule, axis, x!.shape.length);
    checkIndices(rule, idx!);
    checkNotEmpty(rule, x!.shape[axis]!, idx!);
    return tensor(x!.dtype, replaced(x!.shape, axis, idx!.shape));
  },
  lower: ({ inputs, attrs: { axis } }, index, context) => {
    const [x, idx] = inputs as [Node, Node];
    const after = axis + idx.type.shape.length;
    const position = clampedIndex(context.at(idx, index.slice(axis, after)), x.type.shape[axis]!);
    return context.at(x, [...index.slice(0, axis), position, ...index.slice(after)]);
  },
  gradient: (builder, { inputs, attrs: { axis } }, dy) => {
    const [x, idx] = inputs as [Node, Node];
    return [builder.emit(takeGrad, [dy, idx], { axis, size: x.type.shape[axis]! }), null];
  },
});

/** Adds each slice of `dy` at its position of an axis of `size`: the adjoint of `take`. */
export const takeGrad: Op<GradAttrs> = defineOp<GradAttrs>({
  name: 'takeGrad',
  kind: 'scatter',
  schema: { axis: { kind: 'int' }, size: { kind: 'int' } },
  type: (inputs, { axis, size }) => {
    const rule = ruleFor('takeGrad', inputs, ['dy', 'idx']);
    const [dy, idx] = inputs;
    checkIndices(rule, idx!);
    checkInts(rule, 'size', [size], 1, 0);
    checkNotEmpty(rule, size, idx!);
    const after = axis + idx!.shape.length;
    rule.check(
      Number.isInteger(axis) && axis >= 0 && sameShape(dy!.shape.slice(axis, after), idx!.shape),
      `axes ${axis} to ${after - 1} of dy must be those of idx`,
      'pass the gradient of the array that take made',
    );
    return tensor(dy!.dtype, [...dy!.shape.slice(0, axis), size, ...dy!.shape.slice(after)]);
  },
  scatter: ({ inputs, attrs: { axis, size } }, context) => {
    const [dy, idx] = inputs as [Node, Node];
    const after = axis + idx.type.shape.length;
    const { shape } = dy.type;
    const before = shape.slice(0, axis).map((d) => context.parallel('i', d));
    const rest = shape.slice(after).map((d) => context.parallel('j', d));
    const over = idx.type.shape.map((d) => context.axis('k', d));
    const position = clampedIndex(context.at(idx, over.map(idxAxis)), size);
    return {
      axes: [...before, ...rest],
      over,
      index: [...before.map(idxAxis), position, ...rest.map(idxAxis)],
      value: context.at(dy, [...before, ...over, ...rest].map(idxAxis)),
    };
  },
  gradient: (builder, { inputs: [, idx], attrs: { axis } }, g) => [
    builder.emit(take, [g, idx!], { axis }),
    null,
  ],
});

const checkAlong = (rule: Rule, x: Shape, idx: TensorType, axis: number): void => {
  checkIndices(rule, idx);
  checkAxis(rule, axis, x.length);
  rule.check(
    idx.shape.length === x.length && x.every((d, i) => i === axis || d === idx.shape[i]),
    `idx must have the shape of the array off axis ${axis}`,
    'broadcast the indices to the array first, with any size along the axis',
  );
};

/** Elements of `x` along `axis` at positions given for each place off it (`np.take_along_axis`). */
export const takeAlong: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'takeAlong',
  kind: 'gather',
  schema: { axis: { kind: 'int' } },
  type: (inputs, { axis }) => {
    const rule = ruleFor('takeAlong', inputs, ['x', 'idx']);
    const [x, idx] = inputs;
    checkAlong(rule, x!.shape, idx!, axis);
    checkNotEmpty(rule, x!.shape[axis]!, idx!);
    return tensor(x!.dtype, idx!.shape);
  },
  lower: ({ inputs, attrs: { axis } }, index, context) => {
    const [x, idx] = inputs as [Node, Node];
    const position = clampedIndex(context.at(idx, index), x.type.shape[axis]!);
    return context.at(x, index.with(axis, position));
  },
  gradient: (builder, { inputs, attrs: { axis } }, dy) => {
    const [x, idx] = inputs as [Node, Node];
    const size = x.type.shape[axis]!;
    return [
      idx.type.shape[axis] === 1
        ? placeOne(builder, dy, idx, axis, x.type.shape)
        : builder.emit(takeAlongGrad, [dy, idx], { axis, size }),
      null,
    ];
  },
});

/** With one position for each place, its adjoint is a map (dy where the position matches, else 0), which fuses. */
const placeOne = (builder: GraphBuilder, dy: Node, idx: Node, axis: number, shape: Shape): Node => {
  const zero = builder.lit(0, idx);
  const last = builder.lit(shape[axis]! - 1, idx);
  const position = builder.op('min', builder.op('max', idx, zero), last);
  const here = builder.emit(iota, [], { axis, dtype: 'int32', shape });
  const hit = builder.op('eq', here, builder.broadcastTo(position, shape));
  return builder.op(
    'select',
    hit,
    builder.broadcastTo(dy, shape),
    builder.full(0, dy.type.dtype, shape),
  );
};

/** Adds each element of `dy` at its position along an axis of `size`: the adjoint of `takeAlong`. */
export const takeAlongGrad: Op<GradAttrs> = defineOp<GradAttrs>({
  name: 'takeAlongGrad',
  kind: 'scatter',
  schema: { axis: { kind: 'int' }, size: { kind: 'int' } },
  type: (inputs, { axis, size }) => {
    const rule = ruleFor('takeAlongGrad', inputs, ['dy', 'idx']);
    const [dy, idx] = inputs;
    checkInts(rule, 'size', [size], 1, 0);
    checkAlong(rule, dy!.shape, idx!, axis);
    rule.check(
      sameShape(dy!.shape, idx!.shape),
      'dy and idx have different shapes',
      'pass the gradient of the array that takeAlong made',
    );
    checkNotEmpty(rule, size, idx!);
    return tensor(dy!.dtype, replaced(dy!.shape, axis, [size]));
  },
  scatter: ({ inputs, attrs: { axis, size } }, context) => {
    const [dy, idx] = inputs as [Node, Node];
    const axes = dy.type.shape.map((d, i) =>
      i === axis ? context.axis('k', d) : context.parallel('i', d),
    );
    const at: Idx[] = axes.map(idxAxis);
    const position = clampedIndex(context.at(idx, at), size);
    return {
      axes: axes.filter((_, i) => i !== axis),
      over: [axes[axis]!],
      index: at.with(axis, position),
      value: context.at(dy, at),
    };
  },
  gradient: (builder, { inputs: [, idx], attrs: { axis } }, g) => [
    builder.emit(takeAlong, [g, idx!], { axis }),
    null,
  ],
});
