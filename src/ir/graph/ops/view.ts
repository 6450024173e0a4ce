/**
 * Views: ops that show the same elements in another order or more often, without computing.
 *
 * Invariant: lowering a view costs no memory: each result element is one operand element; the gradient of a view is a
 * view (and for repeated elements a sum).
 */
import { type Shape, tensor } from '../../type.ts';
import type { Op } from '../graph.ts';
import {
  checkAxes,
  checkShape,
  defineOp,
  inversePermutation,
  type NoAttrs,
  otherAxes,
  ruleFor,
  sizeOf,
} from './define.ts';
import { regroup } from './regroup.ts';

export type ReshapeAttrs = { readonly shape: Shape };
/** The same elements in row-major order under another shape. */
export const reshape: Op<ReshapeAttrs> = defineOp<ReshapeAttrs>({
  name: 'reshape',
  kind: 'view',
  schema: { shape: { kind: 'ints' } },
  type: (inputs, { shape }) => {
    const rule = ruleFor('reshape', inputs, ['x']);
    const [x] = inputs;
    checkShape(rule, shape);
    rule.check(
      sizeOf(shape) === x!.size,
      `${x!.size} elements do not fill [${shape.join(', ')}] (${sizeOf(shape)})`,
      'the product of the sizes must stay the same; use -1 for one axis to have it computed',
    );
    return tensor(x!.dtype, shape);
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(x!, regroup(index, attrs.shape, x!.type.shape)),
  gradient: (builder, { inputs: [x] }, dy) => [builder.reshape(dy, x!.type.shape)],
});

export type TransposeAttrs = { readonly axes: readonly number[] };
/** Axis `i` of the result is axis `axes[i]` of the operand. */
export const transpose: Op<TransposeAttrs> = defineOp<TransposeAttrs>({
  name: 'transpose',
  kind: 'view',
  schema: { axes: { kind: 'ints' } },
  type: (inputs, { axes }) => {
    const rule = ruleFor('transpose', inputs, ['x']);
    const { dtype, shape } = inputs[0]!;
    rule.check(
      axes.length === shape.length && otherAxes(shape.length, axes).length === 0,
      `axes [${axes.join(', ')}] are not a permutation of ${shape.length} axes`,
      'name each axis of the operand exactly once',
    );
    return tensor(
      dtype,
      axes.map((a) => shape[a]!),
    );
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(
      x!,
      inversePermutation(attrs.axes).map((a) => index[a]!),
    ),
  gradient: (builder, { attrs }, dy) => [builder.transpose(dy, inversePermutation(attrs.axes))],
});

export type BroadcastAttrs = { readonly shape: Shape; readonly axes: readonly number[] };
/** Axis `i` of the operand becomes axis `axes[i]` of the result; the other axes repeat it. */
export const broadcast: Op<BroadcastAttrs> = defineOp<BroadcastAttrs>({
  name: 'broadcast',
  kind: 'view',
  schema: { shape: { kind: 'ints' }, axes: { kind: 'ints' } },
  type: (inputs, { shape, axes }) => {
    const rule = ruleFor('broadcast', inputs, ['x']);
    const [x] = inputs;
    checkShape(rule, shape);
    checkAxes(rule, axes, shape.length);
    rule.check(
      axes.length === x!.shape.length && axes.every((a, i) => shape[a] === x!.shape[i]),
      `does not fit [${shape.join(', ')}] at axes [${axes.join(', ')}]`,
      'each axis of the operand must have the size of the axis it becomes; reshape away axes of size 1',
    );
    return tensor(x!.dtype, shape);
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(
      x!,
      attrs.axes.map((a) => index[a]!),
    ),
  gradient: (builder, { attrs }, dy) => [
    builder.sum(dy, otherAxes(attrs.shape.length, attrs.axes)),
  ],
});

/** The same values, through which no gradient flows. */
export const stopGradient: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'stopGradient',
  kind: 'view',
  schema: {},
  type: (inputs) => {
    ruleFor('stopGradient', inputs, ['x']);
    return inputs[0]!;
  },
  lower: ({ inputs: [x] }, index, context) => context.at(x!, index),
  gradient: () => [null],
});

/**
 * The same values, once more: what is computed from it is not merged with what is computed from `x`. It marks where a
 * part of a program is computed a second time instead of being kept.
 */
export const again: Op<NoAttrs> = defineOp<NoAttrs>({
  name: 'again',
  kind: 'view',
  schema: {},
  type: (inputs) => {
    ruleFor('again', inputs, ['x']);
    return inputs[0]!;
  },
  lower: ({ inputs: [x] }, index, context) => context.at(x!, index),
  gradient: (_builder, _node, dy) => [dy],
});
