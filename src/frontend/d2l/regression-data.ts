/**
 * Numbers to fit: lines with noise, and the measurements of the books' chapter on optimizers.
 *
 * Invariant: float32, features [n, d] and targets [n], in the same order.
 */
import { failure } from '../callsite.ts';
import { ArrayDataset, type SampleOf } from '../gluon/data/dataset.ts';
import { DataLoader } from '../gluon/data/loader.ts';
import { prng, unit } from '../gluon/data/prng.ts';
import { add } from '../nd/arithmetic.ts';
import { array } from '../nd/creation.ts';
import { dot } from '../nd/linalg.ts';
import { isNDArray, type NDArray } from '../ndarray.ts';
import { checkCount, checkOptions, shown } from '../options.ts';
import { normal } from '../random.ts';
import { type DataSource, PLACE, type RealOrNot, readText, type TextFile } from './text-files.ts';

/** What to learn from, and what to learn. */
export interface Regression {
  /** float32 [n, d] */
  readonly features: NDArray;
  /** float32 [n] */
  readonly targets: NDArray;
}

export interface SyntheticOptions {
  /** Standard deviation of the noise. Default 0.01. */
  readonly noise?: number | undefined;
}

/**
 * Points of a line (a plane, a hyperplane) with noise: `y = x·w + b + noise`, where `x` is normal. `w` is an array [d] of
 * floats or a list of d numbers; features are float32 [count, d], targets float32 [count]. They follow `random.seed`.
 *
 * @throws {ValueError} for a `w` without axis, and unless `b` is a number
 * @throws {OptionError} unless `count` is an integer ≥ 1, and for unknown options
 *
 * @example
 * const { features, targets } = syntheticRegression([2, -3.4], 4.2, 1000);
 * features.shape;   // [1000, 2]
 */
export const syntheticRegression = (
  w: NDArray | readonly number[],
  b: number,
  count: number,
  options: SyntheticOptions = {},
): Regression => {
  checkOptions('syntheticRegression', options, ['noise']);
  const weights = isNDArray(w) ? w : array(w);
  if (weights.ndim !== 1)
    throw failure(
      'value',
      `syntheticRegression: the weights have shape [${weights.shape.join(', ')}]`,
      'pass one for each feature: [2, -3.4]',
    );
  if (typeof b !== 'number') throw failure('value', `syntheticRegression: b is ${shown(b)}`);
  checkCount('syntheticRegression', 'count', count);
  const features = normal([count, weights.shape[0]!]);
  const noise = normal([count], 0, options.noise ?? 0.01);
  return { features, targets: add(add(dot(features, weights), b), noise) };
};

/**
 * Batches of arrays whose first axes count the same examples, in a new random order at each pass (`isTrain`, the default)
 * or as they stand. Arrays [n, ...] of any dtypes give [batch, ...].
 *
 * @throws {ValueError} for what is no array
 * @throws {ShapeError} for arrays of different lengths, or without axes
 * @throws {OptionError} unless `batchSize` is an integer ≥ 1
 *
 * @example
 * const loader = loadArray([nd.ones([10, 2]), nd.zeros([10])], 4);
 * loader.length;   // 3
 */
export const loadArray = <const A extends readonly NDArray[]>(
  arrays: A,
  batchSize: number,
  isTrain: boolean = true,
): DataLoader<SampleOf<A>> => {
  const given: unknown = arrays;
  if (!Array.isArray(given) || !given.every(isNDArray))
    throw failure('value', `loadArray: ${shown(arrays)} is no list of arrays`, 'pass [x, y]');
  return new DataLoader(new ArrayDataset<A>(...arrays), { batchSize, shuffle: isTrain });
};

const ROWS = 1503;
const COLUMNS = 6;

/** Measurements that depend on each other as straightforwardly as the real ones do not. */
const madeTable = (): string => {
  const next = prng(1989);
  const row = (): string => {
    const x = Array.from({ length: COLUMNS - 1 }, () => unit(next));
    const y = 2 * x[0]! - x[1]! + 0.5 * x[2]! - x[3]! + 0.3 * x[4]! + 0.4 * unit(next);
    return [...x, y].map((value) => value.toFixed(4)).join('\t');
  };
  return Array.from({ length: ROWS }, row).join('\n');
};

const AIRFOIL: TextFile = {
  title: 'Airfoil self-noise',
  publication: { name: 'airfoil', mirrors: ['https://d2l-data.s3-accelerate.amazonaws.com/'] },
  file: {
    name: 'airfoil_self_noise.dat',
    bytes: 59984,
    sha256: '74c75fd71783f1e6b71f8a622b993dc592897a97cd689c5090a07147a1b097b3',
  },
  make: madeTable,
};

export interface AirfoilOptions extends RealOrNot {
  readonly batchSize: number;
  /** Rows from the beginning. Default 1500, as in the books. */
  readonly examples?: number | undefined;
}

/** Measurements in batches `[features, targets]`: float32 [batch, 5] and [batch]. */
export interface Airfoil extends Regression {
  readonly loader: DataLoader<[NDArray, NDArray], [NDArray, NDArray]>;
  /** Features of an example: 5. */
  readonly dimension: number;
  readonly source: DataSource;
}

/** Columns with mean 0 and standard deviation 1, over all rows. */
const standardized = (rows: readonly (readonly number[])[]): readonly (readonly number[])[] => {
  const spreads = Array.from({ length: COLUMNS }, (_, c) => {
    const mean = rows.reduce((sum, row) => sum + row[c]!, 0) / rows.length;
    const square = rows.reduce((sum, row) => sum + (row[c]! - mean) ** 2, 0) / rows.length;
    return { mean, deviation: Math.sqrt(square) };
  });
  return rows.map((row) => row.map((x, c) => (x - spreads[c]!.mean) / spreads[c]!.deviation));
};

const rowsOf = (text: string): readonly (readonly number[])[] => {
  const rows = text
    .trim()
    .split(/\r?\n/)
    .map((line) => line.split('\t').map(Number));
  const odd = rows.findIndex((row) => row.length !== COLUMNS || !row.every(Number.isFinite));
  if (odd < 0) return rows;
  throw failure(
    'data',
    `${AIRFOIL.file.name}: line ${odd + 1} is not ${COLUMNS} numbers between tabs`,
    'the file is damaged: fetch it again',
  );
};

/**
 * The noise of airfoils in a wind tunnel (NASA), standardized: float32 features [n, 5] (frequency, angle, chord, speed,
 * thickness) and targets [n] (loudness), and batches of them in a random order. From the folder `airfoil` in `TIGON_DATA`,
 * the cache or the network; else, with a warning, numbers made by rule.
 *
 * @throws {DataError} for damaged files, and, with `required`, when there are none (as a rejected promise)
 * @throws {OptionError} for unknown options, and unless counts are integers ≥ 1
 *
 * @example
 * const { loader, dimension } = await loadAirfoil({ batchSize: 10 });
 * dimension;   // 5
 * loader.length;   // 150
 */
export const loadAirfoil = async (options: AirfoilOptions): Promise<Airfoil> => {
  checkOptions('loadAirfoil', options, [...PLACE, 'batchSize', 'examples']);
  const { batchSize, examples = 1500, ...place } = options;
  checkCount('loadAirfoil', 'examples', examples);
  const { text, source } = await readText(AIRFOIL, place);
  const rows = standardized(rowsOf(text)).slice(0, examples);
  const features = array(rows.map((row) => row.slice(0, -1)));
  const targets = array(rows.map((row) => row.at(-1)!));
  const loader = loadArray([features, targets], batchSize);
  return { features, targets, loader, dimension: COLUMNS - 1, source };
};
