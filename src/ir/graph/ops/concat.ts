/**
 * Joining arrays along an axis: the only op that moves values from more than one operand.
 *
 * Invariant: each result element is one element of one operand; the gradient cuts `dy` into the same parts.
 */
import { idxOffset } from '../../dim.ts';
import { constant, guard } from '../../loop/expr.ts';
import { tensor } from '../../type.ts';
import type { Op } from '../graph.ts';
import { type AxisAttrs, checkAxis, defineOp, ruleFor } from './define.ts';
import { sliceAxis } from './slice.ts';

/** Operands one after the other along `axis`. */
export const concat: Op<AxisAttrs> = defineOp<AxisAttrs>({
  name: 'concat',
  kind: 'view',
  schema: { axis: { kind: 'int' } },
  type: (inputs, { axis }) => {
    const rule = ruleFor(
      'concat',
      inputs,
      inputs.map((_, i) => `x${i}`),
    );
    const first = inputs[0];
    if (first === undefined)
      return rule.fail('nothing to join', 'pass at least one array', 'value');
    checkAxis(rule, axis, first.shape.length);
    for (const t of inputs) {
      rule.check(
        t.dtype === first.dtype,
        `operands have different dtypes (${first.dtype} ≠ ${t.dtype})`,
        'convert them to one dtype with .astype(...)',
        'dtype',
      );
      rule.check(
        t.shape.length === first.shape.length &&
          t.shape.every((d, i) => i === axis || d === first.shape[i]),
        `sizes differ off axis ${axis} ([${first.shape.join(', ')}] ≠ [${t.shape.join(', ')}])`,
        `all sizes except that of axis ${axis} must be equal; to join along a new axis use stack`,
      );
    }
    return tensor(
      first.dtype,
      first.shape.map((d, i) => (i === axis ? inputs.reduce((n, t) => n + t.shape[axis]!, 0) : d)),
    );
  },
  lower: ({ inputs, attrs: { axis }, type }, index, context) => {
    const along = index[axis]!;
    let end = type.shape[axis]!;
    let rest = constant(0, type.dtype);
    for (const x of inputs.toReversed()) {
      const size = x.type.shape[axis]!;
      const begin = end - size;
      if (size > 0) {
        const value = context.at(
          x,
          index.map((p, i) => (i === axis ? idxOffset(along, -begin) : p)),
        );
        // The last part needs no test: what is not in an earlier part is in it.
        const last = end === type.shape[axis]!;
        rest = last ? value : guard([{ idx: along, lo: 0, hi: end }], value, rest);
      }
      end = begin;
    }
    return rest;
  },
  gradient: (builder, { inputs, attrs: { axis } }, dy) => {
    let begin = 0;
    return inputs.map((x) => {
      const from = begin;
      begin += x.type.shape[axis]!;
      return sliceAxis(builder, dy, axis, from, begin);
    });
  },
});
