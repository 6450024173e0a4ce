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
  f32,
  i32,
  inversePermutation,
  type NoAttrs,
  otherAxes,
  reader,
  ruleFor,
  sizeOf,
  tabulate,
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
  evaluate: ([x]) => x!.slice(),
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(x!, regroup(index, attrs.shape, x!.type.shape)),
  gradient: (builder, { inputs: [x] }, dy) => [builder.reshape(dy, x!.type.shape)],
  examples: [
    { inputs: [f32(2, 6)], attrs: { shape: [3, 4] } },
    { inputs: [f32(2, 3, 4)], attrs: { shape: [2, 12] } },
    { inputs: [f32(5, 7)], attrs: { shape: [7, 1, 5] } },
    { inputs: [f32(1)], attrs: { shape: [] } },
    { inputs: [i32(4, 3, 2)], attrs: { shape: [2, 2, 6] } },
  ],
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
  evaluate: ([x], { inputs, attrs, type }) => {
    const at = reader(x!, inputs[0]!.type.shape);
    const back = inversePermutation(attrs.axes);
    return tabulate(type.shape, (index) => at(back.map((a) => index[a]!)));
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(
      x!,
      inversePermutation(attrs.axes).map((a) => index[a]!),
    ),
  gradient: (builder, { attrs }, dy) => [builder.transpose(dy, inversePermutation(attrs.axes))],
  examples: [
    { inputs: [f32(3, 5)], attrs: { axes: [1, 0] } },
    { inputs: [f32(2, 3, 4)], attrs: { axes: [2, 0, 1] } },
    { inputs: [i32(2, 1, 3, 2)], attrs: { axes: [0, 3, 1, 2] } },
  ],
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
  evaluate: ([x], { inputs, attrs }) => {
    const at = reader(x!, inputs[0]!.type.shape);
    return tabulate(attrs.shape, (index) => at(attrs.axes.map((a) => index[a]!)));
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(
      x!,
      attrs.axes.map((a) => index[a]!),
    ),
  gradient: (builder, { attrs }, dy) => [
    builder.sum(dy, otherAxes(attrs.shape.length, attrs.axes)),
  ],
  examples: [
    { inputs: [f32(3)], attrs: { shape: [2, 3], axes: [1] } },
    { inputs: [f32(2, 4)], attrs: { shape: [2, 3, 4], axes: [0, 2] } },
    { inputs: [f32()], attrs: { shape: [3, 2], axes: [] } },
    { inputs: [i32(5)], attrs: { shape: [5, 2], axes: [0] } },
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
  evaluate: ([x]) => x!.slice(),
  lower: ({ inputs: [x] }, index, context) => context.at(x!, index),
  gradient: () => [null],
  examples: [{ inputs: [f32(3, 2)], gradient: false }, { inputs: [i32(4)] }],
});
