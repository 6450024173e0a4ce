/**
 * The rest of NumPy's functions of one number: inverse and hyperbolic functions, other bases, rounding, what is not finite.
 *
 * Invariant: floats keep their dtype; integers become float32 where results may be fractions.
 */
import { isFloat } from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node, Op } from '../../ir/graph/graph.ts';
import { acos as acosOp, asin as asinOp, atan as atanOp } from '../../ir/graph/ops/arcs.ts';
import { writing } from '../../ir/graph/ops/formula.ts';
import {
  acosh as acoshOp,
  asinh as asinhOp,
  atanh as atanhOp,
  cosh as coshOp,
  sinh as sinhOp,
} from '../../ir/graph/ops/hyperbolic.ts';
import {
  cbrt as cbrtOp,
  exp2 as exp2Op,
  log2 as log2Op,
  log10 as log10Op,
} from '../../ir/graph/ops/powers.ts';
import { stopGradient } from '../../ir/graph/ops/view.ts';
import { call, checkArray, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import type { NDArray } from '../ndarray.ts';
import { checkOptions, shown } from '../options.ts';
import { derived, type Unary, unary } from './math.ts';

const formula = (name: string, op: Op): Unary => derived(name, (b, x) => b.emit(op, [x], {}));

/**
 * The angle with this sine, from -π/2 to π/2; NaN outside of [-1, 1]. Of the same shape; floats keep their dtype,
 * integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arcsin(nd.array([0, 1]));   // [0, 1.5708]
 */
export const arcsin: Unary = formula('arcsin', asinOp);
/**
 * The angle with this cosine, from 0 to π; NaN outside of [-1, 1]. Of the same shape; floats keep their dtype, integers
 * and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arccos(nd.array([1, 0]));   // [0, 1.5708]
 */
export const arccos: Unary = formula('arccos', acosOp);
/**
 * The angle with this tangent, from -π/2 to π/2. Of the same shape; floats keep their dtype, integers and booleans give
 * float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arctan(nd.array([0, 1]));   // [0, 0.7854]
 */
export const arctan: Unary = formula('arctan', atanOp);
/**
 * Hyperbolic sine. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.sinh(nd.array([0, 1]));   // [0, 1.1752]
 */
export const sinh: Unary = formula('sinh', sinhOp);
/**
 * Hyperbolic cosine. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.cosh(nd.array([0, 1]));   // [1, 1.5431]
 */
export const cosh: Unary = formula('cosh', coshOp);
/**
 * Inverse of the hyperbolic sine. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arcsinh(nd.array([0, 1]));   // [0, 0.8814]
 */
export const arcsinh: Unary = formula('arcsinh', asinhOp);
/**
 * Inverse of the hyperbolic cosine; NaN below 1. Of the same shape; floats keep their dtype, integers and booleans give
 * float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arccosh(nd.array([1, 2]));   // [0, 1.317]
 */
export const arccosh: Unary = formula('arccosh', acoshOp);
/**
 * Inverse of the hyperbolic tangent; infinite at -1 and 1, NaN beyond. Of the same shape; floats keep their dtype,
 * integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.arctanh(nd.array([0, 0.5]));   // [0, 0.5493]
 */
export const arctanh: Unary = formula('arctanh', atanhOp);
/**
 * Logarithm to base 2: whole for whole powers. Of the same shape; floats keep their dtype, integers and booleans give
 * float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.log2(nd.array([1, 8, 0.5]));   // [0, 3, -1]
 */
export const log2: Unary = formula('log2', log2Op);
/**
 * Logarithm to base 10: whole for whole powers. Of the same shape; floats keep their dtype, integers and booleans give
 * float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.log10(nd.array([1, 1000]));   // [0, 3]
 */
export const log10: Unary = formula('log10', log10Op);
/**
 * `2 ** x`. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.exp2(nd.array([0, 3, -1]));   // [1, 8, 0.5]
 */
export const exp2: Unary = formula('exp2', exp2Op);
/**
 * Cube root, of negative numbers too. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.cbrt(nd.array([8, -27]));   // [2, -3]
 */
export const cbrt: Unary = formula('cbrt', cbrtOp);

const scaled = (name: string, factor: number): Unary =>
  derived(name, (b, x) => b.op('mul', x, b.lit(factor, x)));
/**
 * Radians to degrees. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.degrees(nd.array([0, Math.PI]));   // [0, 180]
 */
export const degrees: Unary = scaled('degrees', 180 / Math.PI);
/**
 * Degrees to radians. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.radians(nd.array([0, 180]));   // [0, 3.14159]
 */
export const radians: Unary = scaled('radians', Math.PI / 180);

/** Towards zero, of floats. */
const toZero = (b: GraphBuilder, x: Node): Node =>
  isFloat(x.type.dtype)
    ? b.op('select', b.op('lt', x, b.lit(0, x)), b.op('ceil', x), b.op('floor', x))
    : x;
/**
 * Without the fraction: the next integer towards zero. Integers stay as they are. Of the same shape and dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.trunc(nd.array([-1.7, 1.7]));   // [-1, 1]
 */
export const trunc: Unary = unary('trunc', toZero);
/**
 * The same as {@link trunc}. Of the same shape and dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.fix(nd.array([-1.7, 1.7]));   // [-1, 1]
 */
export const fix: Unary = unary('fix', toZero);
/**
 * To the nearest integer, ties to even, as `round`. Of the same shape and dtype; integers and booleans stay as they
 * are.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.rint(nd.array([0.5, 1.5, -1.2]));   // [0, 2, -1]
 */
export const rint: Unary = unary('rint', (b, x) => (isFloat(x.type.dtype) ? b.op('round', x) : x));
/**
 * `x` itself, as an array of its own. Shape and dtype stay.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.positive(nd.array([-1, 2]));   // [-1, 2]
 */
export const positive: Unary = unary('positive', (_b, x) => x);

const { POSITIVE_INFINITY: INF } = Number;
const whereInfinite = (name: string, test: (b: GraphBuilder, x: Node) => Node): Unary =>
  unary(name, (b, x) => (isFloat(x.type.dtype) ? test(b, x) : b.full(0, 'bool', x.type.shape)));
/**
 * True where `x` is infinite, of either sign. Of the same shape, as bool; any dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.isInf(nd.array([1, Infinity, -Infinity]));   // [false, true, true]
 */
export const isInf: Unary = whereInfinite('isInf', (b, x) =>
  b.op('eq', b.op('abs', x), b.lit(INF, x)),
);
/**
 * True where `x` is positive infinity. Of the same shape, as bool; any dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.isPosInf(nd.array([1, Infinity, -Infinity]));   // [false, true, false]
 */
export const isPosInf: Unary = whereInfinite('isPosInf', (b, x) => b.op('eq', x, b.lit(INF, x)));
/**
 * True where `x` is negative infinity. Of the same shape, as bool; any dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.isNegInf(nd.array([1, Infinity, -Infinity]));   // [false, false, true]
 */
export const isNegInf: Unary = whereInfinite('isNegInf', (b, x) => b.op('eq', x, b.lit(-INF, x)));
/**
 * True where the sign is set: below zero, and at negative zero. Of the same shape, as bool; any dtype.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.signBit(nd.array([-1, -0, 0, 2]));   // [true, true, false, false]
 */
export const signBit: Unary = unary('signBit', (b, x) => {
  const signed = isFloat(x.type.dtype) ? b.op('copysign', b.lit(1, x), x) : x;
  return signed.type.dtype === 'bool'
    ? b.full(0, 'bool', x.type.shape)
    : b.op('lt', signed, b.lit(0, signed));
});

export interface NanToNumOptions {
  /** In place of NaN. Default 0. */
  readonly nan?: number;
  /** In place of infinity. Default: the greatest number of the dtype. */
  readonly posinf?: number;
  /** In place of negative infinity. Default: the least number of the dtype. */
  readonly neginf?: number;
}
const GREATEST: Readonly<Record<string, number>> = {
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
  float32: 3.4028234663852886e38,
  float64: Number.MAX_VALUE,
};
const finiteOnly = fragment<Required<NanToNumOptions>>('nanToNum', (b, [x], attrs) => {
  if (!isFloat(x!.type.dtype)) return x!;
  const f = writing(b, x!);
  const below = f('select', f('eq', x!, -INF), attrs.neginf, x!);
  const within = f('select', f('eq', x!, INF), attrs.posinf, below);
  return f('select', f('isnan', x!), attrs.nan, within);
});
/**
 * `x` with numbers in place of NaN and infinities; no gradient flows where something was replaced. Shape and dtype stay;
 * integers and booleans have nothing to replace.
 *
 * @throws {ValueError} unless `nan`, `posinf` and `neginf` are numbers
 * @throws {OptionError} for other options
 *
 * @example
 * nd.nanToNum(nd.array([NaN, 1, Infinity]), { posinf: 9 });   // [0, 1, 9]
 */
export const nanToNum = (x: NDArray, options: NanToNumOptions = {}): NDArray => {
  checkArray('nanToNum', x);
  checkOptions('nanToNum', options, ['nan', 'posinf', 'neginf']);
  const most = GREATEST[x.dtype] ?? 0;
  const attrs = { nan: 0, posinf: most, neginf: -most, ...options };
  for (const [name, value] of Object.entries(attrs))
    if (typeof value !== 'number')
      throw failure('value', `nanToNum: ${name} is ${shown(value)}, not a number`);
  return call(finiteOnly, [x], { attrs, key: Object.values(attrs).join() });
};

/**
 * `sin(πx) / πx`, and 1 at 0. Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.sinc(nd.array([0, 0.5, 1]));   // [1, 0.63662, 0]
 */
export const sinc: Unary = derived('sinc', (b, x) => {
  const zero = b.op('eq', x, b.lit(0, x));
  const angle = b.op('mul', b.op('select', zero, b.lit(1, x), x), b.lit(Math.PI, x));
  return b.op('select', zero, b.lit(1, x), b.op('div', b.op('sin', angle), angle));
});

/** The value of `build` with the gradient of `x` itself. */
const straight = (name: string, build: (b: GraphBuilder, x: Node) => Node): Unary =>
  derived(name, (b, x) => b.op('add', x, b.emit(stopGradient, [b.op('sub', build(b, x), x)], {})));
/**
 * To the nearest integer, with the gradient of a line ("straight through"): for values that are rounded while training.
 * Of the same shape; floats keep their dtype, integers and booleans give float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.roundSte(nd.array([0.4, 1.6]));   // [0, 2]
 */
export const roundSte: Unary = straight('roundSte', (b, x) => b.op('round', x));
/**
 * The sign, with the gradient of a line. Of the same shape; floats keep their dtype, integers and booleans give
 * float32.
 *
 * @throws {ValueError} unless `x` is an array
 *
 * @example
 * nd.signSte(nd.array([-0.4, 1.6]));   // [-1, 1]
 */
export const signSte: Unary = straight('signSte', (b, x) => b.op('sign', x));
