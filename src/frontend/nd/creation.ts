/**
 * Arrays out of JavaScript values, and constant arrays.
 *
 * Invariant: nested arrays must be rectangular; every value must fit the dtype, or the error names where it stands.
 */
import { DTYPES, type DType, isFloat, isNarrowFloat } from '../../ir/dtype.ts';
import { literal } from '../../ir/graph/ops/leaf.ts';
import { isExactIn } from '../../ir/rounding.ts';
import { type Shape, tensor } from '../../ir/type.ts';
import type { Device } from '../../runtime/device.ts';
import { failure } from '../callsite.ts';
import { defaultDevice } from '../default-device.ts';
import { mode } from '../mode.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkChoice, checkDevice, checkOptions, shown } from '../options.ts';
import { deviceAsked } from '../trace.ts';
import {
  type AnyTypedArray,
  checkFits,
  filled,
  hostBuffer,
  hostElement,
  upload,
} from './filled.ts';

/** Numbers or booleans in nested arrays of equal lengths. */
export type Nested = number | boolean | bigint | readonly Nested[];
/** What `nd.array` takes. */
export type ArrayLike = Nested | AnyTypedArray | Uint8ClampedArray;

export interface CreationOptions {
  /** Default: float32; what typed arrays hold; bool for booleans. */
  readonly dtype?: DType;
  /** Default: `device.default()`. */
  readonly device?: Device;
}
export interface ArrayOptions extends CreationOptions {
  /** Shape of flat values. Default: that of the nesting. */
  readonly shape?: Shape;
}

/** What to use for dtypes of other libraries. */
const NEAREST: Readonly<Record<string, DType>> = {
  float: 'float32',
  double: 'float64',
  byte: 'int8',
  short: 'int16',
  int: 'int32',
  long: 'int64',
  half: 'float16',
  boolean: 'bool',
};
/** Throws unless `dtype` is the name of one. */
export const checkDtype = (where: string, dtype: DType): DType => {
  const name: string = dtype;
  const instead = Object.hasOwn(NEAREST, name) ? NEAREST[name] : undefined;
  if (instead === undefined) return checkChoice(where, 'dtype', dtype, DTYPES);
  throw failure(
    'option',
    `${where}: dtype is "${dtype}"; allowed: ${DTYPES.map((d) => `"${d}"`).join(', ')}`,
    `use "${instead}"`,
  );
};

/** Throws unless `shape` is a list of integers ≥ 0. */
export const checkShape = (where: string, shape: Shape): Shape => {
  if (!Array.isArray(shape) || !shape.every((d) => Number.isInteger(d) && d >= 0))
    throw failure(
      'shape',
      `${where}: ${Array.isArray(shape) ? `[${(shape as unknown[]).map(shown).join(', ')}]` : shown(shape)} is not a shape`,
      'a shape is an array of integers ≥ 0, like [2, 3]',
    );
  return shape;
};

const deviceOf = (name: string, options: CreationOptions | undefined): Device => {
  const device = options?.device;
  checkDevice(name, device);
  return device === undefined ? (mode.trace?.device ?? defaultDevice()) : deviceAsked(device);
};

const CREATION = ['dtype', 'device'];

const shapeOfNested = (values: Nested): number[] => {
  const shape: number[] = [];
  for (let level: Nested = values; Array.isArray(level); level = level[0] ?? 0)
    shape.push(level.length);
  return shape;
};

const flatten = (
  name: string,
  values: Nested,
  shape: readonly number[],
): (number | boolean | bigint)[] => {
  const flat: (number | boolean | bigint)[] = [];
  const visit = (level: Nested, depth: number, path: string): void => {
    if (
      Array.isArray(level) !== depth < shape.length ||
      (Array.isArray(level) && level.length !== shape[depth])
    )
      throw failure(
        'shape',
        `${name}: ragged nesting: ${path === '' ? 'the outermost array' : `[${path}]`} is ${
          Array.isArray(level) ? `an array of ${level.length}` : 'a single value'
        }, expected ${depth < shape.length ? `an array of ${shape[depth]}` : 'a single value'}`,
        'all arrays at one depth must have the same length; pad the shorter ones',
      );
    if (Array.isArray(level))
      level.forEach((v, i) => {
        visit(v, depth + 1, path === '' ? `${i}` : `${path}, ${i}`);
      });
    else flat.push(level as number | boolean | bigint);
  };
  visit(values, 0, '');
  return flat;
};

const DTYPE_OF: Readonly<Record<string, DType>> = { boolean: 'bool', bigint: 'int64' };

/** Whether a typed array is what memory of a dtype holds. */
const holds = (values: unknown, dtype: DType): boolean =>
  !isNarrowFloat(dtype) &&
  dtype !== 'bool' &&
  (values as object).constructor === hostBuffer(dtype, 0).constructor;

