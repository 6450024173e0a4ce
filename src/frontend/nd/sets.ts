/**
 * Arrays as sets: distinct elements, membership, unions and differences.
 *
 * Invariant: results ascend, NaN is one element and comes last; how many there are depends on values: their number is an
 * option (`size`), or is read first and the result is a promise.
 */
import { bring } from '../../codegen/families.ts';
import { prefixSchedules } from '../../codegen/running/prefix-schedules.ts';
import { isFloat, promote } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { arrange, inverseOf } from '../../ir/graph/ops/order.ts';
import { runAlong } from '../../ir/graph/ops/prefix.ts';
import { before } from '../../ir/graph/ops/prefix-parts.ts';
import { searchSorted } from '../../ir/graph/ops/search.ts';
import { take as takeOp } from '../../ir/graph/ops/take.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { readOne, sizeOption } from './by-value.ts';
import { concat } from './concat.ts';
import { checkFits } from './filled.ts';
import { compress } from './positions.ts';
import { ravel } from './shape.ts';
import { orderOf, sorted } from './sorting.ts';

const ALONG = { axis: 0, backward: false };

/** The elements in order, where each stands, and where a new one begins. */
const runsOf = (
  b: GraphBuilder,
  x: Node,
): { readonly order: Node; readonly values: Node; readonly isNew: Node } => {
  const flat = b.reshape(x, [x.type.size]);
  const order = orderOf(b, flat, 0);
  const values = b.emit(arrange, [flat, order], { axis: 0 });
  const key = values.type.dtype === 'bool' ? b.cast(values, 'uint8') : values;
  const previous = before(b, key, ALONG, 0);
  const at = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: flat.type.shape });
  const differs = b.op('ne', key, previous);
  const isOther = isFloat(key.type.dtype)
    ? b.op('and', differs, b.op('not', b.op('and', b.op('isnan', key), b.op('isnan', previous))))
    : differs;
  return { order, values, isNew: b.op('or', isOther, b.op('eq', at, b.lit(0, at))) };
};

const counting: Fragment = fragment('unique', (b, [x]) =>
  x!.type.size === 0 ? b.full(0, 'int32', []) : b.sum(b.cast(runsOf(b, x!).isNew, 'int32'), [0]),
);

interface Attrs {
  readonly size: number;
  readonly fill: number | undefined;
}

/** Values, positions of their first occurrences, places of all elements among them, and counts. */
const distinct: Fragment<Attrs> = fragment<Attrs>('unique', (b, [x], { size, fill }) => {
  bring({ prefix: prefixSchedules });
  const { dtype, shape } = x!.type;
  const n = x!.type.size;
  if (n === 0) {
    const none = b.full(0, 'int32', [size]);
    return [b.full(fill ?? 0, dtype, [size]), none, b.full(0, 'int32', shape), none];
  }
  const { order, values, isNew } = runsOf(b, x!);
  const numbers = runAlong(b, 'add', [b.cast(isNew, 'int32')], ALONG);
  const wanted = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [size + 1] });
  // where the k-th run begins: at n if there is none
  const starts = b.emit(searchSorted, [numbers, b.op('add', wanted, b.lit(1, wanted))], {
    right: false,
  });
  const from = b.slice(starts, [0], [size], [1]);
  const to = b.slice(starts, [1], [size + 1], [1]);
  const exists = b.op('lt', from, b.lit(n, from));
  const at = b.op('select', exists, from, b.lit(0, from));
  const found = b.emit(takeOp, [values, at], { axis: 0 });
  const filled = fill === undefined ? found : b.op('select', exists, found, b.lit(fill, found));
  const first = b.emit(takeOp, [order, at], { axis: 0 });
  const own = b.op('sub', numbers, b.lit(1, numbers));
  const places = b.emit(arrange, [own, inverseOf(b, order, 0)], { axis: 0 });
  return [filled, first, b.reshape(places, shape), b.op('sub', to, from)];
});

export interface UniqueOptions {
  /** How many elements there is room for: then the call can be traced. */
  readonly size?: number;
  /** What stands where there are fewer. Default: the least element. */
  readonly fillValue?: number;
}

/** What {@link uniqueAll} finds. */
export interface Unique {
  /** The distinct elements, ascending. */
  readonly values: NDArray;
  /** Where each occurs first among the elements in row-major order, int32. */
  readonly indices: NDArray;
  /** For each element of `x`, in its shape, its position in `values`, int32. */
  readonly inverse: NDArray;
  /** How often each occurs, int32 (0 where `size` leaves room). */
  readonly counts: NDArray;
}

const uniqueIn = <T>(
  name: string,
  x: NDArray,
  options: UniqueOptions | undefined,
  finish: (found: Unique) => T,
): T | Promise<T> => {
  checkArray(name, x);
  const size = sizeOption(name, options, ['size', 'fillValue']);
  const fill = options?.fillValue;
  if (fill !== undefined) checkFits(`${name}: fillValue`, fill, x.dtype);
  const at = (count: number): T => {
    const attrs = { size: count, fill };
    const all = callAll(distinct, [x], { attrs, key: `${count}/${attrs.fill}` });
    return finish({ values: all[0]!, indices: all[1]!, inverse: all[2]!, counts: all[3]! });
  };
  if (size !== undefined) return at(size);
  const help = 'pass { size } for a fixed number of elements';
  return readOne(name, call(counting, [x], { attrs: {}, key: '' }), help).then(at);
};

type Sized = UniqueOptions & { readonly size: number };

const onlyValues = ({ values, indices, inverse, counts }: Unique): NDArray => {
  for (const unused of [indices, inverse, counts]) unused.dispose();
  return values;
};

