/**
 * Figures in one line each: what lessons draw most.
 *
 * Invariant: each shows one figure of one record, which the makers of panels made.
 */
import type { NDArray } from '../ndarray.ts';
import { display } from './display.ts';
import {
  type Along,
  type ChartOptions,
  chart,
  figure,
  type HeatMapOptions,
  heatMap,
  type PictureOptions,
  pictures,
  type Up,
} from './panels.ts';
import type { Series } from './series.ts';

/**
 * Shows lines, points or bars over `x`: one series or several, arrays [n] of any dtype or lists of numbers; the rows of an
 * array [series, n] are several. `x` may be undefined: 0, 1, 2, …
 *
 * @throws {ValueError} when lengths differ (as a rejected promise)
 * @throws {ShapeError} for arrays of more than two axes
 * @throws {OptionError} for unknown options
 *
 * @example
 * const x = nd.linspace(-3, 3, 50);
 * await plot(x, [x.tanh(), x.sigmoid()], { xLabel: 'x', legend: ['tanh', 'sigmoid'] });
 */
export const plot = async (x: Along, y: Up, options: ChartOptions = {}): Promise<void> =>
  display(figure([await chart(x, y, options)]));

/**
 * Shows bars with words under them: a height for each word, or several series of heights, arrays [n] of any dtype or
 * lists.
 *
 * @throws {ValueError} when there are not as many heights as words (as a rejected promise)
 * @throws {OptionError} for unknown options
 *
 * @example await plotBars(['eager', 'compiled'], [2.4, 1.1], { yLabel: 'ms' });
 */
export const plotBars = (
  words: readonly string[],
  heights: Up,
  options: ChartOptions = {},
): Promise<void> => plot(words, heights, { kinds: 'bars', ...options });

/**
 * Shows a matrix in colours: an array [rows, columns] of any dtype, or a list of rows.
 *
 * @throws {ShapeError} for an array of more than two axes (as a rejected promise)
 * @throws {OptionError} for unknown options
 *
 * @example await showHeatMap(nd.eye(4), { title: 'The identity' });
 */
export const showHeatMap = async (
  values: NDArray | readonly Series[],
  options: HeatMapOptions = {},
): Promise<void> => display(figure([await heatMap(values, options)]));

export interface ShowImagesOptions extends PictureOptions {
  /** Of the whole. */
  readonly title?: string | undefined;
  /** Pictures in a row. Default 8. */
  readonly columns?: number | undefined;
}

/**
 * Shows pictures with titles: an array [n, height, width] or [n, 1 or 3, height, width]; floats from 0 to 1, integers from
 * 0 to 255.
 *
 * @throws {ShapeError} for other shapes (as a rejected promise)
 * @throws {OptionError} for unknown options
 *
 * @example await showImages(nd.zeros([2, 1, 28, 28]), { titles: ['shirt', 'bag'] });
 */
export const showImages = async (
  images: NDArray,
  { title, columns = 8, ...options }: ShowImagesOptions = {},
): Promise<void> => display(figure(await pictures(images, options), { title, columns }));
