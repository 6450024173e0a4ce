/**
 * Uniform and normal numbers, coins and dice.
 *
 * Invariant: uniform numbers of small arrays are drawn on the host, bit for bit as a compiled program draws them.
 */
import { type DType, isNarrowFloat, summedIn } from '../../ir/dtype.ts';
import { roundTo } from '../../ir/rounding.ts';
import { type Shape, tensor } from '../../ir/type.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { mode } from '../mode.ts';
import { checkDtype, checkShape } from '../nd/creation.ts';
import { fits, upload } from '../nd/filled.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { shown } from '../options.ts';
import { doublesOnHost, uniformOnHost } from '../random-host.ts';
import {
  type Attrs,
  anyNumber,
  checkDrawOptions,
  deviceFor,
  drawFrom,
  drawnDtype,
  finiteNumber,
  KEY,
  notNegative,
  probability,
  type RandomOptions,
  type Sampler,
  sampler,
} from './draw.ts';
import { sourceOf, standardNormal, unit, words } from './source.ts';
import { drawOperands, take } from './state.ts';

/** Arrays up to this size are drawn on the host, in a few milliseconds; compiling for a new shape takes longer. */
const HOST_ELEMENTS = 1 << 18;

const uniformly: Sampler = sampler({
  name: 'random.uniform',
  parameters: [finiteNumber('low'), finiteNumber('high')],
  draws: 1,
  build: (source, [low, high]) => {
    const { b } = source;
    return b.op('add', b.op('mul', unit(source), b.op('sub', high!, low!)), low!);
  },
});

/**
 * Uniform numbers in [low, high): `low + u · (high - low)`, `u` a multiple of 2⁻²⁴ (of float64: 2⁻⁵³); numbers, or
 * arrays that broadcast to the shape. With these equal, all numbers are that one. Gradients flow to `low` and `high`.
 * float32, of float64 parameters float64, or the float dtype asked for.
 *
 * @throws {ValueError} unless numbers have `low` ≤ `high` and are finite, as their distance is, in the dtype that is
 *   drawn in; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.uniform([2, 3], -1, 1).shape;   // [2, 3]
 */
export const uniform = (
  shape: Shape,
  low: Operand = 0,
  high: Operand = 1,
  options?: RandomOptions,
): NDArray => {
  if (isNDArray(low) || isNDArray(high)) return drawFrom(uniformly, shape, [low, high], options);
  checkDrawOptions('random.uniform', options, ['dtype', 'device']);
  if (typeof low !== 'number' || typeof high !== 'number' || !(low <= high))
    throw failure(
      'value',
      `random.uniform: low ${shown(low)}, high ${shown(high)}`,
      'pass numbers with low ≤ high: random.uniform(shape, low, high)',
    );
  const dtype = drawnDtype('random.uniform', options, 'float32', false);
  const within = (value: number): boolean => Number.isFinite(roundTo(summedIn(dtype), value));
  if (![low, high, high - low].every(within))
    throw failure(
      'value',
      `random.uniform: from ${low} to ${high} is too far for ${dtype}`,
      'pass finite numbers: random.uniform(shape, low, high)',
    );
  const type = tensor(dtype, checkShape('random.uniform', shape));
  const onHost = dtype === 'float32' ? uniformOnHost : doublesOnHost;
  if (mode.trace !== undefined || isNarrowFloat(dtype) || type.size > HOST_ELEMENTS)
    return drawFrom(uniformly, shape, [low, high], options);
  const device = deviceFor([], options);
  const [k0, k1, first] = take(device, 1);
  return upload(type, onHost(type.size, low, high, [k0, k1], first), device, 'random.uniform');
};

const normally: Sampler = sampler({
  name: 'random.normal',
  parameters: [anyNumber('mean'), notNegative('deviation')],
  draws: 2,
  build: (source, [mean, deviation]) => {
    const { b } = source;
    return b.op('add', b.op('mul', standardNormal(source), deviation!), mean!);
  },
});
/**
 * Normal numbers by Box–Muller: `sqrt(-2 log(1 - u)) · cos(2π v)`, `u` and `v` from two draws, times `deviation` plus
 * `mean`: numbers, or arrays that broadcast to the shape. Gradients flow to both. float32, of float64 parameters
 * float64, or the float dtype asked for.
 *
 * @throws {ValueError} for a negative deviation, and NaN; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 * @throws {DTypeError} for a `dtype` that is no float
 *
 * @example
 * random.normal([4], nd.array([0, 10, 20, 30]), 0).array();   // [0, 10, 20, 30]
 */
