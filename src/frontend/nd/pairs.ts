/**
 * The rest of NumPy's functions of two numbers: angles and lengths, signs, remainders, extremes, closeness.
 *
 * Invariant: operands broadcast; floats keep their promoted dtype, integers become float32 where results may be fractions.
 */
import {
  countedIn,
  type DType,
  integerRange,
  isFloat,
  isWide,
  promote,
  summedIn,
} from '../../ir/dtype.ts';
import type { GraphBuilder } from '../../ir/graph/builder.ts';
import type { Node, Op } from '../../ir/graph/graph.ts';
import { atan2 as atan2Op } from '../../ir/graph/ops/arcs.ts';
import { writing } from '../../ir/graph/ops/formula.ts';
import { hypot as hypotOp, logaddexp as logaddexpOp } from '../../ir/graph/ops/powers.ts';
import { call, type Fragment, fragment } from '../call.ts';
import { failure } from '../callsite.ts';
import { isNDArray, type NDArray, type Operand } from '../ndarray.ts';
import { checkList, checkOptions, shown } from '../options.ts';
import { add, aligned, type Binary, binaryOf, maximum, minimum, weakDtype } from './arithmetic.ts';
import { all } from './reduce.ts';

/** Two operands as floats of one dtype and shape. */
const floats = (b: GraphBuilder, name: string, x: Node, y: Node): Node[] => {
  const dtype = promote(x.type.dtype, y.type.dtype);
  return aligned(b, name, [x, y], isFloat(dtype) ? dtype : 'float32');
};
const ofFloats = (name: string, build: (b: GraphBuilder, x: Node, y: Node) => Node): Binary =>
  binaryOf(name, (b, x, y) => {
    const [p, q] = floats(b, name, x, y);
    return build(b, p!, q!);
  });
const formulaOfTwo = (name: string, op: Op): Binary =>
  ofFloats(name, (b, x, y) => b.emit(op, [x, y], {}));

/**
 * The angle of the point (x, y), from -π to π: `arctan2(y, x)`. Arrays and numbers, which broadcast to one shape;
 * floats promote, integers and booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.arctan2(nd.array([1, 0]), nd.array([0, -1]));   // [1.5708, 3.1416]
 */
export const arctan2: Binary = formulaOfTwo('arctan2', atan2Op);
/**
 * `sqrt(x² + y²)` without overflow. Arrays and numbers, which broadcast to one shape; floats promote, integers and
 * booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.hypot(nd.array([3, 5]), nd.array([4, 12]));   // [5, 13]
 */
export const hypot: Binary = formulaOfTwo('hypot', hypotOp);
/**
 * `log(exp(x) + exp(y))` without overflow. Arrays and numbers, which broadcast to one shape; floats promote, integers
 * and booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.logaddexp(nd.array([0, 1000]), 0);   // [0.6931, 1000]
 */
export const logaddexp: Binary = formulaOfTwo('logaddexp', logaddexpOp);
/**
 * The size of `x` with the sign of `y`, that of negative zero too. Arrays and numbers, which broadcast to one shape;
 * floats promote, integers and booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.copysign(nd.array([1, -2]), nd.array([-1, 3]));   // [-1, 2]
 */
export const copysign: Binary = ofFloats('copysign', (b, x, y) => b.op('copysign', x, y));
/**
 * `x · 2 ** y`, exact where the result is a float. Arrays and numbers, which broadcast to one shape; floats promote,
 * integers and booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.ldexp(nd.array([3, 5]), nd.array([2, -1]));   // [12, 2.5]
 */
export const ldexp: Binary = ofFloats('ldexp', (b, x, y) => {
  // by halves: the power alone may be out of range where the result is not
  const half = b.op('floor', b.op('mul', y, b.lit(0.5, y)));
  const power = (n: Node): Node => b.op('pow', b.lit(2, n), n);
  return b.op('mul', b.op('mul', x, power(half)), power(b.op('sub', y, half)));
});
/**
 * Remainder with the sign of the dividend, as `%` in C and JavaScript; 0 for integers divided by 0. Arrays and numbers,
 * which broadcast to one shape; dtypes promote, two booleans give int32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.fmod(nd.array([-5, 5]), 3);   // [-2, 2]
 */
