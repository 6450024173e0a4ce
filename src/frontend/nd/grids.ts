/**
 * Arrays of positions and of given shapes of curves: grids, indices of triangles, windows of signals, logarithmic steps.
 *
 * Invariant: values are made on the host in double precision and stored once.
 */
import { countedIn, isFloat } from '../../ir/dtype.ts';
import { type Shape, showType } from '../../ir/type.ts';
import { checkArray } from '../call.ts';
import { failure, inName } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkChoice, checkList, checkOptions, shown } from '../options.ts';
import { expectValues } from '../values.ts';
import { add, floorDiv, mod, mul } from './arithmetic.ts';
import { axisOf } from './axes.ts';
import { stack } from './concat.ts';
import {
  arange,
  array,
  arrayFor,
  type CreationOptions,
  checkDtype,
  checkShape,
  eyeFor,
} from './creation.ts';
import { astype, clip } from './math.ts';
import { broadcastTo, repeat, reshape } from './shape.ts';

const CREATION = ['dtype', 'device'];

/**
 * The identity matrix [size, size]. float32 unless the options say otherwise.
 *
 * @throws {ShapeError} unless `size` is an integer ≥ 0
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example
 * nd.identity(2);   // [[1, 0], [0, 1]]
 */
export const identity = (size: number, options?: CreationOptions): NDArray =>
  eyeFor('nd.identity', size, size, options);

export interface LogspaceOptions extends CreationOptions {
  /** Default 10. */
  readonly base?: number;
  /** Whether `base ** stop` is the last number. Default true. */
  readonly endpoint?: boolean;
}
/**
 * `count` powers of a base (default 10), whose exponents go evenly from `start` to `stop`: [count], float32 unless the
 * options say otherwise.
 *
 * @throws {ValueError} unless the exponents and the base are finite and `count` is an integer ≥ 0, and for a number that
 *   the dtype does not hold; for a negative base with exponents that are no integers
 *
 * @example
 * nd.logspace(0, 2, 3);   // [1, 10, 100]
 */
export const logspace = (
  start: number,
  stop: number,
  count = 50,
  options?: LogspaceOptions,
): NDArray => {
  checkOptions('nd.logspace', options, [...CREATION, 'base', 'endpoint']);
  const { base = 10, endpoint = true, ...rest } = options ?? {};
  if (![start, stop, base].every(Number.isFinite) || !Number.isInteger(count) || count < 0)
    throw failure(
      'value',
      `nd.logspace: start ${shown(start)}, stop ${shown(stop)}, count ${shown(count)}, base ${shown(base)}`,
      'pass two finite exponents and how many numbers to make, an integer ≥ 0',
    );
  const steps = endpoint ? count - 1 : count;
  const exponents = Array.from({ length: count }, (_, i) =>
    endpoint && i === steps && i > 0 ? stop : start + (i * (stop - start)) / (steps || 1),
  );
  const broken = exponents.find((e) => base < 0 && !Number.isInteger(e));
  if (broken !== undefined)
    throw failure(
      'value',
      `nd.logspace: ${base} to the power ${broken} is no number`,
      'pass a base ≥ 0, or exponents that are integers',
    );
  return arrayFor(
    'nd.logspace',
    exponents.map((e) => base ** e),
    { dtype: 'float32', ...rest, shape: [count] },
  );
};

const taper =
  (name: string, value: (turn: number) => number) =>
  (size: number, options?: CreationOptions): NDArray => {
    checkOptions(name, options, CREATION);
    if (!Number.isInteger(size) || size < 0)
      throw failure('value', `${name}: size is ${shown(size)}`, 'pass an integer ≥ 0');
    return arrayFor(
      name,
      Array.from({ length: size }, (_, i) =>
        size === 1 ? 1 : value((2 * Math.PI * i) / (size - 1)),
      ),
      { dtype: 'float32', ...options, shape: [size] },
    );
  };
type Taper = (size: number, options?: CreationOptions) => NDArray;
/**
 * The Hann window [size]: a raised cosine, 0 at both ends. float32 unless the options say otherwise.
 *
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for dtypes without fractions
 *
 * @example
 * nd.hanning(3);   // [0, 1, 0]
 */
