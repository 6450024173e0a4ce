/**
 * Parts of an array and their adjoint: `slice` leaves elements out, `pad` puts a constant before, after and between them.
 *
 * Invariant: each result element is one operand element or a constant; the gradient of each is the other, so both must
 * say exactly which positions they reach, negative steps and empty axes included.
 */
import { type Bound, type Idx, idxDiv, idxMod, idxOffset, idxScale } from '../../dim.ts';
import { constant, guard } from '../../loop/expr.ts';
import { tensor } from '../../type.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Attrs, Node, Op } from '../graph.ts';
import { checkInts, defineOp, ruleFor } from './define.ts';
import { checkExact } from './leaf.ts';

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
  type: (inputs, { low, high, interior, value }) => {
    const rule = ruleFor('pad', inputs, ['x']);
    const { dtype, shape } = inputs[0]!;
    checkExact('pad', dtype, value);
    checkInts(rule, 'low', low, shape.length, 0);
    checkInts(rule, 'high', high, shape.length, 0);
    checkInts(rule, 'interior', interior, shape.length, 0);
    return tensor(
      dtype,
      shape.map((d, i) => low[i]! + spread(d, interior[i]!) + high[i]!),
    );
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
