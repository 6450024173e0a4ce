/**
 * Counting: where values lie among sorted ones, and how many lie where.
 *
 * Invariant: counts are int32, sums of weights floats; they are added in a fixed order, so they are the same each time.
 * A result whose size depends on values is read from the device, which tracing cannot do: then its size is an option.
 */
import { integerRange, isFloat, promote, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { isDouble } from '../../ir/graph/ops/formula.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { reduceMax, reduceMin } from '../../ir/graph/ops/reduce.ts';
import { searchSorted as searchOp } from '../../ir/graph/ops/search.ts';
import { takeGrad } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { readOne, sizeOption } from './by-value.ts';
import { max, min } from './reduce.ts';

/** Both in one dtype that can be compared. */
const comparable = (b: GraphBuilder, x: Node, y: Node): readonly [Node, Node] => {
  const common = promote(x.type.dtype, y.type.dtype);
  const dtype = common === 'bool' ? 'int32' : common;
  return [b.cast(x, dtype), b.cast(y, dtype)];
};

const searching: Fragment<{ readonly right: boolean }> = fragment<{ readonly right: boolean }>(
  'searchSorted',
  (b, [given, wanted], attrs) => {
    const [sorted, values] = comparable(b, given!, wanted!);
    return b.emit(searchOp, [sorted, values], attrs);
  },
);

export interface SearchOptions {
  /** Before equal elements (`left`, default) or behind them. */
  readonly side?: 'left' | 'right';
}

/**
 * Before which element of `sorted` [n] (ascending) each of `values` has to be put so that it stays sorted: int32, of the
 * shape of `values`. Both may have any dtypes, which promote to compare.
 *
 * @throws {ShapeError} unless `sorted` has one axis
 * @throws {OptionError} for another `side`
 *
 * @example nd.searchSorted(nd.array([1, 3, 5]), nd.array([0, 3, 6]));   // [0, 1, 3]
 */
export const searchSorted = (
  sorted: NDArray,
  values: NDArray,
  options?: SearchOptions,
): NDArray => {
  checkOptions('searchSorted', options, ['side']);
  const side = checkChoice('searchSorted', 'side', options?.side ?? 'left', ['left', 'right']);
  return call(searching, [sorted, values], { attrs: { right: side === 'right' }, key: side });
};

export interface DigitizeOptions {
  /** Bins hold their upper edge instead of their lower one. Default false. */
  readonly right?: boolean;
}

/**
 * Which bin each value lies in: `i` where `bins[i - 1] <= x < bins[i]`, 0 below all, `bins.length` above. `bins` (one
 * axis) ascend. int32, of the shape of `x`; any dtypes.
 *
 * @throws {ShapeError} unless `bins` have one axis
 *
 * @example nd.digitize(nd.array([0.2, 6.4, 3]), nd.array([0, 1, 2.5, 4]));   // [1, 4, 3]
 */
export const digitize = (x: NDArray, bins: NDArray, options?: DigitizeOptions): NDArray => {
  checkArray('digitize', x);
  checkArray('digitize', bins);
  checkOptions('digitize', options, ['right']);
  if (bins.ndim !== 1)
    throw failure('shape', `digitize: bins are ${showType(bins.type)}`, 'edges lie along one axis');
  return searchSorted(bins, x, { side: options?.right ? 'left' : 'right' });
};

/** More places than this are added to one after the other; fewer are counted all at once. */
const FEW = 256;

/** How much of `weight` (one axis; 1 each if undefined) falls to each of `size` places; places outside count nowhere. */
export const countInto = (
  b: GraphBuilder,
  at: Node,
  size: number,
  weight: Node | undefined,
): Node => {
  const dtype = weight === undefined ? 'int32' : weight.type.dtype;
  const n = at.type.size;
  if (size <= FEW) {
    const shape = [n, size];
    const place = b.emit(iota, [], { axis: 1, dtype: 'int32', shape });
    const hit = b.op('eq', b.broadcast(at, shape, [0]), place);
    const value = weight === undefined ? b.full(1, dtype, shape) : b.broadcast(weight, shape, [0]);
    return b.sum(b.op('select', hit, value, b.full(0, dtype, shape)), [0]);
  }
  const inside = b.op('and', b.op('ge', at, b.lit(0, at)), b.op('lt', at, b.lit(size, at)));
  const value = weight ?? b.full(1, dtype, [n]);
  const counted = b.op('select', inside, value, b.lit(0, value));
  return b.emit(takeGrad, [counted, at], { axis: 0, size });
};

const flat = (b: GraphBuilder, x: Node): Node => b.reshape(x, [x.type.size]);

const checkWeights = (name: string, x: Node, weights: Node | undefined): void => {
  if (weights !== undefined && weights.type.size !== x.type.size)
    throw new TigonError(
      'shape',
      `${name}: x ${showType(x.type)} · weights ${showType(weights.type)} have different sizes`,
      'give one weight for each element',
    );
};

const floatWeights = (b: GraphBuilder, weights: Node | undefined): Node | undefined =>
  weights === undefined
    ? undefined
    : flat(b, isFloat(weights.type.dtype) ? weights : b.cast(weights, 'float32'));

const binCounting = fragment<{ readonly size: number }>('binCount', (b, [x, weights], { size }) => {
  if (isFloat(x!.type.dtype))
    throw new TigonError(
      'dtype',
      `binCount: counts integers, not ${showType(x!.type)}`,
      "convert them: x.astype('int32'), or use histogram",
    );
  checkWeights('binCount', x!, weights);
  return countInto(b, b.cast(flat(b, x!), 'int32'), size, floatWeights(b, weights));
});

export interface BinCountOptions {
  /** What an element counts; the result is then a float. Default 1. */
  readonly weights?: NDArray;
  /** Fewest elements of the result. Default 0. */
  readonly minLength?: number;
}

/**
 * How often each number from 0 on occurs in `x` (integers or booleans, any shape): [n]. With `size`, that many numbers
 * are counted (others, and negative ones, nowhere), and the call can be traced; without, up to the greatest, which has
 * to be read first: the result is a promise, and refused when there are negative numbers. int32; with weights their
 * float dtype, of integers float32.
 *
 * @throws {DTypeError} for floats
 * @throws {ShapeError} unless there are as many weights as elements
 * @throws {ValueError} unless `size` and `minLength` are integers ≥ 0; without `size` for negative numbers
 * @throws {TraceError} without `size` while tracing
 *
 * @example
 * nd.binCount(nd.array([0, 1, 1, 3], { dtype: 'int32' }), { size: 4 });   // [1, 2, 0, 1]
 * await nd.binCount(nd.array([0, 1, 1, 3], { dtype: 'int32' }));   // [1, 2, 0, 1]
 */
export function binCount(
  x: NDArray,
  options: { readonly size: number; readonly weights?: NDArray },
): NDArray;
export function binCount(x: NDArray, options?: BinCountOptions): Promise<NDArray>;
export function binCount(
  x: NDArray,
  options?: BinCountOptions & { readonly size?: number },
): NDArray | Promise<NDArray> {
  checkArray('binCount', x);
  const size = sizeOption('binCount', options, ['weights', 'minLength', 'size']);
  const operands = options?.weights === undefined ? [x] : [x, options.weights];
  const counted = (size: number): NDArray =>
    call(binCounting, operands, { attrs: { size }, key: `${size}` });
  if (size !== undefined) return counted(size);
  const least = options?.minLength ?? 0;
  if (!Number.isInteger(least) || least < 0)
    throw failure('value', `binCount: minLength is ${shown(least)}`, 'pass an integer ≥ 0');
  if (x.size === 0) return Promise.resolve(counted(least));
  const help = 'pass { size } to count a fixed range of numbers';
  const bottom =
    integerRange(x.dtype)[0] === 0 ? Promise.resolve(0) : readOne('binCount', min(x), help);
  const top = readOne('binCount', max(x), help);
  return Promise.all([bottom, top]).then(([lowest, highest]) => {
    if (lowest < 0 && !isFloat(x.dtype))
      throw failure(
        'value',
        `binCount: ${lowest} is negative`,
        'count numbers from 0 on, or pass { size } to leave negative ones out',
      );
    return counted(Math.max(least, highest + 1));
  });
}

interface HistogramAttrs {
  readonly bins: number | undefined;
  readonly range: readonly [number, number] | undefined;
  readonly density: boolean;
  readonly weighted: boolean;
}

/** Edges of equal bins from the least to the greatest element, or over `range`. */
const edgesOf = (b: GraphBuilder, x: Node, attrs: HistogramAttrs): Node => {
  const bins = attrs.bins!;
  const shape = [bins + 1];
  const { dtype } = x.type;
  const step = b.emit(iota, [], { axis: 0, dtype, shape });
  const share = isDouble(x)
    ? b.op('div', step, b.lit(bins, step))
    : b.op('mul', step, b.lit(1 / bins, step));
  const all = (n: Node): Node => b.broadcast(n, shape, []);
  const lone = (v: number): Node => b.full(v, dtype, []);
  const { range } = attrs;
  const isEmpty = x.type.size === 0;
  const first = range ? lone(range[0]) : isEmpty ? lone(0) : b.emit(reduceMin, [x], { axes: [0] });
  const last = range ? lone(range[1]) : isEmpty ? lone(1) : b.emit(reduceMax, [x], { axes: [0] });
  // a range of one number is widened as NumPy does
  const half = b.op('select', b.op('eq', first, last), lone(0.5), lone(0));
  const [low, high] = [b.op('sub', first, half), b.op('add', last, half)];
  const span = b.op('mul', share, all(b.op('sub', high, low)));
  const isLast = b.op('eq', step, b.lit(bins, step));
  return b.op('select', isLast, all(high), b.op('add', all(low), span));
};

const histogramming = fragment<HistogramAttrs>('histogram', (b, inputs, attrs) => {
  const x = inputs[0]!;
  const given = attrs.bins === undefined ? inputs[1]! : undefined;
  const weights = attrs.weighted ? inputs[attrs.bins === undefined ? 2 : 1] : undefined;
  checkWeights('histogram', x, weights);
  const dtype = summedIn(
    given === undefined ? x.type.dtype : promote(x.type.dtype, given.type.dtype),
  );
  const values = b.cast(flat(b, x), dtype);
  const edges = given === undefined ? edgesOf(b, values, attrs) : b.cast(given, dtype);
  const [count] = edges.type.shape;
  if (edges.type.shape.length !== 1 || count! < 2)
    throw new TigonError(
      'shape',
      `histogram: ${showType(edges.type)} are no edges of bins`,
      'edges are two numbers at least, along one axis, ascending',
    );
  const behind = b.emit(searchOp, [edges, values], { right: true });
  // the last bin holds its upper edge
  const top = b.reshape(b.slice(edges, [count! - 1], [count!], [1]), []);
  const isTop = b.op('eq', values, b.broadcast(top, values.type.shape, []));
  const place = b.op('select', isTop, b.lit(count! - 1, behind), behind);
  const at = b.op('sub', place, b.lit(1, place));
  // NaN lies behind all edges, and in no bin
  const sums = countInto(b, at, count! - 1, floatWeights(b, weights));
  if (!attrs.density) return [sums, edges];
  const width = b.op(
    'sub',
    b.slice(edges, [1], [count!], [1]),
    b.slice(edges, [0], [count! - 1], [1]),
  );
  const shared = summedIn(promote(sums.type.dtype, dtype));
  const parts = b.cast(sums, shared);
  const total = b.broadcast(b.sum(parts, [0]), width.type.shape, []);
  return [b.op('div', parts, b.op('mul', b.cast(width, shared), total)), edges];
});

export interface HistogramOptions {
  /** How many bins of equal width, or their edges, ascending. Default 10. */
  readonly bins?: number | NDArray;
  /** First and last edge. Default: the least and the greatest element. */
  readonly range?: readonly [number, number];
  /** What an element counts; the result is then a float. Default 1. */
  readonly weights?: NDArray;
  /** Divide by the total and the widths of bins, so that the area is 1. Default false. */
  readonly density?: boolean;
}

const checkRange = (range: readonly [number, number]): void => {
  if (Array.isArray(range) && range.length === 2 && range.every(Number.isFinite))
    if (range[0] <= range[1]) return;
  throw failure(
    'value',
    `histogram: range is ${Array.isArray(range) ? `[${(range as unknown[]).map(shown).join(', ')}]` : shown(range)}`,
    'two finite numbers, first the lower edge',
  );
};

/**
 * How many elements lie in each bin, and the edges of the bins: `[counts, edges]`. A bin holds its lower edge, the last
 * one both; what lies outside (and NaN) counts nowhere.
 *
 * Shapes: `x` and `weights` of any shape, flattened; [bins] and [bins + 1]. Dtypes: any, compared in float32, with
 * float64 among them in float64; counts are int32, as densities of the dtype that is compared in, with weights of their
 * float dtype (of integers float32); edges are float32, or float64 where that is compared in.
 *
 * @throws {ShapeError} for edges that are not two numbers at least along one axis, and weights of another size than `x`
 * @throws {ValueError} unless `bins` is an integer ≥ 1 or an array, and `range` two finite numbers in order
 *
 * @example
 * const [counts, edges] = nd.histogram(nd.array([1, 2, 1, 4]), { bins: 3, range: [1, 4] });
 * counts;   // [2, 1, 1]
 * edges;   // [1, 2, 3, 4]
 */
export const histogram = (x: NDArray, options?: HistogramOptions): [NDArray, NDArray] => {
  checkArray('histogram', x);
  checkOptions('histogram', options, ['bins', 'range', 'weights', 'density']);
  const bins = options?.bins ?? 10;
  const range = options?.range;
  const weights = options?.weights;
  if (!isNDArray(bins) && !(Number.isInteger(bins) && bins > 0))
    throw failure(
      'value',
      `histogram: bins is ${shown(bins)}`,
      'a number of bins, 1 at least, or an array of edges',
    );
  if (range !== undefined) checkRange(range);
  const attrs: HistogramAttrs = {
    bins: isNDArray(bins) ? undefined : bins,
    range,
    density: options?.density ?? false,
    weighted: weights !== undefined,
  };
  const operands = [
    x,
    ...(isNDArray(bins) ? [bins] : []),
    ...(weights === undefined ? [] : [weights]),
  ];
  const [counts, edges] = callAll(histogramming, operands, { attrs, key: JSON.stringify(attrs) });
  return [counts!, edges!];
};
