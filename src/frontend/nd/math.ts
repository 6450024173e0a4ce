/**
 * Functions of one array, element by element.
 *
 * Invariant: floats keep their dtype; integers and booleans become float32 where results may be fractions.
 */
import { type DType, isFloat } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import { showType } from '../../ir/type.ts';
import { call, call1, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkDtype } from './creation.ts';
import { fits } from './filled.ts';

/** `x` as a float: itself, or float32. */
export const floating = (b: GraphBuilder, x: Node): Node =>
  isFloat(x.type.dtype) ? x : b.cast(x, 'float32');
/** `x` as float32: what sums are made of, which half precision may not hold. */
export const single = (b: GraphBuilder, x: Node): Node => b.cast(x, 'float32');
const countable = (b: GraphBuilder, x: Node): Node =>
  x.type.dtype === 'bool' ? b.cast(x, 'int32') : x;
const isWhole = (x: Node): boolean => !isFloat(x.type.dtype);

const real = (name: string, op: ScalarOp): Fragment =>
  fragment(name, (b, [x]) => b.op(op, floating(b, x!)));
const any = (name: string, op: ScalarOp): Fragment =>
  fragment(name, (b, [x]) => b.op(op, countable(b, x!)));
const rounding = (name: string, op: ScalarOp): Fragment =>
  fragment(name, (b, [x]) => (isWhole(x!) ? countable(b, x!) : b.op(op, x!)));
const derived = (name: string, build: (b: GraphBuilder, x: Node) => Node): Fragment =>
  fragment(name, (b, [x]) => build(b, floating(b, x!)));

const negation = any('neg', 'neg');
const absolute = any('abs', 'abs');
const signs = any('sign', 'sign');
const exponential = real('exp', 'exp');
const exponential1 = real('expm1', 'expm1');
const logarithm = real('log', 'log');
const logarithm1 = real('log1p', 'log1p');
const sine = real('sin', 'sin');
const cosine = real('cos', 'cos');
const tangent = real('tan', 'tan');
const hyperbolic = real('tanh', 'tanh');
const logistic = real('sigmoid', 'sigmoid');
const errorFunction = real('erf', 'erf');
const rectified = any('relu', 'relu');
const root = real('sqrt', 'sqrt');
const inverseRoot = real('rsqrt', 'rsqrt');
const down = rounding('floor', 'floor');
const up = rounding('ceil', 'ceil');
const nearestEven = rounding('round', 'round');
const inverse = derived('reciprocal', (b, x) => b.op('div', b.lit(1, x), x));
const squared = fragment('square', (b, [x]) => b.op('mul', countable(b, x!), countable(b, x!)));
/** log(1 + eˣ) without overflow: max(x, 0) + log1p(e^−|x|). */
const softPlus = derived('softplus', (b, x) =>
  b.op('add', b.op('relu', x), b.op('log1p', b.op('exp', b.op('neg', b.op('abs', x))))),
);
const softSign = derived('softsign', (b, x) =>
  b.op('div', x, b.op('add', b.op('abs', x), b.lit(1, x))),
);
const swish = derived('silu', (b, x) => b.op('mul', x, b.op('sigmoid', x)));
/** x · Φ(x), exactly (with erf). */
const gaussian = derived('gelu', (b, x) =>
  b.op(
    'mul',
    b.op('mul', x, b.lit(0.5, x)),
    b.op('add', b.op('erf', b.op('mul', x, b.lit(Math.SQRT1_2, x))), b.lit(1, x)),
  ),
);
const notNumber = fragment('isNaN', (b, [x]) =>
  isWhole(x!) ? b.full(0, 'bool', x!.type.shape) : b.op('isnan', x!),
);
const finite = fragment('isFinite', (b, [x]) =>
  isWhole(x!)
    ? b.full(1, 'bool', x!.type.shape)
    : b.op('lt', b.op('abs', x!), b.lit(Number.POSITIVE_INFINITY, x!)),
);
const opposite = fragment('logicalNot', (b, [x]) => b.op('not', b.cast(x!, 'bool')));

/** `-x`. */
export const neg = (x: NDArray): NDArray => call1(negation, x);
/** `|x|`. */
export const abs = (x: NDArray): NDArray => call1(absolute, x);
/** -1, 0 or 1. */
export const sign = (x: NDArray): NDArray => call1(signs, x);
/**
 * `eˣ`.
 *
 * @example nd.exp(nd.array([0, 1]))   // [1, 2.7183]
 */
export const exp = (x: NDArray): NDArray => call1(exponential, x);
/** `exp(x) - 1`, exact near 0. */
export const expm1 = (x: NDArray): NDArray => call1(exponential1, x);
/** Natural logarithm. */
export const log = (x: NDArray): NDArray => call1(logarithm, x);
/** `log(1 + x)`, exact near 0. */
export const log1p = (x: NDArray): NDArray => call1(logarithm1, x);
/**
 * Sine of radians.
 *
 * @example nd.sin(nd.array([0, Math.PI / 2]))   // [0, 1]
 */
export const sin = (x: NDArray): NDArray => call1(sine, x);
/**
 * Cosine of radians.
 *
 * @example nd.cos(nd.array([0, Math.PI]))   // [1, -1]
 */
export const cos = (x: NDArray): NDArray => call1(cosine, x);
/**
 * Tangent of radians.
 *
 * @example nd.tan(nd.array([0, Math.PI / 4]))   // [0, 1]
 */