/**
 * The distinct elements of `x` (any shape), ascending: [found], of the same dtype, any one; NaN is one element. A
 * promise, as their number depends on values; with `size` that many at once, the least element or `fillValue` where
 * there are fewer.
 *
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for a `fillValue` that the dtype does not hold
 *
 * @example
 * await nd.unique(nd.array([3, 1, 3, 2]));   // [1, 2, 3]
 * nd.unique(nd.array([3, 1, 3, 2]), { size: 4 });   // [1, 2, 3, 1]
 */
export function unique(x: NDArray, options: Sized): NDArray;
export function unique(x: NDArray, options?: UniqueOptions): Promise<NDArray>;
export function unique(x: NDArray, options?: UniqueOptions): NDArray | Promise<NDArray> {
  return uniqueIn('unique', x, options, onlyValues);
}

/**
 * The distinct elements of `x` (any shape and dtype), ascending, where each occurs first, how often, and which of them
 * each element of `x` is: `values`, of the same dtype, `indices` and `counts` [found], `inverse` in the shape of `x`,
 * all int32. A promise; with `size` at once, as {@link unique}.
 *
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for a `fillValue` that the dtype does not hold
 *
 * @example
 * const { values, inverse, counts } = await nd.uniqueAll(nd.array([3, 1, 3, 2]));
 * inverse;   // [2, 0, 2, 1]
 * counts;   // [1, 1, 2]
 */
export function uniqueAll(x: NDArray, options: Sized): Unique;
export function uniqueAll(x: NDArray, options?: UniqueOptions): Promise<Unique>;
export function uniqueAll(x: NDArray, options?: UniqueOptions): Unique | Promise<Unique> {
  return uniqueIn('uniqueAll', x, options, (found) => found);
}

const membership: Fragment<{ readonly invert: boolean }> = fragment<{ readonly invert: boolean }>(
  'isIn',
  (b, [x, set], { invert }) => {
    const common = promote(x!.type.dtype, set!.type.dtype);
    const dtype = common === 'bool' ? 'int32' : common;
    const value = b.cast(x!, dtype);
    const n = set!.type.size;
    if (n === 0) return b.full(invert ? 1 : 0, 'bool', value.type.shape);
    const members = sorted(b, b.cast(b.reshape(set!, [n]), dtype), 0);
    const place = b.emit(searchSorted, [members, value], { right: false });
    // past the end, the last one is looked at: it is less
    const near = b.emit(takeOp, [members, place], { axis: 0 });
    return b.op(invert ? 'ne' : 'eq', near, value);
  },
);

/**
 * Whether each element of `x` is one of `elements` (any shape; NaN is none): bool, in the shape of `x`. Compared in the
 * dtype that both promote to.
 *
 * @throws {ValueError} if one is no array
 *
 * @example nd.isIn(nd.array([1, 2, 3]), nd.array([2, 5]));   // [false, true, false]
 */
export const isIn = (
  x: NDArray,
  elements: NDArray,
  options?: {
    /** Whether it is none of them. Default false. */
    readonly invert?: boolean;
  },
): NDArray => {
  checkOptions('isIn', options, ['invert']);
  const invert = options?.invert ?? false;
  return call(membership, [x, elements], { attrs: { invert }, key: `${invert}` });
};

/** The distinct elements of `x`, in the name of whoever asks. */
const distinctOf = (name: string, x: NDArray): Promise<NDArray> =>
  Promise.resolve(uniqueIn(name, x, undefined, onlyValues));
/** Those of them that are in `y`, or that are not. */
const membersOf = (name: string, x: NDArray, y: NDArray, invert: boolean): Promise<NDArray> => {
  for (const one of [x, y]) checkArray(name, one);
  return distinctOf(name, x).then((values) => compress(values, isIn(values, y, { invert })));
};

/**
 * The distinct elements that are in both (any shapes), ascending: [found], in the dtype of `x`.
 *
 * @throws {TraceError} while tracing: their number depends on values
 *
 * @example await nd.intersect1d(nd.array([1, 2, 3]), nd.array([3, 2, 5]));   // [2, 3]
 */
export const intersect1d = (x: NDArray, y: NDArray): Promise<NDArray> =>
  membersOf('intersect1d', x, y, false);

/**
 * The distinct elements of `x` that are not in `y` (any shapes), ascending: [found], in the dtype of `x`.
 *
 * @throws {TraceError} while tracing: their number depends on values
 *
 * @example await nd.setDiff1d(nd.array([1, 2, 3]), nd.array([3, 2, 5]));   // [1]
 */
export const setDiff1d = (x: NDArray, y: NDArray): Promise<NDArray> =>
  membersOf('setDiff1d', x, y, true);

/**
 * The distinct elements that are in one of the two at least (any shapes), ascending: [found], in the dtype that both
 * promote to.
 *
 * @throws {TraceError} while tracing: their number depends on values
 *
 * @example await nd.union1d(nd.array([1, 2]), nd.array([3, 2]));   // [1, 2, 3]
 */
export const union1d = (x: NDArray, y: NDArray): Promise<NDArray> => {
  for (const one of [x, y]) checkArray('union1d', one);
  return distinctOf('union1d', concat([ravel(x), ravel(y)]));
};

/**
 * The distinct elements that are in one of the two only (any shapes), ascending: [found], in the dtype that both
 * promote to.
 *
 * @throws {TraceError} while tracing: their number depends on values
 *
 * @example await nd.setXor1d(nd.array([1, 2]), nd.array([3, 2]));   // [1, 3]
 */
export const setXor1d = (x: NDArray, y: NDArray): Promise<NDArray> => {
  const [a, c] = [membersOf('setXor1d', x, y, true), membersOf('setXor1d', y, x, true)];
  return Promise.all([a, c]).then((both) => distinctOf('setXor1d', concat(both)));
};
