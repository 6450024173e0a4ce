/**
 * Panels of figures, made of arrays and lists: charts, heat maps, pictures.
 *
 * Invariant: nothing is shown here; arrays are read, and the record that is made holds numbers alone.
 */
import { isFloat } from '../../ir/dtype.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../options.ts';
import { data, numbers } from '../reading.ts';
import { toBase64 } from './base64.ts';
import type { Axis, Chart, Figure, HeatMap, Mark, Panel, Picture } from './displayable.ts';
import { isOneSeries, readRows, readSeries, type Series } from './series.ts';

export interface ChartOptions {
  readonly title?: string | undefined;
  /** A name for each series. */
  readonly legend?: readonly string[] | undefined;
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  /** Default linear. */
  readonly xScale?: 'linear' | 'log' | undefined;
  readonly yScale?: 'linear' | 'log' | undefined;
  /** Ends of the axes. Default: the smallest and the largest value. */
  readonly xLimits?: readonly [from: number, to: number] | undefined;
  readonly yLimits?: readonly [from: number, to: number] | undefined;
  /** How to draw the series, one for all or one for each. Default: lines. */
  readonly kinds?: Mark['kind'] | readonly Mark['kind'][] | undefined;
}

/** Names of all options. */
export const CHART: readonly string[] = [
  'title',
  'legend',
  'xLabel',
  'yLabel',
  'xScale',
  'yScale',
  'xLimits',
  'yLimits',
  'kinds',
];

/** An object without the keys that are undefined. */
const given = <T extends object>(record: { readonly [K in keyof T]: T[K] | undefined }): T =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined)) as T;

/** The axes and the title of a chart. */
export const axesOf = (where: string, options: ChartOptions): Pick<Chart, 'title' | 'x' | 'y'> => {
  const { title, xLabel, yLabel, xScale, yScale, xLimits, yLimits } = options;
  for (const scale of [xScale, yScale])
    if (scale !== undefined) checkChoice(where, 'the scale', scale, ['linear', 'log']);
  return {
    ...(title === undefined ? {} : { title }),
    x: given<Axis>({ label: xLabel, scale: xScale, domain: xLimits }),
    y: given<Axis>({ label: yLabel, scale: yScale, domain: yLimits }),
  };
};

/** What is drawn along the x axis: one row of numbers (or words, for bars), one for each series, or 0, 1, 2, … */
export type Along = Series | readonly string[] | readonly Series[] | undefined;
/** What is drawn up the y axis: one series, or several. */
export type Up = Series | readonly Series[];

const isWords = (x: Along): x is readonly string[] =>
  Array.isArray(x) && x.length > 0 && x.every((word) => typeof word === 'string');

const readAlong = async (x: Along, where: string): Promise<readonly Mark['x'][] | undefined> => {
  if (x === undefined) return undefined;
  if (isWords(x)) return [x];
  return isOneSeries(x)
    ? [await readSeries(x as Series, where)]
    : readRows(x as NDArray | readonly Series[], where);
};

/**
 * A chart of one series or several, as a panel of a {@link figure}: lines, points or bars. `y` is an array [n], a list of
 * n numbers or scalars, or several of these; the rows of an array [series, n] count as several. `x` is as long as they
 * are, or one `x` for each, or undefined: 0, 1, 2, …; words for bars. Any dtype.
 *
 * @throws {ValueError} when lengths differ, and for what holds no numbers (as a rejected promise)
 * @throws {ShapeError} for arrays of more than two axes
 * @throws {OptionError} for unknown options
 *
 * @example
 * const panel = await chart([0, 1, 2], [nd.array([0, 1, 4]), [0, 1, 8]], { legend: ['x²', 'x³'] });
 * panel.marks[0]!.y;   // [0, 1, 4]
 */
export const chart = async (x: Along, y: Up, options: ChartOptions = {}): Promise<Chart> => {
  checkOptions('chart', options, CHART);
  const ys = isOneSeries(y)
    ? [await readSeries(y as Series, 'chart')]
    : await readRows(y as NDArray | readonly Series[], 'chart');
  const xs = await readAlong(x, 'chart');
  if (xs !== undefined && xs.length !== 1 && xs.length !== ys.length)
    throw failure(
      'value',
      `chart: ${xs.length} series along x, ${ys.length} along y`,
      'pass one x for all, or one for each',
    );
  const { legend, kinds } = options;
  const marks = ys.map((values, i): Mark => {
    const along = xs?.[xs.length === 1 ? 0 : i] ?? values.map((_, k) => k);
    if (along.length !== values.length)
      throw failure(
        'value',
        `chart: series ${i} has ${values.length} values, and its x has ${along.length}`,
        'pass an x for each value',
      );
    const kind = (typeof kinds === 'string' ? kinds : kinds?.[i]) ?? 'line';
    checkChoice('chart', 'the kind', kind, ['line', 'points', 'bars']);
    const name = legend?.[i];
    return { kind, ...(name === undefined ? {} : { name }), x: along, y: values };
  });
  return { kind: 'chart', ...axesOf('chart', options), marks };
};

