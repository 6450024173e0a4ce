/**
 * Initializers whose elements depend on where they stand.
 *
 * Invariant: what is random comes from the library's generator; what is computed is computed on the host in double
 * precision, so that every device gets the same numbers.
 */
import { failure } from '../../callsite.ts';
import { array, full } from '../../nd/creation.ts';
import { set } from '../../nd/indexing.ts';
import type { NDArray } from '../../ndarray.ts';
import { checkChoice, checkOptions, shown } from '../../options.ts';
import { take } from '../../random/state.ts';
import { truncatedNormal } from '../../random/truncated.ts';
import { uniformOnHost } from '../../random-host.ts';
import type { Initializer, InitRequest } from './basic.ts';

/** Length of `v` from element `from` on. */
const lengthOf = (v: Float64Array, from: number): number => {
  let square = 0;
  for (let i = from; i < v.length; i++) square += v[i]! ** 2;
  return Math.sqrt(square);
};

/** Mirrors the rows of `x` [m, n] from row `k` on, columns from `k` on, at the plane across the unit vector `v`. */
const reflect = (v: Float64Array, k: number, x: Float64Array, n: number): void => {
  const m = v.length;
  const dots = new Float64Array(n);
  for (let i = k; i < m; i++) for (let j = k; j < n; j++) dots[j]! += v[i]! * x[i * n + j]!;
  for (let i = k; i < m; i++) {
    const twice = 2 * v[i]!;
    for (let j = k; j < n; j++) x[i * n + j]! -= twice * dots[j]!;
  }
};

/** An orthonormal basis of the columns of `a` [m, n], m ≥ n, row-major: Q of its QR decomposition, by reflections. */
const orthonormal = (a: Float64Array, m: number, n: number): Float64Array => {
  const mirrors: Float64Array[] = [];
  const q = new Float64Array(m * n);
  for (let k = 0; k < n; k++) {
    const v = new Float64Array(m);
    for (let i = k; i < m; i++) v[i] = a[i * n + k]!;
    const sign = v[k]! < 0 ? -1 : 1;
    v[k]! += sign * lengthOf(v, k);
    const size = lengthOf(v, k);
    // A column of zeros stays one: there is nothing to reflect.
    for (let i = k; i < m; i++) v[i] = size === 0 ? 0 : v[i]! / size;
    mirrors.push(v);
    reflect(v, k, a, n);
    // R's diagonal is -sign · length; made positive, the basis of random columns has no preferred direction.
    q[k * n + k] = -sign;
  }
  for (let k = n - 1; k >= 0; k--) reflect(mirrors[k]!, k, q, n);
  return q;
};

export interface OrthogonalOptions {
  /** Length of the rows (or columns). Default √2. */
  readonly scale?: number;
  /** Of the matrix that is made orthogonal. Default 'uniform'. */
  readonly randType?: 'uniform' | 'normal';
}

/**
 * Orthogonal rows, or columns where there are more rows, all of length `scale`; a weight [out, in, ...kernel] counts as
 * [out, in · kernel]. (Saxe et al., "Exact solutions to the nonlinear dynamics of learning in deep linear neural
 * networks", ICLR 2014.) Any float dtype; computed on the host in double, in time that grows with rows · columns · the
 * smaller of both.
 *
 * @throws {OptionError} unless `scale` > 0; for another `randType`
 * @throws {ShapeError} when drawn for vectors
 *
 * @example
 * const layer = new nn.Dense(2, { inUnits: 2, weightInit: new Orthogonal({ scale: 1 }) });
 * layer.initialize();
 * const w = layer.weight.data();
 * w.matmul(w.T);   // [[1, 0], [0, 1]]
 */
export class Orthogonal implements Initializer {
  readonly #scale: number;
  readonly #normal: boolean;
  constructor(options: OrthogonalOptions = {}) {
    checkOptions('Orthogonal', options, ['scale', 'randType']);
    const { scale = Math.SQRT2, randType = 'uniform' } = options;
    if (!(scale > 0))
      throw failure('option', `Orthogonal: scale is ${shown(scale)}`, 'pass a number > 0');
    this.#scale = scale;
    this.#normal =
      checkChoice('Orthogonal', 'randType', randType, ['uniform', 'normal']) === 'normal';
  }
  draw({ shape, dtype, device, name }: InitRequest): NDArray {
    if (shape.length < 2)
      throw failure(
        'shape',
        `Orthogonal: ${name} has shape [${shape.join(', ')}]: it needs at least two axes`,
        "vectors take 'zeros', 'ones', 'uniform' or 'normal'",
      );
    const rows = shape[0]!;
    const columns = shape.slice(1).reduce((n, d) => n * d, 1);
    const size = rows * columns;
    const [k0, k1, first] = take(device, 2);
    const draws = (at: number, low: number): Float32Array =>
      uniformOnHost(size, low, 1, [k0, k1], first + at);
    const [u, v] = this.#normal ? [draws(0, 0), draws(1, 0)] : [draws(0, -1), undefined];
    const drawn = Float64Array.from(u, (x, i) =>
      v === undefined ? x : Math.sqrt(-2 * Math.log(1 - x)) * Math.cos(2 * Math.PI * v[i]!),
    );
    const [m, n] = [Math.max(rows, columns), Math.min(rows, columns)];
    const basis = orthonormal(drawn, m, n);
    const turned = rows < columns;
    const values = Float64Array.from(basis, (_, i) => {
      const [r, c] = [Math.floor(i / columns), i % columns];
      return this.#scale * basis[turned ? c * n + r : i]!;
    });
    return array(values, { shape, dtype, device });
  }
}

