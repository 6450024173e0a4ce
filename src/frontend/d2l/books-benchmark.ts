/**
 * The books' own measurement of `hybridize`, as they made it.
 *
 * Invariant: their protocol to the letter, faults included: no warm-up, one run each, the plain net first, so that it
 * pays for parameters and the compiled one for compiling.
 */
import { failure } from '../callsite.ts';
import type { HybridizeOptions } from '../hybridize.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkCount, checkOptions, shown } from '../options.ts';
import { display } from './display.ts';
import type { Table } from './displayable.ts';
import { environment } from './environment.ts';
import { report } from './record.ts';
import { drop } from './timing.ts';

/** Seconds of 1000 calls, before and after `hybridize()`, as the notebooks of the books' authors keep them. */
const STORED: readonly (readonly [where: string, before: number, after: number])[] = [
  ['The Straight Dope, 2017', 0.3096, 0.1652],
  ['The Straight Dope, later', 0.4646, 0.2424],
  ['The Straight Dope, last', 0.4344, 0.223],
  ['Dive into Deep Learning, Berkeley 2019 (a laptop)', 0.2385, 0.1001],
  ['Dive into Deep Learning, one-day course 2019', 0.5593, 0.2651],
];

/** A net that takes a batch, and can be hybridized. */
export type Net = ((x: NDArray) => unknown) & {
  hybridize(options?: HybridizeOptions): unknown;
};

/** Seconds of all calls. */
export interface BooksBenchmark {
  readonly calls: number;
  readonly imperative: number;
  readonly hybridized: number;
  /** The first over the second. */
  readonly ratio: number;
}

/**
 * Calls a net 1000 times, hybridizes it, and calls it 1000 times again: the whole evidence of the books, warts and all.
 * Shows the two times beside the five that the books' authors kept, and records them: `books.imperative`,
 * `books.hybridized`, `books.ratio`. `x` is a batch of any shape and dtype that the net takes; the books have float32
 * [1, 512].
 *
 * @throws {ValueError} for what is no hybrid block, or no array (as a rejected promise)
 * @throws {OptionError} unless `calls` is an integer ≥ 1
 *
 * @example
 * const { ratio } = await booksBenchmark(net, x, { calls: 10 });
 */
export const booksBenchmark = async (
  net: Net,
  x: NDArray,
  options: { readonly calls?: number } = {},
): Promise<BooksBenchmark> => {
  checkOptions('booksBenchmark', options, ['calls']);
  const { calls = 1000 } = options;
  checkCount('booksBenchmark', 'calls', calls);
  if (typeof net !== 'function' || typeof net.hybridize !== 'function')
    throw failure('value', `booksBenchmark: ${shown(net)} is no hybrid block`, 'pass a net');
  if (!isNDArray(x))
    throw failure('value', `booksBenchmark: ${shown(x)} is no array`, 'pass a batch');
  const seconds = async (): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < calls; i++) drop(net(x));
    await x.device.synchronize();
    return (performance.now() - start) / 1000;
  };
  net.hybridize({ active: false });
  const imperative = await seconds();
  net.hybridize();
  const hybridized = await seconds();
  const result = { calls, imperative, hybridized, ratio: imperative / hybridized };
  display(tableOf(result, environment(x.device)));
  report('books.imperative', imperative);
  report('books.hybridized', hybridized);
  report('books.ratio', result.ratio);
  return result;
};

const tableOf = (
  { calls, imperative, hybridized, ratio }: BooksBenchmark,
  here: string,
): Table => ({
  kind: 'table',
  caption: `seconds of ${calls} calls: no warm-up, one run each. Here: ${here}`,
  columns: ['where', 'imperative s', 'hybridized s', 'faster'],
  rows: [
    ...STORED.map(([where, before, after]) => [
      where,
      before,
      after,
      `${(before / after).toFixed(2)}×`,
    ]),
    ['here', imperative, hybridized, `${ratio.toFixed(2)}×`],
  ],
});
