/**
 * Functions of one array, element by element.
 *
 * Invariant: floats keep their dtype; integers and booleans become float32 where results may be fractions.
 */
import { type DType, isFloat, isInteger, summedIn } from '../../ir/dtype.ts';
import { TigonError } from '../../ir/errors.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node } from '../../ir/graph/graph.ts';
import type { ScalarOp } from '../../ir/scalar.ts';
import { showType } from '../../ir/type.ts';
import { call, call1, checkArray, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { shown } from '../options.ts';
import { checkDtype } from './creation.ts';
import { fits } from './filled.ts';

/** `x` as a float: itself, or float32. */
export const floating = (b: GraphBuilder, x: Node): Node =>
  isFloat(x.type.dtype) ? x : b.cast(x, 'float32');
/** `x` in what sums of `like` are made of, which half precision may not hold: float32, or float64. */
export const single = (b: GraphBuilder, x: Node, like: Node = x): Node =>
  b.cast(x, summedIn(like.type.dtype));
const countable = (b: GraphBuilder, x: Node): Node =>
  x.type.dtype === 'bool' ? b.cast(x, 'int32') : x;
const isWhole = (x: Node): boolean => !isFloat(x.type.dtype);

/** A function of one array. */
export type Unary = (x: NDArray) => NDArray;

/** The function of one array that a graph builder makes. */
export const unary = (name: string, build: (b: GraphBuilder, x: Node) => Node): Unary => {
  const f = fragment(name, (b, [x]) => build(b, x!));
  return (x) => call1(f, x);
};
/** The same, of floats: others become float32 first. */
export const derived = (name: string, build: (b: GraphBuilder, x: Node) => Node): Unary =>
  unary(name, (b, x) => build(b, floating(b, x)));
const real = (op: ScalarOp): Unary => derived(op, (b, x) => b.op(op, x));
const any = (op: ScalarOp): Unary => unary(op, (b, x) => b.op(op, countable(b, x)));
const rounding = (op: ScalarOp): Unary =>
  unary(op, (b, x) => (isWhole(x) ? countable(b, x) : b.op(op, x)));

/**
 * `-x`. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.neg(nd.array([1, -2]));   // [-1, 2]
 */
export const neg: Unary = any('neg');
/**
 * `|x|`. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.abs(nd.array([-1, 2]));   // [1, 2]
 */
export const abs: Unary = any('abs');
/**
 * -1, 0 or 1. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.sign(nd.array([-3, 0, 2]));   // [-1, 0, 1]
 */
export const sign: Unary = any('sign');
/**
 * `eˣ`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.exp(nd.array([0, 1]))   // [1, 2.7183]
 */
export const exp: Unary = real('exp');
/**
 * `exp(x) - 1`, exact near 0. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.expm1(nd.array([0, 1]));   // [0, 1.71828]
 */
export const expm1: Unary = real('expm1');
/**
 * Natural logarithm. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.log(nd.array([1, Math.E]));   // [0, 1]
 */
export const log: Unary = real('log');
/**
 * `log(1 + x)`, exact near 0. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.log1p(nd.array([0, 1]));   // [0, 0.6931]
 */
export const log1p: Unary = real('log1p');
/**
 * Sine of radians. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.sin(nd.array([0, Math.PI / 2]))   // [0, 1]
 */
export const sin: Unary = real('sin');
/**
 * Cosine of radians. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.cos(nd.array([0, Math.PI]))   // [1, -1]
 */
export const cos: Unary = real('cos');
/**
 * Tangent of radians. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.tan(nd.array([0, Math.PI / 4]))   // [0, 1]
 */
export const tan: Unary = real('tan');
/**
 * Hyperbolic tangent, from -1 to 1. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.tanh(nd.array([0, 1]))   // [0, 0.7616]
 */
export const tanh: Unary = real('tanh');
/**
 * `1 / (1 + exp(-x))`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.sigmoid(nd.array([0, 2]));   // [0.5, 0.8808]
 */
export const sigmoid: Unary = real('sigmoid');
/**
 * The error function. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.erf(nd.array([0, 1]));   // [0, 0.8427]
 */
export const erf: Unary = real('erf');
/**
 * `max(x, 0)`; gradient 0 at 0. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.relu(nd.array([-1, 2]));   // [0, 2]
 */
export const relu: Unary = any('relu');
/**
 * Square root; NaN below 0. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.sqrt(nd.array([4, 9]))   // [2, 3]
 */
export const sqrt: Unary = real('sqrt');
/**
 * `1 / sqrt(x)`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.rsqrt(nd.array([4, 0.25]));   // [0.5, 2]
 */
export const rsqrt: Unary = real('rsqrt');
/**
 * The next integer at or below. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.floor(nd.array([-1.5, 1.5]))   // [-2, 1]
 */
export const floor: Unary = rounding('floor');
/**
 * The next integer at or above. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.ceil(nd.array([-1.5, 1.5]))   // [-1, 2]
 */
export const ceil: Unary = rounding('ceil');
/**
 * To the nearest integer, ties to even. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.round(nd.array([0.5, 1.5, -1.2]));   // [0, 2, -1]
 */
export const round: Unary = rounding('round');
/**
 * `1 / x`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.reciprocal(nd.array([2, -4]));   // [0.5, -0.25]
 */
export const reciprocal: Unary = derived('reciprocal', (b, x) => b.op('div', b.lit(1, x), x));
/**
 * `x · x`. Shape and dtype stay; booleans count as int32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.square(nd.array([-2, 3]))   // [4, 9]
 */
export const square: Unary = unary('square', (b, x) =>
  b.op('mul', countable(b, x), countable(b, x)),
);
// log(1 + eˣ) without overflow: max(x, 0) + log1p(e^−|x|). Of the maximum, not relu: half of the gradient at 0.
/**
 * `log(1 + exp(x))`, without overflow. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.softplus(nd.array([0, 100]));   // [0.6931, 100]
 */
export const softplus: Unary = derived('softplus', (b, x) =>
  b.op('add', b.op('max', x, b.lit(0, x)), b.op('log1p', b.op('exp', b.op('neg', b.op('abs', x))))),
);
/**
 * `x / (1 + |x|)`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.softsign(nd.array([-1, 3]));   // [-0.5, 0.75]
 */
export const softsign: Unary = derived('softsign', (b, x) =>
  b.op('div', x, b.op('add', b.op('abs', x), b.lit(1, x))),
);
/**
 * `x · sigmoid(x)`, also called swish. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.silu(nd.array([0, 2]));   // [0, 1.7616]
 */
export const silu: Unary = derived('silu', (b, x) => b.op('mul', x, b.op('sigmoid', x)));
/**
 * `x · Φ(x)` with the exact normal distribution function (by `erf`). Of the same shape; floats keep their dtype, other
 * dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.gelu(nd.array([-1, 0, 1]));   // [-0.15866, 0, 0.84134]
 */
export const gelu: Unary = derived('gelu', (b, x) =>
  b.op(
    'mul',
    b.op('mul', x, b.lit(0.5, x)),
    b.op('add', b.op('erf', b.op('mul', x, b.lit(Math.SQRT1_2, x))), b.lit(1, x)),
  ),
);
/**
 * True where a number is NaN: bool, of the same shape. Integers and booleans are none.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.isNaN(nd.array([1, Infinity, NaN]));   // [0, 0, 1]
 */
const whereNaN: Unary = unary('isNaN', (b, x) =>
  isWhole(x) ? b.full(0, 'bool', x.type.shape) : b.op('isnan', x),
);
/**
 * True where a number is neither infinite nor NaN: bool, of the same shape. All integers and booleans are.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.isFinite(nd.array([1, Infinity, NaN]));   // [1, 0, 0]
 */
const whereFinite: Unary = unary('isFinite', (b, x) =>
  isWhole(x)
    ? b.full(1, 'bool', x.type.shape)
    : b.op('lt', b.op('abs', x), b.lit(Number.POSITIVE_INFINITY, x)),
);

export { whereFinite as isFinite, whereNaN as isNaN };
/**
 * True where `x` is 0 or false: bool, of the same shape, for any dtype. NaN counts as true.
 *
 * @throws {ValueError} if `x` is no array
 *
 * @example nd.logicalNot(nd.array([0, 2]));   // [1, 0]
 */
export const logicalNot: Unary = unary('logicalNot', (b, x) => b.op('not', b.cast(x, 'bool')));

const leaky = fragment('leakyRelu', (b, [x, slope]) => {
  const value = floating(b, x!);
  const low = b.op('mul', value, b.broadcastTo(b.cast(slope!, value.type.dtype), value.type.shape));
  return b.op('select', b.op('gt', value, b.lit(0, value)), value, low);
});
/** A call of a function of `x` and one number, which is as exact as `x`. */
const withNumber = (f: Fragment<object>, x: NDArray, what: string, value: number): NDArray => {
  checkArray(f.name, x);
  if (typeof value !== 'number')
    throw failure('value', `${f.name}: ${what} is ${shown(value)}, not a number`);
  const scalars = [undefined, summedIn(x.dtype)];
  return call(f, [x, value], { attrs: {}, key: '', scalars });
};
/**
 * `x` where positive, else `slope · x`. Of the same shape; floats keep their dtype, other dtypes give float32.
 *
 * @throws {ValueError} if `x` is no array, or `slope` no number
 *
 * @example nd.leakyRelu(nd.array([-1, 2]), 0.1);   // [-0.1, 2]
 */
export const leakyRelu = (x: NDArray, slope = 0.01): NDArray =>
  withNumber(leaky, x, 'slope', slope);

const exponentialLinear = fragment('elu', (b, [x, alpha]) => {
  const value = floating(b, x!);
  const scale = b.broadcastTo(b.cast(alpha!, value.type.dtype), value.type.shape);
  const positive = b.op('gt', value, b.lit(0, value));
  const safe = b.op('select', positive, b.lit(0, value), value);
  return b.op('select', positive, value, b.op('mul', scale, b.op('expm1', safe)));
});
/**
 * `x` where positive, else `alpha · (exp(x) - 1)`. Of the same shape; floats keep their dtype, other dtypes give
 * float32.
 *
 * @throws {ValueError} if `x` is no array, or `alpha` no number
 *
 * @example nd.elu(nd.array([-1, 2]));   // [-0.6321, 2]
 */
export const elu = (x: NDArray, alpha = 1): NDArray =>
  withNumber(exponentialLinear, x, 'alpha', alpha);

const bounded = fragment('clip', (b, [x, low, high]) => {
  const { dtype, shape } = x!.type;
  const at = (n: Node): Node => b.broadcastTo(b.cast(n, dtype), shape);
  if (dtype === 'bool')
    throw new TigonError('dtype', `clip: takes numbers, not ${showType(x!.type)}`);
  const inside = b.op('and', b.op('ge', x!, at(low!)), b.op('le', x!, at(high!)));
  const value = b.op('min', b.op('max', x!, at(low!)), at(high!));
  return isFloat(dtype) ? b.op('select', inside, x!, value) : value;
});
/**
 * `x` limited to `low … high`, of the same shape and dtype; no gradient outside. Fractional limits of integers are the
 * integers between them.
 *
 * @throws {ValueError} unless `low` ≤ `high` are numbers, with an integer between them if `x` has integers
 * @throws {DTypeError} for booleans
 *
 * @example nd.clip(nd.array([-2, 0.5, 3]), 0, 1);   // [0, 0.5, 1]
 */
export const clip = (x: NDArray, low: number, high: number): NDArray => {
  checkArray('clip', x);
  if (typeof low !== 'number' || typeof high !== 'number' || !(low <= high))
    throw failure(
      'value',
      `clip: low is ${shown(low)}, high ${shown(high)}`,
      'pass numbers with low ≤ high: clip(x, low, high); nd.clamp takes arrays, and null for no limit',
    );
  const [least, most] = isInteger(x.dtype) ? [Math.ceil(low), Math.floor(high)] : [low, high];
  if (least > most) throw failure('value', `clip: no ${x.dtype} lies between ${low} and ${high}`);
  const whole = !isFloat(x.dtype) && fits(least, x.dtype) && fits(most, x.dtype);
  const dtype = whole ? x.dtype : summedIn(x.dtype);
  return call(bounded, [x, least, most], {
    attrs: {},
    key: '',
    scalars: [undefined, dtype, dtype],
  });
};

const casting: Fragment<{ readonly dtype: DType }> = fragment('astype', (b, [x], { dtype }) =>
  b.cast(x!, dtype),
);
/**
 * `x` as another dtype, of the same shape. To integers, fractions are cut off, numbers out of range become the nearest
 * in it, and NaN 0; anything to bool is `≠ 0`.
 *
 * @throws {OptionError} for names that are no dtypes
 * @throws {DTypeError} for dtypes that the device does not have
 *
 * @example nd.astype(nd.array([1.7, -1.7]), 'int32');   // [1, -1]
 */
export const astype = (x: NDArray, dtype: DType): NDArray => {
  checkArray('astype', x);
  if (x.dtype === dtype) return x;
  return call(casting, [x], { attrs: { dtype: checkDtype('astype', dtype) }, key: dtype });
};
