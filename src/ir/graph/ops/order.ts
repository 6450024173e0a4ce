/**
 * Sorting: the order of elements along an axis, and elements in an order.
 *
 * Invariant: an order is a permutation of 0 to n - 1 at every place off the axis, so what moves values into it has a
 * gradient that moves them back: no sums.
 */
import { idxAxis } from '../../dim.ts';
import { sameShape, tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node, Op } from '../graph.ts';
import { type AxisAttrs, checkAxis, checkIndices, defineOp, ruleFor } from './define.ts';
import { clampedIndex } from './opaque.ts';
import { axesOf } from './prefix.ts';

export type ArgsortAttrs = { readonly axis: number; readonly descending: boolean };

/** Numbers of the elements along `axis`, sorted by value: equal ones stay as they were, NaN comes last. */
export const argsort: Op<ArgsortAttrs> = defineOp<ArgsortAttrs>({
  name: 'argsort',
  kind: 'running',
  schema: { axis: { kind: 'int' }, descending: { kind: 'bool', default: false } },
  type: (inputs, { axis }) => {
    const rule = ruleFor('argsort', inputs, ['x']);
    const { dtype, shape } = inputs[0]!;
    checkAxis(rule, axis, shape.length);
    rule.check(
      dtype !== 'bool',
      'does not take bool arrays',
      "convert with .astype('int32') first",
      'dtype',
    );
    return tensor('int32', shape);
  },
  running: ({ inputs: [x], attrs, type }, context) => {
    const axes = axesOf(type.shape, context);
    const { axis, descending } = attrs;
    const key = context.at(x!, axes.map(idxAxis));
    const width = 2 ** Math.ceil(Math.log2(Math.max(1, type.shape[axis]!)));
    const along = axes[axis]!;
    return {
      axes,
      running: { kind: 'order', axis: along, descending, width, key, merge: undefined },
    };
  },
});

/** Elements of `x` along `axis` in an order: `result[k] = x[order[k]]`. */
export const arrange: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'arrange',
  kind: 'gather',
  schema: { axis: { kind: 'int' } },
  type: (inputs, { axis }) => {
    const rule = ruleFor('arrange', inputs, ['x', 'order']);
    const [x, order] = inputs;
    checkAxis(rule, axis, x!.shape.length);
    checkIndices(rule, order!);
    rule.check(
      sameShape(x!.shape, order!.shape),
      'x and order have different shapes',
      'an order has a place for each element',
    );
    return x!;
  },
  lower: ({ inputs, attrs: { axis } }, index, context) => {
    const [x, order] = inputs as [Node, Node];
    const position = clampedIndex(context.at(order, index), x.type.shape[axis]!);
    return context.at(x, index.with(axis, position));
  },
  gradient: (b, { inputs: [, order], attrs }, dy) => [
    b.emit(arrange, [dy, inverseOf(b, order!, attrs.axis)], attrs),
    null,
  ],
});

/** The order that undoes one: sorting an order gives it. */
export const inverseOf = (b: GraphBuilder, order: Node, axis: number): Node => {
  const [of] = order.inputs;
  const isSorting = (x: Node | undefined): x is Node =>
    x?.op === (argsort as Op) && x.attrs['axis'] === axis;
  const isInverse = isSorting(order) && order.attrs['descending'] === false && isSorting(of);
  return isInverse ? of : b.emit(argsort, [order], { axis, descending: false });
};