export const fmod: Binary = binaryOf('fmod', (b, x, y) => {
  const dtype = promote(x.type.dtype, y.type.dtype);
  const [p, q] = aligned(b, 'fmod', [x, y], dtype === 'bool' ? 'int32' : dtype);
  const rest = b.op('mod', b.op('abs', p!), b.op('abs', q!));
  return isFloat(dtype) ? b.op('copysign', rest, p!) : b.op('mul', rest, b.op('sign', p!));
});

/** `a` where the other is NaN. */
const ignoring = (name: string, op: 'max' | 'min'): Binary =>
  binaryOf(name, (b, x, y) => {
    const dtype = promote(x.type.dtype, y.type.dtype);
    const [p, q] = aligned(b, name, [x, y], dtype === 'bool' ? 'int32' : dtype);
    if (!isFloat(dtype)) return b.op(op, p!, q!);
    const left = b.op('select', b.op('isnan', p!), q!, p!);
    const right = b.op('select', b.op('isnan', q!), left, q!);
    return b.op(op, left, right);
  });
/**
 * The larger of two; of a number and NaN the number. Arrays and numbers, which broadcast to one shape; dtypes promote,
 * two booleans give int32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.fmax(nd.array([1, NaN]), nd.array([2, 3]));   // [2, 3]
 */
export const fmax: Binary = ignoring('fmax', 'max');
/**
 * The smaller of two; of a number and NaN the number. Arrays and numbers, which broadcast to one shape; dtypes promote,
 * two booleans give int32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.fmin(nd.array([1, NaN]), nd.array([2, 3]));   // [1, 3]
 */
export const fmin: Binary = ignoring('fmin', 'min');

/**
 * `x` limited to `low … high`, which may be numbers, arrays that broadcast, or null for no limit. Dtypes promote,
 * booleans give int32. Where limits and `x` are equal, both get half of the gradient.
 *
 * @throws {ValueError} when both limits are null
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.clamp(nd.array([-2, 0, 5]), null, nd.array([1, -1, 2]));   // [-2, -1, 2]
 */
export const clamp = (x: NDArray, low: Operand | null, high: Operand | null): NDArray => {
  if (low === null && high === null)
    throw failure('value', 'clamp: there is no limit', 'pass a number or an array for one of them');
  const least = low === null ? x : maximum(x, low);
  return high === null ? least : minimum(least, high);
};

/**
 * What `y` says at 0, else 0 below and 1 above; NaN stays. Arrays and numbers, which broadcast to one shape; floats
 * promote, integers and booleans give float32.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.heaviside(nd.array([-1, 0, 2]), 0.5);   // [0, 0.5, 1]
 */
export const heaviside: Binary = ofFloats('heaviside', (b, x, y) => {
  const step = b.op('select', b.op('gt', x, b.lit(0, x)), b.lit(1, x), b.lit(0, x));
  const known = b.op('select', b.op('isnan', x), x, step);
  return b.op('select', b.op('eq', x, b.lit(0, x)), y, known);
});

/**
 * The sum of all arrays, which broadcast to one shape. Dtypes promote, booleans give int32.
 *
 * @throws {ValueError} for no arrays, or when they are not in one list
 * @throws {ShapeError} for shapes that do not broadcast
 *
 * @example
 * nd.addN([nd.array([1, 2]), nd.array([3, 4]), nd.array(1)]);   // [5, 7]
 */
export const addN = (xs: readonly NDArray[]): NDArray => {
  checkList('addN', 'the first argument', xs, 'arrays go in one list: addN([a, b])');
  const [first, ...rest] = xs;
  if (first === undefined) throw failure('value', 'addN: needs at least one array');
  return rest.reduce((sum, x) => add(sum, x), first);
};