export const hanning: Taper = taper('nd.hanning', (t) => 0.5 - 0.5 * Math.cos(t));
/**
 * The Hamming window [size]: a raised cosine, 0.08 at both ends. float32 unless the options say otherwise.
 *
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for dtypes without fractions
 *
 * @example
 * nd.hamming(3);   // [0.08, 1, 0.08]
 */
export const hamming: Taper = taper('nd.hamming', (t) => 0.54 - 0.46 * Math.cos(t));
/**
 * The Blackman window [size]: two cosines, 0 at both ends. float32 unless the options say otherwise.
 *
 * @throws {ValueError} unless `size` is an integer ≥ 0, and for dtypes without fractions
 *
 * @example
 * nd.blackman(5);   // [0, 0.34, 1, 0.34, 0]
 */
export const blackman: Taper = taper(
  'nd.blackman',
  (t) => 0.42 - 0.5 * Math.cos(t) + 0.08 * Math.cos(2 * t),
);

export interface MeshgridOptions {
  /** `xy` (default): the first vector runs along columns; `ij`: along rows. */
  readonly indexing?: 'xy' | 'ij';
  /** Keep axes of size 1, to be broadcast later. Default false. */
  readonly sparse?: boolean;
}
/**
 * The coordinates of a grid: one array for each vector, of the shape of all: [n, m, ...] for vectors [m], [n], ... (with
 * `ij` [m, n, ...]). Each keeps the dtype of its vector.
 *
 * @throws {ShapeError} for an array of more than one axis
 * @throws {ValueError} unless the vectors come in a list
 * @throws {OptionError} for another `indexing`
 *
 * @example
 * nd.meshgrid([nd.array([1, 2]), nd.array([3, 4])])[0];   // [[1, 2], [1, 2]]
 */
export const meshgrid = (vectors: readonly NDArray[], options?: MeshgridOptions): NDArray[] => {
  checkOptions('meshgrid', options, ['indexing', 'sparse']);
  const order = checkChoice('meshgrid', 'indexing', options?.indexing ?? 'xy', ['xy', 'ij']);
  checkList('meshgrid', 'the first argument', vectors, 'vectors go in one list: meshgrid([a, b])');
  for (const v of vectors) {
    checkArray('meshgrid', v);
    if (v.ndim > 1) throw failure('shape', `meshgrid: takes vectors, not ${showType(v.type)}`);
  }
  const rank = vectors.length;
  const axes = vectors.map((_, i) => (order === 'xy' && rank > 1 && i < 2 ? 1 - i : i));
  const shape = new Array<number>(rank);
  vectors.forEach((v, i) => {
    shape[axes[i]!] = v.size;
  });
  return vectors.map((v, i) => {
    const line = reshape(
      v,
      shape.map((_, k) => (k === axes[i] ? v.size : 1)),
    );
    return options?.sparse === true ? line : broadcastTo(line, shape);
  });
};

/**
 * The positions of a grid: `indices(shape)[k][p]` is the k-th coordinate of p: [axes, ...shape]. int32 unless said
 * otherwise.
 *
 * @throws {ShapeError} for a shape that is none, or has no axis
 * @throws {OptionError} for an unknown dtype, and a `device` that is none
 *
 * @example
 * nd.indices([2, 2]);   // [[[0, 0], [1, 1]], [[0, 1], [0, 1]]]
 */
export const indices = (shape: Shape, options?: CreationOptions): NDArray => {
  checkShape('nd.indices', shape);
  checkOptions('nd.indices', options, CREATION);
  checkDtype('nd.indices', options?.dtype ?? 'int32');
  if (shape.length === 0)
    throw failure('shape', 'nd.indices: [] has no axes', 'pass a shape with one axis at least');
  const lines = shape.map((d) => arange(0, d, 1, { dtype: 'int32', ...options }));
  return stack(meshgrid(lines, { indexing: 'ij' }));
};

