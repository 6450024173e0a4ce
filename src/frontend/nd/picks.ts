/**
 * Elements along one axis at positions that an array holds.
 *
 * Invariant: positions are clamped to the axis: values are not known when a program is compiled.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import { iota } from '../../ir/graph/ops/leaf.ts';
import { takeAlong as takeAlongOp, take as takeOp } from '../../ir/graph/ops/take.ts';
import { showType } from '../../ir/type.ts';
import { call, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { axisOf } from './axes.ts';
import { checkDtype } from './creation.ts';
import { checkFits } from './filled.ts';

const whole = (name: string, idx: Node, b: GraphBuilder): Node => {
  if (!isFloat(idx.type.dtype) && idx.type.dtype !== 'bool') return b.cast(idx, 'int32');
  throw new TigonError(
    'dtype',
    `${name}: indices must be integers, not ${showType(idx.type)}`,
    "convert them: idx.astype('int32')",
  );
};

type AxisAttrs = { readonly axis: number };
const taking: Fragment<AxisAttrs> = fragment<AxisAttrs>('take', (b, [x, idx], attrs) =>
  b.emit(takeOp, [x!, whole('take', idx!, b)], attrs),
);
export interface TakeOptions {
  /** Default 0. */
  readonly axis?: number;
}
/**
 * Parts of `x` at the positions `idx` (any shape, integers, clamped) along an axis (default 0): that axis becomes the
 * axes of `idx`. Any dtype of `x`, which stays.
 *
 * @throws {DTypeError} for an `idx` that is not of integers
 * @throws {ShapeError} for an axis out of range or without elements
 *
 * @example nd.take(nd.array([[1, 2], [3, 4]]), nd.array([1, 1], { dtype: 'int32' }));   // [[3, 4], [3, 4]]
 */
export const take = (x: NDArray, idx: NDArray, options?: TakeOptions): NDArray => {
  checkArray('take', x);
  checkOptions('take', options, ['axis']);
  const axis = axisOf('take', options?.axis ?? 0, x.ndim);
  return call(taking, [x, idx], { attrs: { axis }, key: `${axis}` });
};

const gathering: Fragment<AxisAttrs> = fragment<AxisAttrs>('gather', (b, [x, idx], attrs) =>
  b.emit(takeAlongOp, [x!, whole('gather', idx!, b)], attrs),
);
/**
 * `result[.., i, ..] = x[.., idx[.., i, ..], ..]` along an axis (default: the last): `idx`, of integers, clamped, has
 * the shape of `x` but for that axis, and the result has the shape of `idx`. Any dtype of `x`, which stays.
 *
 * @throws {DTypeError} for an `idx` that is not of integers
 * @throws {ShapeError} for an `idx` of another shape, and an axis out of range or without elements
 *
 * @example nd.gather(nd.array([[1, 2], [3, 4]]), nd.array([[1], [0]], { dtype: 'int32' }), { axis: 1 });   // [[2], [3]]
 */
export const gather = (x: NDArray, idx: NDArray, options?: TakeOptions): NDArray => {
  checkArray('gather', x);
  checkOptions('gather', options, ['axis']);
  const axis = axisOf('gather', options?.axis ?? -1, x.ndim);
  return call(gathering, [x, idx], { attrs: { axis }, key: `${axis}` });
};

interface PickAttrs extends AxisAttrs {
  readonly keep: boolean;
}
const picking: Fragment<PickAttrs> = fragment<PickAttrs>('pick', (b, [x, idx], { axis, keep }) => {
  const { shape } = x!.type;
  const rest = shape.filter((_, i) => i !== axis);
  const one = shape.map((d, i) => (i === axis ? 1 : d));
  const given = idx!.type.shape.filter(
    (_, i) => i !== axis || idx!.type.shape.length !== shape.length,
  );
  if (given.length !== rest.length || given.some((d, i) => d !== rest[i]))
    throw new TigonError(
      'shape',
      `pick: indices ${showType(idx!.type)} do not fit ${showType(x!.type)} without axis ${axis}`,
      `they must have shape [${rest.join(', ')}]`,
    );
  const position = b.reshape(whole('pick', idx!, b), one);
  const found = b.emit(takeAlongOp, [x!, position], { axis });
  return keep ? found : b.reshape(found, rest);
});
export interface PickOptions {
  /** Default: the last. */
  readonly axis?: number;
  readonly keepDims?: boolean;
}
/**
 * One element along an axis (default: the last) for every other position: `result[i] = x[i, idx[i]]`. `idx`, of
 * integers, clamped, has the shape of `x` without the axis, or with 1 there. Any dtype of `x`, which stays.
 *
 * @throws {DTypeError} for an `idx` that is not of integers
 * @throws {ShapeError} for an `idx` of another shape, and an axis out of range or without elements
 *
 * @example nd.pick(nd.array([[1, 2], [3, 4]]), nd.array([1, 0], { dtype: 'int32' }));   // [2, 3]
 */
export const pick = (x: NDArray, idx: NDArray, options?: PickOptions): NDArray => {
  checkArray('pick', x);
  checkOptions('pick', options, ['axis', 'keepDims']);
  const axis = axisOf('pick', options?.axis ?? -1, x.ndim);
  const keep = options?.keepDims ?? false;
  return call(picking, [x, idx], { attrs: { axis, keep }, key: `${axis}${keep}` });
};

interface OneHotAttrs {
  readonly depth: number;
  readonly on: number;
  readonly off: number;
  readonly dtype: DType;
}
const marking: Fragment<OneHotAttrs> = fragment<OneHotAttrs>('oneHot', (b, [idx], attrs) => {
  const shape = [...idx!.type.shape, attrs.depth];
  const axis = shape.length - 1;
  const column = b.emit(iota, [], { axis, dtype: 'int32', shape });
  const position = b.broadcastTo(
    b.reshape(whole('oneHot', idx!, b), [...idx!.type.shape, 1]),
    shape,
  );
  return b.op(
    'select',
    b.op('eq', position, column),
    b.full(attrs.on, attrs.dtype, shape),
    b.full(attrs.off, attrs.dtype, shape),
  );
});
export interface OneHotOptions {
  /** Default 1. */
  readonly on?: number;
  /** Default 0. */
  readonly off?: number;
  /** Default float32. */
  readonly dtype?: DType;
}
/**
 * A new last axis of `depth` that holds `on` at the position of the index and `off` elsewhere (everywhere, if outside):
 * `idx` [...], of integers, gives [..., depth]. float32 unless `dtype` says otherwise.
 *
 * @throws {DTypeError} for an `idx` that is not of integers
 * @throws {ValueError} unless `depth` is an integer ≥ 1, and for an `on` or `off` that the dtype does not hold
 *
 * @example nd.oneHot(nd.array([2, 0], { dtype: 'int32' }), 3);   // [[0, 0, 1], [1, 0, 0]]
 */
export const oneHot = (idx: NDArray, depth: number, options?: OneHotOptions): NDArray => {
  checkOptions('oneHot', options, ['on', 'off', 'dtype']);
  if (!Number.isInteger(depth) || depth < 1)
    throw failure('value', `oneHot: depth ${depth} must be a positive integer`);
  const dtype = checkDtype('oneHot', options?.dtype ?? 'float32');
  const attrs = { depth, on: options?.on ?? 1, off: options?.off ?? 0, dtype };
  checkFits('oneHot: on', attrs.on, dtype);
  checkFits('oneHot: off', attrs.off, dtype);
  return call(marking, [idx], { attrs, key: `${depth}/${attrs.on}/${attrs.off}/${dtype}` });
};