export interface CloseOptions {
  /** Relative to the second operand. Default 1e-5. */
  readonly rtol?: number;
  /** Default 1e-8. */
  readonly atol?: number;
  /** Whether NaN is close to NaN. Default false. */
  readonly equalNan?: boolean;
}
/** The same of integers: their distance is exact, and only the tolerance has the digits of a float. */
const wholeClose = (
  b: GraphBuilder,
  name: string,
  nodes: readonly Node[],
  common: DType,
  { rtol, atol }: CloseOptions,
): Node => {
  const dtype = countedIn(common);
  const [p, q] = aligned(b, name, nodes, dtype) as [Node, Node];
  const measure = (n: Node): Node => b.cast(n, isWide(dtype) ? 'float64' : 'float32');
  const f = writing(b, p);
  const limit = f('add', f('mul', f('abs', measure(q)), rtol!), atol!);
  const [top, low] = [f('max', p, q), f('min', p, q)];
  const distance = f('sub', top, low);
  const near = f('le', distance, b.cast(limit, dtype));
  if (integerRange(dtype)[0] === 0) return near;
  // a distance that the dtype does not hold has turned negative
  const far = f('le', f('sub', measure(top), measure(low)), limit);
  return f('and', near, f('or', f('ge', distance, 0), far));
};
const comparing = (name: string): Fragment<Required<CloseOptions>> =>
  fragment<Required<CloseOptions>>(name, (b, [x, y], attrs) => {
    const common = promote(x!.type.dtype, y!.type.dtype);
    if (!isFloat(common)) return wholeClose(b, name, [x!, y!], common, attrs);
    const { rtol, atol, equalNan } = attrs;
    const [p, q] = floats(b, name, x!, y!) as [Node, Node];
    const f = writing(b, p);
    const limit = f('add', f('mul', f('abs', q), rtol), atol);
    const near = f('le', f('abs', f('sub', p, q)), limit);
    const finite = f('lt', f('abs', q), Number.POSITIVE_INFINITY);
    const close = f('or', f('and', near, finite), f('eq', p, q));
    return equalNan ? f('or', close, f('and', f('isnan', p), f('isnan', q))) : close;
  });
const comparingEach = comparing('isClose');
const comparingAll = comparing('allClose');
const closeness = (
  f: Fragment<Required<CloseOptions>>,
  x: Operand,
  y: Operand,
  options: CloseOptions = {},
): NDArray => {
  checkOptions(f.name, options, ['rtol', 'atol', 'equalNan']);
  const { rtol = 1e-5, atol = 1e-8, equalNan = false } = options;
  if (!(rtol >= 0 && atol >= 0))
    throw failure(
      'option',
      `${f.name}: rtol is ${shown(rtol)}, atol ${shown(atol)}`,
      'pass numbers ≥ 0, such as 1e-5',
    );
  // a number is as exact as the array that it is compared with
  const known = [x, y].find(isNDArray)?.dtype ?? 'float32';
  const given = (value: Operand): DType =>
    isFloat(known) || isNDArray(value) ? summedIn(known) : weakDtype(known, value);
  return call(f, [x, y], {
    attrs: { rtol, atol, equalNan },
    key: `${rtol}/${atol}/${equalNan}`,
    scalars: [given(x), given(y)],
  });
};
/**
 * Where `|x - y| ≤ atol + rtol · |y|`; equal infinities are close. Arrays and numbers of any dtype, which broadcast to
 * one shape; bool. Integers are compared exactly, with tolerances in float32 (of 64 bits: float64); with fractions and
 * floats as floats.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 * @throws {OptionError} unless the tolerances are numbers ≥ 0
 *
 * @example
 * nd.isClose(nd.array([1, 2]), nd.array([1.000001, 2.1]));   // [true, false]
 */
export const isClose = (x: Operand, y: Operand, options?: CloseOptions): NDArray =>
  closeness(comparingEach, x, y, options);
/**
 * Whether all are close, as {@link isClose} has it: one boolean (shape []); true of no elements.
 *
 * @throws {ShapeError} for shapes that do not broadcast
 * @throws {OptionError} unless the tolerances are numbers ≥ 0
 *
 * @example
 * await nd.allClose(nd.array([1, 2]), nd.array([1, 2])).array();   // true
 */
export const allClose = (x: Operand, y: Operand, options?: CloseOptions): NDArray =>
  all(closeness(comparingAll, x, y, options));
