/**
 * Which frequency stands where in a transform, and the order with zero in the middle.
 *
 * Invariant: shifts count axes as they are: of complex arrays, name them without the last one.
 */
import { checkArray } from '../call.ts';
import { failure } from '../callsite.ts';
import { axesOf } from '../nd/axes.ts';
import { concat } from '../nd/concat.ts';
import { arrayFor, type CreationOptions } from '../nd/creation.ts';
import { slice } from '../nd/indexing.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';

export interface FrequencyOptions extends Pick<CreationOptions, 'device'> {
  /** The distance of samples. Default 1. */
  readonly d?: number;
}

const frequencies = (
  name: string,
  n: number,
  options: FrequencyOptions | undefined,
  count: number,
  at: (k: number) => number,
): NDArray => {
  checkOptions(name, options, ['d', 'device']);
  if (!Number.isInteger(n) || n < 1)
    throw failure('value', `${name}: n is ${shown(n)}`, 'an integer, 1 at least');
  const d = options?.d ?? 1;
  if (!Number.isFinite(d) || d === 0)
    throw failure('value', `${name}: d is ${shown(d)}`, 'a finite distance, not 0');
  const values = Float32Array.from({ length: count }, (_, k) => at(k) / (n * d));
  return arrayFor(name, values, options?.device === undefined ? {} : { device: options.device });
};

/**
 * The frequencies of a transform of length `n`, in the order of its results: float32[n].
 *
 * @throws {ValueError} unless `n` is an integer ≥ 1, and `d` finite and not 0
 *
 * @example nd.fft.fftfreq(4);   // [0, 0.25, -0.5, -0.25]
 */
export const fftfreq = (n: number, options?: FrequencyOptions): NDArray =>
  frequencies('fftfreq', n, options, n, (k) => (k < n / 2 ? k : k - n));

/**
 * The frequencies of a transform of `n` real numbers: float32[floor(n / 2) + 1].
 *
 * @throws {ValueError} unless `n` is an integer ≥ 1, and `d` finite and not 0
 *
 * @example nd.fft.rfftfreq(4);   // [0, 0.25, 0.5]
 */
export const rfftfreq = (n: number, options?: FrequencyOptions): NDArray =>
  frequencies('rfftfreq', n, options, Math.floor(n / 2) + 1, (k) => k);

const shifted = (
  name: string,
  x: NDArray,
  options: ShiftOptions | undefined,
  by: (n: number) => number,
): NDArray => {
  checkArray(name, x);
  checkOptions(name, options, ['axes']);
  return axesOf(name, options?.axes, x.ndim).reduce((y, axis) => {
    const n = y.shape[axis]!;
    const first = n - by(n);
    if (first === 0 || first === n) return y;
    const part = (from: number, to: number): NDArray =>
      slice(y, ...y.shape.map((_, i) => (i === axis ? ([from, to] as const) : ':')));
    return concat([part(first, n), part(0, first)], axis);
  }, x);
};

export interface ShiftOptions {
  /** Default: all. Of complex arrays, name those without the last one. */
  readonly axes?: number | readonly number[];
}

/**
 * Puts frequency zero in the middle of axes. Shape and dtype stay.
 *
 * @throws {ShapeError} for axes out of range or named twice
 *
 * @example nd.fft.fftshift(nd.array([0, 1, 2, -2, -1]));   // [-2, -1, 0, 1, 2]
 */
export const fftshift = (x: NDArray, options?: ShiftOptions): NDArray =>
  shifted('fftshift', x, options, (n) => Math.floor(n / 2));

/**
 * The inverse of {@link fftshift}: shape and dtype stay.
 *
 * @throws {ShapeError} for axes out of range or named twice
 *
 * @example nd.fft.ifftshift(nd.array([-2, -1, 0, 1, 2]));   // [0, 1, 2, -2, -1]
 */
export const ifftshift = (x: NDArray, options?: ShiftOptions): NDArray =>
  shifted('ifftshift', x, options, (n) => Math.ceil(n / 2));