const pairs = (
  name: string,
  rows: number,
  columns: number,
  offset: number,
  take: (row: number, column: number) => boolean,
): [NDArray, NDArray] => {
  checkShape(name, [rows, columns]);
  if (!Number.isInteger(offset))
    throw failure('value', `${name}: the diagonal is ${shown(offset)}`, 'pass an integer');
  const found: [number[], number[]] = [[], []];
  for (let i = 0; i < rows; i++)
    for (let j = 0; j < columns; j++)
      if (take(i, j)) {
        found[0].push(i);
        found[1].push(j);
      }
  const made = (at: number[]): NDArray => array(at, { dtype: 'int32', shape: [at.length] });
  return [made(found[0]), made(found[1])];
};
/**
 * Rows and columns of the elements on and below a diagonal: a key for {@link at} and `set`. Two arrays [k], int32.
 *
 * @throws {ShapeError} unless `rows` and `columns` are integers ≥ 0
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.trilIndices(2)[0];   // [0, 1, 1]
 */
export const trilIndices = (rows: number, offset = 0, columns: number = rows): [NDArray, NDArray] =>
  pairs('nd.trilIndices', rows, columns, offset, (i, j) => j <= i + offset);
/**
 * Rows and columns of the elements on and above a diagonal. Two arrays [k], int32.
 *
 * @throws {ShapeError} unless `rows` and `columns` are integers ≥ 0
 * @throws {ValueError} unless `offset` is an integer
 *
 * @example
 * nd.triuIndices(2)[1];   // [0, 1, 1]
 */
export const triuIndices = (rows: number, offset = 0, columns: number = rows): [NDArray, NDArray] =>
  pairs('nd.triuIndices', rows, columns, offset, (i, j) => j >= i + offset);
/**
 * The positions (i, i, …) of the diagonal of an array of `rank` axes of `size`: `rank` arrays [size], int32.
 *
 * @throws {ValueError} unless `size` and `rank` are integers ≥ 0
 *
 * @example
 * nd.diagIndices(3)[0];   // [0, 1, 2]
 */
export const diagIndices = (size: number, rank = 2): NDArray[] => {
  for (const [name, value] of Object.entries({ size, rank }))
    if (!Number.isInteger(value) || value < 0)
      throw failure('value', `nd.diagIndices: ${name} is ${shown(value)}`, 'pass an integer ≥ 0');
  return Array.from({ length: rank }, () => arange(size));
};

const stridesIn = (shape: Shape): number[] =>
  shape.map((_, i) => shape.slice(i + 1).reduce((n, d) => n * d, 1));

/**
 * Positions in the flattened array as one array of positions for each axis, of the shape of `idx`. Dtypes: floats and
 * integers of 32 and 64 bits stay, others give int32. Out of range: an error where the values can be seen, else wrapped
 * around.
 *
 * @throws {ShapeError} for a shape that is none
 * @throws {ValueError} for a position out of range or between two integers, where it can be seen
 *
 * @example
 * nd.unravelIndex(nd.array([5, 2], { dtype: 'int32' }), [2, 3])[1];   // [2, 2]
 */
export const unravelIndex = (idx: NDArray, shape: Shape): NDArray[] => {
  checkArray('unravelIndex', idx);
  checkShape('unravelIndex', shape);
  const size = shape.reduce((n, d) => n * d, 1);
  expectWithin('unravelIndex', idx, size);
  const strides = stridesIn(shape);
  const at = wide(idx);
  return shape.map((d, i) => mod(floorDiv(at, strides[i]!), d));
};

const expectWithin = (name: string, idx: NDArray, size: number): void =>
  expectValues(
    idx,
    (values) => values.findIndex((v) => !(v >= 0 && v < size && Number.isInteger(v))),
    (value, position, x, asked) =>
      failure(
        'value',
        `${name}: position ${value} at [${position.join(', ')}] of ${showType(x.type)} is ${
          value >= 0 && value < size ? 'not an integer' : 'out of range'
        }${asked}`,
        `allowed: integers from 0 to ${size - 1}`,
      ),
  );

/** Positions in what holds those of all axes: narrow integers as int32. */
const wide = (idx: NDArray): NDArray => {
  const dtype = isFloat(idx.dtype) ? idx.dtype : countedIn(idx.dtype);
  return dtype === idx.dtype ? idx : astype(idx, dtype);
};

