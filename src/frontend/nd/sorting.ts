/**
 * Sorting along an axis: values in order, their positions, the greatest few.
 *
 * Invariant: sorting is stable, NaN comes last in both directions; gradients move back to where the values came from.
 */
import { bring } from '../../codegen/families.ts';
import { orderSchedules } from '../../codegen/running/order-schedules.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { argsort as argsortOp, arrange, inverseOf } from '../../ir/graph/ops/order.ts';
import { sliceAxis } from '../../ir/graph/ops/slice.ts';
import { showType } from '../../ir/type.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions } from '../options.ts';
import { axisOf } from './axes.ts';

export interface SortOptions {
  /** Negative from the end; `null` for all elements in row-major order. Default: the last. */
  readonly axis?: number | null;
  /** Greatest first. Default false. */
  readonly descending?: boolean;
}

interface Attrs {
  readonly axis: number;
  readonly flat: boolean;
  readonly descending: boolean;
}

/** The order of `x` along an axis. */
export const orderOf = (b: GraphBuilder, x: Node, axis: number, descending = false): Node => {
  bring({ order: orderSchedules });
  const key = x.type.dtype === 'bool' ? b.cast(x, 'uint8') : x;
  return b.emit(argsortOp, [key], { axis, descending });
};

/** `x` sorted along an axis. */
export const sorted = (b: GraphBuilder, x: Node, axis: number, descending = false): Node =>
  b.emit(arrange, [x, orderOf(b, x, axis, descending)], { axis });

const flattened = (b: GraphBuilder, x: Node, flat: boolean): Node =>
  flat ? b.reshape(x, [x.type.size]) : x;

const sorting = fragment<Attrs>('sort', (b, [x], { axis, flat, descending }) =>
  sorted(b, flattened(b, x!, flat), axis, descending),
);
const ordering = fragment<Attrs>('argsort', (b, [x], { axis, flat, descending }) =>
  orderOf(b, flattened(b, x!, flat), axis, descending),
);

const along = (f: Fragment<Attrs>, x: NDArray, options: SortOptions | undefined): NDArray => {
  checkArray(f.name, x);
  checkOptions(f.name, options, ['axis', 'descending']);
  const flat = options?.axis === null;
  const attrs: Attrs = {
    axis: flat ? 0 : axisOf(f.name, options?.axis ?? -1, x.ndim),
    flat,
    descending: options?.descending ?? false,
  };
  return call(f, [x], { attrs, key: Object.values(attrs).join() });
};

/**
 * The elements of `x` in order along an axis (default: the last; `null`: all, flattened): equal ones stay as they were,
 * NaN comes last. Shape and dtype, any one, stay.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example
 * nd.sort(nd.array([3, 1, 2]));   // [1, 2, 3]
 * nd.sort(nd.array([[3, 1], [2, 4]]), { axis: 0, descending: true });   // [[3, 4], [2, 1]]
 */
export const sort = (x: NDArray, options?: SortOptions): NDArray => along(sorting, x, options);

/**
 * Where the elements of `x`, of any dtype, come from when they are sorted along an axis (default: the last; `null`:
 * all, flattened): int32, in the same shape; `x.gather(argsort(x))` is sorted.
 *
 * @throws {ShapeError} for an axis out of range
 *
 * @example nd.argsort(nd.array([3, 1, 2]));   // [1, 2, 0]
 */
export const argsort = (x: NDArray, options?: SortOptions): NDArray => along(ordering, x, options);

export interface TopkOptions {
  /** Negative from the end; `null` for all elements. Default: the last. */
  readonly axis?: number | null;
  /** The least elements instead of the greatest, least first. Default false. */
  readonly smallest?: boolean;
  /**
   * `indices` (default): positions along the axis, int32, best first. `values`: the elements. `both`: `[values, indices]`.
   * `mask`: true at the elements, in the shape of `x`.
   */
  readonly returns?: 'indices' | 'values' | 'both' | 'mask';
}

interface TopkAttrs extends Attrs {
  readonly k: number;
  readonly returns: NonNullable<TopkOptions['returns']>;
}

const choosing = fragment<TopkAttrs>('topk', (b, [given], attrs) => {
  const { axis, flat, descending, k, returns } = attrs;
  const x = flattened(b, given!, flat);
  const order = orderOf(b, x, axis, descending);
  const first = (n: Node): Node => sliceAxis(b, n, axis, 0, k);
  const values = (): Node => first(b.emit(arrange, [x, order], { axis }));
  switch (returns) {
    case 'indices':
      return first(order);
    case 'values':
      return values();
    case 'both':
      return [values(), first(order)];
    case 'mask': {
      const place = inverseOf(b, order, axis);
      return b.reshape(b.op('lt', place, b.lit(k, place)), given!.type.shape);
    }
    default:
      return returns satisfies never;
  }
});

/**
 * The `k` greatest elements along an axis (or the least; default: the last), in order: where they are (int32), what
 * they are (in the dtype of `x`, any one), or both, `k` along the axis; or a mask of bool in the shape of `x`. Of equal
 * ones the first; NaN is chosen last.
 *
 * @throws {ValueError} unless `k` is an integer from 0 to the size of the axis
 * @throws {ShapeError} for an axis out of range
 * @throws {OptionError} for another `returns`
 *
 * @example
 * nd.topk(nd.array([1, 4, 2, 3]), 2);   // [1, 3]
 * nd.topk(nd.array([1, 4, 2, 3]), 2, { returns: 'values' });   // [4, 3]
 * const [values, indices] = nd.topk(nd.array([1, 4, 2, 3]), 1, { returns: 'both', smallest: true });
 * values;   // [1]
 * indices;   // [0]
 */
export function topk(
  x: NDArray,
  k: number,
  options: TopkOptions & { readonly returns: 'both' },
): [NDArray, NDArray];
export function topk(
  x: NDArray,
  k: number,
  options?: TopkOptions & { readonly returns?: 'indices' | 'values' | 'mask' },
): NDArray;
export function topk(x: NDArray, k: number, options?: TopkOptions): NDArray | [NDArray, NDArray] {
  checkArray('topk', x);
  checkOptions('topk', options, ['axis', 'smallest', 'returns']);
  const returns = checkChoice('topk', 'returns', options?.returns ?? 'indices', [
    'indices',
    'values',
    'both',
    'mask',
  ]);
  const flat = options?.axis === null;
  const axis = flat ? 0 : axisOf('topk', options?.axis ?? -1, x.ndim);
  const n = flat ? x.size : x.shape[axis]!;
  if (!Number.isInteger(k) || k < 0 || k > n)
    throw failure(
      'value',
      `topk: k is ${k} for ${n} elements along ${flat ? 'all axes' : `axis ${axis}`} of ${showType(x.type)}`,
      `k is an integer from 0 to ${n}`,
    );
  const attrs: TopkAttrs = { axis, flat, descending: !(options?.smallest ?? false), k, returns };
  const results = callAll(choosing, [x], { attrs, key: Object.values(attrs).join() });
  return returns === 'both' ? [results[0]!, results[1]!] : results[0]!;
}
