/**
 * Tensor types: dtype and static shape, interned so that equality is identity and caches can key on `id`.
 *
 * Invariant: two `TensorType`s with equal dtype and shape are the same object; shapes hold integers >= 0.
 */
import { bytesOf, type DType, shortName } from './dtype.ts';
import { TigonError } from './errors.ts';

export type Shape = readonly number[];

export interface TensorType {
  /** Small dense integer, unique for (dtype, shape) in this process: what eager caches key on. */
  readonly id: number;
  readonly dtype: DType;
  readonly shape: Shape;
  /** Number of elements. */
  readonly size: number;
}

const interned = new Map<string, TensorType>();
let nextId = 1;

/**
 * The interned type of `dtype` and `shape`.
 *
 * @throws {DTypeError} for what is no dtype
 * @throws {ShapeError} unless sizes are integers ≥ 0
 *
 * @example ir.tensor('float32', [2, 3]) === ir.tensor('float32', [2, 3]);   // true
 */
export const tensor = (dtype: DType, shape: Shape): TensorType => {
  const key = `${dtype}:${shape.join(',')}`;
  let type = interned.get(key);
  if (type === undefined) {
    const short = shortName(dtype);
    if (!shape.every((d) => Number.isInteger(d) && d >= 0))
      throw new TigonError(
        'shape',
        `${short}[${shape.join(', ')}] is no type of arrays`,
        'sizes are integers ≥ 0',
      );
    type = Object.freeze({
      id: nextId++,
      dtype,
      shape: Object.freeze(shape.slice()),
      size: shape.reduce((n, d) => n * d, 1),
    });
    interned.set(key, type);
  }
  return type;
};

/**
 * Bytes of an array without gaps.
 *
 * @throws nothing
 *
 * @example ir.byteLength(ir.tensor('float32', [2, 3]));   // 24
 */
export const byteLength = (type: TensorType): number => type.size * bytesOf(type.dtype);

/**
 * `f32[2, 3]`, as in the text format and in messages.
 *
 * @throws nothing
 *
 * @example ir.showType(ir.tensor('float32', [2, 3]));   // 'f32[2, 3]'
 */
export const showType = (type: TensorType): string =>
  `${shortName(type.dtype)}[${type.shape.join(', ')}]`;

export const sameShape = (a: Shape, b: Shape): boolean =>
  a.length === b.length && a.every((d, i) => d === b[i]);

/** Row-major strides, in elements. */
export const stridesOf = (shape: Shape): number[] => {
  const strides = new Array<number>(shape.length);
  let step = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    strides[i] = step;
    step *= shape[i]!;
  }
  return strides;
};

/** Elements from the first to the last that a view reaches. */
export const spanOf = (shape: Shape, strides: readonly number[]): number =>
  shape.includes(0) ? 0 : 1 + shape.reduce((n, d, i) => n + (d - 1) * strides[i]!, 0);
