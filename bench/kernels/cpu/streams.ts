/**
 * What memory bounds on the CPU: maps, folds, norms, updates, gathers, at a size of choice.
 *
 * Invariant: `bytes` counts each element of each array once as it is read and once as it is written, whatever the kernels
 * do on the way.
 */
import { autograd, nd } from 'tigon';

type Arrays = readonly nd.NDArray[];

export interface Stream {
  readonly name: string;
  /** Arrays that it is given, for about `elements` of the largest. */
  readonly given: (elements: number) => Arrays;
  readonly work: (...arrays: nd.NDArray[]) => nd.NDArray | readonly nd.NDArray[];
  /** Elements read and written for each element of the largest array. */
  readonly trips: number;
}

const floats = (...shape: number[]): nd.NDArray => nd.array(numbers(shape), { shape });

const numbers = (shape: readonly number[]): Float32Array =>
  Float32Array.from(
    { length: shape.reduce((a, b) => a * b, 1) },
    (_, i) => ((i * 7919) % 1021) / 256 - 2,
  );

const COLUMNS = 1024;
const rows = (elements: number): nd.NDArray => floats(elements / COLUMNS, COLUMNS);
const CHANNELS = 64;
const PLACES = 64;
const images = (elements: number): nd.NDArray =>
  floats(elements / (CHANNELS * PLACES), CHANNELS, PLACES);

const standardized = (x: nd.NDArray, axis: number | number[]): nd.NDArray => {
  const c = x.sub(x.mean({ axis, keepDims: true }));
  return c.div(c.square().mean({ axis, keepDims: true }).add(1e-5).sqrt());
};

const gradientOf =
  (f: (x: nd.NDArray) => nd.NDArray): Stream['work'] =>
  (x, dy) => {
    const y = autograd.record(() => f(x!.attachGrad()));
    return autograd.grad(y, [x!], { headGrads: dy! })[0]!;
  };

const twice =
  (make: (elements: number) => nd.NDArray): Stream['given'] =>
  (elements) => [make(elements), make(elements)];
const once =
  (make: (elements: number) => nd.NDArray): Stream['given'] =>
  (elements) => [make(elements)];

export const streams: readonly Stream[] = [
  { name: 'map', given: once(rows), work: (x) => x!.mul(1.5), trips: 2 },
  { name: 'sum of two arrays', given: twice(rows), work: (x, y) => x!.add(y!), trips: 3 },
  {
    name: 'momentum update',
    given: (n) => [rows(n), rows(n), rows(n)],
    work: (w, g, m) => {
      const next = m!.mul(0.9).add(g!.mul(0.1));
      return [w!.sub(next), next];
    },
    trips: 5,
  },
  {
    name: 'Adam update',
    given: (n) => [rows(n), rows(n), rows(n), rows(n).abs()],
    work: (w, g, m, v) => {
      const mean = m!.mul(0.9).add(g!.mul(0.1));
      const variance = v!.abs().mul(0.999).add(g!.square().mul(0.001));
      return [w!.sub(mean.mul(0.01).div(variance.sqrt().add(1e-8))), mean, variance];
    },
    trips: 7,
  },
  { name: 'sum of all', given: once(rows), work: (x) => x!.sum(), trips: 1 },
  { name: 'sums of rows', given: once(rows), work: (x) => x!.sum({ axis: 1 }), trips: 1 },
  { name: 'sums of columns', given: once(rows), work: (x) => x!.sum({ axis: 0 }), trips: 1 },
  {
    name: 'sums of channels',
    given: once(images),
    work: (x) => x!.sum({ axis: [0, 2] }),
    trips: 1,
  },
  { name: 'maxima of rows', given: once(rows), work: (x) => x!.max({ axis: 1 }), trips: 1 },
  { name: 'layernorm of rows', given: once(rows), work: (x) => standardized(x!, 1), trips: 2 },
  {
    name: 'batchnorm of channels',
    given: once(images),
    work: (x) => standardized(x!, [0, 2]),
    trips: 3,
  },
  {
    name: 'gradient of layernorm',
    given: twice(rows),
    work: gradientOf((x) => standardized(x, 1)),
    trips: 3,
  },
  {
    name: 'gradient of batchnorm',
    given: twice(images),
    work: gradientOf((x) => standardized(x, [0, 2])),
    trips: 5,
  },
  { name: 'softmax of rows', given: once(rows), work: (x) => x!.softmax({ axis: 1 }), trips: 2 },
  {
    name: 'logarithms of softmax',
    given: once(rows),
    work: (x) => x!.logSoftmax({ axis: 1 }),
    trips: 2,
  },
  { name: 'tanh', given: once(rows), work: (x) => x!.tanh(), trips: 2 },
  { name: 'transpose', given: once(rows), work: (x) => x!.T, trips: 2 },
  {
    name: 'rows gathered',
    given: (n) => [
      rows(n),
      nd
        .arange(0, n / COLUMNS, 1, { dtype: 'int32' })
        .mul(7)
        .mod(n / COLUMNS),
    ],
    work: (x, at) => x!.take(at!, { axis: 0 }),
    trips: 2,
  },
];
