/**
 * Reductions: sums, extremes, means and their positions, over some axes or all.
 *
 * Invariant: integers and booleans sum as int32; means and deviations are floats, computed in float32; positions are
 * int32.
 */
import { isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import {
  argmax as argmaxOp,
  argmin as argminOp,
  prod as prodOp,
  reduceMax,
  reduceMin,
} from '../../ir/graph/ops/reduce.ts';
import { showType } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { axesOf, kept } from './axes.ts';
import { floating, single } from './math.ts';

export interface ReduceOptions {
  /** One axis or several, negative from the end. Default: all. */
  readonly axis?: number | readonly number[];
  /** Keep reduced axes with size 1. Default false. */
  readonly keepDims?: boolean;
}

interface Attrs {
  readonly axes: readonly number[];
  readonly keep: boolean;
  /** Degrees of freedom taken off, for deviations. */
  readonly off: number;
}
type Build = (b: GraphBuilder, x: Node, attrs: Attrs) => Node;

const define = (name: string, build: Build): Fragment<Attrs> =>
  fragment<Attrs>(name, (b, [x], attrs) => {
    const y = build(b, x!, attrs);
    return attrs.keep ? b.reshape(y, kept(x!.type.shape, attrs.axes)) : y;
  });

const summable = (b: GraphBuilder, x: Node): Node =>
  isFloat(x.type.dtype) || x.type.dtype === 'uint32' ? x : b.cast(x, 'int32');
const countOf = (x: Node, axes: readonly number[]): number =>
  axes.reduce((n, a) => n * x.type.shape[a]!, 1);
const average = (b: GraphBuilder, x: Node, axes: readonly number[], count: number): Node => {
  const total = b.sum(x, axes);
  return b.op('mul', total, b.lit(1 / count, total));
};
const filledOnly = (name: string, x: Node, axes: readonly number[]): void => {
  if (countOf(x, axes) === 0)
    throw new TigonError(
      'shape',
      `${name}: ${showType(x.type)} has no elements along axes [${axes.join(', ')}]`,
    );
};

/** Computes in float32; the result has the dtype of `x`, if that is a float. */
const precise =
  (build: Build): Build =>
  (b, x, attrs) =>
    b.cast(build(b, single(b, x), attrs), floating(b, x).type.dtype);

const variance: Build = (b, value, { axes, off }) => {
  const { shape } = value.type;
  const count = countOf(value, axes);
  if (count <= off)
    throw new TigonError('shape', `var: ${count} values are too few for ddof ${off}`);
  const center = b.reshape(average(b, value, axes, count), kept(shape, axes));
  const away = b.op('sub', value, b.broadcastTo(center, shape));
  return average(b, b.op('mul', away, away), axes, count - off);
};

const total = define('sum', (b, x, { axes }) => b.sum(summable(b, x), axes));
const product = define('prod', (b, x, { axes }) =>
  axes.length === 0 ? summable(b, x) : b.emit(prodOp, [summable(b, x)], { axes }),
);
const middle = define(
  'mean',
  precise((b, x, { axes }) => average(b, x, axes, countOf(x, axes))),
);
const extreme = (name: string, op: typeof reduceMax): Fragment<Attrs> =>
  define(name, (b, x, { axes }) => {
    filledOnly(name, x, axes);
    const value = x.type.dtype === 'bool' ? b.cast(x, 'uint8') : x;
    return axes.length === 0 ? x : b.cast(b.emit(op, [value], { axes }), x.type.dtype);
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
const every = define('all', (b, x, { axes }) =>
  axes.length === 0
    ? b.cast(x, 'bool')
    : b.cast(b.emit(reduceMin, [b.cast(b.cast(x, 'bool'), 'uint8')], { axes }), 'bool'),
);
const some = define('any', (b, x, { axes }) =>
  axes.length === 0
    ? b.cast(x, 'bool')
    : b.cast(b.emit(reduceMax, [b.cast(b.cast(x, 'bool'), 'uint8')], { axes }), 'bool'),
);
const spread = define('var', precise(variance));
const deviation = define(
  'std',
  precise((b, x, attrs) => b.op('sqrt', variance(b, x, attrs))),
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
  options: ReduceOptions | undefined,
  off = 0,
): NDArray => {
  if (options === undefined && off === 0) {
    const axes = axesOf(f.name, undefined, x.ndim);
    return call(f, [x], { attrs: { axes, keep: false, off }, key: '' });
  }
  const axes = axesOf(f.name, options?.axis, x.ndim);
  const keep = options?.keepDims ?? false;
  return call(f, [x], {
    attrs: { axes, keep, off },
    key: `${axes.join('.')}${keep ? 'k' : ''}/${off}`,
  });
};

const KNOWN = ['axis', 'keepDims'];
const reducer =
  (f: Fragment<Attrs>) =>
  (x: NDArray, options?: ReduceOptions): NDArray => {
    checkOptions(f.name, options, KNOWN);
    return reduce(f, x, options);
  };
type Reducer = (x: NDArray, options?: ReduceOptions) => NDArray;

/** Sum; integers and booleans as int32. */
export const sum: Reducer = reducer(total);
/** Product. */
export const prod: Reducer = reducer(product);
/** Arithmetic mean, as a float. */
export const mean: Reducer = reducer(middle);
/** Largest value; NaN if any is. Gradient shared among equal values. */
export const max: Reducer = reducer(highest);
/** Smallest value; NaN if any is. */
export const min: Reducer = reducer(lowest);
/** Position of the first largest value (row-major over the axes), int32. */
export const argmax: Reducer = reducer(highestAt);
/** Position of the first smallest value, int32. */
export const argmin: Reducer = reducer(lowestAt);
/** True where all are nonzero. */
export const all: Reducer = reducer(every);
/** True where one is nonzero. */
export const any: Reducer = reducer(some);
/** Square root of the sum of squares. */
export const norm: Reducer = reducer(euclidean);
/** `log(sum(exp(x)))` without overflow. */
export const logSumExp: Reducer = reducer(smooth);

export interface DeviationOptions extends ReduceOptions {
  /** Divide by `count - ddof`. Default 0. */
  readonly ddof?: number;
}
const DEVIATION = ['axis', 'keepDims', 'ddof'];
/** Mean squared distance from the mean. */
const varianceOf = (x: NDArray, options?: DeviationOptions): NDArray => {
  checkOptions('var', options, DEVIATION);
  return reduce(spread, x, options, options?.ddof);
};
/** Square root of the variance. */
export const std = (x: NDArray, options?: DeviationOptions): NDArray => {
  checkOptions('std', options, DEVIATION);
  return reduce(deviation, x, options, options?.ddof);
};
export { varianceOf as var };
