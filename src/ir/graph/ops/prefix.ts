/**
 * Running folds: every partial result of a fold along an axis, from its first element on or (`backward`) from its last.
 *
 * Invariant: gradients are running folds themselves, of a recurrence where factors meet sums: they divide by nothing, so
 * zeros in products and infinities in logarithms are exact, to any order.
 */

import { type Axis, idxAxis } from '../../dim.ts';
import { bytesOf, isFloat } from '../../dtype.ts';
import type { PrefixOp, Running } from '../../loop/loop.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { LowerContext, Node, Op } from '../graph.ts';
import { checkAxis, defineOp, ruleFor } from './define.ts';
import { iota } from './leaf.ts';
import { before, inParts, type PrefixAttrs } from './prefix-parts.ts';

export type { PrefixAttrs };

interface Fold {
  readonly name: string;
  readonly op: PrefixOp;
  readonly operands: readonly string[];
  readonly floats?: true;
  readonly gradient: (
    b: GraphBuilder,
    node: Node<PrefixAttrs>,
    dy: Node,
    against: PrefixAttrs,
  ) => readonly Node[];
}

const definePrefix = ({ name, op, operands, floats, gradient }: Fold): Op<PrefixAttrs> =>
  defineOp<PrefixAttrs>({
    name,
    kind: 'running',
    schema: { axis: { kind: 'int' }, backward: { kind: 'bool', default: false } },
    type: (inputs, { axis }) => {
      const rule = ruleFor(name, inputs, operands);
      const [{ dtype, shape }, other] = inputs as readonly [(typeof inputs)[0], ...typeof inputs];
      checkAxis(rule, axis, shape.length);
      rule.check(
        bytesOf(dtype) >= 4 && (floats !== true || isFloat(dtype)),
        `does not run over ${dtype}`,
        "convert with .astype('float32') first",
        'dtype',
      );
      rule.check(
        other === undefined || other === inputs[0],
        'operands have different types',
        'broadcast and convert them to one shape and dtype',
      );
      return tensor(dtype, shape);
    },
    running: ({ inputs, attrs, type }, context) => {
      const axes = axesOf(type.shape, context);
      const values = inputs.map((x) => context.at(x, axes.map(idxAxis)));
      const { backward } = attrs;
      const running: Running = { kind: 'prefix', op, axis: axes[attrs.axis]!, backward, values };
      return { axes, running };
    },
    gradient: (b, node, dy) =>
      gradient(b, node, dy, { axis: node.attrs.axis, backward: !node.attrs.backward }),
  });

/** A running fold along an axis of any length: `op` of one array, `affine` of factors and summands. */
export const runAlong = (
  b: GraphBuilder,
  op: PrefixOp,
  inputs: readonly Node[],
  attrs: PrefixAttrs,
): Node => inParts(b, op, inputs, attrs, (part, x, a) => b.emit(opOf(part), x, a));

const opOf = (op: PrefixOp): Op<PrefixAttrs> => {
  switch (op) {
    case 'add':
      return cumsum;
    case 'mul':
      return cumprod;
    case 'max':
      return cummax;
    case 'min':
      return cummin;
    case 'logadd':
      return logcumsumexp;
    case 'affine':
      return recurrence;
    default:
      return op satisfies never;
  }
};

/** One parallel axis for each dimension. */
export const axesOf = (shape: readonly number[], context: LowerContext): Axis[] =>
  shape.map((d, i) => context.parallel(`i${i}`, d));

/** `running[k] = running[k - 1] + x[k]`. */
export const cumsum: Op<PrefixAttrs> = definePrefix({
  name: 'cumsum',
  op: 'add',
  operands: ['x'],
  gradient: (b, _, dy, against) => [runAlong(b, 'add', [dy], against)],
});

/** `running[k] = a[k] · running[k - 1] + b[k]`, with 0 before the first. */
export const recurrence: Op<PrefixAttrs> = definePrefix({
  name: 'recurrence',
  op: 'affine',
  operands: ['a', 'b'],
  floats: true,
  gradient: (b, node, dy, against) => {
    const sum = recur(b, node.inputs[0]!, dy, against);
    return [b.op('mul', sum, before(b, node, node.attrs, 0)), sum];
  },
});

/** `sum[k] = dy[k] + factor[k + 1] · sum[k + 1]` (where `against` is backward): what later places give back. */
const recur = (b: GraphBuilder, factor: Node, dy: Node, against: PrefixAttrs): Node =>
  runAlong(b, 'affine', [before(b, factor, against, 0), dy], against);

/** `running[k] = running[k - 1] · x[k]`. */
export const cumprod: Op<PrefixAttrs> = definePrefix({
  name: 'cumprod',
  op: 'mul',
  operands: ['x'],
  gradient: (b, node, dy, against) => {
    const rest = recur(b, node.inputs[0]!, dy, against);
    return [b.op('mul', before(b, node, node.attrs, 1), rest)];
  },
});

/** Gradient of a running extreme: each place gives to the element that it shows, the first of equals. */
const toExtreme =
  (beaten: 'le' | 'ge'): Fold['gradient'] =>
  (b, node, dy, against) => {
    const x = node.inputs[0]!;
    const { axis, backward } = node.attrs;
    const shown = before(b, node, node.attrs, 0);
    const at = b.emit(iota, [], { axis, dtype: 'int32', shape: x.type.shape });
    const isFirst = b.op('eq', at, b.lit(backward ? x.type.shape[axis]! - 1 : 0, at));
    const stays = b.op('or', b.op(beaten, x, shown), b.op('isnan', shown));
    const isNew = b.op('or', isFirst, b.op('not', stays));
    const kept = b.op('select', isNew, b.lit(0, x), b.lit(1, x));
    return [b.op('select', isNew, recur(b, kept, dy, against), b.lit(0, x))];
  };

/** The greatest so far; NaN from the first NaN on. */
export const cummax: Op<PrefixAttrs> = definePrefix({
  name: 'cummax',
  op: 'max',
  operands: ['x'],
  gradient: toExtreme('le'),
});

/** The least so far; NaN from the first NaN on. */
export const cummin: Op<PrefixAttrs> = definePrefix({
  name: 'cummin',
  op: 'min',
  operands: ['x'],
  gradient: toExtreme('ge'),
});

/** `log(sum(exp(x)))` of what came so far, without overflow. */
export const logcumsumexp: Op<PrefixAttrs> = definePrefix({
  name: 'logcumsumexp',
  op: 'logadd',
  operands: ['x'],
  floats: true,
  // dx = exp(x - y) · sum, where sum[k] = dy[k] + exp(y[k] - y[k + 1]) · sum[k + 1]: no exponent is above 0
  gradient: (b, node, dy, against) => {
    const x = node.inputs[0]!;
    const nothing = b.op('eq', node, b.lit(Number.NEGATIVE_INFINITY, node));
    const finite = b.op('select', nothing, b.lit(0, node), node);
    const share = b.op('exp', b.op('sub', before(b, finite, node.attrs, 'edge'), finite));
    const sum = recur(b, share, dy, against);
    const part = b.op('exp', b.op('sub', b.op('select', nothing, b.lit(0, x), x), finite));
    return [b.op('select', nothing, b.lit(0, x), b.op('mul', part, sum))];
  },
});