export interface RavelOptions {
  /** Positions out of range: an error where they can be seen (default), cut off at the ends, or counted around. */
  readonly mode?: 'raise' | 'clip' | 'wrap';
}
/**
 * Positions along each axis as positions in the flattened array; the arrays broadcast. Dtypes promote; booleans and
 * integers of 8 and 16 bits give int32.
 *
 * @throws {ShapeError} unless there is one array for each axis and they broadcast, and for a shape that is none
 * @throws {ValueError} for a position out of range or between two integers, where it can be seen (unless `mode` allows it)
 * @throws {OptionError} for another `mode`
 *
 * @example
 * const p = nd.array([1, 0], { dtype: 'int32' });
 * nd.ravelMultiIndex([p, p], [2, 3]);   // [4, 0]
 */
export const ravelMultiIndex = (
  positions: readonly NDArray[],
  shape: Shape,
  options?: RavelOptions,
): NDArray => {
  checkOptions('ravelMultiIndex', options, ['mode']);
  checkShape('ravelMultiIndex', shape);
  const mode = checkChoice('ravelMultiIndex', 'mode', options?.mode ?? 'raise', [
    'raise',
    'clip',
    'wrap',
  ]);
  checkList('ravelMultiIndex', 'the first argument', positions, 'pass one array for each axis');
  if (positions.length !== shape.length || shape.length === 0)
    throw failure(
      'shape',
      `ravelMultiIndex: ${positions.length} arrays of positions for ${shape.length} axes`,
      'pass one array for each axis',
    );
  const strides = stridesIn(shape);
  return positions
    .map((idx, i) => {
      checkArray('ravelMultiIndex', idx);
      const size = shape[i]!;
      if (mode === 'raise') expectWithin('ravelMultiIndex', idx, size);
      const within =
        mode === 'clip'
          ? clip(wide(idx), 0, size - 1)
          : mode === 'wrap'
            ? mod(wide(idx), size)
            : wide(idx);
      return mul(within, strides[i]!);
    })
    .reduce((sum, part) => inName('ravelMultiIndex', 'add', () => add(sum, part)));
};

export interface ArangeLikeOptions {
  /** Default 0. */
  readonly start?: number;
  /** Default 1. */
  readonly step?: number;
  /** How often each number stands in a row. Default 1. */
  readonly repeat?: number;
  /** Numbers as many as this axis has elements. Default: as all elements, in the shape of the array. */
  readonly axis?: number;
}
/**
 * Evenly spaced numbers in the shape of `x`, or [n] for one of its axes of size n; dtype of `x`.
 *
 * @throws {ShapeError} for an axis out of range
 * @throws {ValueError} unless `start` and `step` are finite and `repeat` is an integer ≥ 1, and for a number that the dtype
 *   does not hold
 *
 * @example
 * nd.arangeLike(nd.zeros([2, 3]), { axis: 1, start: 1 });   // [1, 2, 3]
 */
export const arangeLike = (x: NDArray, options?: ArangeLikeOptions): NDArray => {
  checkArray('arangeLike', x);
  checkOptions('arangeLike', options, ['start', 'step', 'repeat', 'axis']);
  const { start = 0, step = 1, repeat: times = 1, axis } = options ?? {};
  if (!Number.isInteger(times) || times < 1)
    throw failure('value', `arangeLike: repeat is ${shown(times)}`, 'pass an integer from 1 on');
  for (const [name, value] of Object.entries({ start, step }))
    if (!Number.isFinite(value))
      throw failure('value', `arangeLike: ${name} is ${shown(value)}`, 'pass a finite number');
  const size = axis === undefined ? x.size : x.shape[axisOf('arangeLike', axis, x.ndim)]!;
  const count = Math.ceil(size / times);
  const line = arrayFor(
    'arangeLike',
    Array.from({ length: count }, (_, i) => start + i * step),
    { dtype: x.dtype, device: x.device, shape: [count] },
  );
  const all = times === 1 ? line : repeat(line, times).slice([0, size]);
  return axis === undefined ? reshape(all, x.shape) : all;
};
