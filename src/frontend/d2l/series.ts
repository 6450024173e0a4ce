/**
 * Numbers to draw, from whatever holds them: arrays on a device, typed arrays, lists.
 *
 * Invariant: what is read is as it was at the time of the call; what is not finite is null.
 */
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { data, numbers } from '../reading.ts';
import type { Value } from './displayable.ts';

/** One row of numbers: an array, a typed array, or a list of numbers and scalars. */
export type Series = NDArray | ArrayLike<number> | readonly (number | NDArray)[];

const finite = (x: unknown): Value => (typeof x === 'number' && Number.isFinite(x) ? x : null);

const isTyped = (x: unknown): x is ArrayLike<number> =>
  ArrayBuffer.isView(x) && !(x instanceof DataView);

/** Whether `x` is one row of numbers, not several. */
export const isOneSeries = (x: unknown): boolean => {
  if (isNDArray(x)) return x.ndim < 2;
  if (isTyped(x)) return true;
  if (!Array.isArray(x)) return false;
  return x.every((v) => typeof v === 'number' || v === null || (isNDArray(v) && v.size === 1));
};

/** The numbers of a row. Throws a ValueError that says `where` for what holds none. */
export const readSeries = async (x: Series, where: string): Promise<Value[]> => {
  if (isNDArray(x)) return Array.from(numbers(await data(x), where), finite);
  if (isTyped(x)) return Array.from(x, finite);
  if (!Array.isArray(x))
    throw failure(
      'value',
      `${where}: ${shown(x)} holds no numbers to draw`,
      'pass an array, or a list of numbers',
    );
  const read = async (v: unknown): Promise<Value> =>
    isNDArray(v) ? ((await readSeries(v, where))[0] ?? null) : finite(v);
  return Promise.all(x.map(read));
};

/** The rows of a matrix, or the one row of a vector. */
export const readRows = async (
  x: NDArray | readonly Series[],
  where: string,
): Promise<Value[][]> => {
  if (!isNDArray(x)) return Promise.all(x.map((row) => readSeries(row, where)));
  if (x.ndim > 2)
    throw failure(
      'shape',
      `${where}: an array of shape [${x.shape.join(', ')}] has more than rows and columns`,
      'reshape it to two axes',
    );
  const all = await readSeries(x, where);
  const width = x.ndim < 2 ? all.length : x.shape[1]!;
  const count = x.ndim < 2 ? 1 : x.shape[0]!;
  return Array.from({ length: count }, (_, i) => all.slice(i * width, (i + 1) * width));
};