export interface HeatMapOptions {
  readonly title?: string | undefined;
  readonly xLabel?: string | undefined;
  readonly yLabel?: string | undefined;
  /** Words for columns and rows. Default: their numbers. */
  readonly xNames?: readonly string[] | undefined;
  readonly yNames?: readonly string[] | undefined;
  /** Values for the ends of the colours. Default: the smallest and the largest. */
  readonly limits?: readonly [from: number, to: number] | undefined;
}

/**
 * A matrix in colours, as a panel of a {@link figure}: an array [rows, columns] of any dtype, or a list of rows.
 *
 * @throws {ShapeError} for an array of more than two axes (as a rejected promise)
 * @throws {OptionError} for unknown options
 *
 * @example (await heatMap(nd.array([[1, 2], [3, 4]]))).values;   // [[1, 2], [3, 4]]
 */
export const heatMap = async (
  values: NDArray | readonly Series[],
  options: HeatMapOptions = {},
): Promise<HeatMap> => {
  checkOptions('heatMap', options, ['title', 'xLabel', 'yLabel', 'xNames', 'yNames', 'limits']);
  const { limits, ...words } = options;
  const rows = await readRows(values, 'heatMap');
  return { kind: 'heat', values: rows, ...given<object>({ ...words, domain: limits }) };
};

export interface PictureOptions {
  /** A title for each picture. */
  readonly titles?: readonly string[] | undefined;
  /** Values of black and of full light. Default: 0 and 1 for floats and booleans, 0 and 255 for integers. */
  readonly limits?: readonly [from: number, to: number] | undefined;
}

/** [pictures, channels, height, width] of a shape. */
const pictureShape = (shape: readonly number[]): readonly [number, 1 | 3, number, number] => {
  const [height, width] = shape.slice(-2);
  const channels = shape.length === 4 ? shape[1] : 1;
  if (shape.length < 2 || shape.length > 4 || (channels !== 1 && channels !== 3))
    throw failure(
      'shape',
      `pictures: an array of shape [${shape.join(', ')}] holds no pictures`,
      'pass [height, width], [n, height, width], or [n, 1 or 3, height, width]; x.expandDims(0) makes one of one',
    );
  return [shape.length === 2 ? 1 : shape[0]!, channels, height!, width!];
};

/**
 * Pictures, as panels of a {@link figure}: an array [n, height, width] or [n, channels, height, width] with 1 or 3 channels,
 * or [height, width] of one picture. Floats go from 0 (black) to 1, integers from 0 to 255; booleans are black and
 * white.
 *
 * @throws {ShapeError} for other shapes (as a rejected promise)
 * @throws {ValueError} for what is no array
 * @throws {OptionError} for unknown options
 *
 * @example (await pictures(nd.ones([2, 28, 28]), { titles: ['a', 'b'] })).length;   // 2
 */
export const pictures = async (x: NDArray, options: PictureOptions = {}): Promise<Picture[]> => {
  checkOptions('pictures', options, ['titles', 'limits']);
  if (!isNDArray(x)) throw failure('value', `pictures: ${shown(x)} is no array`, 'pass an NDArray');
  const [count, channels, height, width] = pictureShape(x.shape);
  const isUnit = isFloat(x.dtype) || x.dtype === 'bool';
  const [from, to] = options.limits ?? [0, isUnit ? 1 : 255];
  const values = numbers(await data(x), 'pictures');
  const size = height * width;
  return Array.from({ length: count }, (_, n): Picture => {
    const pixels = new Uint8ClampedArray(channels * size);
    for (let i = 0; i < size; i++)
      for (let c = 0; c < channels; c++) {
        const value = values[(n * channels + c) * size + i]!;
        pixels[i * channels + c] = (255 * (value - from)) / (to - from);
      }
    const title = options.titles?.[n];
    return {
      kind: 'picture',
      ...(title === undefined ? {} : { title }),
      height,
      width,
      channels,
      pixels: toBase64(new Uint8Array(pixels.buffer)),
    };
  });
};

export interface FigureOptions {
  readonly title?: string | undefined;
  /** For those who do not see it. Default: made of titles and labels. */
  readonly description?: string | undefined;
  /** Panels in a row. Default: all of a few, eight of many. */
  readonly columns?: number | undefined;
}

/**
 * Panels side by side, as one figure: a plain record without arrays.
 *
 * @throws {ValueError} without panels
 * @throws {OptionError} for unknown options
 *
 * @example
 * const panels = [await chart(undefined, [3, 1, 2]), await heatMap(nd.eye(3))];
 * display(figure(panels, { title: 'Two views' }));
 */
export const figure = (panels: readonly Panel[], options: FigureOptions = {}): Figure => {
  checkOptions('figure', options, ['title', 'description', 'columns']);
  if (!Array.isArray(panels) || panels.length === 0)
    throw failure('value', 'figure: there are no panels', 'pass figure([await chart(x, y)])');
  return { kind: 'figure', ...given<object>({ ...options }), panels };
};