/**
 * Kernels that interpolate linearly, for transposed convolutions that enlarge: the same for all pairs of channels. With
 * strides s, a kernel of 2s - s mod 2 and a padding of ceil((s - 1) / 2), groups for all channels, the layer is
 * `UpSampling(s, { sampleType: 'bilinear' })` up to the borders.
 *
 * Weights [in, out, ...kernel] of any float dtype.
 *
 * @throws {ShapeError} when drawn for weights without axes of space
 *
 * @example const layer = new nn.Conv2DTranspose(3, 4, { strides: 2, padding: 1, groups: 3, weightInit: new Bilinear() });
 */
export class Bilinear implements Initializer {
  draw({ shape, dtype, device, name }: InitRequest): NDArray {
    if (shape.length < 3)
      throw failure(
        'shape',
        `Bilinear: ${name} has shape [${shape.join(', ')}]: it has no axes of space`,
        'it is for weights [in, out, ...kernel] of transposed convolutions',
      );
    const space = shape.slice(2);
    const profiles = space.map((size) => {
      const half = Math.ceil(size / 2);
      const center = (2 * half - 1 - (size % 2)) / (2 * half);
      return Array.from({ length: size }, (_, i) => 1 - Math.abs(i / half - center));
    });
    const kernel = profiles.reduce<number[]>(
      (all, profile) => all.flatMap((p) => profile.map((q) => p * q)),
      [1],
    );
    const pairs = shape[0]! * shape[1]!;
    const values = Float64Array.from(
      { length: pairs * kernel.length },
      (_, i) => kernel[i % kernel.length]!,
    );
    return array(values, { shape, dtype, device });
  }
}

/**
 * Zeros, but for the forget gate of LSTM cells, the second quarter: `forgetBias`, so that a fresh cell remembers.
 *
 * Biases [4 · hidden] of any float dtype.
 *
 * @throws {OptionError} unless `forgetBias` is a number
 * @throws {ShapeError} when drawn for another shape
 *
 * @example
 * const cell = new rnn.LSTMCell(1, { inputSize: 1, i2hBiasInit: new LSTMBias(1) });
 * cell.initialize();
 * cell.i2hBias.data();   // [0, 1, 0, 0]
 */
export class LSTMBias implements Initializer {
  readonly forgetBias: number;
  constructor(forgetBias = 1) {
    if (!Number.isFinite(forgetBias))
      throw failure('option', `LSTMBias: forgetBias is ${shown(forgetBias)}`, 'pass a number');
    this.forgetBias = forgetBias;
  }
  draw({ shape, dtype, device, name }: InitRequest): NDArray {
    const hidden = shape[0]! / 4;
    if (shape.length !== 1 || !Number.isInteger(hidden))
      throw failure(
        'shape',
        `LSTMBias: ${name} has shape [${shape.join(', ')}]`,
        'it is for biases of four gates: [4 · hidden]',
      );
    const zeros = full(shape, 0, { dtype, device });
    return hidden === 0 ? zeros : set(zeros, [[hidden, 2 * hidden]], this.forgetBias);
  }
}

export interface TruncatedNormalOptions {
  /** Default 0. */
  readonly mean?: number;
  /** Of the whole distribution. Default 0.01. */
  readonly stdev?: number;
  /** Where it is cut, in deviations from the mean. Default 2. */
  readonly bound?: number;
}

/**
 * Normal numbers not further than `bound` deviations from the mean.
 *
 * Of any shape and float dtype, that of the parameter.
 *
 * @throws {OptionError} unless `mean` is a number, `stdev` and `bound` numbers > 0
 * @throws {DTypeError} when drawn for integers
 *
 * @example const layer = new nn.Dense(2, { weightInit: new TruncatedNormal() });
 */
export class TruncatedNormal implements Initializer {
  readonly #options: Required<TruncatedNormalOptions>;
  constructor(options: TruncatedNormalOptions = {}) {
    checkOptions('TruncatedNormal', options, ['mean', 'stdev', 'bound']);
    const { mean = 0, stdev = 0.01, bound = 2 } = options;
    if (!Number.isFinite(mean) || !(stdev > 0) || !(bound > 0))
      throw failure(
        'option',
        `TruncatedNormal: mean ${shown(mean)}, stdev ${shown(stdev)}, bound ${shown(bound)}`,
        'pass numbers; stdev and bound must be above 0',
      );
    this.#options = { mean, stdev, bound };
  }
  draw({ shape, dtype, device }: InitRequest): NDArray {
    const { mean, stdev, bound } = this.#options;
    const far = bound * stdev;
    return truncatedNormal(shape, mean - far, mean + far, mean, stdev, { dtype, device });
  }
}