const dtypeOfView = (values: ArrayBufferView): DType => {
  if (values instanceof Float64Array) return 'float32';
  if (values instanceof Uint8ClampedArray) return 'uint8';
  return DTYPES.find((d) => holds(values, d)) ?? 'float32';
};

/**
 * An array with the given values: a number, nested arrays, or a typed array. Shape: that of the nesting, or `shape`.
 *
 * Dtypes: float32 unless said otherwise; if the first value is a boolean bool, if it is a BigInt int64; typed arrays of
 * integers keep their type (clamped bytes: uint8). A Float64Array gives float32, as other numbers do: say
 * `{ dtype: 'float64' }` to keep its digits.
 *
 * @throws {ShapeError} for lists of different lengths at one depth, and when values do not fill `shape`
 * @throws {ValueError} for a value that is no number or that the dtype does not hold, and for an NDArray
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example
 * nd.array([[1, 2], [3, 4]]);                       // float32 [2, 2]
 * nd.array(new Uint8Array(784), { shape: [28, 28] });
 */
export const array = (values: ArrayLike | NDArray, options?: ArrayOptions): NDArray => {
  checkOptions('nd.array', options, ['dtype', 'device', 'shape']);
  return arrayFor('nd.array', values, options);
};

/** The same in the name of another function. */
export const arrayFor = (
  name: string,
  values: ArrayLike | NDArray,
  options?: ArrayOptions,
): NDArray => {
  if (isNDArray(values))
    throw failure(
      'value',
      `${name}: the values are an NDArray already`,
      'use x.copy() or x.astype(dtype)',
    );
  if (values instanceof DataView)
    throw failure(
      'value',
      `${name}: a DataView does not say what numbers it holds`,
      'pass a typed array: new Float32Array(view.buffer)',
    );
  const typed = ArrayBuffer.isView(values);
  const nested = typed ? [values.length] : shapeOfNested(values);
  const flat = typed ? values : flatten(name, values, nested);
  const dtype =
    options?.dtype ?? (typed ? dtypeOfView(values) : (DTYPE_OF[typeof flat[0]] ?? 'float32'));
  checkDtype(name, dtype);
  const shape = checkShape(name, options?.shape ?? nested);
  const type = tensor(dtype, shape);
  if (type.size !== flat.length)
    throw failure(
      'shape',
      `${name}: ${flat.length} values do not fill shape [${shape.join(', ')}] (${type.size})`,
    );
  const elements = elementsOf(name, flat, dtype);
  const device = deviceOf(name, options);
  const { trace } = mode;
  if (trace !== undefined && type.size <= 64 && !isNarrowFloat(dtype)) {
    const values = Array.from<number | bigint, number>(elements, Number);
    if (values.every((value) => isExactIn(dtype, value)))
      return trace.wrap(trace.builder.emit(literal, [], { values, dtype, shape: type.shape }));
  }
  return upload(type, elements, device, 'array');
};

type Flat = readonly (number | boolean | bigint)[] | Exclude<ArrayLike, Nested>;

const elementsOf = (name: string, flat: Flat, dtype: DType): AnyTypedArray => {
  if (ArrayBuffer.isView(flat) && holds(flat, dtype)) return flat as AnyTypedArray;
  const elements = hostBuffer(dtype, flat.length);
  for (let i = 0; i < flat.length; i++) {
    const raw: unknown = flat[i];
    const value = typeof raw === 'boolean' ? Number(raw) : raw;
    if (typeof value !== 'number' || !isFloat(dtype))
      checkFits(`${name}: value ${i}`, value, dtype);
    elements[i] = hostElement(dtype, value as number);
  }
  return elements;
};

/**
 * An array of this shape full of one number. float32 unless the options say otherwise.
 *
 * @throws {ShapeError} unless all sizes are integers ≥ 0
 * @throws {ValueError} unless `value` is a number that the dtype holds
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example nd.full([2, 2], 3);   // [[3, 3], [3, 3]]
 */
export const full = (shape: Shape, value: number, options?: CreationOptions): NDArray =>
  constant('nd.full', shape, value, options);

const constant = (
  name: string,
  shape: Shape,
  value: number,
  options: CreationOptions | undefined,
): NDArray => {
  checkShape(name, shape);
  checkOptions(name, options, CREATION);
  const dtype = checkDtype(name, options?.dtype ?? 'float32');
  checkFits(name, value, dtype);
  return filled(tensor(dtype, shape), value, deviceOf(name, options), name);
};
/**
 * An array of zeros of this shape. float32 unless the options say otherwise.
 *
 * @throws {ShapeError} unless all sizes are integers ≥ 0
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example nd.zeros([3], { dtype: 'int32' });   // [0, 0, 0]
 */
export const zeros = (shape: Shape, options?: CreationOptions): NDArray =>
  constant('nd.zeros', shape, 0, options);
