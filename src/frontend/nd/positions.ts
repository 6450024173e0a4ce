/**
 * Where an array is not zero: how many such places there are depends on its values.
 *
 * Invariant: places come in row-major order. With `size` the result has that many rows, whatever the values (what is
 * missing is filled up), so the call can be traced; without it the number is read first, and the result is a promise.
 */
import { bring } from '../../codegen/families.ts';
import { prefixSchedules } from '../../codegen/running/prefix-schedules.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { runAlong } from '../../ir/graph/ops/prefix.ts';
import { searchSorted } from '../../ir/graph/ops/search.ts';
import { showType, stridesOf } from '../../ir/type.ts';
import { call, callAll, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { lt } from './arithmetic.ts';
import { axisOf } from './axes.ts';
import { readOne, sizeOption } from './by-value.ts';
import { full } from './creation.ts';
import { checkFits } from './filled.ts';
import { take, where } from './indexing.ts';
import { reshape } from './shape.ts';

/** Of `marks` (bool, one axis): how many there are, and the places of the first `size`, past the end where there are fewer. */
export const placesOf = (
  b: GraphBuilder,
  marks: Node,
  size: number,
): { readonly places: Node; readonly found: Node } => {
  bring({ prefix: prefixSchedules });
  const n = marks.type.size;
  const wanted = b.emit(iota, [], { axis: 0, dtype: 'int32', shape: [size] });
  if (n === 0) return { places: b.lit(0, wanted), found: b.full(0, 'bool', [size]) };
  const counts = runAlong(b, 'add', [b.cast(marks, 'int32')], { axis: 0, backward: false });
  const places = b.emit(searchSorted, [counts, b.op('add', wanted, b.lit(1, wanted))], {
    right: false,
  });
  return { places, found: b.op('lt', places, b.lit(n, places)) };
};

const counting: Fragment = fragment('nonzero', (b, [x]) =>
  b.sum(b.cast(b.cast(b.reshape(x!, [x!.type.size]), 'bool'), 'int32'), [0]),
);

interface Attrs {
  readonly size: number;
  readonly fill: number;
}
const placing: Fragment<Attrs> = fragment<Attrs>('nonzero', (b, [x], { size, fill }) => {
  const { places, found } = placesOf(b, b.cast(b.reshape(x!, [x!.type.size]), 'bool'), size);
  const { shape } = x!.type;
  const strides = stridesOf(shape);
  return shape.map((d, axis) => {
    const above = b.op('floordiv', places, b.lit(strides[axis]!, places));
    const at = axis === 0 ? above : b.op('mod', above, b.lit(d, above));
    return b.op('select', found, at, b.lit(fill, at));
  });
});

const HELP = 'pass { size } for a fixed number of places';

const nonzeroIn = <T>(
  name: string,
  x: NDArray,
  options: NonzeroOptions | undefined,
  finish: (places: readonly NDArray[]) => T,
): T | Promise<T> => {
  checkArray(name, x);
  const size = sizeOption(name, options, ['size', 'fillValue']);
  checkFits(`${name}: fillValue`, options?.fillValue ?? 0, 'int32');
  const given = x.ndim === 0 ? reshape(x, [1]) : x;
  const at = (count: number): T => {
    const attrs = { size: count, fill: options?.fillValue ?? 0 };
    return finish(callAll(placing, [given], { attrs, key: `${count}/${attrs.fill}` }));
  };
  if (size !== undefined) return at(size);
  return readOne(name, call(counting, [given], { attrs: {}, key: '' }), HELP).then(at);
};

export interface NonzeroOptions {
  /** How many places there are room for: then the call can be traced. */
  readonly size?: number;
  /** What stands where there are fewer. Default 0. */
  readonly fillValue?: number;
}
type Sized = NonzeroOptions & { readonly size: number };

/**
 * Where `x` (any shape and dtype) is not zero: one array of positions, int32 [found], for each axis; NaN is not zero. A
 * promise, as their number depends on values; with `size` that many at once, `fillValue` where there are fewer.
 *
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0 and `fillValue` an int32
 *
 * @example
 * const x = nd.array([[3, 0], [0, 4]]);
 * const [rows, columns] = await nd.nonzero(x);
 * rows;   // [0, 1]
 * columns;   // [0, 1]
 */
export function nonzero(x: NDArray, options: Sized): NDArray[];
export function nonzero(x: NDArray, options?: NonzeroOptions): Promise<NDArray[]>;
export function nonzero(x: NDArray, options?: NonzeroOptions): NDArray[] | Promise<NDArray[]> {
  return nonzeroIn('nonzero', x, options, (places) => [...places]);
}

/**
 * Where the elements of `x` (any shape and dtype) in row-major order are not zero: int32 [found]. A promise, as their
 * number depends on values; with `size` that many at once, `fillValue` where there are fewer.
 *
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0 and `fillValue` an int32
 *
 * @example
 * await nd.flatNonzero(nd.array([0, 7, 0, 2]));   // [1, 3]
 * nd.flatNonzero(nd.array([0, 7, 0, 2]), { size: 3, fillValue: -1 });   // [1, 3, -1]
 */
export function flatNonzero(x: NDArray, options: Sized): NDArray;
export function flatNonzero(x: NDArray, options?: NonzeroOptions): Promise<NDArray>;
export function flatNonzero(x: NDArray, options?: NonzeroOptions): NDArray | Promise<NDArray> {
  checkArray('flatNonzero', x);
  return nonzeroIn('flatNonzero', reshape(x, [x.size]), options, (places) => places[0]!);
}

const columns: Fragment = fragment('argwhere', (b, places) =>
  places.length === 1 ? b.reshape(places[0]!, [places[0]!.type.size, 1]) : joined(b, places),
);
const joined = (b: GraphBuilder, places: readonly Node[]): Node => {
  const shape = [places[0]!.type.size, places.length];
  const column = b.emit(iota, [], { axis: 1, dtype: 'int32', shape });
  return places
    .map((p) => b.broadcast(p, shape, [0]))
    .reduce((rest, p, i) => b.op('select', b.op('eq', column, b.lit(i, column)), p, rest));
};

/**
 * Where `x` (any shape and dtype) is not zero: one row of positions for each place, int32 [found, axes]. A promise, as
 * their number depends on values; with `size` that many at once, `fillValue` where there are fewer.
 *
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0 and `fillValue` an int32
 *
 * @example await nd.argwhere(nd.array([[0, 1], [1, 0]]));   // [[0, 1], [1, 0]]
 */
export function argwhere(x: NDArray, options: Sized): NDArray;
export function argwhere(x: NDArray, options?: NonzeroOptions): Promise<NDArray>;
export function argwhere(x: NDArray, options?: NonzeroOptions): NDArray | Promise<NDArray> {
  return nonzeroIn('argwhere', x, options, (places) =>
    call(columns, places, { attrs: {}, key: '' }),
  );
}

export interface CompressOptions extends NonzeroOptions {
  /** Along which axis. Default 0. */
  readonly axis?: number;
}

/** What was found of `x` at `places`, and `fill` for the places past the end. */
const foundAt = (x: NDArray, places: NDArray, axis: number, fill: number): NDArray => {
  const { dtype, device } = x;
  if (x.shape[axis] === 0) return full(x.shape.with(axis, places.size), fill, { dtype, device });
  const line = x.shape.map((_, i) => (i === axis ? places.size : 1));
  const found = reshape(lt(places, x.shape[axis]!), line);
  return where(found, take(x, places, { axis }), fill);
};

/** What `compress` gives, in the name of whoever calls it. */
export const selected = (
  name: string,
  x: NDArray,
  mask: NDArray,
  options: CompressOptions | undefined,
): NDArray | Promise<NDArray> => {
  checkArray(name, x);
  checkArray(name, mask);
  const size = sizeOption(name, options, ['axis', 'size', 'fillValue']);
  const axis = axisOf(name, options?.axis ?? 0, x.ndim);
  checkFits(`${name}: fillValue`, options?.fillValue ?? 0, x.dtype);
  const { size: length } = mask;
  if (mask.ndim !== 1 || length !== x.shape[axis])
    throw failure(
      'shape',
      `${name}: the mask ${showType(mask.type)} does not fit axis ${axis} of ${showType(x.type)}`,
      'a mask has one element for each part along the axis',
    );
  return size === undefined
    ? nonzeroIn(name, mask, undefined, ([places]) => take(x, places!, { axis }))
    : foundAt(x, flatNonzero(mask, { size, fillValue: length }), axis, options?.fillValue ?? 0);
};

/**
 * The parts of `x` along `axis` (default 0) where `mask` (one axis, as long, any dtype) is not zero, in order: a
 * promise, as their number depends on values; with `size` that many parts at once, with gradients, and `fillValue`
 * where there are fewer. What a promise gives is not recorded. Any dtype of `x`, which stays.
 *
 * @throws {ShapeError} for a mask of another shape, and an axis out of range
 * @throws {TraceError} without `size` while tracing
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for a `fillValue` that the dtype of `x` does not hold
 *
 * @example
 * const [x, mask] = [nd.array([[1, 2], [3, 4], [5, 6]]), nd.array([1, 0, 1])];
 * await nd.compress(x, mask);   // [[1, 2], [5, 6]]
 * nd.compress(x, mask, { size: 3 });   // [[1, 2], [5, 6], [0, 0]]
 */
export function compress(
  x: NDArray,
  mask: NDArray,
  options: CompressOptions & { readonly size: number },
): NDArray;
export function compress(x: NDArray, mask: NDArray, options?: CompressOptions): Promise<NDArray>;
export function compress(
  x: NDArray,
  mask: NDArray,
  options?: CompressOptions,
): NDArray | Promise<NDArray> {
  return selected('compress', x, mask, options);
}
