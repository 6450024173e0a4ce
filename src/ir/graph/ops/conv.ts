/**
 * Convolutions and their two adjoints; together they are closed under differentiation.
 *
 * Invariant: all three ops are the same sum of products x · w · y over one geometry, seen from the array that is missing.
 */
import { type Axis, type Bound, type Idx, idxAdd, idxAxis, idxScale } from '../../dim.ts';
import { constant, guard } from '../../loop/expr.ts';
import type { Contraction } from '../../loop/loop.ts';
import { type Shape, sameShape, tensor } from '../../type.ts';
import type { LowerContext, Node, Op } from '../graph.ts';
import { type ConvAttrs, channelsOf, checkDtypes, checked, convolution } from './convolution.ts';
import { checkShape, defineOp, ruleFor } from './define.ts';
import { coverage, coveringWindow, inputIndex, type Sliding, windowIndex } from './geometry.ts';

export type { ConvAttrs };
/** `shape`: of the operand whose gradient this is. */
export type ConvGradAttrs = ConvAttrs & { readonly shape: Shape };

const schema = {
  strides: { kind: 'ints' },
  low: { kind: 'ints' },
  high: { kind: 'ints' },
  dilations: { kind: 'ints' },
  groups: { kind: 'int' },
} as const;
const gradSchema = { ...schema, shape: { kind: 'ints' } } as const;

const withoutShape = ({ strides, low, high, dilations, groups }: ConvGradAttrs): ConvAttrs => ({
  strides,
  low,
  high,
  dilations,
  groups,
});

/** `y[n, f] = sum over c, k of x[n, c, window k] * w[f, c, k]`. */
export const conv: Op<ConvAttrs> = defineOp<ConvAttrs>({
  name: 'conv',
  kind: 'contract',
  schema,
  type: (inputs, attrs) => {
    const rule = ruleFor('conv', inputs, ['x', 'w']);
    const [x, w] = inputs;
    checkDtypes(rule, inputs);
    return tensor(x!.dtype, convolution(rule, x!.shape, w!.shape, attrs).y);
  },
  contract: ({ inputs, attrs }, context): Contraction => {
    const [x, w] = inputs as [Node, Node];
    const g = checked(x.type.shape, w.type.shape, attrs);
    const { batch, outChannel, inChannel } = channelsOf(g, context);
    const f = context.parallel('f', g.outPerGroup);
    const image = context.parallel('image', g.images);
    const o = g.space.map((a) => context.parallel('o', a.count));
    const c = context.axis('c', g.inPerGroup);
    const k = g.space.map((a) => context.axis('k', a.kernel));
    const bounds: Bound[] = [];
    const at = g.space.map((a, i) => inputIndex(a, idxAxis(o[i]!), idxAxis(k[i]!), bounds));
    const inside = context.at(x, [idxAxis(image), inChannel(c), ...at]);
    return {
      batch,
      m: [f],
      n: [image, ...o],
      k: [c, ...k],
      a: context.at(w, [outChannel(f), idxAxis(c), ...k.map(idxAxis)]),
      b: guard(bounds, inside, constant(0, x.type.dtype)),
      index: [idxAxis(image), outChannel(f), ...o.map(idxAxis)],
    };
  },
  gradient: (builder, { inputs, attrs }, dy) => {
    const [x, w] = inputs as [Node, Node];
    return [
      builder.emit(convGradInput, [dy, w], { ...attrs, shape: x.type.shape }),
      builder.emit(convGradWeight, [x, dy], { ...attrs, shape: w.type.shape }),
    ];
  },
});

/** One axis of space in the contraction of `convGradInput`: input index, window and offset, and their axes. */
interface Backward {
  /** Parallel axis that takes each residue of the input position modulo the stride. */
  readonly phase: readonly Axis[];
  readonly n: Axis;
  readonly k: Axis;
  readonly position: Idx;
  readonly window: Idx;
  readonly offset: Idx;
  /** Where the kernel, and where dy, has such an element. */
  readonly kernelBounds: readonly Bound[];
  readonly windowBounds: readonly Bound[];
}

/**
 * With strides, each input position meets only the kernel elements of its own phase: taking phases apart leaves
 * convolutions of stride 1 and skips what the stride would multiply by zero. Where that does not divide evenly, and with
 * dilation, all offsets are tried and remainders tested.
 */
const backward = (a: Sliding, context: LowerContext): Backward => {
  if (a.stride === 1 || a.dilation !== 1 || a.size % a.stride !== 0) {
    const n = context.parallel('i', a.size);
    const k = context.axis('k', a.kernel);
    const windowBounds: Bound[] = [];
    const window = windowIndex(a, idxAxis(n), idxAxis(k), windowBounds);
    const [position, offset] = [idxAxis(n), idxAxis(k)];
    return { phase: [], n, k, position, window, offset, kernelBounds: [], windowBounds };
  }
  const phase = context.parallel('phase', a.stride);
  const n = context.parallel('i', a.size / a.stride);
  const k = context.axis('k', coverage(a));
  const position = idxAdd(idxScale(idxAxis(n), a.stride), idxAxis(phase));
  const { window, windowBound, offset, offsetBound } = coveringWindow(a, position, idxAxis(k));
  return {
    phase: [phase],
    n,
    k,
    position,
    window,
    offset,
    kernelBounds: [offsetBound],
    windowBounds: [windowBound],
  };
};

