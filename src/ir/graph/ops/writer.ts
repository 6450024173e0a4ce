/**
 * Who writes last: what assignment at positions that arrays hold is made of. With it, `x[idx] = values` is a read.
 *
 * Invariant: of several writers to one place the last one in row-major order counts, on every device; positions are
 * clamped to the axis.
 */
import { idxAxis, idxFlatten } from '../../dim.ts';
import { constant, indexValue, scalar } from '../../loop/expr.ts';
import { stridesOf, tensor } from '../../type.ts';
import type { Node, Op } from '../graph.ts';
import { checkIndices, checkInts, defineOp, ruleFor } from './define.ts';
import { clampedIndex } from './opaque.ts';

export type WriterAttrs = { readonly size: number };

/** For each of `size` places, 1 + the flat position of the last element of `idx` that names it; 0 where none does. */
export const lastWriter: Op<WriterAttrs> = defineOp<WriterAttrs>({
  name: 'lastWriter',
  kind: 'scatter',
  schema: { size: { kind: 'int' } },
  type: (inputs, { size }) => {
    const rule = ruleFor('lastWriter', inputs, ['idx']);
    checkIndices(rule, inputs[0]!);
    checkInts(rule, 'size', [size], 1, 1);
    return tensor('int32', [size]);
  },
  scatter: ({ inputs, attrs: { size } }, context) => {
    const [idx] = inputs as [Node];
    const { shape } = idx.type;
    const over = shape.map((d) => context.axis('k', d));
    const at = over.map(idxAxis);
    const writer = indexValue(idxFlatten(at, stridesOf(shape)));
    return {
      mode: 'max',
      axes: [],
      over,
      index: [clampedIndex(context.at(idx, at), size)],
      value: scalar('add', writer, constant(1, 'int32')),
    };
  },
});
