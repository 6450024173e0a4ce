/**
 * Long running folds in parts: each part by itself, then the ends of the parts, then what came before into each part.
 *
 * Invariant: how an axis is cut depends on its length alone. Places that are added to fill the last part hold what
 * folding leaves alone, so they may come first (`backward`) or last.
 */
import { type DType, integerRange, isFloat } from '../../dtype.ts';
import type { PrefixOp } from '../../loop/loop.ts';
import { isExactIn } from '../../rounding.ts';
import type { GraphBuilder } from '../builder.ts';
import type { Node } from '../graph.ts';
import { concat } from './concat.ts';
import { pad, sliceAxis } from './slice.ts';

export type PrefixAttrs = { readonly axis: number; readonly backward: boolean };

/** A longer axis is cut: sums in a row stay short, and a long row keeps more than one workgroup busy. */
const LONGEST = 8192;
const PART = 1024;

/** Makes the running fold of arrays along an axis that is short enough. */
type Run = (op: PrefixOp, inputs: readonly Node[], attrs: PrefixAttrs) => Node;

/** A running fold along an axis of any length. */
export const inParts = (
  b: GraphBuilder,
  op: PrefixOp,
  inputs: readonly Node[],
  attrs: PrefixAttrs,
  run: Run,
): Node => {
  const { axis, backward } = attrs;
  const { shape, dtype } = inputs[0]!.type;
  const n = shape[axis]!;
  if (n <= LONGEST) return run(op, inputs, attrs);
  const fill = emptyFold(b, op, dtype, dtype);
  const parts = Math.ceil(n / PART);
  const sized = (...sizes: number[]): number[] => shape.toSpliced(axis, 1, ...sizes);
  const cut = inputs.map((x) =>
    b.reshape(padAxis(b, x, axis, 0, parts * PART - n, fill), sized(parts, PART)),
  );
  const inside: PrefixAttrs = { axis: axis + 1, backward };
  const end = backward ? 0 : PART - 1;
  const endsOf = (x: Node): Node =>
    b.reshape(sliceAxis(b, x, axis + 1, end, end + 1), sized(parts));
  const own = run(op, cut, inside);
  // what a part makes of the sum before it, at each of its places
  const factors = op === 'affine' ? [run('mul', [cut[0]!], inside)] : [];
  const folded = inParts(b, op, [...factors, own].map(endsOf), attrs, run);
  const carried = before(b, folded, attrs, fill);
  const first = b.broadcastTo(b.reshape(carried, sized(parts, 1)), own.type.shape);
  const whole = b.reshape(joined(b, op, first, own, factors[0]), sized(parts * PART));
  return sliceAxis(b, whole, axis, 0, n);
};

/**
 * What a fold of nothing gives, as a number in `dtype`; of a recurrence the sum (any factor does for zeros). Extremes are
 * those of `of`.
 */
export const emptyFold = (b: GraphBuilder, op: PrefixOp, of: DType, dtype: DType): Node => {
  switch (op) {
    case 'add':
    case 'affine':
      return b.full(0, dtype, []);
    case 'mul':
      return b.full(1, dtype, []);
    case 'max':
    case 'logadd':
      return extremeOf(b, of, 0, dtype);
    case 'min':
      return extremeOf(b, of, 1, dtype);
    default:
      return op satisfies never;
  }
};

/** The least (0) or greatest (1) number of a dtype. */
const extremeOf = (b: GraphBuilder, of: DType, which: 0 | 1, dtype: DType): Node => {
  const extremes = isFloat(of)
    ? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]
    : integerRange(of);
  if (isExactIn(dtype, extremes[which]!)) return b.full(extremes[which]!, dtype, []);
  // Of 64 bits they are no numbers of the IR: one above the greatest comes the least.
  const one = b.full(1, dtype, []);
  const least = dtype === 'int64' ? b.op('shl', one, b.lit(63, one)) : b.lit(0, one);
  return which === 0 ? least : b.op('sub', least, one);
};

/** The fold of what came before and of what is in a part. */
const joined = (
  b: GraphBuilder,
  op: PrefixOp,
  first: Node,
  own: Node,
  factors: Node | undefined,
): Node => {
  switch (op) {
    case 'add':
    case 'mul':
    case 'max':
    case 'min':
      return b.op(op, first, own);
    case 'affine': {
      // the factors of the first part meet no sum: they may be infinite
      const none = b.op('eq', first, b.lit(0, first));
      const more = b.op('select', none, b.lit(0, own), factors!);
      return b.op('add', own, b.op('mul', more, first));
    }
    case 'logadd':
      return logAdd(b, first, own);
    default:
      return op satisfies never;
  }
};

/** `log(exp(x) + exp(y))`; both may be -∞. */
const logAdd = (b: GraphBuilder, x: Node, y: Node): Node => {
  const top = b.op('max', x, y);
  const finite = b.op('lt', b.op('abs', top), b.lit(Number.POSITIVE_INFINITY, top));
  // of infinities there is no difference, in gradients neither
  const [p, q] = [x, y].map((n) => b.op('select', finite, n, b.lit(0, n)));
  const away = b.op('abs', b.op('sub', p!, q!));
  const more = b.op('log1p', b.op('exp', b.op('neg', away)));
  return b.op('select', finite, b.op('add', top, more), top);
};

const padAxis = (
  b: GraphBuilder,
  x: Node,
  axis: number,
  low: number,
  high: number,
  fill: Node,
): Node => {
  if (low + high === 0) return x;
  const along = (n: number): number[] => x.type.shape.map((_, i) => (i === axis ? n : 0));
  if (fill.op.name === 'full') {
    const value = fill.attrs['value'] as number;
    return b.emit(pad, [x], { low: along(low), high: along(high), interior: along(0), value });
  }
  const filled = (n: number): Node[] =>
    n === 0 ? [] : [b.broadcast(fill, x.type.shape.with(axis, n), [])];
  return b.emit(concat, [...filled(low), x, ...filled(high)], { axis });
};

/** What is at the place before each, in the direction of a fold; at its first place `fill`, or what is there itself. */
export const before = (
  b: GraphBuilder,
  x: Node,
  { axis, backward }: PrefixAttrs,
  fill: number | Node | 'edge',
): Node => {
  const n = x.type.shape[axis]!;
  if (n === 0) return x;
  const rest = backward ? sliceAxis(b, x, axis, 1, n) : sliceAxis(b, x, axis, 0, n - 1);
  const first = typeof fill === 'number' ? b.full(fill, x.type.dtype, []) : fill;
  if (first !== 'edge') return padAxis(b, rest, axis, backward ? 0 : 1, backward ? 1 : 0, first);
  const edge = backward ? sliceAxis(b, x, axis, n - 1, n) : sliceAxis(b, x, axis, 0, 1);
  return b.emit(concat, backward ? [rest, edge] : [edge, rest], { axis });
};
