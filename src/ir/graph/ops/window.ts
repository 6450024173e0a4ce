/**
 * Windows: folds over sliding windows of the last axes (pooling), and the ops that make them differentiable.
 *
 * Invariant: `windowMax` and `windowSum` work on the last `kernel.length` axes; padding is the neutral element; adjoints
 * are in gather form, so that no two results ever write the same element.
 */
import { type Bound, type Idx, idxAxis, idxFlatten, idxOpaque, idxUnflatten } from '../../dim.ts';
import { type DType, integerRange, isFloat } from '../../dtype.ts';
import { constant, guard, indexValue, reduce, scalar } from '../../loop/expr.ts';
import type { Expr, ReduceOp } from '../../loop/loop.ts';
import { isExactIn } from '../../rounding.ts';
import { type Shape, sameShape, stridesOf, type TensorType, tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { LowerContext, Node, Op } from '../graph.ts';
import {
  checkIndices,
  checkInts,
  checkShape,
  defineOp,
  type Rule,
  ruleFor,
  sizeOf,
} from './define.ts';
import { coverage, coveringWindow, inputIndex, type Sliding, slide } from './geometry.ts';
import { clampedIndex } from './opaque.ts';
import { zeroPad } from './slice.ts';

export type WindowAttrs = {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly low: readonly number[];
  readonly high: readonly number[];
};

const schema = {
  kernel: { kind: 'ints' },
  strides: { kind: 'ints' },
  low: { kind: 'ints' },
  high: { kind: 'ints' },
} as const;

/** The windowed axes of `shape`, checked. */
const windowsOver = (
  rule: Rule,
  shape: Shape,
  { kernel, strides, low, high }: WindowAttrs,
): Sliding[] => {
  const n = kernel.length;
  const lead = shape.length - n;
  rule.check(
    n >= 1 && lead >= 0,
    `kernel [${kernel.join(', ')}] has more axes than the array`,
    'give one kernel size for each of the last axes that are pooled',
  );
  checkInts(rule, 'kernel', kernel, n, 1);
  checkInts(rule, 'strides', strides, n, 1);
  checkInts(rule, 'low', low, n, 0);
  checkInts(rule, 'high', high, n, 0);
  return kernel.map((k, i) =>
    slide(rule, lead + i, shape[lead + i]!, k, strides[i]!, low[i]!, high[i]!),
  );
};

export const geometry = (op: string, x: TensorType, attrs: WindowAttrs): Sliding[] =>
  windowsOver(ruleFor(op, [x], ['x']), x.shape, attrs);

const leading = (shape: Shape, attrs: WindowAttrs): readonly number[] =>
  shape.slice(0, shape.length - attrs.kernel.length);

export const pooledShape = (
  shape: Shape,
  attrs: WindowAttrs,
  axes: readonly Sliding[],
): number[] => [...leading(shape, attrs), ...axes.map((a) => a.count)];

/** A maximum of padding alone is no number: each window must hold at least one element. */
const checkFilled = (rule: Rule, axes: readonly Sliding[]): void =>
  axes.forEach((a) => {
    rule.check(
      a.low < a.kernel && (a.count - 1) * a.stride - a.low < a.size,
      `padding ${a.low} + ${a.high} makes windows of padding alone (size ${a.size}, kernel ${a.kernel})`,
      'keep the padding on each side smaller than the kernel',
    );
  });

export const lowest = (dtype: DType): number => {
  if (isFloat(dtype)) return Number.NEGATIVE_INFINITY;
  return integerRange(dtype)[0];
};

/** A constant; the least of 64 bits is none of the IR. */
const numberOf = (value: number, dtype: DType): Expr =>
  isExactIn(dtype, value)
    ? constant(value, dtype)
    : scalar('shl', constant(1, dtype), constant(63, dtype));

interface WindowFold {
  readonly name: string;
  readonly op: ReduceOp;
  readonly padding: (dtype: DType) => number;
  readonly gradient?: (builder: GraphBuilder, node: Node<WindowAttrs>, dy: Node) => readonly Node[];
}

const defineWindow = ({ name, op, padding, gradient }: WindowFold): Op<WindowAttrs> =>
  defineOp<WindowAttrs>({
    name,
    kind: 'reduce',
    schema,
    type: (inputs, attrs) => {
      const rule = ruleFor(name, inputs, ['x']);
      const { dtype, shape } = inputs[0]!;
      rule.check(
        dtype !== 'bool',
        'does not take bool arrays',
        "convert with .astype('float32') first",
        'dtype',
      );
      const axes = windowsOver(rule, shape, attrs);
      if (op !== 'add') checkFilled(rule, axes);
      return tensor(op === 'argmax' ? 'int32' : dtype, pooledShape(shape, attrs, axes));
    },
    lower: ({ inputs: [x], attrs }, index, context) => {
      const { dtype, shape } = x!.type;
      const axes = geometry(name, x!.type, attrs);
      const lead = shape.length - axes.length;
      const folded = axes.map((a) => context.axis('k', a.kernel));
      const bounds: Bound[] = [];
      const at = axes.map((a, i) => inputIndex(a, index[lead + i]!, idxAxis(folded[i]!), bounds));
      const inside = context.at(x!, [...index.slice(0, lead), ...at]);
      return reduce(op, folded, guard(bounds, inside, numberOf(padding(dtype), dtype)));
    },
    ...(gradient === undefined ? {} : { gradient }),
  });

export function window(
  kernel: readonly number[],
  strides: readonly number[],
  low: readonly number[],
  high: readonly number[],
): WindowAttrs {
  return { kernel, strides, low, high };
}

/** Largest element of each window. */
export const windowMax: Op<WindowAttrs> = defineWindow({
  name: 'windowMax',
  op: 'max',
  padding: lowest,
  gradient: (builder, { inputs: [x], attrs }, dy) => {
    const idx = builder.emit(windowArgmax, [x!], attrs);
    return [builder.emit(poolScatter, [dy, idx], { ...attrs, shape: x!.type.shape })];
  },
});

/** What windows side by side pass back: each element is in one of them at most. */
const repeated = (builder: GraphBuilder, dy: Node, axes: readonly Sliding[]): Node => {
  const lead = dy.type.shape.slice(0, dy.type.shape.length - axes.length);
  const none = lead.map(() => 0);
  const apart = [...lead, ...axes.flatMap((a) => [a.count, a.kernel])];
  const at = [...lead.map((_, i) => i), ...axes.map((_, i) => lead.length + 2 * i)];
  const together = [...lead, ...axes.map((a) => a.count * a.kernel)];
  return zeroPad(
    builder,
    builder.reshape(builder.broadcast(dy, apart, at), together),
    [...none, ...axes.map((a) => -a.low)],
    [...none, ...axes.map((a) => a.size + a.low - a.count * a.kernel)],
    together.map(() => 0),
  );
};

/** Sum of each window. */
export const windowSum: Op<WindowAttrs> = defineWindow({
  name: 'windowSum',
  op: 'add',
  padding: () => 0,
  // Each element sums the windows that hold it: the gradient spread out by the strides, and windows again.
  gradient: (builder, { inputs: [x], attrs }, dy) => {
    const axes = geometry('windowSum', x!.type, attrs);
    const none = leading(x!.type.shape, attrs).map(() => 0);
    if (axes.every((a) => a.kernel === a.stride)) return [repeated(builder, dy, axes)];
    const spread = zeroPad(
      builder,
      dy,
      [...none, ...axes.map((a) => a.kernel - 1 - a.low)],
      [...none, ...axes.map((a) => a.size - 1 - (a.count - 1) * a.stride + a.low)],
      [...none, ...axes.map((a) => (a.count === 1 ? 0 : a.stride - 1))],
    );
    const zeros = axes.map(() => 0);
    const ones = axes.map(() => 1);
    return [builder.emit(windowSum, [spread], window(attrs.kernel, ones, zeros, zeros))];
  },
});

export interface Choice extends Op<WindowAttrs> {
  /** What is chosen: for rules, which know only the ops that they meet. */
  readonly chosen: Op<WindowAttrs>;
}

/** Row-major position inside each window of its first largest element. */
export const windowArgmax: Choice = {
  ...defineWindow({ name: 'windowArgmax', op: 'argmax', padding: lowest }),
  chosen: windowMax,
};

const checkPooled = (rule: Rule, idx: TensorType, shape: Shape): void => {
  checkIndices(rule, idx);
  rule.check(
    sameShape(idx.shape, shape),
    `one position per window is needed ([${shape.join(', ')}])`,
    'use the result of windowArgmax with the same attributes',
  );
};

/** The element at position `idx` of each window, or 0 where that is padding. */
export const poolSelect: Op<WindowAttrs> = defineOp<WindowAttrs>({
  name: 'poolSelect',
  kind: 'gather',
  schema,
  type: (inputs, attrs) => {
    const rule = ruleFor('poolSelect', inputs, ['x', 'idx']);
    const { dtype, shape } = inputs[0]!;
    const pooled = pooledShape(shape, attrs, windowsOver(rule, shape, attrs));
    checkPooled(rule, inputs[1]!, pooled);
    return tensor(dtype, pooled);
  },
  lower: ({ inputs, attrs }, index, context) => {
    const [x, idx] = inputs as [Node, Node];
    const { dtype, shape } = x.type;
    const axes = geometry('poolSelect', x.type, attrs);
    const lead = shape.length - axes.length;
    const last = sizeOf(attrs.kernel) - 1;
    const choice = context.at(idx, index);
    // What windowArgmax computes here needs no clamping; what comes from memory does.
    const position =
      choice.kind === 'reduce' ? idxOpaque(choice, 0, last) : clampedIndex(choice, last + 1);
    const offsets = idxUnflatten(position, attrs.kernel);
    const bounds: Bound[] = [];
    const at = axes.map((a, i) => inputIndex(a, index[lead + i]!, offsets[i]!, bounds));
    const inside = context.at(x, [...index.slice(0, lead), ...at]);
    return guard(bounds, inside, constant(0, dtype));
  },
  gradient: (builder, { inputs: [x, idx], attrs }, dy) => [
    builder.emit(poolScatter, [dy, idx!], { ...attrs, shape: x!.type.shape }),
    null,
  ],
});

export type PoolScatterAttrs = WindowAttrs & { readonly shape: Shape };
/** Adds each window's value to the element at its position `idx`: the adjoint of `poolSelect`. */
export const poolScatter: Op<PoolScatterAttrs> = defineOp<PoolScatterAttrs>({
  name: 'poolScatter',
  kind: 'gather',
  schema: { ...schema, shape: { kind: 'ints' } },
  type: (inputs, attrs) => {
    const rule = ruleFor('poolScatter', inputs, ['dy', 'idx']);
    const { dtype, shape } = inputs[0]!;
    checkShape(rule, attrs.shape);
    const pooled = pooledShape(attrs.shape, attrs, windowsOver(rule, attrs.shape, attrs));
    rule.check(
      sameShape(shape, pooled),
      `windows of [${attrs.shape.join(', ')}] have shape [${pooled.join(', ')}]`,
      'pass the shape of the array that was pooled',
    );
    checkPooled(rule, inputs[1]!, pooled);
    return tensor(dtype, attrs.shape);
  },
  lower: (node, index, context) => scatterAsGather(node, index, context),
  gradient: (builder, { inputs: [, idx], attrs }, g) => {
    const { kernel, strides, low, high } = attrs;
    return [builder.emit(poolSelect, [g, idx!], window(kernel, strides, low, high)), null];
  },
});

/** Each input sums the values of the windows that hold it and chose it. */
const scatterAsGather = (
  { inputs, attrs, type }: Node<PoolScatterAttrs>,
  index: readonly Idx[],
  context: LowerContext,
): Expr => {
  const [dy, idx] = inputs as [Node, Node];
  const axes = geometry('poolScatter', type, attrs);
  const lead = type.shape.length - axes.length;
  const folded = axes.map((a) => context.axis('k', coverage(a)));
  const covering = axes.map((a, i) => coveringWindow(a, index[lead + i]!, idxAxis(folded[i]!)));
  const bounds = covering.flatMap((c) => [c.offsetBound, c.windowBound]);
  const at = [...index.slice(0, lead), ...covering.map((c) => c.window)];
  const own = idxFlatten(
    covering.map((c) => c.offset),
    stridesOf(attrs.kernel),
  );
  const zero = constant(0, type.dtype);
  const chosen = scalar('eq', context.at(idx, at), indexValue(own));
  const value = scalar('select', chosen, context.at(dy, at), zero);
  return reduce('add', folded, guard(bounds, value, zero));
};
