/**
 * Fourier transforms along one axis: of complex arrays, of real ones, and back.
 *
 * Invariant: complex arrays are [..., 2] (see complex.ts), axes are counted without the last one of these.
 */
import { isFloat } from '../../ir/dtype.ts';
import { axisOf } from '../nd/axes.ts';
import { astype } from '../nd/math.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions } from '../options.ts';
import { conjugate } from './complex.ts';
import { checkLength, type FftNorm, type Kind, rankOf, type Sign, transformed } from './steps.ts';

export interface FftOptions {
  /**
   * How many numbers along the axis are transformed: more are left out, missing ones are zeros. Default: all. Of `irfft`
   * and `hfft` the length of the result. Default: `2 · (m - 1)` for m numbers.
   */
  readonly n?: number;
  /** Default: the last (of complex arrays the last but that of the two parts). */
  readonly axis?: number;
  /** What is divided by the length: `backward` transforms (default), `forward` ones, or both by its root (`ortho`). */
  readonly norm?: FftNorm;
}

const along = (
  name: string,
  x: NDArray,
  kind: Kind,
  sign: Sign,
  options: FftOptions | undefined,
): NDArray => {
  checkOptions(name, options, ['n', 'axis', 'norm']);
  const axis = axisOf(name, options?.axis ?? -1, rankOf(name, x, kind));
  const given = x.shape[axis]!;
  const n = checkLength(name, options?.n ?? (kind === 'toReal' ? 2 * (given - 1) : given));
  return transformed(name, x, [{ axis, n, kind }], sign, options?.norm);
};

/**
 * The discrete Fourier transform along an axis of complex arrays: [..., m, 2] gives [..., n, 2], of the same dtype
 * (float32 for integers and booleans; 16 bits are computed in float32). Any length is fast: also a prime one takes a
 * time proportional to n log n.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example
 * const z = nd.fft.complex(nd.array([1, 0, 0, 0]));
 * nd.fft.fft(z);   // [[1, 0], [1, 0], [1, 0], [1, 0]]
 */
export const fft = (x: NDArray, options?: FftOptions): NDArray =>
  along('fft', x, 'complex', -1, options);

/**
 * The inverse of {@link fft}: shapes and dtypes are the same.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.ifft(nd.array([[4, 0], [0, 0], [0, 0], [0, 0]]));   // [[1, 0], [1, 0], [1, 0], [1, 0]]
 */
export const ifft = (x: NDArray, options?: FftOptions): NDArray =>
  along('ifft', x, 'complex', 1, options);

/**
 * The transform of real arrays without the half that mirrors the other: [..., m] gives complex [..., floor(n / 2) + 1, 2]
 * of the same dtype (float32 for integers and booleans).
 *
 * @throws {ShapeError} for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.rfft(nd.array([1, 2, 3, 4]));   // [[10, 0], [-2, 2], [-2, 0]]
 */
export const rfft = (x: NDArray, options?: FftOptions): NDArray =>
  along('rfft', x, 'fromReal', -1, options);

/**
 * The inverse of {@link rfft}: real arrays [..., n] from complex [..., m, 2], of the same dtype (float32 for integers and
 * booleans). The imaginary parts of the first number, and of the last for an even `n`, count as 0, as those of real arrays
 * are. An odd length must be given as `n`.
 *
 * @throws {ShapeError} if the last axis has not size 2, and for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1 (a single number needs one)
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.irfft(nd.array([[10, 0], [-2, 2], [-2, 0]]));   // [1, 2, 3, 4]
 */
export const irfft = (x: NDArray, options?: FftOptions): NDArray =>
  along('irfft', x, 'toReal', 1, options);

/**
 * The transform of numbers that mirror each other, given without the second half, is real: complex [..., m, 2] give
 * [..., n], of the same dtype (float32 for integers and booleans).
 *
 * @throws {ShapeError} if the last axis has not size 2, and for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1 (a single number needs one)
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.hfft(nd.array([[1, 0], [2, 0], [3, 0]]));   // [8, -2, 0, -2]
 */
export const hfft = (x: NDArray, options?: FftOptions): NDArray => {
  rankOf('hfft', x, 'toReal');
  const z = isFloat(x.dtype) ? x : astype(x, 'float32');
  return along('hfft', conjugate(z), 'toReal', -1, options);
};

/**
 * The inverse of {@link hfft}: real arrays [..., m] give complex [..., floor(n / 2) + 1, 2], of the same dtype (float32
 * for integers and booleans).
 *
 * @throws {ShapeError} for an axis out of range
 * @throws {ValueError} unless `n` is an integer ≥ 1
 * @throws {OptionError} for another `norm`
 *
 * @example nd.fft.ihfft(nd.array([8, -2, 0, -2]));   // [[1, 0], [2, 0], [3, 0]]
 */
export const ihfft = (x: NDArray, options?: FftOptions): NDArray =>
  conjugate(along('ihfft', x, 'fromReal', 1, options));
