/**
 * Order statistics: medians and quantiles, from elements sorted along axes.
 *
 * Invariant: a row that holds NaN gives NaN; gradients go to the elements that a quantile lies between.
 */

import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { concat } from '../../ir/graph/ops/concat.ts';
import { sizeOf } from '../../ir/graph/ops/define.ts';
import { sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { axesOf, kept } from './axes.ts';
import { floating, single } from './math.ts';
import type { ReduceOptions } from './reduce.ts';
import { sorted } from './sorting.ts';

/** Where a quantile lies between two elements: between them by distance, at one of them, or halfway. */
export type QuantileMethod = 'linear' | 'lower' | 'higher' | 'nearest' | 'midpoint';

export interface QuantileOptions extends ReduceOptions {
  /** Default `linear`. */
  readonly method?: QuantileMethod;
}

interface Attrs {
  readonly axes: readonly number[];
  readonly keep: boolean;
  readonly q: readonly number[];
  readonly many: boolean;
  readonly method: QuantileMethod;
}

/** Two places and how far the quantile is from the first to the second. */
const between = (
  q: number,
  n: number,
  method: QuantileMethod,
): readonly [number, number, number] => {
  const at = q * (n - 1);
  const low = Math.min(n - 1, Math.floor(at));
  const high = Math.min(n - 1, Math.ceil(at));
  switch (method) {
    case 'linear':
      return [low, high, at - low];
    case 'lower':
      return [low, low, 0];
    case 'higher':
      return [high, high, 0];
    case 'midpoint':
      return [low, high, low === high ? 0 : 0.5];
    case 'nearest': {
      // halves to even, as NumPy rounds
      const near = at - low === 0.5 ? low + (low % 2) : Math.round(at);
      return [near, near, 0];
    }
    default:
      return method satisfies never;
  }
};

/** The axes as one, the last. */
const gathered = (b: GraphBuilder, x: Node, axes: readonly number[]): Node => {
  const { shape } = x.type;
  const rest = shape.flatMap((_, i) => (axes.includes(i) ? [] : [i]));
  const flat = b.transpose(x, [...rest, ...axes]);
  return b.reshape(flat, [...rest.map((i) => shape[i]!), sizeOf(axes.map((a) => shape[a]!))]);
};

const quantiles: Fragment<Attrs> = fragment<Attrs>('quantile', (b, [x], attrs) => {
  const { axes, keep, q, many, method } = attrs;
  const rows = gathered(b, single(b, x!), axes);
  const axis = rows.type.shape.length - 1;
  const n = rows.type.shape[axis]!;
  const inOrder = sorted(b, rows, axis);
  const shape = keep ? kept(x!.type.shape, axes) : rows.type.shape.slice(0, -1);
  const at = (place: number): Node =>
    b.reshape(sliceAxis(b, inOrder, axis, place, place + 1), shape);
  const isNone = b.op('isnan', at(n - 1));
  const results = q.map((share) => {
    const [low, high, distance] = between(share, n, method);
    const [x0, x1] = [at(low), at(high)];
    // neither infinities nor their difference may make what stands beside them NaN
    const step = b.op('mul', b.op('sub', x1, x0), b.lit(distance, x0));
    const value =
      distance === 0 ? x0 : b.op('select', b.op('eq', x0, x1), x0, b.op('add', x0, step));
    const checked = b.op('select', isNone, b.lit(Number.NaN, value), value);
    return b.cast(checked, floating(b, x!).type.dtype);
  });
  if (!many) return results[0]!;
  return b.emit(
    concat,
    results.map((r) => b.reshape(r, [1, ...shape])),
    { axis: 0 },
  );
});

const METHODS: readonly QuantileMethod[] = ['linear', 'lower', 'higher', 'nearest', 'midpoint'];

const quantilesOf = (
  name: string,
  x: NDArray,
  q: number | readonly number[],
  scale: number,
  options: QuantileOptions | undefined,
): NDArray => {
  checkArray(name, x);
  checkOptions(name, options, ['axis', 'keepDims', 'method']);
  const many = typeof q !== 'number';
  const shares = [q].flat();
  for (const share of shares)
    if (!(share >= 0 && share <= scale))
      throw failure(
        'value',
        `${name}: q holds ${shown(share)}`,
        `numbers from 0 to ${scale}, one or a list`,
      );
  if (shares.length === 0) throw failure('value', `${name}: q is an empty list`);
  const axes = axesOf(name, options?.axis, x.ndim);
  if (axes.some((a) => x.shape[a] === 0))
    throw failure(
      'shape',
      `${name}: ${showType(x.type)} has no elements along axes [${axes.join(', ')}]`,
      'reduce over axes that have elements',
    );
  const attrs: Attrs = {
    axes,
    keep: options?.keepDims ?? false,
    q: shares.map((s) => s / scale),
    many,
    method: checkChoice(name, 'method', options?.method ?? 'linear', METHODS),
  };
  return call(quantiles, [x], { attrs, key: JSON.stringify(attrs) });
};

/**
 * What a share `q` (0 to 1) of the elements along axes (default: all) lies below; the axes go unless `keepDims`. A list
 * of shares makes a new first axis. Floats keep their dtype (float16 and bfloat16 are computed in float32), integers
 * and booleans give float32; NaN among the elements gives NaN.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 * @throws {ValueError} for shares out of range, and an empty list
 * @throws {OptionError} for another `method`
 *
 * @example
 * nd.quantile(nd.array([1, 2, 3, 4]), 0.5);   // 2.5
 * nd.quantile(nd.array([4, 1, 3, 2]), [0, 0.25, 1]);   // [1, 1.75, 4]
 */
export const quantile = (
  x: NDArray,
  q: number | readonly number[],
  options?: QuantileOptions,
): NDArray => quantilesOf('quantile', x, q, 1, options);

/**
 * {@link quantile} by percent (0 to 100): axes, dtypes and errors are the same.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 * @throws {ValueError} for shares out of range, and an empty list
 * @throws {OptionError} for another `method`
 *
 * @example nd.percentile(nd.array([1, 2, 3, 4]), 25);   // 1.75
 */
export const percentile = (
  x: NDArray,
  q: number | readonly number[],
  options?: QuantileOptions,
): NDArray => quantilesOf('percentile', x, q, 100, options);

/**
 * The middle of the elements along axes (default: all) when they are sorted; of an even number the mean of both. The
 * axes go unless `keepDims`. Floats keep their dtype, integers and booleans give float32; NaN among the elements gives
 * NaN.
 *
 * @throws {ShapeError} for an axis out of range, named twice, or without elements
 *
 * @example
 * nd.median(nd.array([3, 1, 2]));   // 2
 * nd.median(nd.array([[1, 2], [3, 4]]), { axis: 1 });   // [1.5, 3.5]
 */
export const median = (x: NDArray, options?: ReduceOptions): NDArray => {
  checkOptions('median', options, ['axis', 'keepDims']);
  return quantilesOf('median', x, 0.5, 1, options);
};