export const tan = (x: NDArray): NDArray => call1(tangent, x);
/**
 * Hyperbolic tangent, from -1 to 1.
 *
 * @example nd.tanh(nd.array([0, 1]))   // [0, 0.7616]
 */
export const tanh = (x: NDArray): NDArray => call1(hyperbolic, x);
/** `1 / (1 + exp(-x))`. */
export const sigmoid = (x: NDArray): NDArray => call1(logistic, x);
/** The error function. */
export const erf = (x: NDArray): NDArray => call1(errorFunction, x);
/** `max(x, 0)`; gradient 0 at 0. */
export const relu = (x: NDArray): NDArray => call1(rectified, x);
/**
 * Square root; NaN below 0.
 *
 * @example nd.sqrt(nd.array([4, 9]))   // [2, 3]
 */
export const sqrt = (x: NDArray): NDArray => call1(root, x);
/** `1 / sqrt(x)`. */
export const rsqrt = (x: NDArray): NDArray => call1(inverseRoot, x);
/**
 * The next integer at or below.
 *
 * @example nd.floor(nd.array([-1.5, 1.5]))   // [-2, 1]
 */
export const floor = (x: NDArray): NDArray => call1(down, x);
/**
 * The next integer at or above.
 *
 * @example nd.ceil(nd.array([-1.5, 1.5]))   // [-1, 2]
 */
export const ceil = (x: NDArray): NDArray => call1(up, x);
/** To the nearest integer, ties to even. */
export const round = (x: NDArray): NDArray => call1(nearestEven, x);
/** `1 / x`. */
export const reciprocal = (x: NDArray): NDArray => call1(inverse, x);
/**
 * `x · x`.
 *
 * @example nd.square(nd.array([-2, 3]))   // [4, 9]
 */
export const square = (x: NDArray): NDArray => call1(squared, x);
/** `log(1 + exp(x))`. */
export const softplus = (x: NDArray): NDArray => call1(softPlus, x);
/** `x / (1 + |x|)`. */
export const softsign = (x: NDArray): NDArray => call1(softSign, x);
/** `x · sigmoid(x)`, also called swish. */
export const silu = (x: NDArray): NDArray => call1(swish, x);
/** `x · Φ(x)` with the exact normal distribution function. */
export const gelu = (x: NDArray): NDArray => call1(gaussian, x);
const whereNaN = (x: NDArray): NDArray => call1(notNumber, x);
const whereFinite = (x: NDArray): NDArray => call1(finite, x);

export { whereFinite as isFinite, whereNaN as isNaN };
/** True where `x` is 0 or false. */
export const logicalNot = (x: NDArray): NDArray => call1(opposite, x);

const leaky = fragment(
  'leakyRelu',
  (b, [x, slope]) => {
    const value = floating(b, x!);
    const low = b.op(
      'mul',
      value,
      b.broadcastTo(b.cast(slope!, value.type.dtype), value.type.shape),
    );
    return b.op('select', b.op('gt', value, b.lit(0, value)), value, low);
  },
  { scalars: [undefined, 'float32'] },
);
/** `x` where positive, else `slope · x`. */
export const leakyRelu = (x: NDArray, slope = 0.01): NDArray =>
  call(leaky, [x, slope], { attrs: {}, key: '' });

const exponentialLinear = fragment(
  'elu',
  (b, [x, alpha]) => {
    const value = floating(b, x!);
    const scale = b.broadcastTo(b.cast(alpha!, value.type.dtype), value.type.shape);
    const positive = b.op('gt', value, b.lit(0, value));
    const safe = b.op('select', positive, b.lit(0, value), value);
    return b.op('select', positive, value, b.op('mul', scale, b.op('expm1', safe)));
  },
  { scalars: [undefined, 'float32'] },
);
/** `x` where positive, else `alpha · (exp(x) - 1)`. */
export const elu = (x: NDArray, alpha = 1): NDArray =>
  call(exponentialLinear, [x, alpha], { attrs: {}, key: '' });

const bounded = fragment('clip', (b, [x, low, high]) => {
  const { dtype, shape } = x!.type;
  const at = (n: Node): Node => b.broadcastTo(b.cast(n, dtype), shape);
  if (dtype === 'bool')
    throw new TigonError('dtype', `clip: takes numbers, not ${showType(x!.type)}`);
  const inside = b.op('and', b.op('ge', x!, at(low!)), b.op('le', x!, at(high!)));
  const value = b.op('min', b.op('max', x!, at(low!)), at(high!));
  return isFloat(dtype) ? b.op('select', inside, x!, value) : value;
});
/** `x` limited to `low … high`; no gradient outside. */
export const clip = (x: NDArray, low: number, high: number): NDArray => {
  if (!(low <= high))
    throw failure('value', `clip: low ${low} is not below high ${high}`, 'clip(x, low, high)');
  const whole = !isFloat(x.dtype) && fits(low, x.dtype) && fits(high, x.dtype);
  const dtype = whole ? x.dtype : 'float32';
  return call(bounded, [x, low, high], { attrs: {}, key: '', scalars: [undefined, dtype, dtype] });
};

const casting: Fragment<{ readonly dtype: DType }> = fragment('astype', (b, [x], { dtype }) =>
  b.cast(x!, dtype),
);
/** `x` as another dtype: floats to integers truncate and saturate (NaN gives 0); anything to bool is `≠ 0`. */
export const astype = (x: NDArray, dtype: DType): NDArray =>
  x.dtype === dtype
    ? x
    : call(casting, [x], { attrs: { dtype: checkDtype('astype', dtype) }, key: dtype });