/** The gradient of `conv` with respect to its images. */
export const convGradInput: Op<ConvGradAttrs> = defineOp<ConvGradAttrs>({
  name: 'convGradInput',
  kind: 'contract',
  schema: gradSchema,
  type: (inputs, attrs) => {
    const rule = ruleFor('convGradInput', inputs, ['dy', 'w']);
    const [dy, w] = inputs;
    checkDtypes(rule, inputs);
    checkShape(rule, attrs.shape);
    const { y } = convolution(rule, attrs.shape, w!.shape, attrs);
    rule.check(
      sameShape(dy!.shape, y),
      `dy must have the shape [${y.join(', ')}] of the convolution of [${attrs.shape.join(', ')}]`,
      'pass the shape of the images and the attributes of the convolution',
    );
    return tensor(dy!.dtype, attrs.shape);
  },
  contract: ({ inputs, attrs }, context): Contraction => {
    const [dy, w] = inputs as [Node, Node];
    const g = checked(attrs.shape, w.type.shape, attrs);
    const { batch, outChannel, inChannel } = channelsOf(g, context);
    const c = context.parallel('c', g.inPerGroup);
    const image = context.parallel('image', g.images);
    const f = context.axis('f', g.outPerGroup);
    const space = g.space.map((a) => backward(a, context));
    const zero = constant(0, dy.type.dtype);
    const kernel = context.at(w, [outChannel(f), idxAxis(c), ...space.map((s) => s.offset)]);
    const windows = context.at(dy, [idxAxis(image), outChannel(f), ...space.map((s) => s.window)]);
    return {
      batch: [...batch, ...space.flatMap((s) => s.phase)],
      m: [c],
      n: [image, ...space.map((s) => s.n)],
      k: [f, ...space.map((s) => s.k)],
      a: guard(
        space.flatMap((s) => s.kernelBounds),
        kernel,
        zero,
      ),
      b: guard(
        space.flatMap((s) => s.windowBounds),
        windows,
        zero,
      ),
      index: [idxAxis(image), inChannel(c), ...space.map((s) => s.position)],
    };
  },
  gradient: (builder, { inputs, attrs }, g) => {
    const [dy, w] = inputs as [Node, Node];
    const forward = withoutShape(attrs);
    return [
      builder.emit(conv, [g, w], forward),
      builder.emit(convGradWeight, [g, dy], { ...forward, shape: w.type.shape }),
    ];
  },
});

/** The gradient of `conv` with respect to its kernels. */
export const convGradWeight: Op<ConvGradAttrs> = defineOp<ConvGradAttrs>({
  name: 'convGradWeight',
  kind: 'contract',
  schema: gradSchema,
  type: (inputs, attrs) => {
    const rule = ruleFor('convGradWeight', inputs, ['x', 'dy']);
    const [x, dy] = inputs;
    checkDtypes(rule, inputs);
    checkShape(rule, attrs.shape);
    const { y } = convolution(rule, x!.shape, attrs.shape, attrs);
    rule.check(
      sameShape(dy!.shape, y),
      `dy must have the shape [${y.join(', ')}] of the convolution with [${attrs.shape.join(', ')}]`,
      'pass the shape of the kernels and the attributes of the convolution',
    );
    return tensor(x!.dtype, attrs.shape);
  },
  contract: ({ inputs, attrs }, context): Contraction => {
    const [x, dy] = inputs as [Node, Node];
    const g = checked(x.type.shape, attrs.shape, attrs);
    const { batch, outChannel, inChannel } = channelsOf(g, context);
    const f = context.parallel('f', g.outPerGroup);
    const c = context.parallel('c', g.inPerGroup);
    const k = g.space.map((a) => context.parallel('k', a.kernel));
    const image = context.axis('image', g.images);
    const o = g.space.map((a) => context.axis('o', a.count));
    const bounds: Bound[] = [];
    const at = g.space.map((a, i) => inputIndex(a, idxAxis(o[i]!), idxAxis(k[i]!), bounds));
    const inside = context.at(x, [idxAxis(image), inChannel(c), ...at]);
    return {
      batch,
      m: [f],
      n: [c, ...k],
      k: [image, ...o],
      a: context.at(dy, [idxAxis(image), outChannel(f), ...o.map(idxAxis)]),
      b: guard(bounds, inside, constant(0, x.type.dtype)),
      index: [outChannel(f), idxAxis(c), ...k.map(idxAxis)],
    };
  },
  gradient: (builder, { inputs, attrs }, g) => {
    const [x, dy] = inputs as [Node, Node];
    const forward = withoutShape(attrs);
    return [
      builder.emit(convGradInput, [dy, g], { ...forward, shape: x.type.shape }),
      builder.emit(conv, [x, g], forward),
    ];
  },
});