/**
 * An array of ones of this shape. float32 unless the options say otherwise.
 *
 * @throws {ShapeError} unless all sizes are integers ≥ 0
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example nd.ones([2, 2]);   // [[1, 1], [1, 1]]
 */
export const ones = (shape: Shape, options?: CreationOptions): NDArray =>
  constant('nd.ones', shape, 1, options);

/**
 * Zeros with the shape, dtype and device of `x`.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example nd.zerosLike(nd.array([3, 4]));   // [0, 0]
 */
export const zerosLike = (x: NDArray): NDArray => like('nd.zerosLike', x, 0);
/**
 * Ones with the shape, dtype and device of `x`.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example nd.onesLike(nd.array([3, 4]));   // [1, 1]
 */
export const onesLike = (x: NDArray): NDArray => like('nd.onesLike', x, 1);
/**
 * One number with the shape, dtype and device of `x`.
 *
 * @throws {ValueError} unless `x` is an array, and `value` a number that its dtype holds
 *
 * @example nd.fullLike(nd.array([1, 2]), 7);   // [7, 7]
 */
export const fullLike = (x: NDArray, value: number): NDArray => like('nd.fullLike', x, value);

const like = (name: string, x: NDArray, value: number): NDArray => {
  if (!isNDArray(x))
    throw failure(
      'value',
      `${name}: ${shown(x)} is not an NDArray`,
      'nd.zeros(shape) takes a shape',
    );
  checkFits(name, value, x.dtype);
  return filled(x.type, value, x.device, name);
};

/**
 * `start, start + step, ...` before `stop`, along one axis; with one number, from 0 to it. int32 if `start` and `step` are
 * integers, else float32; `dtype` says otherwise.
 *
 * @throws {ValueError} unless all are finite numbers and `step` is not 0, and for a number that the dtype does not hold
 *
 * @example nd.arange(1, 7, 2);   // [1, 3, 5]
 */
export const arange = (
  start: number,
  stop?: number,
  step = 1,
  options?: CreationOptions,
): NDArray => {
  checkOptions('nd.arange', options, CREATION);
  const [from, to] = stop === undefined ? [0, start] : [start, stop];
  if (![from, to, step].every(Number.isFinite) || step === 0)
    throw failure(
      'value',
      `nd.arange: start ${shown(from)}, stop ${shown(to)}, step ${shown(step)}`,
      'pass finite numbers; the step must not be 0',
    );
  const whole = Number.isInteger(from) && Number.isInteger(step);
  const count = Math.max(0, Math.ceil((to - from) / step));
  return arrayFor(
    'nd.arange',
    Array.from({ length: count }, (_, i) => from + i * step),
    { dtype: whole ? 'int32' : 'float32', ...options, shape: [count] },
  );
};

/**
 * `count` numbers from `start` to `stop`, both included, evenly spaced, along one axis. float32 unless the options say
 * otherwise.
 *
 * @throws {ValueError} unless both ends are finite and `count` an integer ≥ 0, and for a number that the dtype does not hold
 *
 * @example nd.linspace(0, 1, 5);   // [0, 0.25, 0.5, 0.75, 1]
 */
export const linspace = (
  start: number,
  stop: number,
  count: number,
  options?: CreationOptions,
): NDArray => {
  checkOptions('nd.linspace', options, CREATION);
  if (![start, stop].every(Number.isFinite) || !Number.isInteger(count) || count < 0)
    throw failure(
      'value',
      `nd.linspace: start ${shown(start)}, stop ${shown(stop)}, count ${shown(count)}`,
      'pass two finite numbers and how many numbers to make, an integer ≥ 0',
    );
  const step = count > 1 ? (stop - start) / (count - 1) : 0;
  return arrayFor(
    'nd.linspace',
    Array.from({ length: count }, (_, i) =>
      i === count - 1 && count > 1 ? stop : start + i * step,
    ),
    { dtype: 'float32', ...options, shape: [count] },
  );
};

/**
 * The identity matrix: `rows` × `columns` (default: square) with ones on the diagonal. float32 unless the options say
 * otherwise.
 *
 * @throws {ShapeError} unless `rows` and `columns` are integers ≥ 0
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example nd.eye(2);   // [[1, 0], [0, 1]]
 */
export const eye = (rows: number, columns: number = rows, options?: CreationOptions): NDArray =>
  eyeFor('nd.eye', rows, columns, options);

/** The same in the name of another function. */
export const eyeFor = (
  name: string,
  rows: number,
  columns: number,
  options: CreationOptions | undefined,
): NDArray => {
  checkOptions(name, options, CREATION);
  const dtype = checkDtype(name, options?.dtype ?? 'float32');
  checkShape(name, [rows, columns]);
  const values = new Array<number>(rows * columns).fill(0);
  for (let i = 0; i < Math.min(rows, columns); i++) values[i * columns + i] = 1;
  return arrayFor(name, values, { ...options, dtype, shape: [rows, columns] });
};
