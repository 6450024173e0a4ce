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
  const fill = emptyFold(op, dtype);
  // extremes of 64 bits are no numbers of the IR: nothing to fill the last part with
  if (n <= LONGEST || !isExactIn(dtype, fill)) return run(op, inputs, attrs);
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

/** What a fold of nothing gives; of a recurrence the sum (any factor does for zeros). */
export const emptyFold = (op: PrefixOp, dtype: DType): number => {
  switch (op) {
    case 'add':
    case 'affine':
      return 0;
    case 'mul':
      return 1;
    case 'max':
    case 'logadd':
      return isFloat(dtype) ? Number.NEGATIVE_INFINITY : integerRange(dtype)[0];
    case 'min':
      return isFloat(dtype) ? Number.POSITIVE_INFINITY : integerRange(dtype)[1];
    default:
      return op satisfies never;
  }
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
  value: number,
): Node => {
  const along = (n: number): number[] => x.type.shape.map((_, i) => (i === axis ? n : 0));
  return low + high === 0
    ? x
    : b.emit(pad, [x], { low: along(low), high: along(high), interior: along(0), value });
};

/** What is at the place before each, in the direction of a fold; at its first place `fill`, or what is there itself. */
export const before = (
  b: GraphBuilder,
  x: Node,
  { axis, backward }: PrefixAttrs,
  fill: number | 'edge',
): Node => {
  const n = x.type.shape[axis]!;
  if (n === 0) return x;
  const rest = backward ? sliceAxis(b, x, axis, 1, n) : sliceAxis(b, x, axis, 0, n - 1);
  if (fill !== 'edge') return padAxis(b, rest, axis, backward ? 0 : 1, backward ? 1 : 0, fill);
  const edge = backward ? sliceAxis(b, x, axis, n - 1, n) : sliceAxis(b, x, axis, 0, 1);
  return b.emit(concat, backward ? [rest, edge] : [edge, rest], { axis });
};