export const normal = (
  shape: Shape,
  mean: Operand = 0,
  deviation: Operand = 1,
  options?: RandomOptions,
): NDArray => drawFrom(normally, shape, [mean, deviation], options);

/**
 * Uniform numbers in [0, 1) in an array of the given sizes, `random.rand(2, 3)`; without sizes one number, of shape [].
 * float32.
 *
 * @throws {ShapeError} unless sizes are integers ≥ 0
 *
 * @example random.rand(2, 3).shape;   // [2, 3]
 */
export const rand = (...sizes: number[]): NDArray => uniform(checkShape('random.rand', sizes));
/**
 * Standard normal numbers in an array of the given sizes, `random.randn(2, 3)`; without sizes one number, of shape [].
 * float32.
 *
 * @throws {ShapeError} unless sizes are integers ≥ 0
 *
 * @example random.randn(2, 3).shape;   // [2, 3]
 */
export const randn = (...sizes: number[]): NDArray => normal(checkShape('random.randn', sizes));

const coin: Sampler = sampler({
  name: 'random.bernoulli',
  parameters: [probability('probability')],
  draws: 1,
  whole: true,
  build: (source, [p]) => source.b.cast(source.b.op('lt', unit(source), p!), source.dtype),
});
/**
 * Ones with probability `p` (a number, or an array that broadcasts to the shape), else zeros. No gradients. float32, of
 * float64 parameters float64, or whatever dtype is asked for.
 *
 * @throws {ValueError} unless a number `p` is from 0 to 1; arrays are not looked at
 * @throws {ShapeError} for a `shape` that is none, and parameters that do not stretch to it
 *
 * @example random.bernoulli([3], 1).array();   // [1, 1, 1]
 */
export const bernoulli = (shape: Shape, p: Operand = 0.5, options?: RandomOptions): NDArray =>
  drawFrom(coin, shape, [p], options);

const whole: Fragment<Attrs> = fragment<Attrs>(
  'random.randint',
  (b, [k0, k1, d, low, width], { shape, dtype }) => {
    const bits = words(sourceOf(b, [k0!, k1!, d!], shape, 'float32'));
    const at = b.op('mod', bits, b.broadcastTo(width!, shape));
    const value = b.op('add', b.cast(at, 'int32'), b.broadcastTo(low!, shape));
    return b.cast(value, dtype);
  },
  { scalars: [...KEY, 'int32', 'uint32'] },
);
/**
 * Integers from `low` (included) to `high` (excluded) in an array of `shape`: `low + word mod (high - low)`. With one
 * number, from 0 to it. int32 unless said otherwise; floats round.
 *
 * @throws {ValueError} unless `low` < `high` are integers, int32 and less than 2³¹ apart, and the dtype holds them
 * @throws {ShapeError} for a `shape` that is none
 *
 * @example
 * random.randint([5], 0, 10).dtype;   // int32
 */
export const randint = (
  shape: Shape,
  low: number,
  high?: number,
  options?: RandomOptions,
): NDArray => {
  checkDrawOptions('random.randint', options, ['dtype', 'device']);
  checkShape('random.randint', shape);
  const [from, to] = high === undefined ? [0, low] : [low, high];
  if (!fits(from, 'int32') || !fits(to - 1, 'int32') || from >= to || to - from > 2147483647)
    throw failure(
      'value',
      `random.randint: low ${shown(from)}, high ${shown(to)}`,
      'integers with low < high, of 32 bits',
    );
  const dtype: DType = checkDtype('random.randint', options?.dtype ?? 'int32');
  for (const bound of [from, to - 1])
    if (!fits(bound, dtype) || !Number.isFinite(roundTo(dtype, bound)))
      throw failure(
        'value',
        `random.randint: from ${from} to ${to - 1} does not fit ${dtype}`,
        'ask for a wider dtype, or other bounds',
      );
  const device = deviceFor([], options);
  return call(whole, [...drawOperands(device, 1), from, to - from], {
    attrs: { shape, dtype },
    key: `${shape.join('.')}/${dtype}`,
    device,
  });
};
