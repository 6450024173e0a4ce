/**
 * Results whose size depends on values: their size is read from the device first.
 *
 * Invariant: a function that is traced cannot do this: the error comes at once and says what to do instead.
 */
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { data, numbers } from '../reading.ts';

/** The value of an array of one element, which is given back. */
export const readOne = (name: string, x: NDArray, help: string): Promise<number> => {
  if (mode.trace !== undefined)
    throw failure(
      'trace',
      `${name}: the size of the result depends on values, which are not known while tracing`,
      help,
    );
  return data(x).then((values) => {
    x.dispose();
    return numbers(values, name)[0]!;
  });
};

/** The option `size`, checked. */
export const sizeOption = (
  name: string,
  options: { readonly size?: number } | undefined,
  known: readonly string[],
): number | undefined => {
  checkOptions(name, options, known);
  const size = options?.size;
  if (size !== undefined && !(Number.isInteger(size) && size >= 0))
    throw failure('value', `${name}: size is ${shown(size)}, not an integer >= 0`);
  return size;
};
