/**
 * Reductions: sums, extremes, means and their positions, over some axes or all.
 *
 * Invariant: booleans and integers below 32 bits sum as int32; means and deviations are floats, computed in float32
 * (of float64 in float64); positions are int32.
 */
import { countedIn, isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { without } from '../../ir/graph/ops/define.ts';
import {
  argmax as argmaxOp,
  argmin as argminOp,
  prod as prodOp,
  reduceMax,
  reduceMin,
} from '../../ir/graph/ops/reduce.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { axesOf, kept } from './axes.ts';
import { checkFits } from './filled.ts';
import { floating, single } from './math.ts';

export interface ReduceOptions {
  /** One axis or several, negative from the end. Default: all. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

export interface MaskedOptions extends ReduceOptions {
  /** Which elements take part: where this is true (not 0); it broadcasts to the array. Default: all. */
  readonly where?: NDArray;
}
export interface FoldOptions extends MaskedOptions {
  /** What to begin with: also the result where there are no elements. Extremes need it beside `where`. */
  readonly initial?: number;
}

interface Attrs {
  readonly axes: readonly number[];
  readonly keep: boolean;
  /** Degrees of freedom taken off, for deviations. */
  readonly off: number;
  readonly initial: number | undefined;
}
/** `mask`: which elements take part, in the shape of `x`. */
type Build = (b: GraphBuilder, x: Node, attrs: Attrs, mask?: Node) => Node;

const maskFor = (name: string, b: GraphBuilder, x: Node, given: Node): Node => {
  const { shape } = x.type;
  const own = given.type.shape;
  const lead = shape.length - own.length;
  if (lead < 0 || own.some((d, i) => d !== 1 && d !== shape[lead + i]))
    throw new TigonError(
      'shape',
      `${name}: where ${showType(given.type)} does not stretch to ${showType(x.type)}`,
      'its axes must be equal or 1, counted from the last',
    );
  return b.broadcastTo(b.cast(given, 'bool'), shape);
};
const define = (name: string, build: Build): Fragment<Attrs> =>
  fragment<Attrs>(name, (b, [x, given], attrs) => {
    const mask = given && maskFor(name, b, x!, given);
    const y = build(b, x!, attrs, mask);
    return attrs.keep ? b.reshape(y, kept(x!.type.shape, attrs.axes)) : y;
  });

const summable = (b: GraphBuilder, x: Node): Node =>
  isFloat(x.type.dtype) ? x : b.cast(x, countedIn(x.type.dtype));
const countOf = (x: Node, axes: readonly number[]): number =>
  axes.reduce((n, a) => n * x.type.shape[a]!, 1);
/** With a number in place of what takes no part. */
const masked = (b: GraphBuilder, x: Node, mask: Node | undefined, neutral: number): Node =>
  mask === undefined ? x : b.op('select', mask, x, b.lit(neutral, x));
/** How many elements take part: a number, or a number for each result. */
const takingPart = (
  b: GraphBuilder,
  x: Node,
  axes: readonly number[],
  mask: Node | undefined,
): number | Node =>
  mask === undefined ? countOf(x, axes) : b.sum(b.cast(mask, x.type.dtype), axes);
const average = (b: GraphBuilder, x: Node, axes: readonly number[], count: number | Node): Node => {
  const total = b.sum(x, axes);
  return typeof count === 'number'
    ? b.op('mul', total, b.lit(1 / count, total))
    : b.op('div', total, count);
};
const filledOnly = (name: string, x: Node, axes: readonly number[]): void => {
  if (countOf(x, axes) === 0)
    throw new TigonError(
      'shape',
      `${name}: ${showType(x.type)} has no elements along axes [${axes.join(', ')}]`,
      'leave empty arrays out',
    );
};

/** Computes in float32 (float64 in itself); the result has the dtype of `x`, if that is a float. */
const precise =
  (build: Build): Build =>
  (b, x, attrs, mask) =>
    b.cast(build(b, single(b, x), attrs, mask), floating(b, x).type.dtype);

const variance = (
  name: string,
  b: GraphBuilder,
  value: Node,
  { axes, off }: Attrs,
  mask?: Node,
): Node => {
  const { shape } = value.type;
  const count = takingPart(b, value, axes, mask);
  if (typeof count === 'number' && count <= off)
    throw new TigonError('shape', `${name}: ${count} values are too few for ddof ${off}`);
  const mean = average(b, masked(b, value, mask, 0), axes, count);
  const center = b.reshape(mean, kept(shape, axes));
  const away = masked(b, b.op('sub', value, b.broadcastTo(center, shape)), mask, 0);
  // too few give 0 / 0
  const left =
    typeof count === 'number' ? count - off : b.op('relu', b.op('sub', count, b.lit(off, count)));
  return average(b, b.op('mul', away, away), axes, left);
};

/** The result and the number to begin with. */
const begun = (
  b: GraphBuilder,
  op: 'add' | 'mul' | 'max' | 'min',
  y: Node,
  { initial }: Attrs,
): Node => (initial === undefined ? y : b.op(op, y, b.lit(initial, y)));

const total = define('sum', (b, x, attrs, mask) =>
  begun(b, 'add', b.sum(masked(b, summable(b, x), mask, 0), attrs.axes), attrs),
);
const product = define('prod', (b, x, attrs, mask) => {
  const { axes } = attrs;
  const value = masked(b, summable(b, x), mask, 1);
  return begun(b, 'mul', axes.length === 0 ? value : b.emit(prodOp, [value], { axes }), attrs);
});
const middle = define(
  'mean',
  precise((b, x, { axes }, mask) =>
    average(b, masked(b, x, mask, 0), axes, takingPart(b, x, axes, mask)),
  ),
);
const extreme = (name: 'max' | 'min', op: typeof reduceMax): Fragment<Attrs> =>
  define(name, (b, x, attrs, mask) => {
    const { axes, initial } = attrs;
    if (initial === undefined && mask !== undefined)
      throw new TigonError(
        'value',
        `${name}: there may be no element where \`where\` is true`,
        'say what the result is then: { where, initial }',
      );
    if (initial === undefined) filledOnly(name, x, axes);
    const value = x.type.dtype === 'bool' ? b.cast(x, 'uint8') : x;
    const taken = masked(b, value, mask, initial ?? 0);
    if (initial !== undefined && countOf(x, axes) === 0)
      return b.full(initial, x.type.dtype, without(x.type.shape, axes));
    const found = axes.length === 0 ? taken : b.emit(op, [taken], { axes });
    return b.cast(begun(b, name, found, attrs), x.type.dtype);
  });
const highest = extreme('max', reduceMax);
const lowest = extreme('min', reduceMin);
const position = (name: string, op: typeof argmaxOp): Fragment<Attrs> =>
  define(name, (b, x, { axes }) => {
    filledOnly(name, x, axes);
    const value = x.type.dtype === 'bool' ? b.cast(x, 'uint8') : x;
    return axes.length === 0 ? b.full(0, 'int32', x.type.shape) : b.emit(op, [value], { axes });
  });
const highestAt = position('argmax', argmaxOp);
const lowestAt = position('argmin', argminOp);
const decide = (name: string, op: typeof reduceMax, neutral: 0 | 1): Fragment<Attrs> =>
  define(name, (b, x, { axes }, mask) => {
    const value = masked(b, b.cast(x, 'bool'), mask, neutral);
    if (countOf(x, axes) === 0) return b.full(neutral, 'bool', without(x.type.shape, axes));
    return axes.length === 0
      ? value
      : b.cast(b.emit(op, [b.cast(value, 'uint8')], { axes }), 'bool');
  });
const every = decide('all', reduceMin, 1);
const some = decide('any', reduceMax, 0);
const spread = define(
  'var',
  precise((b, x, attrs, mask) => variance('var', b, x, attrs, mask)),
);
const deviation = define(
  'std',
  precise((b, x, attrs, mask) => b.op('sqrt', variance('std', b, x, attrs, mask))),
);
const euclidean = define(
  'norm',
  precise((b, x, { axes }) => b.op('sqrt', b.sum(b.op('mul', x, x), axes))),
);
const smooth = define(
  'logSumExp',
  precise((b, x, { axes }) => {
    filledOnly('logSumExp', x, axes);
    if (axes.length === 0) return x;
    const { shape } = x.type;
    const top = b.emit(reduceMax, [x], { axes });
    const limit = b.lit(Number.POSITIVE_INFINITY, top);
    const safe = b.op('select', b.op('lt', b.op('abs', top), limit), top, b.lit(0, top));
    const away = b.op('sub', x, b.broadcastTo(b.reshape(safe, kept(shape, axes)), shape));
    return b.op('add', b.op('log', b.sum(b.op('exp', away), axes)), safe);
  }),
);

const reduce = (
  f: Fragment<Attrs>,
  x: NDArray,
  options: FoldOptions | undefined,
  off = 0,
): NDArray => {
  checkArray(f.name, x);
  if (!Number.isFinite(off))
    throw failure('option', `${f.name}: ddof is ${shown(off)}`, 'pass a number such as 0 or 1');
  if (options === undefined && off === 0) {
    const axes = axesOf(f.name, undefined, x.ndim);
    return call(f, [x], { attrs: { axes, keep: false, off, initial: undefined }, key: '' });
  }
  const axes = axesOf(f.name, options?.axis, x.ndim);
  const keep = options?.keepDims ?? false;
  const initial = options?.initial;
  if (initial !== undefined) checkFits(`${f.name}: initial`, initial, x.dtype);
  return call(f, options?.where === undefined ? [x] : [x, options.where], {
    attrs: { axes, keep, off, initial },
    key: `${axes.join('.')}${keep ? 'k' : ''}/${off}/${initial}`,
  });
};

const KNOWN = ['axis', 'keepDims'];
const MASKED = [...KNOWN, 'where'];
const reducer =
  <O extends ReduceOptions>(f: Fragment<Attrs>, known: readonly string[] = KNOWN) =>
  (x: NDArray, options?: O): NDArray => {
    checkOptions(f.name, options, known);
    return reduce(f, x, options);
  };
const folder = (f: Fragment<Attrs>): Folder => reducer<FoldOptions>(f, [...MASKED, 'initial']);
const choosing = (f: Fragment<Attrs>): Masked => reducer<MaskedOptions>(f, MASKED);
type Reducer = (x: NDArray, options?: ReduceOptions) => NDArray;
type Masked = (x: NDArray, options?: MaskedOptions) => NDArray;
type Folder = (x: NDArray, options?: FoldOptions) => NDArray;

/**
 * Sum over `axis` (default: all), which goes unless `keepDims`. Of no elements 0. Floats keep their dtype (float16 and
 * bfloat16 are added in float32); booleans and integers of 8 and 16 bits give int32, other integers stay, and wrap
 * around.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and a `where` that does not broadcast to `x`
 * @throws {ValueError} for an `initial` that the dtype of `x` does not hold
 *
 * @example nd.sum(nd.array([[1, 2], [3, 4]]), { axis: 0 });   // [4, 6]
 */
export const sum: Folder = folder(total);
/**
 * Product over `axis` (default: all), which goes unless `keepDims`. Of no elements 1. Dtypes as in {@link sum}.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and a `where` that does not broadcast to `x`
 * @throws {ValueError} for an `initial` that the dtype of `x` does not hold
 *
 * @example nd.prod(nd.array([[1, 2], [3, 4]]), { axis: 1 });   // [2, 12]
 */
export const prod: Folder = folder(product);
/**
 * Arithmetic mean over `axis` (default: all), which goes unless `keepDims`. Of no elements NaN. Floats keep their dtype
 * (float16 and bfloat16 are computed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and a `where` that does not broadcast to `x`
 *
 * @example nd.mean(nd.array([[1, 2], [3, 4]]), { axis: 0 });   // [2, 3]
 */
export const mean: Masked = choosing(middle);
/**
 * Largest value over `axis` (default: all), which goes unless `keepDims`, in the dtype of `x`; NaN if any is. Gradient
 * shared among equal values.
 *
 * @throws {ShapeError} for an axis out of range or named twice, one without elements unless there is an `initial`, and
 *   a `where` that does not broadcast to `x`
 * @throws {ValueError} for a `where` without `initial`, and an `initial` that the dtype does not hold
 *
 * @example nd.max(nd.array([[1, 5], [7, 2]]), { axis: 0 });   // [7, 5]
 */
export const max: Folder = folder(highest);
/**
 * Smallest value over `axis` (default: all), which goes unless `keepDims`, in the dtype of `x`; NaN if any is. Gradient
 * shared among equal values.
 *
 * @throws {ShapeError} for an axis out of range or named twice, one without elements unless there is an `initial`, and
 *   a `where` that does not broadcast to `x`
 * @throws {ValueError} for a `where` without `initial`, and an `initial` that the dtype does not hold
 *
 * @example nd.min(nd.array([[1, 5], [7, 2]]), { axis: 0 });   // [1, 2]
 */
export const min: Folder = folder(lowest);
/**
 * Position of the first largest value (row-major over the axes), that of the first NaN if there is one: int32, for any
 * dtype. Over `axis` (default: all), which goes unless `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example nd.argmax(nd.array([[1, 5], [7, 2]]), { axis: 1 });   // [1, 0]
 */
export const argmax: Reducer = reducer(highestAt);
/**
 * Position of the first smallest value (row-major over the axes), that of the first NaN if there is one: int32, for any
 * dtype. Over `axis` (default: all), which goes unless `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example nd.argmin(nd.array([[1, 5], [7, 2]]), { axis: 1 });   // [0, 1]
 */
export const argmin: Reducer = reducer(lowestAt);
/**
 * True where all are nonzero, and of no elements: bool, for any dtype. Over `axis` (default: all), which goes unless
 * `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and a `where` that does not broadcast to `x`
 *
 * @example nd.all(nd.array([[1, 0], [1, 1]]), { axis: 1 });   // [0, 1]
 */
export const all: Masked = choosing(every);
/**
 * True where one is nonzero: bool, for any dtype; of no elements false. Over `axis` (default: all), which goes unless
 * `keepDims`.
 *
 * @throws {ShapeError} for an axis out of range or named twice, and a `where` that does not broadcast to `x`
 *
 * @example nd.any(nd.array([[1, 0], [0, 0]]), { axis: 1 });   // [1, 0]
 */
export const any: Masked = choosing(some);
/**
 * Square root of the sum of squares over `axis` (default: all), which goes unless `keepDims`. Floats keep their dtype
 * (float16 and bfloat16 are computed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range or named twice
 *
 * @example nd.norm(nd.array([3, 4]));   // 5
 */
export const norm: Reducer = reducer(euclidean);
/**
 * `log(sum(exp(x)))` without overflow, over `axis` (default: all), which goes unless `keepDims`. Floats keep their
 * dtype (float16 and bfloat16 are computed in float32), integers and booleans give float32.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example nd.logSumExp(nd.array([0, 0]));   // 0.6931
 */
export const logSumExp: Reducer = reducer(smooth);

export interface DeviationOptions extends MaskedOptions {
  /** Divide by `count - ddof`. Default 0. */
  readonly ddof?: number;
}
const DEVIATION = [...MASKED, 'ddof'];
/**
 * Mean squared distance from the mean, over `axis` (default: all), which goes unless `keepDims`. Floats keep their
 * dtype (float16 and bfloat16 are computed in float32), integers and booleans give float32. With `where`, too few
 * elements give NaN.
 *
 * @throws {ShapeError} for an axis out of range or named twice, for `ddof` elements or fewer along the axes, and a
 *   `where` that does not broadcast to `x`
 * @throws {OptionError} for a `ddof` that is no number
 *
 * @example nd.var(nd.array([1, 3, 5, 7]));   // 5
 */
const varianceOf = (x: NDArray, options?: DeviationOptions): NDArray => {
  checkOptions('var', options, DEVIATION);
  return reduce(spread, x, options, options?.ddof);
};
/**
 * Square root of the variance, over `axis` (default: all), which goes unless `keepDims`. Dtypes are those of `var`;
 * with `where`, too few elements give NaN.
 *
 * @throws {ShapeError} for an axis out of range or named twice, for `ddof` elements or fewer along the axes, and a
 *   `where` that does not broadcast to `x`
 * @throws {OptionError} for a `ddof` that is no number
 *
 * @example nd.std(nd.array([1, 3, 5, 7]));   // 2.23607
 */
export const std = (x: NDArray, options?: DeviationOptions): NDArray => {
  checkOptions('std', options, DEVIATION);
  return reduce(deviation, x, options, options?.ddof);
};
export { varianceOf as var };
