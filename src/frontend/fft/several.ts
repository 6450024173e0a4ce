/**
 * Fourier transforms along several axes, one after the other.
 *
 * Invariant: of several axes real numbers become complex along the last one first, and real again along it last.
 */
import { failure } from '../callsite.ts';
import { axisOf } from '../nd/axes.ts';
import type { NDArray } from '../ndarray.ts';
import { checkList, checkOptions } from '../options.ts';
import {
  checkLength,
  type FftNorm,
  type Kind,
  rankOf,
  type Sign,
  type Step,
  transformed,
} from './steps.ts';

export interface FftnOptions {
  /**
   * How many numbers along each of the axes. Default: all. Of functions that give real numbers, the last is the length of
   * the result. Default: `2 · (m - 1)` for m numbers.
   */
  readonly s?: readonly number[];
  /** Default: as many as `s` has, the last ones, else all (of complex arrays all but that of the two parts). */
  readonly axes?: readonly number[];
  /** What is divided by the length: `backward` transforms (default), `forward` ones, or both by its root (`ortho`). */
  readonly norm?: FftNorm;
}

/** Transforms along the axes of the options, or else those of `standard`, or else all. */
const along = (
  name: string,
  x: NDArray,
  kind: Kind,
  sign: Sign,
  options: FftnOptions | undefined,
  standard?: readonly number[],
): NDArray => {
  checkOptions(name, options, ['s', 'axes', 'norm']);
  const rank = rankOf(name, x, kind);
  const { s } = options ?? {};
  if (s !== undefined) checkList(name, 's', s, 'pass a list of sizes: [4, 4]');
  if (options?.axes !== undefined) checkList(name, 'axes', options.axes, 'pass a list: [0, 1]');
  const count = s?.length ?? rank;
  const last = standard ?? Array.from({ length: count }, (_, i) => i - count);
  const axes = (options?.axes ?? last).map((axis) => axisOf(name, axis, rank));
  if (axes.length === 0)
    throw failure('value', `${name}: there is no axis to transform along`, 'give one at least');
  if (new Set(axes).size !== axes.length)
    throw failure('shape', `${name}: axes [${axes.join(', ')}] name one axis twice`);
  if (s !== undefined && s.length !== axes.length)
    throw failure('value', `${name}: ${s.length} sizes for ${axes.length} axes`, 'one for each');
  const steps = axes.map((axis, i): Step => {
    const given = x.shape[axis]!;
    const own = i === axes.length - 1 ? kind : 'complex';
    const n = s?.[i] ?? (own === 'toReal' ? 2 * (given - 1) : given);
    return { axis, n: checkLength(name, n), kind: own };
  });
  const order = kind === 'fromReal' ? steps.toReversed() : steps;
  return transformed(name, x, order, sign, options?.norm);
};

/**
 * {@link fft} along several axes of complex arrays [..., 2], of the sizes in `s`. The dtype stays (float32 for integers
 * and booleans).
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.fftn(nd.fft.complex(nd.eye(2)));   // [[[2, 0], [0, 0]], [[0, 0], [2, 0]]]
 */
export const fftn = (x: NDArray, options?: FftnOptions): NDArray =>
  along('fftn', x, 'complex', -1, options);

/**
 * The inverse of {@link fftn}: shapes and dtypes are the same.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example
 * const spectrum = nd.array([[[2, 0], [0, 0]], [[0, 0], [2, 0]]]);
 * nd.fft.real(nd.fft.ifftn(spectrum));   // [[1, 0], [0, 1]]
 */
export const ifftn = (x: NDArray, options?: FftnOptions): NDArray =>
  along('ifftn', x, 'complex', 1, options);

/**
 * {@link fft} along two axes, the last ones: of complex arrays [..., m, n, 2]. The dtype stays (float32 for integers and
 * booleans). Else as {@link fftn}.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.fft2(nd.fft.complex(nd.ones([2, 2])));   // [[[4, 0], [0, 0]], [[0, 0], [0, 0]]]
 */
export const fft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  along('fft2', x, 'complex', -1, options, [-2, -1]);

/**
 * The inverse of {@link fft2}: shapes and dtypes are the same.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example
 * const spectrum = nd.array([[[4, 0], [0, 0]], [[0, 0], [0, 0]]]);
 * nd.fft.real(nd.fft.ifft2(spectrum));   // [[1, 1], [1, 1]]
 */
export const ifft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  along('ifft2', x, 'complex', 1, options, [-2, -1]);

/**
 * {@link rfft} along the last of several axes of real arrays, {@link fft} along the others: [..., n] gives complex
 * [..., floor(n / 2) + 1, 2] of the same dtype (float32 for integers and booleans).
 *
 * @throws {ShapeError} for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.rfftn(nd.ones([2, 2]));   // [[[4, 0], [0, 0]], [[0, 0], [0, 0]]]
 */
export const rfftn = (x: NDArray, options?: FftnOptions): NDArray =>
  along('rfftn', x, 'fromReal', -1, options);

/**
 * The inverse of {@link rfftn}: real arrays [..., n] from complex [..., m, 2], of the same dtype (float32 for integers and
 * booleans). An odd length must be given in `s`.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.irfftn(nd.array([[[4, 0], [0, 0]], [[0, 0], [0, 0]]]));   // [[1, 1], [1, 1]]
 */
export const irfftn = (x: NDArray, options?: FftnOptions): NDArray =>
  along('irfftn', x, 'toReal', 1, options);

/**
 * The transform of real arrays [..., m, n] along the last two axes: complex, [..., m, floor(n / 2) + 1, 2], of the same
 * dtype (float32 for integers and booleans). Else as {@link rfftn}.
 *
 * @throws {ShapeError} for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.rfft2(nd.ones([2, 2]));   // [[[4, 0], [0, 0]], [[0, 0], [0, 0]]]
 */
export const rfft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  along('rfft2', x, 'fromReal', -1, options, [-2, -1]);

/**
 * The inverse of {@link rfft2}: real arrays [..., m, n] of the same dtype (float32 for integers and booleans).
 *
 * @throws {ShapeError} if the last axis has not size 2, and for axes out of range or named twice
 * @throws {ValueError} unless `axes` and `s` are lists of equal length (1 at least), and sizes integers ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.irfft2(nd.array([[[4, 0], [0, 0]], [[0, 0], [0, 0]]]));   // [[1, 1], [1, 1]]
 */
export const irfft2 = (x: NDArray, options?: FftnOptions): NDArray =>
  along('irfft2', x, 'toReal', 1, options, [-2, -1]);
