/**
 * Views: ops that move values without computing: index arithmetic, padding and joining.
 *
 * Invariant: lowering a view costs no memory: each result element is one operand element or a constant; the gradient of
 * a view is a view (and for repeated elements a sum).
 */
import { type Bound, type Idx, idxDiv, idxMod, idxOffset, idxScale } from '../../dim.ts';
import { constant, guard } from '../../loop/expr.ts';
import { type Shape, tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Attrs, Node, Op } from '../graph.ts';
import {
  type AxisAttrs,
  checkAxes,
  checkAxis,
  checkInts,
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

export type SliceAttrs = {
  readonly begin: readonly number[];
  readonly end: readonly number[];
  readonly step: readonly number[];
};

const steps = (begin: number, end: number, step: number): number =>
  Math.max(0, Math.ceil((end - begin) / step));

/** Elements `begin, begin + step, ...` before `end` of each axis; for negative steps above `end`, which may be -1. */
export const slice: Op<SliceAttrs> = defineOp<SliceAttrs>({
  name: 'slice',
  kind: 'view',
  schema: { begin: { kind: 'ints' }, end: { kind: 'ints' }, step: { kind: 'ints' } },
  type: (inputs, { begin, end, step }) => {
    const rule = ruleFor('slice', inputs, ['x']);
    const { dtype, shape } = inputs[0]!;
    checkInts(rule, 'begin', begin, shape.length, 0);
    checkInts(rule, 'end', end, shape.length, -1);
    checkInts(rule, 'step', step, shape.length, Number.NEGATIVE_INFINITY);
    shape.forEach((d, i) => {
      const [b, e, s] = [begin[i]!, end[i]!, step[i]!];
      const show = `[${b}:${e}:${s}]`;
      rule.check(s !== 0, `step 0 at axis ${i}`, 'use a positive or negative step', 'value');
      rule.check(
        steps(b, e, s) === 0 || (b < d && e <= d && (s > 0 || e >= -1)),
        `${show} leaves axis ${i} of size ${d}`,
        `begin must be below ${d} and end at most ${d} (for negative steps at least -1)`,
      );
    });
    return tensor(
      dtype,
      shape.map((_, i) => steps(begin[i]!, end[i]!, step[i]!)),
    );
  },
  evaluate: ([x], { inputs, attrs, type }) => {
    const at = reader(x!, inputs[0]!.type.shape);
    return tabulate(type.shape, (index) =>
      at(index.map((p, i) => attrs.begin[i]! + attrs.step[i]! * p)),
    );
  },
  lower: ({ inputs: [x], attrs }, index, context) =>
    context.at(
      x!,
      index.map((p, i) => idxOffset(idxScale(p, attrs.step[i]!), attrs.begin[i]!)),
    ),
  gradient: (builder, { inputs: [x], attrs, type }, dy) => {
    const shape = x!.type.shape;
    if (type.size === 0) return [builder.lit(0, x!)];
    const stride = attrs.step.map(Math.abs);
    const first = attrs.begin.map((b, i) =>
      attrs.step[i]! > 0 ? b : b + (type.shape[i]! - 1) * attrs.step[i]!,
    );
    const reversed = attrs.step.flatMap((s, i) => (s < 0 ? [i] : []));
    const high = shape.map((d, i) => d - 1 - first[i]! - (type.shape[i]! - 1) * stride[i]!);
    const interior = stride.map((s, i) => (type.shape[i] === 1 ? 0 : s - 1));
    return [zeroPad(builder, flip(builder, dy, reversed), first, high, interior)];
  },
  examples: [
    { inputs: [f32(7)], attrs: { begin: [2], end: [6], step: [1] } },
    { inputs: [f32(7)], attrs: { begin: [6], end: [-1], step: [-1] } },
    { inputs: [f32(5, 8)], attrs: { begin: [4, 1], end: [0, 8], step: [-2, 3] } },
    { inputs: [f32(3, 4)], attrs: { begin: [1, 0], end: [2, 4], step: [1, 1] } },
    { inputs: [i32(4, 6)], attrs: { begin: [0, 5], end: [4, -1], step: [2, -2] } },
  ],
});

export type PadAttrs = {
  readonly low: readonly number[];
  readonly high: readonly number[];
  readonly interior: readonly number[];
  readonly value: number;
};

const spread = (d: number, interior: number): number =>
  d === 0 ? 0 : (d - 1) * (interior + 1) + 1;

/** `value` before, after and between the elements of each axis. */
export const pad: Op<PadAttrs> = defineOp<PadAttrs>({
  name: 'pad',
  kind: 'view',
  schema: {
    low: { kind: 'ints' },
    high: { kind: 'ints' },
    interior: { kind: 'ints' },
    value: { kind: 'number' },
  },
  type: (inputs, { low, high, interior }) => {
    const rule = ruleFor('pad', inputs, ['x']);
    const { dtype, shape } = inputs[0]!;
    checkInts(rule, 'low', low, shape.length, 0);
    checkInts(rule, 'high', high, shape.length, 0);
    checkInts(rule, 'interior', interior, shape.length, 0);
    return tensor(
      dtype,
      shape.map((d, i) => low[i]! + spread(d, interior[i]!) + high[i]!),
    );
  },
  evaluate: ([x], { inputs, attrs, type }) => {
    const shape = inputs[0]!.type.shape;
    const at = reader(x!, shape);
    return tabulate(type.shape, (index) => {
      const from = index.map((p, i) => (p - attrs.low[i]!) / (attrs.interior[i]! + 1));
      return from.every((p, i) => Number.isInteger(p) && p >= 0 && p < shape[i]!)
        ? at(from)
        : attrs.value;
    });
  },
  lower: ({ inputs: [x], attrs }, index, context) => {
    const shape = x!.type.shape;
    const otherwise = constant(attrs.value, x!.type.dtype);
    if (x!.type.size === 0) return otherwise;
    const bounds: Bound[] = [];
    const from = index.map((p, i): Idx => {
      const at = idxOffset(p, -attrs.low[i]!);
      const every = attrs.interior[i]! + 1;
      bounds.push({ idx: at, lo: 0, hi: spread(shape[i]!, attrs.interior[i]!) });
      if (every === 1) return at;
      bounds.push({ idx: idxMod(at, every), lo: 0, hi: 1 });
      return idxDiv(at, every);
    });
    return guard(bounds, context.at(x!, from), otherwise);
  },
  gradient: (builder, { inputs: [x], attrs }, dy) => [
    builder.slice(
      dy,
      attrs.low.map((l, i) => (x!.type.shape[i] === 0 ? 0 : l)),
      x!.type.shape.map((d, i) => (d === 0 ? 0 : attrs.low[i]! + spread(d, attrs.interior[i]!))),
      attrs.interior.map((n) => n + 1),
    ),
  ],
  examples: [
    { inputs: [f32(5)], attrs: { low: [2], high: [1], interior: [0], value: 1.5 } },
    { inputs: [f32(3, 4)], attrs: { low: [0, 1], high: [2, 0], interior: [1, 2], value: 0 } },
    { inputs: [f32(2, 3)], attrs: { low: [1, 1], high: [1, 1], interior: [0, 0], value: -1 } },
    { inputs: [i32(4)], attrs: { low: [0], high: [0], interior: [1], value: 9 } },
  ],
});

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
  evaluate: (values, { inputs, attrs: { axis }, type }) => {
    const readers = values.map((v, i) => reader(v, inputs[i]!.type.shape));
    return tabulate(type.shape, (index) => {
      let position = index[axis]!;
      let part = 0;
      while (position >= inputs[part]!.type.shape[axis]!)
        position -= inputs[part++]!.type.shape[axis]!;
      return readers[part]!(index.map((p, i) => (i === axis ? position : p)));
    });
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
  examples: [
    { inputs: [f32(2, 3), f32(2, 1), f32(2, 4)], attrs: { axis: 1 } },
    { inputs: [f32(3), f32(2)], attrs: { axis: 0 } },
    { inputs: [f32(1, 2, 3), f32(4, 2, 3)], attrs: { axis: 0 } },
    { inputs: [i32(2, 2, 2), i32(2, 3, 2)], attrs: { axis: 1 } },
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

/** Elements `begin` up to `end` along one axis. */
export const sliceAxis = (
  builder: GraphBuilder,
  x: Node,
  axis: number,
  begin: number,
  end: number,
): Node => {
  const { shape } = x.type;
  if (begin === 0 && end === shape[axis]) return x;
  return builder.slice(
    x,
    shape.map((_, i) => (i === axis ? begin : 0)),
    shape.map((d, i) => (i === axis ? end : d)),
    shape.map(() => 1),
  );
};

/** Reverses the given axes. */
export const flip = (builder: GraphBuilder, x: Node, axes: readonly number[]): Node => {
  if (axes.length === 0) return x;
  const { shape } = x.type;
  return builder.slice(
    x,
    shape.map((d, i) => (axes.includes(i) ? d - 1 : 0)),
    shape.map((d, i) => (axes.includes(i) ? -1 : d)),
    shape.map((_, i) => (axes.includes(i) ? -1 : 1)),
  );
};

/** Pads with zeros; negative amounts cut away instead. */
export const zeroPad = (
  builder: GraphBuilder,
  x: Node,
  low: readonly number[],
  high: readonly number[],
  interior: readonly number[],
): Node => {
  const none = (amounts: readonly number[]): boolean => amounts.every((n) => n === 0);
  const grow = (amounts: readonly number[]): number[] => amounts.map((n) => Math.max(0, n));
  const attrs: Attrs & PadAttrs = { low: grow(low), high: grow(high), interior, value: 0 };
  const padded =
    none(attrs.low) && none(attrs.high) && none(interior) ? x : builder.emit(pad, [x], attrs);
  if (none(grow(low.map((n) => -n))) && none(grow(high.map((n) => -n)))) return padded;
  return builder.slice(
    padded,
    low.map((n) => Math.max(0, -n)),
    padded.type.shape.map((d, i) => d + Math.min(0, high[i]!)),
    low.map(() => 1),
  );
};
